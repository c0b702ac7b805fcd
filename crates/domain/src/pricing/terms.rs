//! The terms of a price: a model, what is included, minimum and cap, and other rates for dimension values.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::pricing::model::{Model, PriceKind};
use crate::problems::Problems;
use crate::quantity::QuantitySum;
use crate::ratio::{OutOfRange, Ratio};

/// What is agreed about one price, from its effective date on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PriceTerms)]
pub struct Terms {
    /// The general rate.
    pub model: Model,
    /// Units (or seats) of a whole period that cost nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included: Option<QuantitySum>,
    /// The least that a whole period costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Amount>,
    /// The most that a whole period costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Amount>,
    /// Rates for usage with certain dimension values; the first entry that matches counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<DimensionRate>,
}

/// Another model for usage with certain dimension values. Everything that matches is counted together: tiers run over all of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DimensionRate {
    /// All of these must be the values of the usage.
    pub when: BTreeMap<String, String>,
    pub model: Model,
}

impl Terms {
    /// Terms of a model and nothing else.
    pub fn of(model: Model) -> Terms {
        Terms { model, included: None, minimum: None, cap: None, rates: Vec::new() }
    }

    /// The number of the rate for usage with these dimension values: 0 is the general rate, `n` the n-th entry of `rates`.
    pub fn rate_for(&self, values: &BTreeMap<String, String>) -> u32 {
        let matches = |rate: &DimensionRate| rate.when.iter().all(|(name, value)| values.get(name) == Some(value));
        let found = self.rates.iter().zip(1u32..).find(|(rate, _)| matches(rate));
        found.map_or(0, |(_, number)| number)
    }

    /// The n-th entry of `rates`, counted from 1.
    pub(super) fn special(&self, number: u32) -> Option<&DimensionRate> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.rates.get(index)
    }

    /// Every model of the terms, the general one first.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        std::iter::once(&self.model).chain(self.rates.iter().map(|rate| &rate.model))
    }

    /// Whether some model starts again when the price changes at its effective date.
    pub fn starts_again(&self) -> bool {
        self.models().any(Model::starts_again)
    }

    /// The included units for a share of the period. Seats are free in every stretch alike.
    pub(super) fn allowance(&self, share: Ratio) -> Result<Ratio, OutOfRange> {
        let Some(included) = self.included.map(Ratio::from) else {
            return Ok(Ratio::ZERO);
        };
        match self.model.kind() {
            PriceKind::Seat => Ok(included),
            PriceKind::Recurring | PriceKind::Usage => included.times(share),
        }
    }

    /// Finds what is wrong with the terms at `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        self.model.check(&format!("{path}.model"), problems);
        self.check_limits(path, problems);
        let kind = self.model.kind();
        let detail = format!("must be left out: a {kind} price has one rate.");
        problems.require(self.rates.is_empty() || kind == PriceKind::Usage, format!("{path}.rates"), detail);
        for (index, rate) in self.rates.iter().enumerate() {
            let at = format!("{path}.rates[{index}]");
            rate.model.check(&format!("{at}.model"), problems);
            let is_usage = rate.model.kind() == PriceKind::Usage;
            problems.require(is_usage, format!("{at}.model.type"), "must be a model of usage prices.");
            problems.require(
                !rate.when.is_empty(),
                format!("{at}.when"),
                "must name at least one dimension and its value.",
            );
            let hidden_by = self.rates[..index].iter().position(|earlier| {
                !earlier.when.is_empty() && earlier.when.iter().all(|(name, value)| rate.when.get(name) == Some(value))
            });
            if let Some(earlier) = hidden_by {
                let detail =
                    format!("is never reached: rates[{earlier}] matches all of it. Put the narrower one first.");
                problems.add(format!("{at}.when"), detail);
            }
        }
    }

    fn check_limits(&self, path: &str, problems: &mut Problems) {
        if let Some(included) = self.included {
            problems.require(included.micros() >= 0, format!("{path}.included"), "must not be negative.");
            let has_meaning = self.models().any(Model::takes_allowance);
            problems.require(
                has_meaning,
                format!("{path}.included"),
                "must be left out: this model has no units to include.",
            );
        }
        for (name, limit) in [("minimum", self.minimum), ("cap", self.cap)] {
            let is_accepted = limit.is_none_or(|limit| !limit.is_negative());
            problems.require(is_accepted, format!("{path}.{name}"), "must not be negative.");
        }
        if let (Some(minimum), Some(cap)) = (self.minimum, self.cap) {
            let detail = format!("must not be less than the minimum, {minimum}.");
            problems.require(minimum <= cap, format!("{path}.cap"), detail);
        }
    }
}

#[cfg(test)]
mod tests;
