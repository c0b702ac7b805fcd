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

#[cfg(test)]
mod tests {
    #[test]
    fn an_instant_is_written_with_milliseconds_and_z() {
        assert_eq!(super::rfc3339(1_773_742_500_000), "2026-03-17T10:15:00.000Z");
        assert_eq!(super::rfc3339(1_773_742_500_120), "2026-03-17T10:15:00.120Z");
    }
}
