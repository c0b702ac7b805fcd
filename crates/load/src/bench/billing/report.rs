//! What the benchmark of billing runs found.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// What runs did with their items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) planned: u64,
    pub(super) charged: u64,
    pub(super) unchanged: u64,
    pub(super) issued: u64,
}

impl Counts {
    pub(super) fn of(counts: &Value) -> Counts {
        let count = |name: &str| counts[name].as_u64().unwrap_or_default();
        Counts {
            planned: count("planned"),
            charged: count("charged"),
            unchanged: count("unchanged"),
            issued: count("issued"),
        }
    }

    pub(super) fn plus(self, other: Counts) -> Counts {
        Counts {
            planned: self.planned + other.planned,
            charged: self.charged + other.charged,
            unchanged: self.unchanged + other.unchanged,
            issued: self.issued + other.issued,
        }
    }

    /// What came since; runs are only added.
    pub(super) fn since(self, before: &Counts) -> Counts {
        Counts {
            planned: self.planned - before.planned,
            charged: self.charged - before.charged,
            unchanged: self.unchanged - before.unchanged,
            issued: self.issued - before.issued,
        }
    }

    pub(super) fn is_unchanged(&self) -> bool {
        self.unchanged == self.planned && self.issued == 0
    }
}

/// What was measured of one project, before anything is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) customers: u64,
    pub(super) prices: u64,
    pub(super) events: u64,
    pub(super) items: u64,
    pub(super) invoices: u64,
    pub(super) run_micros: u64,
    pub(super) repeated_micros: u64,
    pub(super) rated_again_micros: u64,
    pub(super) resident_before_kib: Option<u64>,
    pub(super) peak_resident_kib: Option<u64>,
    pub(super) check: BillingCheck,
}

/// Billing runs in figures.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BillingReport {
    pub customers: u64,
    pub prices: u64,
    /// Usage of the month.
    pub events: u64,
    /// From the moment the month ends until every invoice is issued and reconciled.
    pub run_millis: u64,
    pub items_per_second: u64,
    pub invoices_per_second: u64,
    /// The same run once more: everything is billed.
    pub repeated_millis: u64,
    /// A run that rates every item of the month again, and finds nothing to change.
    pub rated_again_millis: u64,
    /// How many times as fast as the run the repeated one is, to two places.
    pub repeated_to_run: f64,
    pub rated_again_to_run: f64,
    /// Of the server before the run.
    pub resident_before_kib: Option<u64>,
    /// Of the server, the most until the run ended.
    pub peak_resident_kib: Option<u64>,
    /// The same for a tenth of the customers, before.
    pub small_peak_resident_kib: Option<u64>,
    pub check: BillingCheck,
}

/// What makes the figures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BillingCheck {
    /// Every price of every customer was charged, and every customer has an issued invoice.
    pub is_complete: bool,
    /// Repeated runs charged and issued nothing.
    pub repeated_changed_nothing: bool,
    /// Invoices that were compared with an estimate.
    pub compared: u64,
    pub equal: u64,
}

impl BillingCheck {
    #[must_use]
    pub fn holds(&self) -> bool {
        self.is_complete && self.repeated_changed_nothing && self.compared > 0 && self.equal == self.compared
    }
}

impl BillingReport {
    pub(super) fn new(small: &Figures, large: &Figures) -> BillingReport {
        let per_second = |count: u64| count.saturating_mul(1_000_000) / large.run_micros.max(1);
        let ratio = |micros: u64| {
            let hundredths = large.run_micros.saturating_mul(100) / micros.max(1);
            f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0
        };
        BillingReport {
            customers: large.customers,
            prices: large.prices,
            events: large.events,
            run_millis: large.run_micros / 1_000,
            items_per_second: per_second(large.items),
            invoices_per_second: per_second(large.invoices),
            repeated_millis: large.repeated_micros / 1_000,
            rated_again_millis: large.rated_again_micros / 1_000,
            repeated_to_run: ratio(large.repeated_micros),
            rated_again_to_run: ratio(large.rated_again_micros),
            resident_before_kib: large.resident_before_kib,
            peak_resident_kib: large.peak_resident_kib,
            small_peak_resident_kib: small.peak_resident_kib,
            check: large.check,
        }
    }
}

impl fmt::Display for BillingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: Option<u64>| kib.map_or("unknown".to_owned(), |kib| format!("{} MiB", kib / 1024));
        let BillingReport { customers, prices, events, .. } = self;
        writeln!(f, "billing     a month of {customers} customers × {prices} prices, {events} events")?;
        writeln!(
            f,
            "run         {} ms: {} items/s, {} invoices/s, issued and reconciled",
            self.run_millis, self.items_per_second, self.invoices_per_second
        )?;
        writeln!(
            f,
            "memory      resident {} before, {} at most; {} at most with a tenth of the customers",
            mib(self.resident_before_kib),
            mib(self.peak_resident_kib),
            mib(self.small_peak_resident_kib)
        )?;
        writeln!(f, "run / repeated     {:.2}×, in {} ms", self.repeated_to_run, self.repeated_millis)?;
        writeln!(f, "run / rated again  {:.2}×, in {} ms", self.rated_again_to_run, self.rated_again_millis)?;
        let BillingCheck { compared, equal, is_complete, repeated_changed_nothing } = self.check;
        let word = |holds: bool| if holds { "holds" } else { "FAILS" };
        write!(
            f,
            "check {}: complete {}, repeated runs change nothing {}, {equal} of {compared} invoices equal their estimate",
            word(self.check.holds()),
            word(is_complete),
            word(repeated_changed_nothing)
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn figures() -> Figures {
        let check = BillingCheck { is_complete: true, repeated_changed_nothing: true, compared: 5, equal: 5 };
        Figures {
            customers: 1_000,
            prices: 5,
            events: 12_000,
            items: 5_000,
            invoices: 1_000,
            run_micros: 2_000_000,
            repeated_micros: 10_000,
            rated_again_micros: 500_000,
            resident_before_kib: None,
            peak_resident_kib: Some(80_000),
            check,
        }
    }

    #[test]
    fn rates_are_counts_by_the_time_the_run_took() {
        let small = Figures { peak_resident_kib: Some(70_000), ..figures() };
        let report = BillingReport::new(&small, &figures());
        assert_eq!((report.items_per_second, report.invoices_per_second), (2_500, 500));
        assert_eq!((report.repeated_to_run, report.rated_again_to_run), (200.0, 4.0));
        assert_eq!(report.small_peak_resident_kib, Some(70_000));
    }

    #[test]
    fn a_check_fails_when_anything_is_missing() {
        let check = figures().check;
        assert!(check.holds());
        assert!(!BillingCheck { is_complete: false, ..check }.holds());
        assert!(!BillingCheck { repeated_changed_nothing: false, ..check }.holds());
        assert!(!BillingCheck { equal: 4, ..check }.holds());
        assert!(!BillingCheck { compared: 0, equal: 0, ..check }.holds());
    }

    #[test]
    fn counts_are_those_since_the_last_look() {
        let counts =
            |planned: u64| Counts::of(&json!({ "planned": planned, "charged": planned, "unchanged": 0, "issued": 1 }));
        let since = counts(7).plus(counts(5)).since(&counts(4));
        assert_eq!((since.planned, since.charged, since.issued), (8, 8, 1));
        assert!(!since.is_unchanged());
        assert!(Counts { planned: 3, unchanged: 3, ..Counts::default() }.is_unchanged());
    }
}
