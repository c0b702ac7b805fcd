//! Time zones by their IANA names, from the database built into the program.

use jiff::tz::TimeZoneDatabase;

use crate::refusal::{Code, Refusal};

/// What a project gets that names no zone.
pub const UTC: &str = "UTC";

/// The zone's name as the IANA database spells it.
///
/// # Errors
/// [`Code::InvalidValue`] when no such zone exists.
pub fn time_zone(field: &str, name: &str) -> Result<String, Refusal> {
    let zone = TimeZoneDatabase::bundled().get(name).ok();
    match zone.as_ref().and_then(jiff::tz::TimeZone::iana_name) {
        Some(name) => Ok(name.to_owned()),
        None => {
            let detail = "must be the IANA name of a time zone, such as \"Europe/Berlin\" or \"UTC\".";
            Err(Refusal::field(Code::InvalidValue, field, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_iana_name() {
        assert_eq!(time_zone("timeZone", "Europe/Berlin").unwrap(), "Europe/Berlin");
        assert_eq!(time_zone("timeZone", "utc").unwrap(), UTC);
    }

    #[rstest::rstest]
    #[case("")]
    #[case("Berlin")]
    #[case("+01:00")]
    #[case("../../etc/passwd")]
    fn anything_else_is_refused(#[case] name: &str) {
        assert_eq!(time_zone("timeZone", name).unwrap_err().code, Code::InvalidValue);
    }
}
