//! The clock of a project: the world's, or, in a sandbox, one that is some way ahead of it and never goes back.

use std::time::Duration;

use jiff::Span;
use jiff::tz::TimeZone;

use crate::projects::Mode;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// The furthest that a clock may be ahead: 100 years.
pub const AHEAD_DAYS_MAX: i64 = 36_525;
const DAY_MICROS: i64 = 86_400_000_000;

/// How far a project's clock is ahead of the world's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ProjectClock {
    ahead: Duration,
}

/// How far somebody moves a clock.
#[derive(Debug, Clone)]
pub enum ClockTarget {
    To(Instant),
    /// By the calendar of the project's zone.
    By(Box<Span>),
}

impl ProjectClock {
    /// A clock that is so many microseconds ahead; `None` for one that is behind.
    pub fn from_micros(micros: i64) -> Option<ProjectClock> {
        u64::try_from(micros).ok().map(|micros| ProjectClock { ahead: Duration::from_micros(micros) })
    }

    /// How far it is ahead, in microseconds.
    pub fn micros(self) -> i64 {
        // Cannot fail: it was made from 64 bits, or from two instants.
        i64::try_from(self.ahead.as_micros()).expect("a clock is ahead by less than the calendar is long")
    }

    /// What it shows while the world's clock shows `world`.
    pub fn now(self, world: Instant) -> Instant {
        // At the end of the calendar every clock stands.
        world.checked_add(self.ahead).unwrap_or(world)
    }

    /// The clock that shows `target` while the world's shows `world`; it never goes back.
    pub fn moved_to(self, target: Instant, world: Instant) -> ProjectClock {
        let ahead = target.micros().saturating_sub(world.micros());
        ProjectClock::from_micros(ahead).map_or(self, |moved| moved.max(self))
    }
}

impl ClockTarget {
    /// Reads where a clock shall go: `to` an instant, or `by` a duration such as `P1M` (ISO 8601).
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for both, for neither, and for what is none; [`Code::InvalidTimestamp`].
    pub fn read(to: Option<&str>, by: Option<&str>) -> Result<ClockTarget, Refusal> {
        match (to, by) {
            (Some(to), None) => Instant::parse(to)
                .map(ClockTarget::To)
                .map_err(|error| Refusal::field(Code::InvalidTimestamp, "to", format!("{error}."))),
            (None, Some(by)) => {
                let refused = |_| Refusal::field(Code::InvalidValue, "by", "must be an ISO 8601 duration such as P1M.");
                by.parse::<Span>().map(|span| ClockTarget::By(Box::new(span))).map_err(refused)
            }
            (Some(_), Some(_)) => Err(Refusal::field(Code::InvalidValue, "by", "must be left out: `to` says it all.")),
            (None, None) => Err(Refusal::field(Code::InvalidValue, "to", "or `by` must be given.")),
        }
    }

    /// The instant to which the clock of this project goes; `world` is the time outside.
    ///
    /// # Errors
    /// [`Code::LiveClock`] for a project that handles real money; [`Code::OutOfRange`] for a time that is past, and beyond 100 years.
    pub fn resolve(&self, mode: Mode, now: Instant, world: Instant, zone: &TimeZone) -> Result<Instant, Refusal> {
        match mode {
            Mode::Live => {
                let detail =
                    "A live project follows the world's clock. Make a project with the mode `sandbox` to try out time.";
                return Err(Refusal::new(Code::LiveClock, detail));
            }
            Mode::Sandbox => {}
        }
        let (field, target) = match self {
            ClockTarget::To(to) => ("to", Some(*to)),
            ClockTarget::By(span) => {
                let moved = now.timestamp().to_zoned(zone.clone()).checked_add(**span);
                ("by", moved.ok().map(|moved| Instant::from_timestamp(moved.timestamp())))
            }
        };
        let too_far = || Refusal::field(Code::OutOfRange, field, "leads more than 100 years ahead.");
        let target = target.ok_or_else(too_far)?;
        if target < now {
            let detail = format!("would turn the clock back: it shows {now}. A project's clock only goes forward.");
            return Err(Refusal::field(Code::OutOfRange, field, detail));
        }
        if target.micros() - world.micros() > AHEAD_DAYS_MAX * DAY_MICROS {
            return Err(too_far());
        }
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::zone;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn resolve(to: Option<&str>, by: Option<&str>) -> Result<Instant, Refusal> {
        let now = at("2024-01-31T10:00:00Z");
        ClockTarget::read(to, by)?.resolve(Mode::Sandbox, now, now, &zone("Europe/Berlin"))
    }

    #[test]
    fn a_clock_goes_on_from_where_it_was_moved_and_never_back() {
        let world = at("2026-03-17T10:00:00Z");
        let moved = ProjectClock::default().moved_to(at("2027-03-17T10:00:00Z"), world);
        assert_eq!(moved.now(world), at("2027-03-17T10:00:00Z"));
        assert_eq!(moved.now(at("2026-03-17T10:00:05Z")), at("2027-03-17T10:00:05Z"));
        assert_eq!(moved.moved_to(at("2026-12-01T00:00:00Z"), world), moved);
        assert_eq!(ProjectClock::from_micros(moved.micros()), Some(moved));
        assert_eq!(ProjectClock::from_micros(-1), None);
    }

    #[test]
    fn a_duration_goes_by_the_calendar_of_the_project() {
        assert_eq!(resolve(None, Some("P1M")), Ok(at("2024-02-29T10:00:00Z")));
        assert_eq!(resolve(None, Some("P1Y")), Ok(at("2025-01-31T10:00:00Z")));
        // Berlin's clocks go forward in between: the same hour there is an hour earlier in UTC.
        assert_eq!(resolve(None, Some("P3M")), Ok(at("2024-04-30T09:00:00Z")));
        assert_eq!(resolve(Some("2024-01-31T10:00:00Z"), None), Ok(at("2024-01-31T10:00:00Z")));
    }

    #[rstest::rstest]
    #[case(None, None, Code::InvalidValue, "to")]
    #[case(Some("2025-01-01T00:00:00Z"), Some("P1D"), Code::InvalidValue, "by")]
    #[case(Some("tomorrow"), None, Code::InvalidTimestamp, "to")]
    #[case(None, Some("a month"), Code::InvalidValue, "by")]
    #[case(Some("2024-01-31T09:59:59Z"), None, Code::OutOfRange, "to")]
    #[case(None, Some("-P1D"), Code::OutOfRange, "by")]
    #[case(None, Some("P101Y"), Code::OutOfRange, "by")]
    fn where_no_clock_can_go_is_refused(
        #[case] to: Option<&str>,
        #[case] by: Option<&str>,
        #[case] code: Code,
        #[case] field: &str,
    ) {
        let refusal = resolve(to, by).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (code, Some(field)));
    }

    #[test]
    fn a_live_project_has_no_clock_of_its_own() {
        let now = at("2024-01-31T10:00:00Z");
        let target = ClockTarget::read(None, Some("P1D")).unwrap();
        assert_eq!(target.resolve(Mode::Live, now, now, &zone("UTC")).unwrap_err().code, Code::LiveClock);
    }
}
