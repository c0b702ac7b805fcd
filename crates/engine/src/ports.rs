//! What the engine needs from the world: the time and randomness. Given from outside, so that a test decides both.

use domain::time::Instant;

/// Tells the time. Production reads the system clock; tests set it.
pub trait Clock: Send + Sync {
    fn now(&self) -> Instant;
}

/// Fills bytes nobody can predict. Production asks the operating system; tests use a seed.
pub trait Random: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}
