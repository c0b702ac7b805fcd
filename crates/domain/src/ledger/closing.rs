//! Closed accounting periods: what an entry may count for, and how far the books are closed.

use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// How far the books of a project are closed. What counts before it never changes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Closing {
    /// The start of the first open accounting day; absent: nothing is closed.
    pub open_from: Option<Instant>,
}

impl Closing {
    /// When an entry counts for something that happened at `happened_at`: then, or from the first open moment on.
    pub fn effective_at(self, happened_at: Instant) -> Instant {
        self.open_from.map_or(happened_at, |open_from| open_from.max(happened_at))
    }

    /// Closes everything before `until`. To close what is closed already changes nothing.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] for a time that is not over.
    pub fn close(self, until: Instant, now: Instant) -> Result<Closing, Refusal> {
        if until > now {
            return Err(Refusal::field(
                Code::OutOfRange,
                "until",
                "must not lie ahead: a day is closed when it is over.",
            ));
        }
        Ok(Closing { open_from: Some(self.effective_at(until)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn what_happened_in_a_closed_period_counts_from_the_first_open_moment_on() {
        let (march, april, may) = (at("2026-03-15T00:00:00Z"), at("2026-04-01T00:00:00Z"), at("2026-05-01T00:00:00Z"));
        assert_eq!(Closing::default().effective_at(march), march);
        let closed = Closing::default().close(april, may).unwrap();
        assert_eq!(
            (closed.effective_at(march), closed.effective_at(april), closed.effective_at(may)),
            (april, april, may)
        );
    }

    #[test]
    fn a_close_never_goes_back_and_never_ahead() {
        let (april, may) = (at("2026-04-01T00:00:00Z"), at("2026-05-01T00:00:00Z"));
        let closed = Closing::default().close(may, may).unwrap();
        assert_eq!(closed.close(april, may), Ok(closed));
        let refused = Closing::default().close(may, april).unwrap_err();
        assert_eq!((refused.code, refused.first_field()), (Code::OutOfRange, Some("until")));
    }
}
