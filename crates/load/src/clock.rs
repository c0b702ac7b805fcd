//! The one place of this crate that reads clocks: it measures real servers, so real time is its subject.
#![allow(clippy::disallowed_methods, reason = "measures real time of a real server")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Starts a stopwatch.
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970-01-01 UTC; 0 on a machine whose clock stands before that.
pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Whole microseconds, saturating (a measurement never spans 500,000 years).
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Whole milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Blocks this thread: the pace of an experiment, never a way to wait for a condition that can be asked for.
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// An instant as the API writes it: `2026-03-17T10:15:00.000Z`.
pub(crate) fn rfc3339(unix_millis: u64) -> String {
    let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{instant:.3}")
}

/// The month that many months before an instant, in UTC: `March 2026`.
pub(crate) fn month_name(unix_millis: u64, months_back: i64) -> String {
    let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    let month = instant.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    month.saturating_sub(jiff::Span::new().months(months_back)).strftime("%B %Y").to_string()
}

/// The first moment of the month that many months before an instant, in UTC, as Unix time.
pub(crate) fn month_start(unix_millis: u64, months_back: i64) -> u64 {
    let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    let month = instant.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    let start = month.saturating_sub(jiff::Span::new().months(months_back)).to_zoned(jiff::tz::TimeZone::UTC);
    start.map_or(unix_millis, |start| u64::try_from(start.timestamp().as_millisecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_instant_is_written_with_milliseconds_and_z() {
        assert_eq!(super::rfc3339(1_773_742_500_000), "2026-03-17T10:15:00.000Z");
        assert_eq!(super::rfc3339(1_773_742_500_120), "2026-03-17T10:15:00.120Z");
    }

    #[test]
    fn months_are_counted_by_the_calendar() {
        let last_of_march = 1_774_915_200_000;
        assert_eq!(super::rfc3339(last_of_march), "2026-03-31T00:00:00.000Z");
        let names = [2, 1, 0].map(|back| super::month_name(last_of_march, back));
        assert_eq!(names, ["January 2026", "February 2026", "March 2026"]);
        assert_eq!(super::rfc3339(super::month_start(last_of_march, 1)), "2026-02-01T00:00:00.000Z");
    }
}
