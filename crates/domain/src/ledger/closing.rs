//! Closed accounting periods: what an entry may count for, and how far the books are closed.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::entry::ActorName;
use super::reason::Reason;
use crate::ids::ClosingId;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// How far the books of a project are closed. What counts before it never changes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Closing {
    /// The start of the first open accounting day; absent: nothing is closed.
    pub open_from: Option<Instant>,
}

/// One close, as it is kept: who closed the books until when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosingRecord {
    pub id: ClosingId,
    /// The start of the first day that stayed open.
    pub open_from: Instant,
    pub closed_at: Instant,
    pub actor: ActorName,
    pub reason: Reason,
}

/// The first moment of an accounting day, which is a civil day of the project.
///
/// # Errors
/// [`Code::InvalidValue`] for a text that is no date, or a day that time does not reach.
pub fn accounting_day(field: &str, text: &str, zone: &TimeZone) -> Result<Instant, Refusal> {
    let start = civil_day(field, text)?.to_zoned(zone.clone()).map_err(|_| no_day(field))?;
    Ok(Instant::from_timestamp(start.timestamp()))
}

/// A civil day of the books, as people write it.
///
/// # Errors
/// [`Code::InvalidValue`] for a text that is no date.
pub fn civil_day(field: &str, text: &str) -> Result<Date, Refusal> {
    text.parse().map_err(|_| no_day(field))
}

fn no_day(field: &str) -> Refusal {
    Refusal::field(Code::InvalidValue, field, "must be a day such as 2026-04-01.")
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

    #[test]
    fn an_accounting_day_begins_where_the_project_is() {
        let zone = crate::window::zone("Europe/Berlin");
        assert_eq!(accounting_day("until", "2026-04-01", &zone), Ok(at("2026-03-31T22:00:00Z")));
        for text in ["2026-04-31", "April", "", "2026-04-01T00:00:00Z[UTC]x"] {
            let refusal = accounting_day("until", text, &zone).unwrap_err();
            assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidValue, Some("until")), "{text}");
        }
    }
}
