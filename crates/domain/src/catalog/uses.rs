//! Who refers to a thing of the catalog: what stands in the way of taking it out.

use crate::catalog::Catalog;
use crate::catalog::item::ItemKind;
use crate::catalog::price::Price;

impl Catalog {
    /// The paths that name this thing, by keys: `plans[team].prices[base].taxCategory`.
    pub fn uses_of(&self, kind: ItemKind, key: &str) -> Vec<String> {
        match kind {
            ItemKind::AddOn => {
                let of_plan = self.plans.iter().filter(|plan| plan.add_ons.iter().any(|add_on| add_on == key));
                of_plan.map(|plan| format!("plans[{}].addOns[{key}]", plan.key)).collect()
            }
            ItemKind::CustomAsset => {
                self.uses_in_prices("asset", |price| price.asset.as_ref().is_some_and(|asset| asset.code() == key))
            }
            ItemKind::TaxCategory => {
                let mut uses = self.uses_in_prices("taxCategory", |price| price.tax_category.as_deref() == Some(key));
                let rates = self.tax_rates.iter().filter(|rate| rate.category.as_deref() == Some(key));
                uses.extend(rates.map(|rate| format!("taxRates[{}].category", rate.key)));
                uses
            }
            // A rate is found by category and place, a coupon is redeemed by its key.
            ItemKind::TaxRate | ItemKind::Coupon => Vec::new(),
        }
    }

    /// The prices that read this metric.
    pub fn uses_of_metric(&self, key: &str) -> Vec<String> {
        self.uses_in_prices("metric", |price| price.metric.as_deref() == Some(key))
    }

    fn uses_in_prices(&self, field: &str, names: impl Fn(&Price) -> bool) -> Vec<String> {
        let of_plans = self.plans.iter().map(|plan| ("plans", &plan.key, &plan.prices));
        let of_add_ons = self.add_ons.iter().map(|add_on| ("addOns", &add_on.key, &add_on.prices));
        let mut uses = Vec::new();
        for (list, key, prices) in of_plans.chain(of_add_ons) {
            let naming = prices.iter().filter(|price| names(price));
            uses.extend(naming.map(|price| format!("{list}[{key}].prices[{}].{field}", price.key)));
        }
        uses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_refers_to_a_thing_is_named() {
        let catalog: Catalog = serde_json::from_str(include_str!("../../tests/data/catalog.json")).unwrap();
        assert_eq!(catalog.uses_of(ItemKind::AddOn, "sso"), ["plans[team].addOns[sso]"]);
        assert_eq!(catalog.uses_of(ItemKind::CustomAsset, "CREDITS"), ["plans[team].prices[tokens].asset"]);
        assert_eq!(catalog.uses_of_metric("storage"), ["plans[team].prices[storage].metric"]);
        let categories = catalog.uses_of(ItemKind::TaxCategory, "saas");
        assert_eq!((categories.len(), categories.last().unwrap().as_str()), (5, "taxRates[de-saas].category"));
        for kind in [ItemKind::Coupon, ItemKind::TaxRate] {
            assert!(catalog.uses_of(kind, "spring").is_empty());
        }
        assert!(catalog.uses_of(ItemKind::TaxCategory, "books").is_empty());
    }
}
