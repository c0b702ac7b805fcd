//! Windows: a stretch of time cut at the starts of hours, days, weeks or months of a zone. Half-open, never overlapping.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{ToSpan, Unit, Zoned, ZonedRound};

use crate::named::named;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// The most windows of one question.
pub const WINDOWS_MAX: usize = 2_000;

named! {
    /// How long the windows are. A week begins on Monday (ISO 8601).
    Window {
        Hour = "hour",
        Day = "day",
        Week = "week",
        Month = "month",
    }
}

/// A stretch of time from `start` on, up to but without `end`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
#[schema(as = TimeSpan)]
pub struct Span {
    pub start: Instant,
    pub end: Instant,
}

impl Window {
    /// The first start of a window after the instant; `None` at the end of the calendar.
    pub fn next_start(self, at: Instant, zone: &TimeZone) -> Option<Instant> {
        next_start(self, at, zone)
    }
}

impl Span {
    pub fn contains(self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }

    /// Cuts the span at the start of every window in the zone. The first and the last window may be shorter than the rest;
    /// together they are the span.
    ///
    /// # Errors
    /// [`Code::InvalidQuery`] for more than [`WINDOWS_MAX`] windows.
    pub fn cut(self, window: Window, zone: &TimeZone) -> Result<Vec<Span>, Refusal> {
        let mut spans = Vec::new();
        let mut start = self.start;
        while start < self.end {
            if spans.len() == WINDOWS_MAX {
                let detail =
                    format!("The time from `from` to `to` holds more than {WINDOWS_MAX} windows. Ask for less.");
                return Err(Refusal::new(Code::InvalidQuery, detail));
            }
            let end = next_start(window, start, zone).map_or(self.end, |next| next.min(self.end));
            assert!(end > start, "a window has a length");
            spans.push(Span { start, end });
            start = end;
        }
        Ok(spans)
    }
}

/// The zone with an IANA name that was checked when it was stored; UTC when the name is not known any more.
pub fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC)
}

/// The start of the month that holds the instant, and the start of the next one.
pub fn month_of(at: Instant, zone: &TimeZone) -> Span {
    let first = at.timestamp().to_zoned(zone.clone()).date().first_of_month();
    let start = start_of(first, zone).map_or(at, |start| start.min(at));
    Span { start, end: next_start(Window::Month, at, zone).unwrap_or(at) }
}

fn next_start(window: Window, at: Instant, zone: &TimeZone) -> Option<Instant> {
    let local = at.timestamp().to_zoned(zone.clone());
    let today = local.date();
    let mut date = match window {
        Window::Hour => return next_hour(&local),
        Window::Day => today.tomorrow().ok()?,
        Window::Week => {
            let days_left = 7 - i64::from(today.weekday().to_monday_zero_offset());
            today.checked_add(days_left.days()).ok()?
        }
        Window::Month => today.first_of_month().checked_add(1.month()).ok()?,
    };
    // A day that a zone skipped (Samoa, 30 December 2011) starts when the next one does.
    loop {
        let start = start_of(date, zone)?;
        if start > at {
            return Some(start);
        }
        date = date.tomorrow().ok()?;
    }
}

/// Where the clock is put back by half an hour (Lord Howe), the hour that is repeated in part stays one window.
fn next_hour(local: &Zoned) -> Option<Instant> {
    let hour_later = local.checked_add(1.hour()).ok()?;
    let rounding = ZonedRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc);
    let start = hour_later.round(rounding).ok()?;
    let next = if start > *local { start } else { hour_later };
    Some(Instant::from_timestamp(next.timestamp()))
}

fn start_of(date: Date, zone: &TimeZone) -> Option<Instant> {
    date.to_zoned(zone.clone()).ok().map(|start| Instant::from_timestamp(start.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn starts(window: Window, zone_name: &str, from: &str, to: &str) -> Vec<String> {
        let span = Span { start: at(from), end: at(to) };
        let spans = span.cut(window, &zone(zone_name)).unwrap();
        spans.iter().map(|span| span.start.to_string()).collect()
    }

    #[test]
    fn days_follow_the_clock_of_the_zone() {
        let spring = starts(Window::Day, "Europe/Berlin", "2026-03-28T00:00:00+01:00", "2026-03-31T00:00:00+02:00");
        assert_eq!(spring, ["2026-03-27T23:00:00.000Z", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"]);
    }

    #[test]
    fn an_hour_that_happens_twice_is_two_windows() {
        let autumn = starts(Window::Hour, "Europe/Berlin", "2026-10-25T01:00:00+02:00", "2026-10-25T04:00:00+01:00");
        assert_eq!(autumn.len(), 4);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let weeks = starts(Window::Week, "UTC", "2026-03-17T10:15:00Z", "2026-04-01T00:00:00Z");
        assert_eq!(weeks, ["2026-03-17T10:15:00.000Z", "2026-03-23T00:00:00.000Z", "2026-03-30T00:00:00.000Z"]);
        let months = starts(Window::Month, "UTC", "2024-01-31T00:00:00Z", "2024-04-01T00:00:00Z");
        assert_eq!(months, ["2024-01-31T00:00:00.000Z", "2024-02-01T00:00:00.000Z", "2024-03-01T00:00:00.000Z"]);
    }

    #[test]
    fn a_skipped_day_has_no_window() {
        let days = starts(Window::Day, "Pacific/Apia", "2011-12-29T10:00:00Z", "2012-01-01T10:00:00Z");
        assert_eq!(days, ["2011-12-29T10:00:00.000Z", "2011-12-30T10:00:00.000Z", "2011-12-31T10:00:00.000Z"]);
    }

    #[test]
    fn too_many_windows_are_refused() {
        let span = Span { start: at("2020-01-01T00:00:00Z"), end: at("2026-01-01T00:00:00Z") };
        assert_eq!(span.cut(Window::Hour, &TimeZone::UTC).unwrap_err().code, Code::InvalidQuery);
    }

    #[test]
    fn the_month_of_an_instant_holds_it() {
        let month = month_of(at("2026-03-17T10:15:00Z"), &zone("Europe/Berlin"));
        assert_eq!((month.start, month.end), (at("2026-02-28T23:00:00Z"), at("2026-03-31T22:00:00Z")));
    }

    proptest! {
        #[test]
        fn windows_tile_the_span( // checklist 38
            start in -1_500_000_000_000_000i64..4_000_000_000_000_000,
            hours in 1i64..900,
            window in prop::sample::select(Window::ALL),
            name in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia",
                "America/Sao_Paulo", "Africa/Monrovia",
            ]),
        ) {
            let span = Span {
                start: Instant::from_micros(start).unwrap(),
                end: Instant::from_micros(start + hours * 3_600_000_000).unwrap(),
            };
            let spans = span.cut(window, &zone(name)).unwrap();
            prop_assert_eq!(spans.first().unwrap().start, span.start);
            prop_assert_eq!(spans.last().unwrap().end, span.end);
            for pair in spans.windows(2) {
                prop_assert!(pair[0].start < pair[0].end);
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
        }
    }
}
