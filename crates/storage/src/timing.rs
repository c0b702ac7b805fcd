//! The one place of this crate that looks at a clock: how long a transaction took, and the pause before it is repeated.
//!
//! Only metrics and retries depend on it; no stored value ever does (those get their time from the caller).

use std::time::{Duration, Instant};

/// How often a transaction is run at most.
pub(crate) const ATTEMPTS_MAX: u32 = 8;
/// After this time a transaction is not repeated any more.
const RETRY_TIME_MAX: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_millis(64);

/// The time since a transaction was asked for.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this is the stopwatch of the crate")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Whether one more attempt is due after `attempts`.
    pub fn allows_retry(&self, attempts: u32) -> bool {
        attempts < ATTEMPTS_MAX && self.elapsed() < RETRY_TIME_MAX
    }
}

/// Waits a little before the next attempt: 1, 2, 4 … 64 ms.
pub(crate) fn pause(attempts: u32) {
    let millis = 1u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    std::thread::sleep(Duration::from_millis(millis).min(PAUSE_MAX));
}
