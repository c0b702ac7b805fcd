//! The properties of an event: a flat JSON object, kept in one canonical form.

use std::borrow::Cow;
use std::fmt::Write;

use crate::refusal::{Code, Refusal};

use super::json::{read_object, unescape};
use super::number;

/// The most properties of one event.
pub const COUNT_MAX: usize = 50;
/// The longest name of a property, in bytes.
pub const NAME_LENGTH_MAX: usize = 128;
/// The longest text of a property, in bytes.
pub const TEXT_LENGTH_MAX: usize = 1024;

/// Reads the `properties` object and writes it in canonical form: names sorted by bytes, numbers as plain decimals without
/// superfluous zeros, texts with the fewest escapes, no white space.
///
/// # Errors
/// A refusal that names the property (`properties.region`): nested values, a name given twice, too many, too long.
pub fn canonical(text: &str) -> Result<String, Refusal> {
    canonical_of("properties", text)
}

/// Hands each property to `each`: its name, and its value as canonical JSON. The object was accepted before; how it is spelled now
/// does not matter.
///
/// # Errors
/// A refusal when the text is no such object.
pub fn read(text: &str, mut each: impl FnMut(&str, &str)) -> Result<(), Refusal> {
    read_object(text, |name, raw| {
        each(&name, &scalar("properties", &name, raw)?);
        Ok(())
    })
}

/// The text that a value in canonical JSON stands for: strings as they are, numbers and truth values as they are written, `null` for none.
pub fn text_of(value: &str) -> Option<Cow<'_, str>> {
    match value {
        "null" => None,
        _ if value.starts_with('"') => unescape(value),
        _ => Some(Cow::Borrowed(value)),
    }
}

/// The same for another field of the same form.
///
/// # Errors
/// As [`canonical`], with the name of the field.
pub(super) fn canonical_of(field: &str, text: &str) -> Result<String, Refusal> {
    if !text.trim_start().starts_with('{') {
        return Err(Refusal::field(Code::InvalidType, field, "must be an object."));
    }
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    read_object(text, |name, raw| {
        check_name(field, &name)?;
        let value = scalar(field, &name, raw)?;
        pairs.push((name, value));
        Ok(())
    })?;
    if pairs.len() > COUNT_MAX {
        let detail = format!("has {} fields; at most {COUNT_MAX} are accepted.", pairs.len());
        return Err(Refusal::field(Code::TooManyItems, field, detail));
    }
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(Refusal::field(Code::InvalidValue, path(field, &twice[0].0), "is given twice."));
    }
    Ok(write(&pairs))
}

fn write(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    let mut out = String::from("{");
    for (index, (name, value)) in pairs.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Cannot fail: writing to a string does not.
        write!(out, "{comma}{}:{value}", quote(name)).expect("a string takes every text");
    }
    out.push('}');
    out
}

fn scalar<'a>(field: &str, name: &str, raw: &'a str) -> Result<Cow<'a, str>, Refusal> {
    match raw.as_bytes()[0] {
        b't' | b'f' | b'n' => Ok(Cow::Borrowed(raw)),
        b'"' => text(field, name, raw),
        b'{' | b'[' => Err(Refusal::field(
            Code::InvalidType,
            path(field, name),
            "must be a text, a number, true, false or null: the object is flat.",
        )),
        _ => number::canonical(raw).map(Cow::Owned).ok_or_else(|| {
            Refusal::field(
                Code::OutOfRange,
                path(field, name),
                "has more than 40 digits before or after the decimal point.",
            )
        }),
    }
}

fn text<'a>(field: &str, name: &str, raw: &'a str) -> Result<Cow<'a, str>, Refusal> {
    let refused = |detail: &str| Refusal::field(Code::InvalidValue, path(field, name), detail);
    let text = unescape(raw).ok_or_else(|| refused("has an escape that stands for no character."))?;
    if text.contains('\0') {
        return Err(refused("holds the NUL character."));
    }
    if text.len() > TEXT_LENGTH_MAX {
        return Err(refused("is longer than 1024 bytes."));
    }
    Ok(match text {
        // Without escapes in the original there is nothing to escape in the canonical form either.
        Cow::Borrowed(_) => Cow::Borrowed(raw),
        Cow::Owned(text) => Cow::Owned(quote(&text)),
    })
}

fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    if (1..=NAME_LENGTH_MAX).contains(&name.len()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = "has a name that is not 1 to 128 bytes of printable text.";
    Err(Refusal::field(Code::InvalidValue, field, detail))
}

fn path(field: &str, name: &str) -> String {
    format!("{field}.{name}")
}

fn quote(text: &str) -> String {
    // Cannot fail: every text can be written as a JSON string.
    serde_json::to_string(text).expect("a text is a JSON string")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rstest::rstest]
    #[case(r#"{ "b": 1.50, "a": "x" }"#, r#"{"a":"x","b":1.5}"#)]
    #[case(r#"{"a":"\u00fc\/\n"}"#, "{\"a\":\"ü/\\n\"}")]
    #[case(r#"{"a":true,"b":null}"#, r#"{"a":true,"b":null}"#)]
    #[case("{}", "{}")]
    fn one_object_has_one_text(#[case] sent: &str, #[case] expected: &str) {
        assert_eq!(canonical(sent).unwrap(), expected);
        assert_eq!(canonical(expected).unwrap(), expected);
    }

    #[rstest::rstest]
    #[case(r#"{"a":{"b":1}}"#, Code::InvalidType, "properties.a")]
    #[case(r#"{"a":[1]}"#, Code::InvalidType, "properties.a")]
    #[case(r#"{"a":1,"\u0061":2}"#, Code::InvalidValue, "properties.a")]
    #[case(r#"{"a":"\u0000"}"#, Code::InvalidValue, "properties.a")]
    #[case(r#"{"":1}"#, Code::InvalidValue, "properties")]
    #[case(r#"{"a":1e400}"#, Code::OutOfRange, "properties.a")]
    #[case("[]", Code::InvalidType, "properties")]
    fn what_is_not_flat_and_plain_is_refused(#[case] sent: &str, #[case] code: Code, #[case] field: &str) {
        let refusal = canonical(sent).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (code, Some(field)));
    }

    #[test]
    fn fifty_properties_are_enough() {
        let object = |count: usize| {
            let fields: Vec<String> = (0..count).map(|number| format!("\"p{number}\":1")).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(canonical(&object(50)).is_ok());
        assert_eq!(canonical(&object(51)).unwrap_err().code, Code::TooManyItems);
    }

    #[test]
    fn a_text_of_more_than_1024_bytes_is_refused() {
        let object = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length));
        assert!(canonical(&object(1024)).is_ok());
        assert_eq!(canonical(&object(1025)).unwrap_err().code, Code::InvalidValue);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _result = canonical(&text);
        }
    }
}
