//! The catalog: metrics, plans, add-ons, coupons, taxes and custom assets, as one document that can be checked and compared.
//!
//! The types here are the form of the catalog file and of the API. They refuse unknown fields; numbers are texts, so that no reader of
//! YAML or JSON makes floating point of them. [`Catalog::check`] finds every mistake at once, each with its path.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::Aggregation;
use crate::problems::Problems;

pub mod add_on;
pub mod asset;
pub mod coupon;
pub mod diff;
pub mod item;
pub mod key;
pub mod metric;
pub mod plan;
pub mod price;
pub mod tax;
mod uses;
pub mod whole;

use add_on::AddOn;
use asset::CustomAsset;
use coupon::Coupon;
use key::check_unique;
use metric::MetricDefinition;
use plan::PlanDefinition;
use price::Price;
use tax::{TaxCategory, TaxRate};

/// The whole catalog of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Catalog {
    pub metrics: Vec<MetricDefinition>,
    pub custom_assets: Vec<CustomAsset>,
    pub tax_categories: Vec<TaxCategory>,
    pub tax_rates: Vec<TaxRate>,
    pub plans: Vec<PlanDefinition>,
    pub add_ons: Vec<AddOn>,
    pub coupons: Vec<Coupon>,
}

/// What prices and plans may refer to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct References {
    pub metrics: BTreeMap<String, KnownMetric>,
    pub assets: BTreeSet<String>,
    pub tax_categories: BTreeSet<String>,
    pub add_ons: BTreeSet<String>,
}

/// What a price must know of its metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMetric {
    pub aggregation: Aggregation,
    pub dimensions: Vec<String>,
}

impl Catalog {
    /// What the catalog itself offers to refer to.
    pub fn references(&self) -> References {
        let known = |metric: &MetricDefinition| KnownMetric {
            aggregation: metric.aggregation,
            dimensions: metric.dimensions.clone(),
        };
        References {
            metrics: self.metrics.iter().map(|metric| (metric.key.clone(), known(metric))).collect(),
            assets: self.custom_assets.iter().map(|asset| asset.code.clone()).collect(),
            tax_categories: self.tax_categories.iter().map(|category| category.key.clone()).collect(),
            add_ons: self.add_ons.iter().map(|add_on| add_on.key.clone()).collect(),
        }
    }

    /// Finds every mistake.
    pub fn check(&self) -> Problems {
        let mut problems = Problems::default();
        let known = self.references();
        self.check_keys(&mut problems);
        for (index, metric) in self.metrics.iter().enumerate() {
            metric.check(&format!("metrics[{index}]"), &mut problems);
        }
        for (index, asset) in self.custom_assets.iter().enumerate() {
            asset.check(&format!("customAssets[{index}]"), &mut problems);
        }
        for (index, category) in self.tax_categories.iter().enumerate() {
            category.check(&format!("taxCategories[{index}]"), &mut problems);
        }
        for (index, rate) in self.tax_rates.iter().enumerate() {
            rate.check(&format!("taxRates[{index}]"), &known, &mut problems);
        }
        for (index, plan) in self.plans.iter().enumerate() {
            plan.check(&format!("plans[{index}]"), &known, &mut problems);
        }
        for (index, add_on) in self.add_ons.iter().enumerate() {
            add_on.check(&format!("addOns[{index}]"), &known, &mut problems);
        }
        for (index, coupon) in self.coupons.iter().enumerate() {
            coupon.check(&format!("coupons[{index}]"), &mut problems);
        }
        problems
    }

    fn check_keys(&self, problems: &mut Problems) {
        check_unique(self.metrics.iter().map(|metric| metric.key.as_str()), "metrics", "key", problems);
        check_unique(self.custom_assets.iter().map(|asset| asset.code.as_str()), "customAssets", "code", problems);
        check_unique(
            self.tax_categories.iter().map(|category| category.key.as_str()),
            "taxCategories",
            "key",
            problems,
        );
        check_unique(self.tax_rates.iter().map(|rate| rate.key.as_str()), "taxRates", "key", problems);
        check_unique(self.plans.iter().map(|plan| plan.key.as_str()), "plans", "key", problems);
        check_unique(self.add_ons.iter().map(|add_on| add_on.key.as_str()), "addOns", "key", problems);
        check_unique(self.coupons.iter().map(|coupon| coupon.key.as_str()), "coupons", "key", problems);
    }
}

/// Checks a list of prices: each by itself, unique keys, and no metric that is priced twice.
fn check_prices(prices: &[Price], path: &str, known: &References, problems: &mut Problems) {
    check_unique(prices.iter().map(|price| price.key.as_str()), path, "key", problems);
    for (index, price) in prices.iter().enumerate() {
        price.check(&format!("{path}[{index}]"), known, problems);
        let same = |other: &Price| other.metric.is_some() && other.metric == price.metric;
        if let Some(first) = prices[..index].iter().position(same) {
            let detail = format!("is priced by {path}[{first}] already. Use its `rates` for other dimension values.");
            problems.add(format!("{path}[{index}].metric"), detail);
        }
    }
}

#[cfg(test)]
mod tests;
