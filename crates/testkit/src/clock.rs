//! A clock that stands still until the test moves it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::time::Instant;
use engine::ports::Clock;

/// Tells the time the test set.
#[derive(Debug)]
pub struct TestClock {
    micros: AtomicI64,
}

impl TestClock {
    /// A clock that stands at an RFC 3339 time.
    pub fn at(text: &str) -> TestClock {
        let start = Instant::parse(text).expect("a test clock starts at an RFC 3339 time");
        TestClock { micros: AtomicI64::new(start.micros()) }
    }

    /// Moves the clock to an RFC 3339 time, backwards too.
    pub fn set(&self, text: &str) {
        let instant = Instant::parse(text).expect("a test clock is set to an RFC 3339 time");
        self.micros.store(instant.micros(), Ordering::SeqCst);
    }

    pub fn advance(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).expect("a test does not wait for centuries");
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.micros.load(Ordering::SeqCst)).expect("a test clock stays within the calendar")
    }
}
