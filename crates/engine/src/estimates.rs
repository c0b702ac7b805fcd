//! Estimates: what a plan would cost for quantities that are given, or for what a customer used. Nothing is written; the lines are made by
//! the code that makes invoices (`domain::charges`).

use domain::access::Permission;
use domain::catalog::plan::{PlanDefinition, PlanState};
use domain::catalog::price::Price;
use domain::charges::estimate::{Estimate, EstimateBasis, EstimateRules, make_estimate};
use domain::charges::line::ChargeLine;
use domain::currency::Currency;
use domain::customer_tax::CustomerTax;
use domain::customers::Customer;
use domain::metering::DimensionValues;
use domain::projects::Project;
use domain::quantity::{Quantity, QuantitySum};
use domain::subscriptions::price_ref::{PriceRef, VersionRef};
use domain::tax::TaxBehaviour;
use domain::time::Instant;
use domain::unit_price::UnitPrice;
use domain::window::Span;
use storage::{ProjectTx, projects};

use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;

mod measured;
pub(crate) mod offer;
mod quantities;

use measured::Measure;
use offer::Offer;

/// What is to be estimated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstimateQuery {
    pub prices: EstimatedPrices,
    /// Keys of add-ons that are booked besides.
    pub add_ons: Vec<String>,
    /// Keys of coupons, in the order in which they take off.
    pub coupons: Vec<String>,
    /// Whose place, treatment and zone count.
    pub customer_key: Option<String>,
    /// The instant whose terms and rates hold; now if absent.
    pub at: Option<Instant>,
    pub seats: Vec<SeatEntry>,
    pub usage: EstimatedUsage,
}

/// Where the prices come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EstimatedPrices {
    /// A version of a plan, draft or published; without a number the latest published one.
    Plan { key: String, version: Option<u32> },
    /// A plan that is not stored.
    Definition(Box<PlanDefinition>),
    /// Prices of no plan.
    Prices { currency: Currency, tax_behaviour: TaxBehaviour, prices: Vec<Price> },
}

/// What the prices are applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EstimatedUsage {
    /// One whole period of each price.
    Given(Vec<QuantityEntry>),
    /// What the customer used in the range.
    Measured { range: Span, subscription_key: Option<String> },
}

/// A quantity for the prices of a metric, or for one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantityEntry {
    pub target: QuantityTarget,
    pub units: QuantitySum,
    /// The number of events behind it.
    pub events: u64,
    pub dimensions: DimensionValues,
    /// What the event carries, for `dynamic` prices.
    pub amount: Option<UnitPrice>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuantityTarget {
    Price(PriceRef),
    Metric(String),
}

/// How many seats of a price are held, from when on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatEntry {
    pub price: PriceRef,
    pub seats: Quantity,
    /// From the start of the range if absent.
    pub from: Option<Instant>,
}

/// What a plan would cost, and why.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EstimateReply)]
pub struct EstimateView {
    pub basis: EstimateBasis,
    pub plan: EstimatedPlan,
    pub add_ons: Vec<VersionRef>,
    /// Keys of the coupons, in the order in which they took off.
    pub coupons: Vec<String>,
    /// `null` where no customer was named: nothing is known about tax.
    pub customer_key: Option<String>,
    /// The instant whose terms and rates hold where a line has no period.
    pub at: Instant,
    /// The range of time that was measured.
    pub range: Option<Span>,
    /// The zone in which periods begin.
    pub time_zone: String,
    #[serde(flatten)]
    pub estimate: Estimate,
    /// What the figures leave out, in sentences.
    pub notes: Vec<String>,
}

/// The plan that was applied.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EstimatedPlan {
    /// `inline` for prices of no plan.
    pub key: String,
    pub name: String,
    /// 0 for what is not stored.
    pub version: u32,
    /// `null` for what is not stored.
    pub state: Option<PlanState>,
}

/// What an estimate is made with.
struct Setting {
    project: Project,
    customer: Option<Customer>,
    offer: Offer,
    at: Instant,
}

/// Lines and what they leave out.
struct Charges {
    lines: Vec<ChargeLine>,
    notes: Vec<String>,
}

impl Engine {
    /// What a plan would cost. Reads in one snapshot and writes nothing.
    ///
    /// # Errors
    /// `unknown_plan`, `unknown_add_on`, `unknown_coupon`, `unknown_customer`, `unknown_price` or `unknown_metric` for what is not there;
    /// `invalid_catalog` with every mistake of a definition; `quantity_out_of_range` instead of a wrong figure.
    pub fn estimate(&self, ctx: &Ctx, query: &EstimateQuery) -> Result<EstimateView, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "estimate", |tx| {
            let setting = load(tx, ctx, query)?;
            let charges = match &query.usage {
                EstimatedUsage::Given(entries) => quantities::charge(&setting, entries, &query.seats)?,
                EstimatedUsage::Measured { range, subscription_key } => {
                    let measured = Measure {
                        range: *range,
                        subscription_key: subscription_key.as_deref(),
                        seats: &query.seats,
                        now: ctx.now(),
                    };
                    measured::charge(tx, &setting, &measured)?
                }
            };
            view(setting, query, charges)
        })
    }
}

fn load(tx: &mut ProjectTx<'_>, ctx: &Ctx, query: &EstimateQuery) -> Result<Setting, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let customer = match (&query.usage, query.customer_key.as_deref()) {
        (EstimatedUsage::Given(_), None) => None,
        (EstimatedUsage::Given(_) | EstimatedUsage::Measured { .. }, key) => Some(customers::existing(tx, key)?),
    };
    let offer = offer::load(tx, query)?;
    Ok(Setting { project, customer, offer, at: query.at.unwrap_or(ctx.now()) })
}

fn view(setting: Setting, query: &EstimateQuery, charges: Charges) -> Result<EstimateView, Error> {
    let Setting { project, customer, offer, at } = setting;
    let unknown = CustomerTax::UNKNOWN;
    let rules = EstimateRules {
        currency: offer.plan.currency,
        behaviour: offer.plan.tax_behaviour,
        coupons: &offer.coupons,
        tax_rates: &offer.tax_rates,
        tax: customer.as_ref().map_or(&unknown, |customer| &customer.tax),
        rounding: project.policies.invoice_rounding,
        at,
    };
    let estimate = make_estimate(charges.lines, &rules)?;
    let range = match &query.usage {
        EstimatedUsage::Given(_) => None,
        EstimatedUsage::Measured { range, .. } => Some(*range),
    };
    let mut notes = charges.notes;
    notes.extend(offer.notes(&estimate));
    Ok(EstimateView {
        basis: if range.is_some() { EstimateBasis::Usage } else { EstimateBasis::Quantities },
        add_ons: offer.add_ons.iter().map(|(add_on, version)| version_of(&add_on.key, *version)).collect(),
        coupons: offer.coupons.iter().map(|coupon| coupon.key.clone()).collect(),
        time_zone: zone_of(customer.as_ref(), &project).to_owned(),
        customer_key: customer.map(|customer| customer.external_key),
        plan: EstimatedPlan { key: offer.plan.key, name: offer.plan.name, version: offer.version, state: offer.state },
        at,
        range,
        estimate,
        notes,
    })
}

fn version_of(key: &str, version: u32) -> VersionRef {
    VersionRef { key: key.to_owned(), version }
}

/// The zone in which the customer's days begin.
fn zone_of<'a>(customer: Option<&'a Customer>, project: &'a Project) -> &'a str {
    customer.and_then(|customer| customer.time_zone.as_deref()).unwrap_or(&project.time_zone)
}
