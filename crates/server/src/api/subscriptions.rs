//! `/projects/{projectId}/subscriptions`: what customers have.

pub(crate) mod changes;

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use domain::calendar::Anchor;
use domain::ids::SubscriptionId;
use domain::ledger::reason::Reason;
use domain::pricing::terms::Terms;
use domain::quantity::Quantity;
use domain::refusal::{Code, Refusal};
use domain::subscriptions::change::UsageScope;
use domain::subscriptions::price_ref::PriceRef;
use domain::subscriptions::wish::{ItemWish, NewSubscription};
use domain::text;
use domain::time::Instant;
use domain::time_zone::time_zone;
use engine::Ctx;
use engine::subscriptions::{SubscriptionQuery, SubscriptionView};

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, Idempotent, In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateSubscriptionRequest {
    /// Your own name for the subscription, unique in the project: `subscriptionKey` in events.
    #[schema(example = "acme-team")]
    external_key: String,
    /// The customer that is billed.
    #[schema(example = "acme")]
    customer_key: String,
    /// The latest published version if none is named.
    plan: ItemWish,
    /// RFC 3339: when it begins, in the past, now or ahead; now if not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<String>,
    /// IANA name of the zone in which its periods run, for ever; that of the customer, or else of the project, if not given.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// The local day, or day and time, that anniversaries are counted from; the moment at which paid time begins if not given.
    #[schema(value_type = Option<String>, example = "2026-04-01")]
    anchor: Option<Anchor>,
    /// Days before anything is billed, 0 for none; those of the plan if not given.
    #[schema(minimum = 0, maximum = 1000)]
    trial_days: Option<u16>,
    /// RFC 3339: when the trial ends, instead of a number of days.
    #[schema(value_type = Option<String>, format = DateTime)]
    trial_ends_at: Option<String>,
    /// Which events it prices: all of the `customer` if not given, or only those that are `named` by their `subscriptionKey`.
    usage: Option<UsageScope>,
    /// Seats by price; each seat price needs a number. `seats` is a price of the plan, `support/hours` one of the add-on `support`.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Quantity>>)]
    quantities: BTreeMap<PriceRef, Quantity>,
    /// The current version of each if none is named.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ItemWish>>)]
    add_ons: Vec<ItemWish>,
    /// Terms agreed with this customer instead of those of the catalog, by price.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Terms>>)]
    overrides: BTreeMap<PriceRef, Terms>,
    /// Keys of coupons that are redeemed with it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    coupons: BTreeSet<String>,
    #[schema(example = "contract")]
    reason_code: Option<String>,
    reason: Option<String>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct SubscriptionParams {
    /// Only subscriptions of the customer with this key.
    customer_key: Option<String>,
    /// Only the subscription with this key.
    external_key: Option<String>,
}

/// Create a subscription
///
/// It begins with its first change, `created`; whatever happens later is another change. Two subscriptions of one customer never price the
/// same metric at the same time.
#[utoipa::path(post, path = "/projects/{projectId}/subscriptions", tag = "subscriptions",
    params(IdempotencyHeader), request_body = CreateSubscriptionRequest,
    responses(
        (status = 201, description = "The new subscription", body = SubscriptionView),
        (status = 409, description = "`external_key_conflict`, `plan_not_published`, `plan_archived`, `add_on_not_offered` or `metric_already_priced`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
        (status = 422, description = "`unknown_customer`, `unknown_plan`, `unknown_add_on`, `unknown_coupon`, `unknown_price` or `quantity_required`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn create_subscription(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Idempotent(key): Idempotent,
    Json(body): Json<CreateSubscriptionRequest>,
) -> Reply {
    let new = body.read()?;
    app.run(move |engine| engine.create_subscription(&ctx, key, &new)).await.map(answer)
}

/// List subscriptions
///
/// The oldest first, each as it is now; ended ones too.
#[utoipa::path(get, path = "/projects/{projectId}/subscriptions", tag = "subscriptions",
    params(PageQuery, SubscriptionParams),
    responses((status = 200, description = "A page of subscriptions", body = Page<SubscriptionView>)))]
pub async fn list_subscriptions(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<SubscriptionParams>,
) -> Result<Json<Page<SubscriptionView>>, Failure> {
    let SubscriptionParams { customer_key, external_key } = params;
    let query = SubscriptionQuery { customer_key, external_key, after: page.after()? };
    let fetch = page.fetch()?;
    let subscriptions = app.run(move |engine| engine.list_subscriptions(&ctx, &query, fetch)).await?;
    Ok(Json(Page::new(subscriptions, &page, |subscription| subscription.id)?))
}

/// One subscription
///
/// What it is now, what lies ahead, and the version of its state.
#[utoipa::path(get, path = "/projects/{projectId}/subscriptions/{subscriptionId}", tag = "subscriptions",
    responses((status = 200, description = "The subscription as it is now", body = SubscriptionView)))]
pub async fn get_subscription(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<SubscriptionId>,
) -> Result<Json<SubscriptionView>, Failure> {
    app.run(move |engine| engine.get_subscription(&ctx, id)).await.map(Json)
}

impl CreateSubscriptionRequest {
    fn read(self) -> Result<NewSubscription, Refusal> {
        let reason = Reason::optional(self.reason_code.as_deref(), self.reason.as_deref())?;
        Ok(NewSubscription {
            external_key: text::external_key("externalKey", &self.external_key)?,
            customer_key: self.customer_key,
            plan: self.plan,
            starts_at: self.starts_at.map(|text| instant("startsAt", &text)).transpose()?,
            time_zone: self.time_zone.map(|zone| time_zone("timeZone", &zone)).transpose()?,
            anchor: self.anchor,
            trial_days: self.trial_days,
            trial_ends_at: self.trial_ends_at.map(|text| instant("trialEndsAt", &text)).transpose()?,
            usage: self.usage,
            quantities: self.quantities,
            add_ons: self.add_ons,
            overrides: self.overrides,
            coupons: self.coupons,
            reason,
        })
    }
}

fn instant(field: &str, text: &str) -> Result<Instant, Refusal> {
    Instant::parse(text).map_err(|error| Refusal::field(Code::InvalidTimestamp, field, format!("{error}.")))
}
