//! What an estimate applies: the plan, stored or inline, the add-ons and coupons besides it, and what of the catalog they refer to.

use std::collections::BTreeMap;

use domain::catalog::add_on::AddOn;
use domain::catalog::asset::CustomAsset;
use domain::catalog::coupon::Coupon;
use domain::catalog::item::ItemKind;
use domain::catalog::plan::{PlanDefinition, PlanState};
use domain::catalog::price::Price;
use domain::catalog::tax::TaxRate;
use domain::catalog::{Catalog, References};
use domain::charges::estimate::Estimate;
use domain::charges::line::Item;
use domain::metrics::Metric;
use domain::problems::Problems;
use domain::refusal::{Code, Refusal};
use domain::subscriptions::price_ref::PriceRef;
use storage::{ProjectTx, catalog_items, metrics, plans};

use crate::catalog::{load as load_catalog, stored};
use crate::error::Error;

use super::{EstimateQuery, EstimatedPrices};

/// The key of prices of no plan.
const INLINE_KEY: &str = "inline";

/// What is applied.
pub(super) struct Offer {
    pub plan: PlanDefinition,
    /// 0 for what is not stored.
    pub version: u32,
    pub state: Option<PlanState>,
    /// With their versions.
    pub add_ons: Vec<(AddOn, u32)>,
    pub coupons: Vec<Coupon>,
    /// Every metric of the project, by key.
    pub metrics: BTreeMap<String, Metric>,
    pub tax_rates: Vec<TaxRate>,
    pub assets: Vec<CustomAsset>,
}

/// One price of the plan or of an add-on.
#[derive(Clone)]
pub(super) struct Offered<'a> {
    pub item: Item<'a>,
    pub reference: PriceRef,
    pub price: &'a Price,
    /// What a usage price measures.
    pub metric: Option<&'a Metric>,
}

pub(super) fn load(tx: &mut ProjectTx<'_>, query: &EstimateQuery) -> Result<Offer, Error> {
    let (catalog, all_metrics) = load_tried(tx)?;
    let known = catalog.references();
    let (plan, version, state) = plan(tx, &query.prices, &known)?;
    let mut add_ons = Vec::new();
    for (index, key) in query.add_ons.iter().enumerate() {
        add_ons.push(add_on(tx, key, &format!("addOns[{index}]"), &plan, &query.prices)?);
    }
    let coupons = query.coupons.iter().enumerate().map(|(index, key)| {
        let found = catalog.coupons.iter().find(|coupon| coupon.key == *key);
        let detail = format!("names `{key}`, which is not among the coupons.");
        found.cloned().ok_or_else(|| Refusal::field(Code::UnknownCoupon, format!("coupons[{index}]"), detail))
    });
    let coupons = coupons.collect::<Result<_, _>>()?;
    let Catalog { tax_rates, custom_assets, .. } = catalog;
    let metrics = all_metrics.into_iter().map(|metric| (metric.definition.key.clone(), metric)).collect();
    Ok(Offer { plan, version, state, add_ons, coupons, metrics, tax_rates, assets: custom_assets })
}

/// The catalog with every metric: prices that are tried out may also measure what nobody declared yet.
pub(crate) fn load_tried(tx: &mut ProjectTx<'_>) -> Result<(Catalog, Vec<Metric>), Error> {
    let mut catalog = load_catalog(tx)?;
    let metrics = metrics::all(tx)?;
    let undeclared = metrics.iter().filter(|metric| !metric.declared);
    catalog.metrics.extend(undeclared.map(|metric| metric.definition.clone()));
    Ok((catalog, metrics))
}

type Version = (PlanDefinition, u32, Option<PlanState>);

fn plan(tx: &mut ProjectTx<'_>, prices: &EstimatedPrices, known: &References) -> Result<Version, Error> {
    match prices {
        EstimatedPrices::Plan { key, version } => {
            let (_, found) = plans::get_version(tx, key, *version)?.ok_or_else(|| unknown_plan(key, *version))?;
            if found.state == PlanState::Draft {
                // A published version was checked when it was published.
                check(&found.definition, "plan", known)?;
            }
            Ok((found.definition, found.number, Some(found.state)))
        }
        EstimatedPrices::Definition(definition) => {
            check(definition, "definition", known)?;
            Ok((definition.as_ref().clone(), 0, None))
        }
        EstimatedPrices::Prices { currency, tax_behaviour, prices } => {
            let plan = PlanDefinition {
                key: INLINE_KEY.to_owned(),
                name: "Inline prices".to_owned(),
                description: None,
                currency: *currency,
                trial_days: None,
                tax_behaviour: *tax_behaviour,
                minimum_commitment: None,
                prices: prices.clone(),
                add_ons: Vec::new(),
            };
            check(&plan, "", known)?;
            Ok((plan, 0, None))
        }
    }
}

/// Refuses a plan with mistakes, naming every one.
pub(crate) fn check(plan: &PlanDefinition, path: &str, known: &References) -> Result<(), Refusal> {
    let mut found = Problems::default();
    plan.check(path, known, &mut found);
    let mut problems = Problems::default();
    for error in found.errors() {
        // Prices of no plan stand at the top of the body.
        problems.add(error.field.trim_start_matches('.'), error.detail.clone());
    }
    problems.into_result()
}

fn unknown_plan(key: &str, version: Option<u32>) -> Refusal {
    match version {
        Some(version) => {
            Refusal::field(Code::UnknownPlan, "plan", format!("`{key}` has no version {version}, or does not exist."))
        }
        None => {
            let detail = format!("`{key}` has no published version, or does not exist. A draft needs its `version`.");
            Refusal::field(Code::UnknownPlan, "plan", detail)
        }
    }
}

fn add_on(
    tx: &mut ProjectTx<'_>,
    key: &str,
    field: &str,
    plan: &PlanDefinition,
    prices: &EstimatedPrices,
) -> Result<(AddOn, u32), Error> {
    let found = catalog_items::newest(tx, ItemKind::AddOn, key)?.filter(|item| !item.removed);
    let detail = format!("names `{key}`, which is not among the add-ons.");
    let found = found.ok_or_else(|| Refusal::field(Code::UnknownAddOn, field, detail))?;
    let add_on: AddOn = stored(&found)?;
    let is_free = matches!(prices, EstimatedPrices::Prices { .. });
    if !is_free && !plan.add_ons.iter().any(|offered| offered == key) {
        let detail = format!("names `{key}`, which cannot be booked with `{}`. Add it to the plan's addOns.", plan.key);
        return Err(Refusal::field(Code::AddOnNotOffered, field, detail).into());
    }
    if add_on.currency != plan.currency {
        let detail = format!("names `{key}`, which is in {}, and the plan is in {}.", add_on.currency, plan.currency);
        return Err(Refusal::field(Code::InvalidValue, field, detail).into());
    }
    Ok((add_on, found.version))
}

impl Offer {
    /// Every price, those of the plan first.
    ///
    /// # Errors
    /// [`Code::UnknownMetric`] when a price measures what is not there any more.
    pub fn prices(&self) -> Result<Vec<Offered<'_>>, Refusal> {
        let currency = self.plan.currency;
        let of_plan = Item { key: &self.plan.key, version: self.version, currency };
        let mut all = Vec::new();
        for price in &self.plan.prices {
            all.push(self.offered(of_plan, PriceRef::of_plan(&price.key), price)?);
        }
        for (add_on, version) in &self.add_ons {
            let item = Item { key: &add_on.key, version: *version, currency };
            for price in &add_on.prices {
                all.push(self.offered(item, PriceRef::of_add_on(&add_on.key, &price.key), price)?);
            }
        }
        Ok(all)
    }

    fn offered<'a>(&'a self, item: Item<'a>, reference: PriceRef, price: &'a Price) -> Result<Offered<'a>, Refusal> {
        let metric = match &price.metric {
            Some(key) => {
                let detail = format!("The price `{reference}` measures `{key}`, which is not among the metrics.");
                Some(self.metrics.get(key).ok_or_else(|| Refusal::new(Code::UnknownMetric, detail))?)
            }
            None => None,
        };
        Ok(Offered { item, reference, price, metric })
    }

    /// What an estimate leaves out.
    pub fn notes(&self, estimate: &Estimate) -> Vec<String> {
        let trial = self.plan.trial_days.map(|days| format!("The trial of {days} days is not taken into account."));
        let assets = estimate.assets.iter().map(|total| {
            let (amount, asset) = (total.amount, &total.asset);
            format!("{amount} {asset} are not part of the total: no rate makes {} of them.", estimate.currency)
        });
        trial.into_iter().chain(assets).collect()
    }
}
