//! Many events in one request: a JSON object with `events`, a JSON array, or one event per line.

use crate::refusal::{Code, Refusal};

use super::item::Item;
use super::json::{read_array, read_object, utf8};
use super::usage::{missing_field, once, unknown_field};

/// The most events of one request.
pub const EVENTS_MAX: usize = 5_000;

/// Reads `{ "events": [ … ] }` or the array alone.
///
/// # Errors
/// A refusal of the request as a whole: broken JSON, another shape, too many events. An event that is wrong in itself is
/// an [`Item`] with a refusal, and costs no other event anything.
pub fn parse_json(body: &[u8]) -> Result<Vec<Item>, Refusal> {
    let text = utf8(body)?;
    if text.trim_start().starts_with('[') {
        return items(text, Item::of_batch);
    }
    let mut events = None;
    read_object(text, |name, raw| match &*name {
        "events" if raw.starts_with('[') => once(&name, &mut events, Some(raw)),
        "events" => Err(Refusal::field(Code::InvalidType, "events", "must be an array.")),
        _ => Err(unknown_field(&name)),
    })?;
    items(events.ok_or_else(|| missing_field("events"))?, Item::of_batch)
}

/// Reads one event per line; blank lines do not count.
///
/// # Errors
/// [`Code::TooManyItems`]. A line that cannot be read is an [`Item`] with a refusal.
pub fn parse_ndjson(body: &[u8]) -> Result<Vec<Item>, Refusal> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let mut found = Vec::new();
    for line in lines {
        if found.len() == EVENTS_MAX {
            return Err(too_many());
        }
        found.push(match utf8(line) {
            Ok(text) => Item::of_batch(text),
            Err(refusal) => Item::refused(None, refusal, line),
        });
    }
    Ok(found)
}

/// The elements of a JSON array, each read by `read`.
pub(super) fn items(array: &str, read: impl Fn(&str) -> Item) -> Result<Vec<Item>, Refusal> {
    let mut found = Vec::new();
    let mut fits = true;
    read_array(array, |element| {
        fits = found.len() < EVENTS_MAX;
        if fits {
            found.push(read(element));
        }
        fits
    })?;
    if fits { Ok(found) } else { Err(too_many()) }
}

fn too_many() -> Refusal {
    let detail = format!("holds more than {EVENTS_MAX} events. Send them in several requests.");
    Refusal::field(Code::TooManyItems, "events", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str = r#"{"idempotencyKey":"k1","metricKey":"m","units":1}"#;
    const BAD: &str = r#"{"idempotencyKey":"k2","metricKey":"m","units":"x"}"#;

    #[test]
    fn one_bad_event_does_not_lose_the_good_ones() {
        // checklist 24
        let found = parse_json(format!("{{\"events\":[{ONE},{BAD},7]}}").as_bytes()).unwrap();
        let accepted: Vec<bool> = found.iter().map(|item| item.request.is_ok()).collect();
        assert_eq!(accepted, [true, false, false]);
        assert_eq!(found[1].payload, BAD);
        assert_eq!(found[2].payload, "7");
    }

    #[test]
    fn an_array_alone_and_lines_are_the_same_events() {
        // checklist 116
        let object = parse_json(format!(r#"{{"events":[{ONE},{BAD}]}}"#).as_bytes()).unwrap();
        let array = parse_json(format!(" [{ONE}, {BAD}]").as_bytes()).unwrap();
        let lines = parse_ndjson(format!("{ONE}\r\n\n{BAD}\n").as_bytes()).unwrap();
        assert_eq!(object, array);
        assert_eq!(object, lines);
    }

    #[test]
    fn a_broken_line_costs_only_itself() {
        let found = parse_ndjson(format!("{ONE}\n{{\n\u{7f}").as_bytes()).unwrap();
        assert!(found[0].request.is_ok());
        assert_eq!(found[1].request.as_ref().unwrap_err().code, Code::MalformedJson);
        assert_eq!(found.len(), 3);
    }

    #[rstest::rstest]
    #[case("{\"events\":[{]}", Code::MalformedJson)]
    #[case("{\"events\":[", Code::MalformedJson)]
    #[case("{\"events\":{}}", Code::InvalidType)]
    #[case("{}", Code::MissingField)]
    #[case("{\"event\":[]}", Code::UnknownField)]
    #[case("7", Code::InvalidType)]
    fn a_body_of_another_shape_is_refused_as_a_whole(#[case] body: &str, #[case] code: Code) {
        assert_eq!(parse_json(body.as_bytes()).unwrap_err().code, code);
    }

    #[test]
    fn five_thousand_events_are_enough() {
        let many = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(parse_json(many(EVENTS_MAX).as_bytes()).unwrap().len(), EVENTS_MAX);
        assert_eq!(parse_json(many(EVENTS_MAX + 1).as_bytes()).unwrap_err().code, Code::TooManyItems);
        let lines = "1\n".repeat(EVENTS_MAX + 1);
        assert_eq!(parse_ndjson(lines.as_bytes()).unwrap_err().code, Code::TooManyItems);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..80)) {
            let _items = parse_json(&body);
            let _items = parse_ndjson(&body);
        }
    }
}
