//! What the rating benchmark found.

use std::fmt;

use serde::Serialize;

/// What was measured, before anything is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) customers: u64,
    pub(super) months: u64,
    pub(super) prices: u64,
    pub(super) events: u64,
    pub(super) backtest_micros: u64,
    pub(super) baseline_customers: u64,
    pub(super) estimates_micros: u64,
    pub(super) resident_before_kib: Option<u64>,
    pub(super) peak_resident_kib: Option<u64>,
    pub(super) check: RatingCheck,
}

/// Rating in figures.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RatingReport {
    pub customers: u64,
    pub months: u64,
    pub prices: u64,
    /// Stored usage that was rated.
    pub events: u64,
    /// From the request to the last result. Every customer is rated under two versions.
    pub backtest_millis: u64,
    /// Customers × prices × months × two versions, per second of the backtest.
    pub ratings_per_second: u64,
    pub customers_per_second: u64,
    /// Customers per second when their estimates are asked for one by one, under one version.
    pub baseline_customers_per_second: u64,
    /// How many times as fast as the baseline, to two places.
    pub backtest_to_baseline: f64,
    /// Of the server before the backtest.
    pub resident_before_kib: Option<u64>,
    /// Of the server, the most until the backtest ended.
    pub peak_resident_kib: Option<u64>,
    pub check: RatingCheck,
}

/// What makes the figures count: the estimates are what the backtest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RatingCheck {
    pub compared: u64,
    pub equal: u64,
}

impl RatingCheck {
    #[must_use]
    pub fn holds(&self) -> bool {
        self.compared > 0 && self.equal == self.compared
    }
}

const VERSIONS: u64 = 2;

impl RatingReport {
    pub(super) fn new(figures: Figures) -> RatingReport {
        let Figures { customers, months, prices, backtest_micros, baseline_customers, estimates_micros, .. } = figures;
        let per_second = |count: u64, micros: u64| count.saturating_mul(1_000_000) / micros.max(1);
        let nanos_each = |count: u64, micros: u64| micros.saturating_mul(1_000) / count.max(1);
        let hundredths =
            nanos_each(baseline_customers, estimates_micros) * 100 / nanos_each(customers, backtest_micros).max(1);
        RatingReport {
            customers,
            months,
            prices,
            events: figures.events,
            backtest_millis: backtest_micros / 1_000,
            ratings_per_second: per_second(customers * months * prices * VERSIONS, backtest_micros),
            customers_per_second: per_second(customers, backtest_micros),
            baseline_customers_per_second: per_second(baseline_customers, estimates_micros),
            backtest_to_baseline: f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0,
            resident_before_kib: figures.resident_before_kib,
            peak_resident_kib: figures.peak_resident_kib,
            check: figures.check,
        }
    }
}

impl fmt::Display for RatingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: Option<u64>| kib.map_or("unknown".to_owned(), |kib| format!("{} MiB", kib / 1024));
        let RatingReport { customers, months, prices, events, .. } = self;
        writeln!(
            f,
            "rating      {customers} customers × {months} months × {prices} prices × 2 versions, {events} events"
        )?;
        writeln!(
            f,
            "backtest    {} ms: {} ratings/s, {} customers/s; resident {} before, {} at most",
            self.backtest_millis,
            self.ratings_per_second,
            self.customers_per_second,
            mib(self.resident_before_kib),
            mib(self.peak_resident_kib)
        )?;
        writeln!(f, "estimates   {} customers/s, one by one over HTTP", self.baseline_customers_per_second)?;
        writeln!(f, "backtest / estimates  {:.2}×", self.backtest_to_baseline)?;
        let word = if self.check.holds() { "holds" } else { "FAILS" };
        let RatingCheck { compared, equal } = self.check;
        write!(f, "check {word}: {equal} of {compared} estimates equal the backtest to the last digit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_counts_by_the_time_they_took() {
        let report = RatingReport::new(Figures {
            customers: 1_000,
            months: 12,
            prices: 5,
            events: 1,
            backtest_micros: 2_000_000,
            baseline_customers: 10,
            estimates_micros: 1_000_000,
            resident_before_kib: None,
            peak_resident_kib: None,
            check: RatingCheck { compared: 10, equal: 10 },
        });
        assert_eq!((report.ratings_per_second, report.customers_per_second), (60_000, 500));
        assert_eq!(report.baseline_customers_per_second, 10);
        assert_eq!(report.backtest_to_baseline, 50.0);
        assert!(report.check.holds() && !RatingCheck { compared: 10, equal: 9 }.holds());
        assert!(!RatingCheck { compared: 0, equal: 0 }.holds());
    }
}
