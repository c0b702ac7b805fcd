//! Reading JSON one field at a time, so that each refusal can name its field and nothing is built that is not needed.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::refusal::{Code, Refusal};

/// Reads a JSON object and hands each field to `field`: its name and the text of its value.
///
/// # Errors
/// [`Code::MalformedJson`] with line and column, [`Code::InvalidType`] for anything but an object, otherwise the first
/// refusal of `field`.
pub(super) fn read_object<'a>(
    text: &'a str,
    mut field: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut refused = None;
    let each = |name: Cow<'a, str>, value: &'a str| {
        if refused.is_none() {
            refused = field(name, value).err();
        }
    };
    read(text, |json| json.deserialize_map(Fields { each }), "an object")?;
    refused.map_or(Ok(()), Err)
}

/// Reads a JSON array and hands the text of each element to `element`, until it returns false.
///
/// # Errors
/// [`Code::MalformedJson`] with line and column, [`Code::InvalidType`] for anything but an array.
pub(super) fn read_array<'a>(text: &'a str, element: impl FnMut(&'a str) -> bool) -> Result<(), Refusal> {
    read(text, |json| json.deserialize_seq(Elements { element }), "an array")
}

/// Turns bytes into text.
///
/// # Errors
/// [`Code::MalformedJson`] with line and column of the first byte that is not UTF-8.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = valid.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        malformed("the text is not UTF-8", line, column)
    })
}

/// The string a field holds; `None` for `null`.
///
/// # Errors
/// [`Code::InvalidType`] for another type, [`Code::InvalidValue`] for an escape that stands for no character.
pub(super) fn string<'a>(name: &str, raw: &'a str) -> Result<Option<Cow<'a, str>>, Refusal> {
    match raw.as_bytes() {
        b"null" => Ok(None),
        [b'"', .., b'"'] => unescape(raw)
            .map(Some)
            .ok_or_else(|| Refusal::field(Code::InvalidValue, name, "has an escape that stands for no character.")),
        _ => Err(Refusal::field(Code::InvalidType, name, "must be a string.")),
    }
}

/// The text of a JSON string without its quotes and escapes; `None` when an escape stands for no character.
pub(super) fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

fn malformed(what: &str, line: usize, column: usize) -> Refusal {
    let detail = format!("The body is not valid JSON at line {line}, column {column}: {what}.");
    Refusal::new(Code::MalformedJson, detail)
}

fn read<'a>(
    text: &'a str,
    run: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'a>>) -> serde_json::Result<()>,
    expected: &str,
) -> Result<(), Refusal> {
    let mut json = serde_json::Deserializer::from_str(text);
    run(&mut json).and_then(|()| json.end()).map_err(|error| {
        // Our visitors accept whatever is inside an object or an array: what is no such thing is of another type.
        if error.is_data() {
            return Refusal::new(Code::InvalidType, format!("The body must be {expected}."));
        }
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or("it ends too early");
        malformed(what, error.line(), error.column())
    })
}

struct Fields<F> {
    each: F,
}

impl<'a, F: FnMut(Cow<'a, str>, &'a str)> Visitor<'a> for Fields<F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key_seed(BorrowedText)? {
            let value: &'a RawValue = map.next_value()?;
            (self.each)(name, value.get());
        }
        Ok(())
    }
}

struct Elements<F> {
    element: F,
}

impl<'a, F: FnMut(&'a str) -> bool> Visitor<'a> for Elements<F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'a>>(mut self, mut seq: S) -> Result<(), S::Error> {
        while let Some(value) = seq.next_element::<&'a RawValue>()? {
            if !(self.element)(value.get()) {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(())
    }
}

/// A text that borrows from the body unless it holds escapes.
struct BorrowedText;

impl<'a> DeserializeSeed<'a> for BorrowedText {
    type Value = Cow<'a, str>;

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Cow<'a, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for BorrowedText {
    type Value = Cow<'a, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Vec<(String, String)>, Refusal> {
        let mut found = Vec::new();
        read_object(text, |name, raw| {
            found.push((name.into_owned(), raw.to_owned()));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn values_are_handed_out_as_they_stand() {
        let found = fields(r#" {"a": 1.50, "b\u0041": {"c": [ ]} } "#).unwrap();
        let expected = [("a", "1.50"), ("bA", r#"{"c": [ ]}"#)];
        assert_eq!(found, expected.map(|(name, raw)| (name.to_owned(), raw.to_owned())));
    }

    #[rstest::rstest]
    #[case("{\n  \"a\": ,\n}", "at line 2, column 8: expected value.")]
    #[case("{\"a\": 1", "at line 1, column 7: EOF while parsing an object.")]
    #[case("{\"a\": NaN}", "at line 1, column 7: expected value.")]
    #[case("", "at line 1, column 0: EOF while parsing a value.")]
    #[case("{} x", "at line 1, column 4: trailing characters.")]
    fn broken_json_is_located(#[case] text: &str, #[case] expected: &str) {
        // checklist 27
        let refusal = fields(text).unwrap_err();
        assert_eq!(refusal.code, Code::MalformedJson);
        assert!(refusal.detail.ends_with(expected), "{}", refusal.detail);
    }

    #[test]
    fn another_type_is_named() {
        assert_eq!(fields("[1]").unwrap_err().code, Code::InvalidType);
        assert_eq!(fields("null").unwrap_err().code, Code::InvalidType);
        assert_eq!(read_array("{}", |_| true).unwrap_err().code, Code::InvalidType);
    }

    #[test]
    fn nesting_without_end_is_no_danger() {
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(fields(&deep).unwrap().len(), 1);
    }

    #[test]
    fn text_that_is_not_utf8_is_located() {
        let refusal = utf8(b"{\n\"a\": \"\xff\"}").unwrap_err();
        assert!(refusal.detail.contains("line 2, column 7"), "{}", refusal.detail);
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        assert_eq!(string("units", r#""\ud800""#).unwrap_err().code, Code::InvalidValue);
        assert_eq!(string("units", r#""\u0031""#).unwrap().as_deref(), Some("1"));
    }
}
