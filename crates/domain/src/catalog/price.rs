//! A price: one priced component of a plan, with an interval, a timing, an anchor and a window of its own.

use std::collections::BTreeSet;

use crate::calendar::{EVERY_MAX, Interval, RatingWindow};
use crate::catalog::References;
use crate::catalog::asset::AssetCode;
use crate::catalog::key::check_key;
use crate::charges::commitment::COMMITMENT_KEY;
use crate::metrics::Aggregation;
use crate::named::named;
use crate::pricing::model::PriceKind;
use crate::pricing::terms::Terms;
use crate::problems::Problems;
use crate::time::Instant;

named! {
    /// When a period is billed.
    Timing {
        /// At its start.
        Advance = "advance",
        /// At its end.
        Arrears = "arrears",
    }
}

named! {
    /// What periods are counted from.
    AnchorKind {
        /// The calendar: the first of the month, Monday, January.
        Calendar = "calendar",
        /// The day the subscription began.
        Anniversary = "anniversary",
    }
}

/// One priced component of a plan or an add-on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// Unique in its plan, stable across versions.
    pub key: String,
    pub name: String,
    /// What a usage price measures; other kinds have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    pub interval: Interval,
    pub timing: Timing,
    #[serde(default = "calendar")]
    pub anchor: AnchorKind,
    /// How much is rated at once; left out: prepaid usage by the day, anything else by the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<RatingWindow>,
    /// Another unit than the plan's currency, such as credits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<String>,
    /// The terms from the beginning on.
    pub terms: Terms,
    /// Later terms, in the order of their effective dates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<DatedTerms>,
}

/// Terms that replace the earlier ones from a date on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatedTerms {
    pub effective_from: Instant,
    pub terms: Terms,
}

impl Price {
    pub fn kind(&self) -> PriceKind {
        self.terms.model.kind()
    }

    /// The terms in force at an instant. // checklist 41
    pub fn terms_at(&self, at: Instant) -> &Terms {
        let in_force = self.changes.iter().rev().find(|change| change.effective_from <= at);
        in_force.map_or(&self.terms, |change| &change.terms)
    }

    /// The n-th terms of the [timeline](Self::timeline): 0 are those from the beginning; of more than there are, the last.
    pub fn terms_number(&self, number: usize) -> &Terms {
        let change = number.checked_sub(1).and_then(|index| self.changes.get(index).or(self.changes.last()));
        change.map_or(&self.terms, |change| &change.terms)
    }

    /// All terms in order, each with the instant from which it is in force (`None`: from the beginning).
    pub fn timeline(&self) -> impl Iterator<Item = (Option<Instant>, &Terms)> {
        let changes = self.changes.iter().map(|change| (Some(change.effective_from), &change.terms));
        std::iter::once((None, &self.terms)).chain(changes)
    }

    /// Finds what is wrong with the price at `path`.
    pub fn check(&self, path: &str, known: &References, problems: &mut Problems) {
        check_key(&self.key, &format!("{path}.key"), problems);
        let detail = format!("must not be `{COMMITMENT_KEY}`: so is the line of a minimum commitment called.");
        problems.require(self.key != COMMITMENT_KEY, format!("{path}.key"), detail);
        problems.require(!self.name.trim().is_empty(), format!("{path}.name"), "must not be empty.");
        let every_is_accepted = (1..=EVERY_MAX).contains(&self.interval.every);
        problems.require(every_is_accepted, format!("{path}.interval.every"), format!("must be 1 to {EVERY_MAX}."));
        self.terms.check(&format!("{path}.terms"), problems);
        self.check_changes(path, problems);
        self.check_usage(path, known, problems);
        if let Some(category) = &self.tax_category {
            let detail =
                format!("names `{category}`, which is not among the tax categories. Add it, or correct the key.");
            problems.require(known.tax_categories.contains(category), format!("{path}.taxCategory"), detail);
        }
        if let Some(AssetCode::Custom(code)) = &self.asset {
            let detail = format!("names `{code}`, which is not among the custom assets. Add it, or correct the code.");
            problems.require(known.assets.contains(code), format!("{path}.asset"), detail);
        }
    }

    fn check_changes(&self, path: &str, problems: &mut Problems) {
        let mut since: Option<Instant> = None;
        for (index, change) in self.changes.iter().enumerate() {
            let at = format!("{path}.changes[{index}]");
            change.terms.check(&format!("{at}.terms"), problems);
            let is_later = since.is_none_or(|since| change.effective_from > since);
            problems.require(is_later, format!("{at}.effectiveFrom"), "must be later than the change before it.");
            since = Some(change.effective_from);
            let kind = self.kind();
            let is_same = change.terms.model.kind() == kind;
            problems.require(is_same, format!("{at}.terms.model.type"), format!("must stay a {kind} price."));
        }
    }

    fn check_usage(&self, path: &str, known: &References, problems: &mut Problems) {
        let is_usage = self.kind() == PriceKind::Usage;
        let detail = if is_usage {
            "must name the metric that is priced."
        } else {
            "must be left out: this price measures nothing."
        };
        problems.require(self.metric.is_some() == is_usage, format!("{path}.metric"), detail);
        let is_arrears = self.timing == Timing::Arrears;
        problems.require(
            is_arrears || !is_usage,
            format!("{path}.timing"),
            "must be arrears: usage is known afterwards.",
        );
        let detail = "must be left out: only usage is rated in windows.";
        problems.require(is_usage || self.window.is_none(), format!("{path}.window"), detail);
        let metric = self.metric.as_ref().and_then(|key| known.metrics.get(key));
        if let (Some(key), None) = (&self.metric, metric) {
            let detail = format!("names `{key}`, which is not among the metrics. Declare it, or correct the key.");
            problems.add(format!("{path}.metric"), detail);
        }
        let starts_again = self.timeline().any(|(_, terms)| terms.starts_again());
        let is_latest = metric.is_some_and(|metric| metric.aggregation == Aggregation::Latest);
        let is_whole = self.window.is_none_or(|window| window == RatingWindow::Period);
        let detail = "must be period or left out: volume, package and latest are known at the end of a period only.";
        problems.require(is_whole || !(starts_again || is_latest), format!("{path}.window"), detail);
        let dimensions: BTreeSet<&String> = metric.map(|metric| metric.dimensions.iter().collect()).unwrap_or_default();
        for (number, (_, terms)) in self.timeline().enumerate() {
            let at = match number.checked_sub(1) {
                None => format!("{path}.terms"),
                Some(change) => format!("{path}.changes[{change}].terms"),
            };
            for (index, rate) in terms.rates.iter().enumerate() {
                for name in rate.when.keys().filter(|name| metric.is_some() && !dimensions.contains(name)) {
                    let detail =
                        "is not a dimension of the metric. Add it to the metric's dimensions, or correct the name.";
                    problems.add(format!("{at}.rates[{index}].when.{name}"), detail);
                }
            }
        }
    }
}

fn calendar() -> AnchorKind {
    AnchorKind::Calendar
}
