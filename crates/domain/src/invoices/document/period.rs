//! A stretch of time with the civil days that are printed for it, so that no later time zone rule changes them.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::time::Instant;
use crate::window::Span;

/// A stretch of time, and its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocumentPeriod)]
pub struct Period {
    pub start: Instant,
    /// Exclusive.
    pub end: Instant,
    #[schema(value_type = String, format = Date)]
    pub first_day: Date,
    /// Inclusive.
    #[schema(value_type = String, format = Date)]
    pub last_day: Date,
}

impl Period {
    /// The span with its days in the zone.
    pub fn of(span: Span, zone: &TimeZone) -> Period {
        let last_moment = Instant::from_micros(span.end.micros().saturating_sub(1)).unwrap_or(span.start);
        let day = |at: Instant| at.timestamp().to_zoned(zone.clone()).date();
        let last_day = day(last_moment.max(span.start));
        Period { start: span.start, end: span.end, first_day: day(span.start), last_day }
    }

    /// From the start of the earliest to the end of the latest; `None` of none.
    pub fn hull(periods: impl IntoIterator<Item = Period>) -> Option<Period> {
        periods.into_iter().reduce(|left, right| Period {
            start: left.start.min(right.start),
            end: left.end.max(right.end),
            first_day: left.first_day.min(right.first_day),
            last_day: left.last_day.max(right.last_day),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::zone;

    fn period(start: &str, end: &str) -> Period {
        let span = Span { start: Instant::parse(start).unwrap(), end: Instant::parse(end).unwrap() };
        Period::of(span, &zone("Europe/Berlin"))
    }

    #[test]
    fn the_days_are_those_of_the_zone_and_the_last_one_belongs_to_it() {
        let march = period("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z");
        assert_eq!(
            (march.first_day.to_string(), march.last_day.to_string()),
            ("2026-03-01".into(), "2026-03-31".into())
        );
        let moment = period("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z");
        assert_eq!(moment.first_day, moment.last_day);
    }

    #[test]
    fn the_hull_holds_all_periods() {
        let periods = [
            period("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            period("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ];
        let hull = Period::hull(periods).unwrap();
        assert_eq!((hull.start, hull.end), (periods[1].start, periods[0].end));
        assert_eq!((hull.first_day, hull.last_day), (periods[1].first_day, periods[0].last_day));
        assert_eq!(Period::hull([]), None);
    }
}
