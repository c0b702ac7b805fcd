//! Subscriptions: made, found, listed. What changes about them later is in `subscriptions::changes`; the rules are in
//! `domain::subscriptions`.

pub(crate) mod change_in;
mod changes;
pub(crate) mod load;
pub(crate) mod offers;
mod submission;
mod view;

pub use changes::{SubscriptionChanged, WithdrawChange};
pub use view::{ChangeView, SubmittedBy, SubscriptionView, WithdrawalView};

use domain::access::Permission;
use domain::catalog::plan::TRIAL_DAYS_MAX;
use domain::idempotency::{Family, IdempotencyKey};
use domain::ids::SubscriptionId;
use domain::refusal::{Code, Refusal};
use domain::subscriptions::change::{Change, Created, UsageScope};
use domain::subscriptions::history::{History, Submitted};
use domain::subscriptions::record::SubscriptionRecord;
use domain::subscriptions::request::{anchor, trial_end};
use domain::subscriptions::wish::NewSubscription;
use domain::time::Instant;
use domain::window::zone;
use serde_json::json;
use storage::{ProjectTx, subscription_changes, subscriptions};

use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;
use load::Household;
use submission::Submission;

/// What a list of subscriptions is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionQuery {
    pub customer_key: Option<String>,
    pub external_key: Option<String>,
    /// Only subscriptions that were made after this one.
    pub after: Option<SubscriptionId>,
}

impl Engine {
    /// Makes a subscription. The customer is locked: two subscriptions made at once are judged one after the other.
    ///
    /// # Errors
    /// [`Code::ExternalKeyConflict`], [`Code::UnknownCustomer`], [`Code::PlanArchived`], [`Code::MetricAlreadyPriced`], and whatever
    /// the catalog does not allow: see `Offers::check` and `Offers::check_change`.
    pub fn create_subscription(&self, ctx: &Ctx, key: IdempotencyKey, new: &NewSubscription) -> Result<Answer, Error> {
        ctx.require(Permission::SubscriptionsWrite)?;
        let operation = "createSubscription";
        let idempotency = Idempotency { family: Family::Other, key, operation, fingerprint: new.fingerprint() };
        self.command_once(ctx, "create_subscription", 201, &idempotency, |tx| {
            let customer = customers::existing(tx, Some(&new.customer_key))?;
            let household = load::locked(tx, customer.id)?;
            let record = SubscriptionRecord {
                id: ctx.new_id(),
                external_key: new.external_key.clone(),
                customer: customer.id,
                created_at: ctx.now(),
            };
            if !subscriptions::insert(tx, &record)? {
                return Err(taken(&new.external_key).into());
            }
            let starts_at = new.starts_at.unwrap_or(ctx.now());
            let created = Change::Created(created(tx, &household, new, starts_at)?);
            let offers = offers::load(tx, household.changes().chain([&created]))?;
            let submission = Submission { ctx, idempotency: &idempotency, reason: new.reason.as_ref() };
            let change = submission.change(&History::default(), starts_at, created);
            let (history, timeline) = match History::default().submit(change.clone(), &offers)? {
                Submitted::Added { history, timeline } => (history, timeline),
                Submitted::Replay(_) => return Err(Error::Bug("a new subscription has changes".to_owned())),
            };
            household.require_own_metrics(&record, &timeline, &offers)?;
            subscription_changes::insert(tx, record.id, &change)?;
            load::schedule(tx, &record, &history, ctx.now())?;
            let view = view::of(&record, &household.customer, &history, ctx.now());
            let audit = AuditRecord::new("subscription.created", record.id).details(json!({ "after": view }));
            let body = json!({ "subscription": view });
            Ok(Audited::new(view, submission.because(audit)).announce("subscription.created", body))
        })
    }

    /// The oldest first, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read them.
    pub fn list_subscriptions(
        &self,
        ctx: &Ctx,
        query: &SubscriptionQuery,
        limit: usize,
    ) -> Result<Vec<SubscriptionView>, Error> {
        ctx.require(Permission::SubscriptionsRead)?;
        self.read(ctx.project, "list_subscriptions", |tx| {
            let records = records(tx, query, page_limit(limit))?;
            view::of_records(tx, records, ctx.now())
        })
    }

    /// A subscription as it is now.
    ///
    /// # Errors
    /// `not_found`; `forbidden` without the permission to read it.
    pub fn get_subscription(&self, ctx: &Ctx, id: SubscriptionId) -> Result<SubscriptionView, Error> {
        ctx.require(Permission::SubscriptionsRead)?;
        self.read(ctx.project, "get_subscription", |tx| {
            let record = subscriptions::get(tx, id)?.ok_or_else(Error::not_found)?;
            view::of_records(tx, vec![record], ctx.now())?.pop().ok_or_else(Error::not_found)
        })
    }
}

fn records(tx: &mut ProjectTx<'_>, query: &SubscriptionQuery, limit: i64) -> Result<Vec<SubscriptionRecord>, Error> {
    let customer = match &query.customer_key {
        Some(key) => match storage::customers::find_by_key(tx, key)? {
            Some(customer) => Some(customer.id),
            None => return Ok(Vec::new()),
        },
        None => None,
    };
    if let Some(key) = &query.external_key {
        let found = subscriptions::find_by_key(tx, key)?.filter(|found| {
            query.after.is_none_or(|after| found.id > after) && customer.is_none_or(|owner| owner == found.customer)
        });
        return Ok(found.into_iter().collect());
    }
    Ok(match customer {
        Some(customer) => subscriptions::page_of_customer(tx, customer, query.after, limit)?,
        None => subscriptions::page(tx, query.after, limit)?,
    })
}

/// The first change, with everything that was left open decided.
fn created(
    tx: &mut ProjectTx<'_>,
    household: &Household,
    new: &NewSubscription,
    starts_at: Instant,
) -> Result<Created, Error> {
    let Household { project, customer, .. } = household;
    let (plan, offered) = offers::plan(tx, &new.plan)?;
    let name = new.time_zone.as_ref().or(customer.time_zone.as_ref()).unwrap_or(&project.time_zone);
    let zone_of_periods = zone(name);
    let offered_days = offered.and_then(|version| version.definition.trial_days);
    let trial_ends_at = match (new.trial_ends_at, trial_days(new)?.or(offered_days).filter(|days| *days > 0)) {
        (Some(end), _) => Some(end),
        (None, None) => None,
        (None, days) => Some(trial_end(starts_at, days, &zone_of_periods).ok_or_else(beyond_the_calendar)?),
    };
    let paid_from = trial_ends_at.unwrap_or(starts_at);
    let chosen = new.anchor;
    let add_ons = new.add_ons.iter().map(|wish| offers::add_on(tx, wish).map(|found| (found.key, found.version)));
    let created = Created {
        plan,
        zone: name.clone(),
        anchor: chosen.unwrap_or_else(|| anchor(paid_from, project.policies.proration_basis, &zone_of_periods)),
        trial_ends_at,
        usage: new.usage.unwrap_or(UsageScope::Customer),
        quantities: new.quantities.clone(),
        add_ons: add_ons.collect::<Result<_, Error>>()?,
        overrides: new.overrides.clone(),
        coupons: new.coupons.clone(),
    };
    for coupon in &created.coupons {
        offers::require_coupon(tx, coupon)?;
    }
    if created.add_ons.len() < new.add_ons.len() {
        return Err(Refusal::field(Code::InvalidValue, "addOns", "must name each add-on once.").into());
    }
    Ok(created)
}

fn trial_days(new: &NewSubscription) -> Result<Option<u16>, Refusal> {
    let Some(days) = new.trial_days else { return Ok(None) };
    if new.trial_ends_at.is_some() {
        return Err(Refusal::field(Code::InvalidValue, "trialDays", "must be left out beside trialEndsAt."));
    }
    if days > TRIAL_DAYS_MAX {
        return Err(Refusal::field(Code::OutOfRange, "trialDays", format!("must be 0 to {TRIAL_DAYS_MAX}.")));
    }
    Ok(Some(days))
}

fn beyond_the_calendar() -> Refusal {
    Refusal::field(Code::OutOfRange, "startsAt", "must be earlier: the trial would end after the last day there is.")
}

fn taken(key: &str) -> Refusal {
    let detail = format!("A subscription with the externalKey {key:?} exists. Change it, or take another externalKey.");
    Refusal::field(Code::ExternalKeyConflict, "externalKey", detail)
}
