//! Cuts: how the amount of a whole period is divided in time, so that every part of it is the same however often it is divided.
//!
//! A cut splits the whole amount into what lies before and what lies after it, by days or seconds, with largest remainder (a tie goes to
//! the part before). The amount of a stretch is the difference of what lies after its two ends. So stretches that tile a period sum to
//! the whole, what is credited from an instant on is what would be charged from it on, and an upgrade that is undone at once nets to zero.

use jiff::tz::TimeZone;

use crate::amount::Amount;
use crate::proration::{TimeBasis, share};
use crate::ratio::OutOfRange;
use crate::split::split_amount;
use crate::time::Instant;
use crate::window::Span;

/// How a period is divided.
#[derive(Debug, Clone)]
pub struct Cutting {
    pub period: Span,
    pub basis: TimeBasis,
    pub zone: TimeZone,
}

impl Cutting {
    /// The part of `whole` that lies from `at` on.
    ///
    /// ```
    /// use domain::{amount::Amount, proration::TimeBasis, subscriptions::cuts::Cutting, time::Instant, window::{Span, zone}};
    /// let at = |text| Instant::parse(text).unwrap();
    /// let april = Span { start: at("2026-04-01T00:00:00Z"), end: at("2026-05-01T00:00:00Z") };
    /// let cutting = Cutting { period: april, basis: TimeBasis::Day, zone: zone("UTC") };
    /// let whole = Amount::parse("49").unwrap();
    /// // 20 of 30 days are left on the 11th: 32.666667; 10 were used: 16.333333.
    /// assert_eq!(cutting.after(whole, at("2026-04-11T09:00:00Z")).unwrap().to_string(), "32.666667");
    /// ```
    ///
    /// # Errors
    /// [`OutOfRange`] for a period without a day (or second) of its own.
    pub fn after(&self, whole: Amount, at: Instant) -> Result<Amount, OutOfRange> {
        let rest = share(self.period, Span { start: at, end: self.period.end }, self.basis, &self.zone)?;
        // Cannot fail: a share is a fraction of the days or seconds of a period, which are far below 2^64.
        let count = |count: i128| u64::try_from(count).map_err(|_| OutOfRange);
        let weights = [(0u8, count(rest.denominator() - rest.numerator())?), (1, count(rest.numerator())?)];
        let parts = split_amount(whole, &weights)?;
        Ok(parts[1])
    }

    /// The part of `whole` that belongs to a stretch.
    ///
    /// # Errors
    /// As [`Cutting::after`].
    pub fn within(&self, whole: Amount, stretch: Span) -> Result<Amount, OutOfRange> {
        let (from_start, from_end) = (self.after(whole, stretch.start)?, self.after(whole, stretch.end)?);
        from_start.checked_sub(from_end).ok_or(OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::zone;
    use proptest::prelude::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn april() -> Cutting {
        let period = Span { start: at("2026-04-01T00:00:00Z"), end: at("2026-05-01T00:00:00Z") };
        Cutting { period, basis: TimeBasis::Day, zone: TimeZone::UTC }
    }

    #[test]
    fn the_whole_lies_after_the_start_and_nothing_after_the_end() {
        let whole = Amount::from_micros(100_000_001);
        assert_eq!(april().after(whole, at("2026-04-01T00:00:00Z")), Ok(whole));
        assert_eq!(april().after(whole, at("2026-05-01T00:00:00Z")), Ok(Amount::ZERO));
        assert_eq!(april().after(whole, at("2026-03-01T00:00:00Z")), Ok(whole));
    }

    #[test]
    fn a_tie_goes_to_the_part_before() {
        // One millionth over 30 days, cut in the middle: each half has the remainder one half.
        assert_eq!(april().after(Amount::from_micros(1), at("2026-04-16T00:00:00Z")), Ok(Amount::ZERO));
        assert_eq!(april().after(Amount::from_micros(3), at("2026-04-16T00:00:00Z")), Ok(Amount::from_micros(1)));
    }

    proptest! {
        // promise P20, checklist 48
        #[test]
        fn stretches_that_tile_a_period_sum_to_the_whole(
            micros in 0i64..1_000_000_000_000,
            mut cuts in prop::collection::vec(0i64..2_592_000, 0..12),
            basis in prop::sample::select(TimeBasis::ALL),
            name in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York"]),
        ) {
            let start = at("2026-03-05T00:00:00Z").micros();
            let instant = |second: i64| Instant::from_micros(start + second * 1_000_000).unwrap();
            let period = Span { start: instant(0), end: instant(2_592_000) };
            let cutting = Cutting { period, basis, zone: zone(name) };
            cuts.extend([0, 2_592_000]);
            cuts.sort_unstable();
            let whole = Amount::from_micros(micros);
            let parts = cuts.windows(2).map(|pair| {
                cutting.within(whole, Span { start: instant(pair[0]), end: instant(pair[1]) }).unwrap()
            });
            let parts: Vec<Amount> = parts.collect();
            prop_assert!(parts.iter().all(|part| !part.is_negative()));
            prop_assert_eq!(Amount::checked_sum(parts), Some(whole));
        }

        #[test]
        fn a_part_is_within_one_millionth_of_its_exact_share(micros in 0i64..1_000_000_000_000, day in 1i8..=30) {
            let cut = at(&format!("2026-04-{day:02}T12:00:00Z"));
            let after = april().after(Amount::from_micros(micros), cut).unwrap().micros();
            let days_left = 31 - i64::from(day);
            prop_assert!((after * 30 - micros * days_left).abs() <= 30);
        }
    }
}
