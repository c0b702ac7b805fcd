//! Late usage as the people of a project read it: for which invoice, of which charges, and the events behind it.

use domain::access::Permission;
use domain::amount::Amount;
use domain::ids::{CustomerId, InvoiceId, LateUsageId};
use domain::late_usage::settle::{HeldBecause, SettledBy};
use domain::late_usage::{LateState, LateUsage};
use domain::ledger::reason::ReasonCode;
use domain::time::Instant;
use serde::Serialize;
use storage::late_usage::{self, LateUsageFilter};
use storage::{ProjectTx, customers, metrics, usage_events, usage_voids};
use utoipa::ToSchema;

use super::find::issued_usage;
use crate::ctx::Ctx;
use crate::customers as people;
use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::all_time;
use crate::ingest::events::{UsageEventView, views};
use crate::metering::Customers;
use crate::page::page_limit;

/// The most events that a detail lists.
const EVENTS_MAX: usize = 200;

/// What a list of late usage is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct LateUsageQuery {
    pub state: Option<LateState>,
    /// Who pays.
    pub customer_key: Option<String>,
    pub invoice: Option<InvoiceId>,
    /// Only what was found before this one.
    pub before: Option<LateUsageId>,
}

/// What arrived or was corrected after an invoice had counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LateUsageView {
    pub id: LateUsageId,
    pub state: LateState,
    /// The invoice that was issued before. It stays as it is.
    pub invoice_id: InvoiceId,
    /// Who pays it.
    pub customer_key: String,
    /// Up to which place in the order of batches the invoice counted.
    pub since: i64,
    /// Up to which place this looks.
    pub cut: i64,
    pub found_at: Instant,
    /// What was charged for this usage before it was decided; before tax, in the currency of the invoice.
    pub before: Option<Amount>,
    /// What it comes to with what was late.
    pub after: Option<Amount>,
    /// What is charged, or given back if negative, or ignored: the difference, without what was ignored before.
    pub effect: Option<Amount>,
    /// Up to which place it was counted when it was worked out.
    pub counted_to: Option<i64>,
    /// Why it waits for a person: `policy`, `limit`, `waiting` or `failed`.
    pub held_because: Option<HeldBecause>,
    /// How it was settled: `nextInvoice`, `adjustment` or `reissue`.
    pub settled_by: Option<SettledBy>,
    pub settled_at: Option<Instant>,
    /// The invoice on which the difference is.
    pub correction_id: Option<InvoiceId>,
    pub reason_code: Option<ReasonCode>,
    pub reason: Option<String>,
}

/// What was decided about one charge key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LateUsageEffect {
    pub charge_key: String,
    pub before: Amount,
    pub after: Amount,
    pub effect: Amount,
}

/// The same with the charges that may come to something else, and the events behind it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LateUsageDetail {
    #[serde(flatten)]
    pub late_usage: LateUsageView,
    /// The keys of the charges on the invoice.
    pub charge_keys: Vec<String>,
    /// What was decided of each of them, and of what else of the invoice waited then; empty until then.
    pub effects: Vec<LateUsageEffect>,
    /// Events that came after the invoice had counted, and those that were corrected after it; the first 200 by time.
    pub events: Vec<UsageEventView>,
}

impl Engine {
    /// The newest first; `limit` of them at most.
    ///
    /// # Errors
    /// `unknown_customer` for a filter by a customer who is not there.
    pub fn list_late_usage(
        &self,
        ctx: &Ctx,
        query: &LateUsageQuery,
        limit: usize,
    ) -> Result<Vec<LateUsageView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_late_usage", |tx| {
            let customer = match query.customer_key.as_deref() {
                Some(key) => Some(people::existing(tx, Some(key))?.id),
                None => None,
            };
            let LateUsageQuery { state, invoice, before, .. } = *query;
            let filter = LateUsageFilter { state, customer, invoice, before };
            let found = late_usage::page(tx, &filter, page_limit(limit))?;
            tell(tx, found)
        })
    }

    /// # Errors
    /// `not_found` when there is none.
    pub fn get_late_usage(&self, ctx: &Ctx, id: LateUsageId) -> Result<LateUsageDetail, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "get_late_usage", |tx| detail(tx, id))
    }
}

/// # Errors
/// `not_found` when there is none.
pub(super) fn detail(tx: &mut ProjectTx<'_>, id: LateUsageId) -> Result<LateUsageDetail, Error> {
    let late = late_usage::get(tx, id)?.ok_or_else(Error::not_found)?;
    let charge_keys = late_usage::charge_keys(tx, id)?;
    let events = events(tx, &late, &charge_keys)?;
    let effects = late_usage::effects(tx, id)?.into_iter().map(|decided| LateUsageEffect {
        charge_key: decided.key,
        before: decided.before,
        after: decided.after,
        effect: decided.effect,
    });
    let effects = effects.collect();
    let viewed = tell(tx, vec![late])?.pop();
    let late_usage = viewed.ok_or_else(|| Error::Bug("late usage was lost on its way".to_owned()))?;
    Ok(LateUsageDetail { late_usage, charge_keys, effects, events })
}

fn tell(tx: &mut ProjectTx<'_>, found: Vec<LateUsage>) -> Result<Vec<LateUsageView>, Error> {
    let mut ids: Vec<CustomerId> = found.iter().map(|late| late.customer).collect();
    ids.sort_unstable();
    ids.dedup();
    let known = customers::find_by_ids(tx, &ids)?;
    let key_of = |id| known.iter().find(|customer| customer.id == id).map(|customer| customer.external_key.clone());
    let told = found.into_iter().map(|late| LateUsageView {
        id: late.id,
        state: late.state,
        invoice_id: late.invoice,
        customer_key: key_of(late.customer).unwrap_or_default(),
        since: late.since,
        cut: late.cut,
        found_at: late.found_at,
        before: late.outcome.before,
        after: late.outcome.after,
        effect: late.outcome.effect,
        counted_to: late.outcome.counted_to,
        held_because: late.outcome.held_because,
        settled_by: late.outcome.settled_by,
        settled_at: late.outcome.settled_at,
        correction_id: late.outcome.correction,
        reason_code: late.outcome.reason.as_ref().map(|reason| reason.code),
        reason: late.outcome.reason.and_then(|reason| reason.text),
    });
    Ok(told.collect())
}

/// What came, or was corrected, between the two places for these charges.
fn events(tx: &mut ProjectTx<'_>, late: &LateUsage, charge_keys: &[String]) -> Result<Vec<UsageEventView>, Error> {
    let mut ids = Vec::new();
    let until = late.outcome.counted_to.unwrap_or(late.cut);
    // The charges of an invoice that was taken back are on what replaces it.
    let invoice = match late.outcome.settled_by {
        Some(SettledBy::Reissue) => late.outcome.correction.unwrap_or(late.invoice),
        _ => late.invoice,
    };
    for charged in late_usage::charged_on_invoices(tx, &[invoice])? {
        let Some(issued) = issued_usage(charged)?.filter(|issued| charge_keys.contains(&issued.charge_key)) else {
            continue;
        };
        let Some(metric) = metrics::find_by_key(tx, &issued.metric_key)? else { continue };
        let customer = Customers::One(issued.customer);
        let is_level = metric.definition.aggregation == domain::metrics::Aggregation::WeightedSum;
        let start = if is_level { all_time().start } else { issued.span.start };
        let span = domain::window::Span { start, end: issued.span.end };
        usage_events::measurements_at(tx, metric.id, customer, span, until, |seq, event| {
            if seq > late.since && issued.naming.holds(event.subscription_key.as_deref()) {
                ids.push((event.measurement.at, event.measurement.event));
            }
        })?;
        let corrected = usage_voids::between(tx, late.since, until)?;
        let own = corrected
            .into_iter()
            .filter(|turn| turn.metric == metric.id && turn.customer == issued.customer && span.contains(turn.at));
        ids.extend(own.map(|turn| (turn.at, turn.event)));
    }
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(EVENTS_MAX);
    let ids: Vec<_> = ids.into_iter().map(|(_, id)| id).collect();
    let mut found: Vec<_> = usage_events::find_many(tx, &ids)?.into_iter().map(|(event, _)| event).collect();
    found.sort_by_key(|event| (event.at, event.id));
    views(tx, found)
}
