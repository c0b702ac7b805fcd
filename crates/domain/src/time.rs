//! Instants: microseconds of UTC, read from and written as RFC 3339.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// A point in time in whole microseconds since 1970-01-01T00:00:00Z, between the years -9999 and 9999.
///
/// Text is written in UTC with milliseconds; any offset is accepted and normalised. Digits finer than a microsecond
/// are cut off (towards the past), so that the same text always means the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-03-17T10:15:00.000Z")]
pub struct Instant(i64);

/// A text that is not an RFC 3339 date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an RFC 3339 date and time such as \"2026-03-17T10:15:00.000Z\"")]
pub struct InstantError;

impl Instant {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Instant = Instant(0);

    /// From microseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`InstantError`] outside the years -9999 to 9999.
    pub fn from_micros(micros: i64) -> Result<Instant, InstantError> {
        Timestamp::from_microsecond(micros).map(|_| Instant(micros)).map_err(|_| InstantError)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339: a date, `T`, a time with seconds, and `Z` or an offset.
    ///
    /// # Errors
    /// [`InstantError`] for anything else, local times without an offset among them.
    pub fn parse(text: &str) -> Result<Instant, InstantError> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() >= 20
            && bytes[..4].iter().all(u8::is_ascii_digit)
            && matches!(bytes[10], b'T' | b't' | b' ')
            && bytes[13] == b':'
            && bytes[16] == b':'
            && matches!(bytes[bytes.len() - 1], b'Z' | b'z' | b'0'..=b'9');
        if !shaped {
            return Err(InstantError);
        }
        let timestamp: Timestamp = text.parse().map_err(|_| InstantError)?;
        Ok(Instant(floor_micros(timestamp)))
    }

    pub fn from_timestamp(timestamp: Timestamp) -> Instant {
        Instant(floor_micros(timestamp))
    }

    pub fn timestamp(self) -> Timestamp {
        // Cannot fail: every constructor checked the range.
        Timestamp::from_microsecond(self.0).expect("an instant is within the range of a timestamp")
    }

    /// The instant `duration` later, or `None` past the year 9999.
    pub fn checked_add(self, duration: Duration) -> Option<Instant> {
        let micros = i64::try_from(duration.as_micros()).ok()?;
        Instant::from_micros(self.0.checked_add(micros)?).ok()
    }

    /// The instant `duration` earlier, or `None` before the year -9999.
    pub fn checked_sub(self, duration: Duration) -> Option<Instant> {
        let micros = i64::try_from(duration.as_micros()).ok()?;
        Instant::from_micros(self.0.checked_sub(micros)?).ok()
    }

    /// The start of the slice of `width` microseconds (counted from the epoch) that holds this instant.
    ///
    /// A width must be positive; slices are half-open, so an instant on a boundary belongs to the later slice.
    pub fn slice_start(self, width_micros: i64) -> Instant {
        assert!(width_micros > 0, "a slice has a positive width");
        Instant(self.0 - self.0.rem_euclid(width_micros))
    }
}

fn floor_micros(timestamp: Timestamp) -> i64 {
    // jiff truncates towards the epoch; before 1970 that is towards the future.
    let micros = timestamp.as_microsecond();
    if timestamp.subsec_nanosecond() % 1_000 < 0 { micros - 1 } else { micros }
}

impl fmt::Display for Instant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.div_euclid(1_000);
        let timestamp = Timestamp::from_millisecond(millis).map_err(|_| fmt::Error)?;
        write!(out, "{timestamp:.3}")
    }
}

impl serde::Serialize for Instant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Instant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Instant::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("2026-03-17T10:15:00.000Z", "2026-03-17T10:15:00.000Z")]
    #[case("2026-03-17T11:15:00+01:00", "2026-03-17T10:15:00.000Z")]
    #[case("2026-03-17T10:15:00.123456789Z", "2026-03-17T10:15:00.123Z")]
    #[case("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999Z")]
    fn an_offset_form_is_the_same_instant(#[case] text: &str, #[case] written: &str) {
        // checklist 34
        assert_eq!(Instant::parse(text).unwrap().to_string(), written);
    }

    #[rstest::rstest]
    #[case("2026-03-17")]
    #[case("2026-03-17T10:15:00")]
    #[case("2026-02-30T10:15:00Z")]
    #[case("1742206500")]
    #[case("2026-03-17T10:15:00Z[Europe/Paris]")]
    #[case("")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert_eq!(Instant::parse(text), Err(InstantError));
    }

    #[test]
    fn a_boundary_belongs_to_the_later_slice() {
        // checklist 38
        let quarter = 15 * 60 * 1_000_000;
        let boundary = Instant::parse("2026-03-17T10:15:00Z").unwrap();
        assert_eq!(boundary.slice_start(quarter), boundary);
        let before = Instant::from_micros(boundary.micros() - 1).unwrap();
        assert_eq!(before.slice_start(quarter).to_string(), "2026-03-17T10:00:00.000Z");
        let old = Instant::from_micros(-1).unwrap();
        assert_eq!(old.slice_start(quarter).micros(), -quarter);
    }
}
