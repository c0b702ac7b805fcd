//! Proration: which share of a period a stretch of it is, by days or by seconds of the customer's zone.
//!
//! - `day`: local days. The day on which something changes belongs to what comes after the change. `share = days / days of the period`.
//! - `second`: whole seconds. `share = seconds / seconds of the period`; a day of 23 or 25 hours weighs what it lasts.
//!
//! Both count from floors of the boundaries, so the shares of stretches that tile a period sum to exactly one.

use jiff::tz::TimeZone;

use crate::named::named;
use crate::ratio::{OutOfRange, Ratio};
use crate::time::Instant;
use crate::window::Span;

named! {
    /// What a share is counted in.
    TimeBasis {
        Day = "day",
        Second = "second",
    }
}

/// The share, 0 to 1, that `stretch` is of `period`; the part of it outside the period does not count.
///
/// ```
/// use domain::{proration::*, time::Instant, window::{Span, zone}};
/// let at = |text| Instant::parse(text).unwrap();
/// let march = Span { start: at("2026-02-28T23:00:00Z"), end: at("2026-03-31T22:00:00Z") };
/// let from_last_day = Span { start: at("2026-03-31T08:00:00Z"), end: march.end };
/// let berlin = zone("Europe/Berlin");
/// assert_eq!(share(march, from_last_day, TimeBasis::Day, &berlin).unwrap().to_string(), "1/31");
/// assert_eq!(share(march, from_last_day, TimeBasis::Second, &berlin).unwrap().to_string(), "14/743");
/// ```
///
/// # Errors
/// [`OutOfRange`] for a period without a single day or second of its own.
pub fn share(period: Span, stretch: Span, basis: TimeBasis, zone: &TimeZone) -> Result<Ratio, OutOfRange> {
    let start = stretch.start.max(period.start);
    let end = stretch.end.min(period.end).max(start);
    let count = |instant: Instant| match basis {
        TimeBasis::Day => day_number(instant, zone),
        TimeBasis::Second => i128::from(instant.micros().div_euclid(1_000_000)),
    };
    Ratio::new(count(end) - count(start), count(period.end) - count(period.start))
}

/// Local days since the epoch.
fn day_number(instant: Instant, zone: &TimeZone) -> i128 {
    let date = instant.timestamp().to_zoned(zone.clone()).date();
    let epoch = jiff::civil::date(1970, 1, 1);
    // Cannot fail: both are dates of the calendar, and days are its smallest part.
    let span = epoch.until(date).expect("two dates are some days apart");
    i128::from(span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::zone;
    use proptest::prelude::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[rstest::rstest]
    #[case("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", "2024-02-29T00:00:00Z", "1/29", "1/29")]
    #[case("2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", "2026-03-29T12:00:00Z", "1", "0.5")]
    fn leap_days_and_halves_count(
        #[case] start: &str,
        #[case] end: &str,
        #[case] change: &str,
        #[case] by_day: &str,
        #[case] by_second: &str,
    ) {
        let period = Span { start: at(start), end: at(end) };
        let rest = Span { start: at(change), end: at(end) };
        let text = |basis| share(period, rest, basis, &TimeZone::UTC).unwrap().to_string();
        assert_eq!((text(TimeBasis::Day).as_str(), text(TimeBasis::Second).as_str()), (by_day, by_second));
    }

    #[test]
    fn a_day_that_lost_an_hour_is_a_day_but_fewer_seconds() {
        let berlin = zone("Europe/Berlin");
        let period = Span { start: at("2026-03-29T00:00:00+01:00"), end: at("2026-03-31T00:00:00+02:00") };
        let first = Span { start: period.start, end: at("2026-03-30T00:00:00+02:00") };
        assert_eq!(share(period, first, TimeBasis::Day, &berlin).unwrap().to_string(), "0.5");
        assert_eq!(share(period, first, TimeBasis::Second, &berlin).unwrap().to_string(), "23/47");
    }

    #[test]
    fn an_empty_period_has_no_shares() {
        let empty = Span { start: at("2026-03-29T00:00:00Z"), end: at("2026-03-29T00:00:00Z") };
        assert_eq!(share(empty, empty, TimeBasis::Second, &TimeZone::UTC), Err(OutOfRange));
    }

    proptest! {
        #[test]
        fn shares_of_stretches_that_tile_a_period_sum_to_one( // checklist 49
            start in -1_000_000_000i64..3_000_000_000,
            mut cuts in prop::collection::vec(0i64..2_678_400_000_000, 1..8),
            basis in prop::sample::select(TimeBasis::ALL),
            name in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia"]),
        ) {
            let instant = |micros: i64| Instant::from_micros(start * 1_000_000 + micros).unwrap();
            let period = Span { start: instant(0), end: instant(2_678_400_000_000) };
            cuts.extend([0, 2_678_400_000_000]);
            cuts.sort_unstable();
            let zone = zone(name);
            let shares = cuts.windows(2).map(|pair| {
                let stretch = Span { start: instant(pair[0]), end: instant(pair[1]) };
                share(period, stretch, basis, &zone).unwrap()
            });
            prop_assert_eq!(Ratio::sum(shares), Ok(Ratio::ONE));
        }
    }
}
