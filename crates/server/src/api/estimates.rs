//! `/projects/{projectId}/estimate`: what a plan would cost, and why.

use axum::extract::State;
use domain::catalog::plan::PlanDefinition;
use domain::catalog::price::Price;
use domain::currency::Currency;
use domain::metering::DimensionValues;
use domain::quantity::{Quantity, QuantitySum};
use domain::refusal::{Code, Refusal};
use domain::subscriptions::price_ref::PriceRef;
use domain::tax::TaxBehaviour;
use domain::time::Instant;
use domain::unit_price::UnitPrice;
use domain::window::Span;
use engine::Ctx;
use engine::estimates::{
    EstimateQuery, EstimateView, EstimatedPrices, EstimatedUsage, QuantityEntry, QuantityTarget, SeatEntry,
};

use crate::app::App;
use crate::extract::{In, Json};
use crate::failure::Failure;

/// One of `plan`, `definition` and `prices`; and either `quantities`, or `from` and `to`.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EstimateRequest {
    /// A stored plan.
    plan: Option<PlanOfEstimate>,
    /// A plan that is not stored.
    definition: Option<Box<PlanDefinition>>,
    /// Prices of no plan; with `currency`.
    prices: Option<Vec<Price>>,
    currency: Option<Currency>,
    /// Whether `prices` are told without or with tax; `exclusive` if not given.
    tax_behaviour: Option<TaxBehaviour>,
    /// Keys of add-ons that are booked besides.
    #[serde(default)]
    add_ons: Vec<String>,
    /// Keys of coupons, in the order in which they take off; counted as redeemed with the first period.
    #[serde(default)]
    coupons: Vec<String>,
    /// Whose place, treatment and zone count, and whose usage is measured; for measured usage the project itself if not given.
    customer_key: Option<String>,
    /// The instant whose terms and rates hold for given quantities; now if not given.
    at: Option<Instant>,
    /// For one whole period of each price. A usage price without an entry has no usage.
    #[serde(default)]
    quantities: Vec<QuantityOfEstimate>,
    /// How many seats are held of each seat price.
    #[serde(default)]
    seats: Vec<SeatsOfEstimate>,
    /// Measured usage from this instant on.
    from: Option<Instant>,
    /// Measured usage up to this instant, without it.
    to: Option<Instant>,
    /// Only measured usage that names this subscription.
    subscription_key: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanOfEstimate {
    key: String,
    /// A draft or a published version; the latest published one if not given.
    version: Option<u32>,
}

/// For one `price`, or for every price of a `metric`.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuantityOfEstimate {
    /// The key of a price of the plan, or `addOn/price`.
    #[schema(value_type = Option<String>, example = "calls")]
    price: Option<PriceRef>,
    metric: Option<String>,
    /// 1 if not given and there is an `amount`.
    units: Option<QuantitySum>,
    /// How many events it comes from; 1 if not given. A price that looks at single events takes each entry for one.
    events: Option<u64>,
    /// Values of the metric's dimensions.
    #[serde(default)]
    dimensions: DimensionValues,
    /// What the event carries, for `dynamic` prices.
    amount: Option<UnitPrice>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeatsOfEstimate {
    /// The key of a price of the plan, or `addOn/price`.
    #[schema(value_type = String, example = "seats")]
    price: PriceRef,
    seats: Quantity,
    /// From when on, for measured usage; from the start if not given.
    from: Option<Instant>,
}

/// Estimate
///
/// What a plan would cost: for quantities of one whole period, or for what a customer used in a range of time. Each line tells its formula,
/// inputs, steps as data and as sentences, the price as it was with its digest, and for measured usage the query that lists exactly its
/// events. Discounts, tax and the one rounding are those of an invoice. Nothing is written.
#[utoipa::path(post, path = "/projects/{projectId}/estimate", tag = "catalog", request_body = EstimateRequest,
    responses(
        (status = 200, description = "What it would cost, and why", body = EstimateView),
        (status = 422, description = "`unknown_plan`, `unknown_price`, `unknown_metric`, `unknown_coupon`, `unknown_customer`: it names what is \
            not there; `invalid_catalog`: the definition has mistakes; `quantity_out_of_range`: the exact result does not fit",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn estimate(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Json(body): Json<EstimateRequest>,
) -> Result<Json<EstimateView>, Failure> {
    let query = body.read()?;
    app.run(move |engine| engine.estimate(&ctx, &query)).await.map(Json)
}

impl EstimateRequest {
    fn read(self) -> Result<EstimateQuery, Refusal> {
        let usage = self.usage()?;
        let seats = self.seats.into_iter().map(|entry| {
            let SeatsOfEstimate { price, seats, from } = entry;
            SeatEntry { price, seats, from }
        });
        let seats = seats.collect();
        Ok(EstimateQuery {
            prices: read_prices(self.plan, self.definition, (self.prices, self.currency, self.tax_behaviour))?,
            add_ons: self.add_ons,
            coupons: self.coupons,
            customer_key: self.customer_key,
            at: self.at,
            seats,
            usage,
        })
    }

    fn usage(&self) -> Result<EstimatedUsage, Refusal> {
        let misplaced = |field: &str, detail: &str| Err(Refusal::field(Code::InvalidValue, field, detail));
        match (self.from, self.to) {
            (None, None) if self.subscription_key.is_some() => {
                misplaced("subscriptionKey", "narrows measured usage: give `from` and `to` too, or leave it out.")
            }
            (None, None) => {
                let entries = self.quantities.iter().enumerate();
                let entries = entries.map(|(index, entry)| entry.read(&format!("quantities[{index}]")));
                Ok(EstimatedUsage::Given(entries.collect::<Result<_, _>>()?))
            }
            (Some(_), None) => Err(Refusal::field(Code::MissingField, "to", "is required with `from`.")),
            (None, Some(_)) => Err(Refusal::field(Code::MissingField, "from", "is required with `to`.")),
            (Some(_), Some(_)) if !self.quantities.is_empty() => {
                misplaced("quantities", "must be left out: the quantities from `from` to `to` are measured.")
            }
            (Some(_), Some(_)) if self.at.is_some() => {
                misplaced("at", "must be left out: prices from `from` to `to` are those of their time.")
            }
            (Some(from), Some(to)) if from >= to => misplaced("to", "must be later than `from`."),
            (Some(start), Some(end)) => {
                let subscription_key = self.subscription_key.clone();
                Ok(EstimatedUsage::Measured { range: Span { start, end }, subscription_key })
            }
        }
    }
}

type Inline = (Option<Vec<Price>>, Option<Currency>, Option<TaxBehaviour>);

fn read_prices(
    plan: Option<PlanOfEstimate>,
    definition: Option<Box<PlanDefinition>>,
    inline: Inline,
) -> Result<EstimatedPrices, Refusal> {
    match (plan, definition, inline) {
        (Some(plan), None, (None, None, None)) => Ok(EstimatedPrices::Plan { key: plan.key, version: plan.version }),
        (None, Some(definition), (None, None, None)) => Ok(EstimatedPrices::Definition(definition)),
        (None, None, (Some(prices), Some(currency), behaviour)) => {
            let tax_behaviour = behaviour.unwrap_or(TaxBehaviour::Exclusive);
            Ok(EstimatedPrices::Prices { currency, tax_behaviour, prices })
        }
        (None, None, (Some(_), None, _)) => {
            Err(Refusal::field(Code::MissingField, "currency", "is required with `prices`."))
        }
        (_, _, _) => {
            let detail = "must be one of `plan`, `definition`, and `prices` with `currency`; the others are left out.";
            Err(Refusal::field(Code::InvalidValue, "plan", detail))
        }
    }
}

impl QuantityOfEstimate {
    fn read(&self, path: &str) -> Result<QuantityEntry, Refusal> {
        let target = match (&self.price, &self.metric) {
            (Some(price), None) => QuantityTarget::Price(price.clone()),
            (None, Some(metric)) => QuantityTarget::Metric(metric.clone()),
            (Some(_), Some(_)) | (None, None) => {
                let detail = "must name either a `price` or a `metric`.";
                return Err(Refusal::field(Code::InvalidValue, format!("{path}.price"), detail));
            }
        };
        let units = match (self.units, self.amount) {
            (Some(units), _) => units,
            (None, Some(_)) => QuantitySum::from_micros(1_000_000),
            (None, None) => return Err(Refusal::field(Code::MissingField, format!("{path}.units"), "is required.")),
        };
        let (events, dimensions) = (self.events.unwrap_or(1), self.dimensions.clone());
        Ok(QuantityEntry { target, units, events, dimensions, amount: self.amount })
    }
}
