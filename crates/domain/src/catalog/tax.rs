//! Tax categories and rates of a project. Which tax results is in [`crate::tax`].

use crate::catalog::References;
use crate::catalog::key::check_key;
use crate::problems::Problems;
use crate::time::Instant;
use crate::unit_price::Percent;

/// A kind of goods or services that is taxed alike.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaxCategory {
    pub key: String,
    pub name: String,
}

/// What a category is taxed with in a country, from a date on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaxRate {
    pub key: String,
    pub name: String,
    /// Absent: prices without a category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// ISO 3166-1 alpha-2, upper case; absent: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// A part of the country, ISO 3166-2 without the country: `CA` of `US-CA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    pub percent: Percent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Instant>,
}

/// Where a customer is taxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub country: Option<&'a str>,
    pub region: Option<&'a str>,
}

impl TaxRate {
    /// The rate for a category at a place: the narrowest place wins, then the one that began last, then the smaller key.
    pub fn find<'a>(
        rates: &'a [TaxRate],
        category: Option<&str>,
        place: Place<'_>,
        at: Instant,
    ) -> Option<&'a TaxRate> {
        let covers = |rate: &&TaxRate| {
            rate.category.as_deref() == category
                && rate.effective_from.is_none_or(|from| from <= at)
                && (rate.country.is_none() || rate.country.as_deref() == place.country)
                && (rate.region.is_none() || rate.region.as_deref() == place.region)
        };
        let narrowness = |rate: &TaxRate| (rate.region.is_some(), rate.country.is_some(), rate.effective_from);
        rates
            .iter()
            .filter(covers)
            .max_by(|left, right| narrowness(left).cmp(&narrowness(right)).then_with(|| right.key.cmp(&left.key)))
    }

    /// Finds what is wrong with the rate at `path`.
    pub fn check(&self, path: &str, known: &References, problems: &mut Problems) {
        check_key(&self.key, &format!("{path}.key"), problems);
        problems.require(!self.name.trim().is_empty(), format!("{path}.name"), "must not be empty.");
        let percent_fits = !self.percent.is_negative() && self.percent <= Percent::HUNDRED;
        problems.require(percent_fits, format!("{path}.percent"), "must be 0 to 100.");
        let is_country = |country: &String| country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let country_fits = self.country.as_ref().is_none_or(is_country);
        problems.require(
            country_fits,
            format!("{path}.country"),
            "must be two upper-case letters (ISO 3166-1), such as DE.",
        );
        let has_country = self.region.is_none() || self.country.is_some();
        problems.require(has_country, format!("{path}.country"), "is missing: a region lies in a country.");
        if let Some(category) = &self.category {
            let detail =
                format!("names `{category}`, which is not among the tax categories. Add it, or correct the key.");
            problems.require(known.tax_categories.contains(category), format!("{path}.category"), detail);
        }
    }
}

impl TaxCategory {
    /// Finds what is wrong with the category at `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        check_key(&self.key, &format!("{path}.key"), problems);
        problems.require(!self.name.trim().is_empty(), format!("{path}.name"), "must not be empty.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_rate_that_began_counts() {
        let rates: Vec<TaxRate> = serde_json::from_str(
            r#"[{"key":"any","name":"Any","percent":"0"},
            {"key":"de-old","name":"VAT","country":"DE","percent":"19"},
            {"key":"de-2026","name":"VAT","country":"DE","percent":"20","effectiveFrom":"2026-01-01T00:00:00Z"},
            {"key":"us-ca","name":"Sales tax","country":"US","region":"CA","percent":"7.25"},
            {"key":"books","name":"Books","category":"books","percent":"7"}]"#,
        )
        .unwrap();
        let find = |category, country, region, at: &str| {
            let place = Place { country, region };
            TaxRate::find(&rates, category, place, Instant::parse(at).unwrap()).map(|rate| rate.key.as_str())
        };
        assert_eq!(find(None, Some("DE"), None, "2025-12-31T23:59:59Z"), Some("de-old"));
        assert_eq!(find(None, Some("DE"), None, "2026-01-01T00:00:00Z"), Some("de-2026"));
        assert_eq!(find(None, Some("US"), Some("CA"), "2026-01-01T00:00:00Z"), Some("us-ca"));
        assert_eq!(find(None, Some("US"), Some("NY"), "2026-01-01T00:00:00Z"), Some("any"));
        assert_eq!(find(Some("books"), None, None, "2026-01-01T00:00:00Z"), Some("books"));
        assert_eq!(find(Some("food"), None, None, "2026-01-01T00:00:00Z"), None);
    }
}
