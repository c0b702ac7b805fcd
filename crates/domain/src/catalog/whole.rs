//! A catalog as a file against the catalog that is there: what the two make together, and the digest that tells states apart.

use sha2::{Digest, Sha256};

use crate::catalog::Catalog;
use crate::problems::Problems;

/// What happens to things that are there and not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Stays,
    /// Plans are archived, everything else is removed. Metrics stay: their events are there.
    Goes,
}

impl Catalog {
    /// What is there after this file was applied to `current`: first what is in the file, in its order, so that paths are those of the
    /// file; then the rest.
    pub fn applied_to(&self, current: &Catalog, rest: Rest) -> Catalog {
        let mut whole = self.clone();
        append(&mut whole.metrics, &current.metrics, |metric| &metric.key);
        match rest {
            Rest::Goes => {}
            Rest::Stays => {
                append(&mut whole.custom_assets, &current.custom_assets, |asset| &asset.code);
                append(&mut whole.tax_categories, &current.tax_categories, |category| &category.key);
                append(&mut whole.tax_rates, &current.tax_rates, |rate| &rate.key);
                append(&mut whole.plans, &current.plans, |plan| &plan.key);
                append(&mut whole.add_ons, &current.add_ons, |add_on| &add_on.key);
                append(&mut whole.coupons, &current.coupons, |coupon| &coupon.key);
            }
        }
        whole
    }

    /// Finds every mistake in what [`Catalog::applied_to`] made of this file. What only the rest has is named by its key.
    pub fn check_applied(&self, whole: &Catalog) -> Problems {
        let mut problems = whole.check();
        rename(&mut problems, "metrics", self.metrics.len(), &whole.metrics, |metric| &metric.key);
        rename(&mut problems, "taxRates", self.tax_rates.len(), &whole.tax_rates, |rate| &rate.key);
        rename(&mut problems, "plans", self.plans.len(), &whole.plans, |plan| &plan.key);
        rename(&mut problems, "addOns", self.add_ons.len(), &whole.add_ons, |add_on| &add_on.key);
        problems
    }

    /// SHA-256 of what the catalog says, in lower-case hexadecimal: the same whatever the order of its lists.
    pub fn digest(&self) -> String {
        let sorted = self.clone().sorted();
        // Cannot fail: texts, integers, and maps with text keys.
        let canonical = serde_json::to_vec(&sorted).expect("a catalog is representable in JSON");
        Sha256::digest(&canonical).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The same with its lists in the order of the keys. Prices keep theirs: it is the order of an invoice.
    pub fn sorted(mut self) -> Catalog {
        self.metrics.sort_by(|left, right| left.key.cmp(&right.key));
        self.custom_assets.sort_by(|left, right| left.code.cmp(&right.code));
        self.tax_categories.sort_by(|left, right| left.key.cmp(&right.key));
        self.tax_rates.sort_by(|left, right| left.key.cmp(&right.key));
        self.plans.sort_by(|left, right| left.key.cmp(&right.key));
        self.add_ons.sort_by(|left, right| left.key.cmp(&right.key));
        self.coupons.sort_by(|left, right| left.key.cmp(&right.key));
        self
    }
}

fn append<T: Clone>(list: &mut Vec<T>, more: &[T], key: impl Fn(&T) -> &String) {
    let rest = more.iter().filter(|item| !list.iter().any(|known| key(known) == key(item)));
    let rest: Vec<T> = rest.cloned().collect();
    list.extend(rest);
}

/// `plans[7].prices[0].metric` becomes `plans[team].prices[0].metric` where the file has no more than seven plans.
fn rename<T>(problems: &mut Problems, list: &str, in_file: usize, whole: &[T], key: impl Fn(&T) -> &String) {
    for (index, item) in whole.iter().enumerate().skip(in_file) {
        problems.rename(&format!("{list}[{index}]"), &format!("{list}[{}]", key(item)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there() -> Catalog {
        serde_json::from_str(include_str!("../../tests/data/catalog.json")).unwrap()
    }

    #[test]
    fn a_file_replaces_what_has_its_keys_and_leaves_the_rest() {
        let file: Catalog =
            serde_json::from_str(r#"{"taxCategories":[{"key":"books","name":"Books"},{"key":"saas","name":"SaaS"}]}"#)
                .unwrap();
        let whole = file.applied_to(&there(), Rest::Stays);
        assert_eq!((whole.tax_categories.len(), whole.tax_categories[1].name.as_str()), (2, "SaaS"));
        assert_eq!((&whole.plans, whole.digest() == there().digest()), (&there().plans, false));
        assert_eq!(file.check_applied(&whole).errors(), []);
        let alone = file.applied_to(&there(), Rest::Goes);
        assert_eq!((alone.plans.len(), alone.metrics.len()), (0, 4));
    }

    #[test]
    fn a_mistake_that_the_file_makes_elsewhere_is_named_by_its_key() {
        let file: Catalog = serde_json::from_str(
            r#"{"metrics":[{"key":"api_calls","name":"API calls","aggregation":"count"}],
            "plans":[{"key":"free","name":"Free","currency":"EUR","prices":[]}]}"#,
        )
        .unwrap();
        let problems = file.check_applied(&file.applied_to(&there(), Rest::Stays));
        let paths: Vec<&str> = problems.errors().iter().map(|error| error.field.as_str()).collect();
        assert_eq!(paths, ["plans[0].prices", "plans[team].prices[2].terms.rates[0].when.region"]);
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_lists() {
        let mut other = there();
        other.metrics.reverse();
        assert_eq!(other.digest(), there().digest());
        other.plans[0].prices.reverse();
        assert_ne!(other.digest(), there().digest());
    }
}
