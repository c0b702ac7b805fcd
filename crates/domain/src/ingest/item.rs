//! One event of an ingest request, read or refused, with what identifies it as far as that could be read.

use std::borrow::Cow;

use crate::idempotency::{Fingerprint, IdempotencyKey};
use crate::refusal::{Code, Refusal};

use super::fingerprint::of_unreadable;
use super::json::{read_object, string, utf8};
use super::outcome::Door;
use super::usage::{Draft, UsageRequest, once};
use super::{cloud_event, payload};

/// The largest single event, in bytes.
pub const LENGTH_MAX: usize = 64 * 1024;

/// One event of a request. It is refused here only for what its own text says; policies come later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// `None` when no well-formed key was given; then `request` is a refusal.
    pub key: Option<IdempotencyKey>,
    pub request: Result<UsageRequest, Refusal>,
    pub fingerprint: Fingerprint,
    /// The event as it was received, as far as it is kept.
    pub payload: String,
}

impl Item {
    /// An event that cannot be read.
    pub fn refused(key: Option<IdempotencyKey>, refusal: Refusal, body: &[u8]) -> Item {
        let payload = payload::kept(body);
        Item { key, fingerprint: of_unreadable(&payload), request: Err(refusal), payload }
    }

    /// The body of `POST /ingest/usage`, with the `Idempotency-Key` header.
    pub fn single(key: Option<&str>, body: &[u8]) -> Item {
        let key =
            key.ok_or_else(|| key_required("The header Idempotency-Key is required.")).and_then(IdempotencyKey::parse);
        let request = utf8(body).and_then(|text| Ok((text, read_event(text)?)));
        Item::from_parts(key, request, body)
    }

    /// An event that an operator corrected, in the form of the door it came through. Its key is decided already: one in
    /// the text counts for nothing.
    pub fn corrected(key: IdempotencyKey, door: Door, text: &str) -> Item {
        let request = match door {
            Door::Single | Door::RejectionReplay | Door::Correction => read_event(text),
            Door::Batch | Door::Ndjson => read_element(text).1,
            Door::CloudEvent | Door::CloudEventBatch => cloud_event::read(text).1,
        };
        let fingerprint = request.as_ref().map_or_else(|_| of_unreadable(text), UsageRequest::fingerprint);
        Item { key: Some(key), request, fingerprint, payload: text.to_owned() }
    }

    /// One element of a batch, with its `idempotencyKey` beside the fields of the event.
    pub(super) fn of_batch(text: &str) -> Item {
        let (key, request) = read_element(text);
        let field = "idempotencyKey";
        let key = match key {
            Some(text) => IdempotencyKey::parse(&text).map_err(|refusal| {
                let detail = "must be 1 to 255 bytes of printable text without spaces at its ends.";
                Refusal::field(refusal.code, field, detail)
            }),
            None => Err(Refusal::field(Code::IdempotencyKeyRequired, field, "is required.")),
        };
        Item::from_parts(key, request.map(|request| (text, request)), text.as_bytes())
    }

    /// A refusal of the body counts before one of the key: it says what to look at first.
    pub(super) fn from_parts(
        key: Result<IdempotencyKey, Refusal>,
        request: Result<(&str, UsageRequest), Refusal>,
        body: &[u8],
    ) -> Item {
        match (key, request) {
            (key, Ok(_)) if body.len() > LENGTH_MAX => Item::refused(key.ok(), too_large(), body),
            (Ok(key), Ok((text, request))) => {
                let fingerprint = request.fingerprint();
                Item { key: Some(key), request: Ok(request), fingerprint, payload: text.to_owned() }
            }
            (key, Err(refusal)) => Item::refused(key.ok(), refusal, body),
            (Err(refusal), Ok(_)) => Item::refused(None, refusal, body),
        }
    }
}

fn read_event(text: &str) -> Result<UsageRequest, Refusal> {
    let mut draft = Draft::default();
    read_object(text, |name, raw| draft.set(&name, raw))?;
    draft.finish()
}

/// Every field is looked at, so that a rejection knows its key although another field is wrong.
fn read_element(text: &str) -> (Option<Cow<'_, str>>, Result<UsageRequest, Refusal>) {
    let mut key = None;
    let mut draft = Draft::default();
    let mut refused = None;
    let fields = read_object(text, |name, raw| {
        let set = if name == "idempotencyKey" {
            string(&name, raw).and_then(|value| once(&name, &mut key, value))
        } else {
            draft.set(&name, raw)
        };
        refused = refused.take().or(set.err());
        Ok(())
    });
    let request = fields.and_then(|()| refused.map_or_else(|| draft.finish(), Err));
    (key, request)
}

/// The refusal of an event that is larger than [`LENGTH_MAX`].
pub fn too_large() -> Refusal {
    Refusal::new(Code::PayloadTooLarge, "One event has at most 64 KiB. Send less in its properties.")
}

pub(super) fn key_required(detail: &str) -> Refusal {
    Refusal::new(
        Code::IdempotencyKeyRequired,
        format!("{detail} Send a value that is the same whenever this request is sent again."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: Option<&str> = Some("k1");

    fn refusal(body: &str) -> Refusal {
        Item::single(KEY, body.as_bytes()).request.unwrap_err()
    }

    fn fingerprint(body: &str) -> Fingerprint {
        let item = Item::single(KEY, body.as_bytes());
        assert!(item.request.is_ok(), "{item:?}");
        item.fingerprint
    }

    #[test]
    fn the_published_request_is_read() {
        // checklist 17
        let body = r#"{ "metricKey": "api_tokens", "units": "1250.000000", "timestamp": "2026-03-17T10:15:00.000Z" }"#;
        let item = Item::single(KEY, body.as_bytes());
        let request = item.request.unwrap();
        assert_eq!(request.metric_key, "api_tokens");
        assert_eq!(request.units.unwrap().micros(), 1_250_000_000);
        assert_eq!(request.timestamp.unwrap().to_string(), "2026-03-17T10:15:00.000Z");
        assert_eq!(item.payload, body);
    }

    #[rstest::rstest]
    #[case(r#"{"metricKey":"m","units":"1.0000001"}"#, Code::TooPrecise, "units")]
    #[case(r#"{"metricKey":"m","units":1.0000001}"#, Code::TooPrecise, "units")]
    #[case(r#"{"metricKey":"m","units":1e3}"#, Code::InvalidValue, "units")]
    #[case(r#"{"metricKey":"m","units":"NaN"}"#, Code::InvalidValue, "units")]
    #[case(r#"{"metricKey":"m","units":"-5"}"#, Code::NotPositive, "units")]
    #[case(r#"{"metricKey":"m","units":-5}"#, Code::NotPositive, "units")]
    #[case(r#"{"metricKey":"m","units":"99999999999999"}"#, Code::OutOfRange, "units")]
    #[case(r#"{"metricKey":"m","units":true}"#, Code::InvalidType, "units")]
    #[case(r#"{"metricKey":"m","units":[1]}"#, Code::InvalidType, "units")]
    #[case(r#"{"metricKey":"m","units":1,"units":2}"#, Code::InvalidValue, "units")]
    #[case(r#"{"metricKey":"m","timestamp":"yesterday"}"#, Code::InvalidTimestamp, "timestamp")]
    #[case(r#"{"metricKey":"m","timestamp":1742206500}"#, Code::InvalidType, "timestamp")]
    #[case(r#"{"metricKey":7}"#, Code::InvalidType, "metricKey")]
    #[case(r#"{"metricKey":""}"#, Code::InvalidValue, "metricKey")]
    #[case(r#"{"metricKey":" m"}"#, Code::InvalidValue, "metricKey")]
    #[case(r#"{"metricKey":"m","customerKey":"a\u0000"}"#, Code::InvalidValue, "customerKey")]
    #[case(r#"{"metricKey":"m","eventId":"e\n"}"#, Code::InvalidValue, "eventId")]
    #[case(r#"{"metricKey":"m","properties":{"a":{}}}"#, Code::InvalidType, "properties.a")]
    #[case(r#"{"metricKey":"m","unit":1}"#, Code::UnknownField, "unit")]
    #[case(r#"{"metricKey":"m","idempotencyKey":"k"}"#, Code::UnknownField, "idempotencyKey")]
    #[case(r#"{"units":1}"#, Code::MissingField, "metricKey")]
    #[case(r#"{"metricKey":null}"#, Code::MissingField, "metricKey")]
    fn a_refusal_names_the_field(#[case] body: &str, #[case] code: Code, #[case] field: &str) {
        // checklist 27
        let refusal = refusal(body);
        assert_eq!((refusal.code, refusal.first_field()), (code, Some(field)), "{refusal}");
    }

    #[rstest::rstest]
    #[case("0")]
    #[case("\"-0.000000\"")]
    fn a_level_may_fall_to_zero(#[case] units: &str) {
        let item = Item::single(KEY, format!(r#"{{"metricKey":"m","units":{units}}}"#).as_bytes());
        assert!(item.request.unwrap().units.unwrap().is_zero());
    }

    #[test]
    fn broken_json_is_located_and_kept() {
        let item = Item::single(KEY, b"{\"metricKey\": \"m\",\n \"units\": NaN }");
        let refusal = item.request.unwrap_err();
        assert_eq!(refusal.code, Code::MalformedJson);
        assert!(refusal.detail.contains("line 2, column 11"), "{refusal}");
        assert_eq!(item.payload, "{\"metricKey\": \"m\",\n \"units\": NaN }");
        assert_eq!(item.key.unwrap().as_str(), "k1");
    }

    #[test]
    fn a_missing_key_is_refused() {
        // checklist 23
        let item = Item::single(None, br#"{"metricKey":"m"}"#);
        assert_eq!(item.request.unwrap_err().code, Code::IdempotencyKeyRequired);
        let item = Item::single(Some(""), br#"{"metricKey":"m"}"#);
        assert_eq!(item.request.unwrap_err().code, Code::InvalidIdempotencyKey);
    }

    #[rstest::rstest]
    #[case(r#"{"units":"1.5","metricKey":"m"}"#)]
    #[case(r#"{ "metricKey" : "\u006d", "units" : 1.500000 }"#)]
    #[case(r#"{"metricKey":"m","units":1.5,"timestamp":null}"#)]
    fn spelling_does_not_matter(#[case] body: &str) {
        assert_eq!(fingerprint(body), fingerprint(r#"{"metricKey":"m","units":1.50}"#));
    }

    #[test]
    fn an_offset_form_is_the_same_event() {
        // checklist 34
        let utc = r#"{"metricKey":"m","timestamp":"2026-03-17T10:15:00.000Z"}"#;
        let offset = r#"{"metricKey":"m","timestamp":"2026-03-17T11:15:00+01:00"}"#;
        assert_eq!(fingerprint(utc), fingerprint(offset));
    }

    #[rstest::rstest]
    #[case(r#"{"metricKey":"m"}"#)]
    #[case(r#"{"metricKey":"n","units":1}"#)]
    #[case(r#"{"metricKey":"m","units":2}"#)]
    #[case(r#"{"metricKey":"m","units":1,"timestamp":"2026-03-17T10:15:00Z"}"#)]
    #[case(r#"{"metricKey":"m","units":1,"customerKey":"c"}"#)]
    #[case(r#"{"metricKey":"m","units":1,"subscriptionKey":"c"}"#)]
    #[case(r#"{"metricKey":"m","units":1,"eventId":"c"}"#)]
    #[case(r#"{"metricKey":"m","units":1,"properties":{}}"#)]
    fn every_field_is_part_of_the_fingerprint(#[case] body: &str) {
        assert_ne!(fingerprint(body), fingerprint(r#"{"metricKey":"m","units":1}"#));
    }

    #[test]
    fn the_first_version_of_the_fingerprint_never_changes() {
        let body =
            r#"{"metricKey":"m","units":"1.5","timestamp":"2026-03-17T10:15:00Z","properties":{"b":1.0,"a":"x"}}"#;
        let hex: String = fingerprint(body).0.iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(hex, @"4d7382e49a44b4e117c90977dd24962e819d502c006091e01d03ca507e77745d");
    }

    #[test]
    fn an_element_of_a_batch_is_the_same_event_as_the_single_one() {
        // checklist 116
        let item = Item::of_batch(r#"{"idempotencyKey":"k1","metricKey":"m","units":1}"#);
        assert_eq!(item.fingerprint, fingerprint(r#"{"metricKey":"m","units":1}"#));
        assert_eq!(item.key.unwrap().as_str(), "k1");
    }

    #[test]
    fn a_wrong_element_keeps_its_key() {
        let item = Item::of_batch(r#"{"units":"x","idempotencyKey":"k1","metricKey":"m"}"#);
        assert_eq!(item.key.unwrap().as_str(), "k1");
        assert_eq!(item.request.unwrap_err().first_field(), Some("units"));
    }

    #[test]
    fn an_element_without_a_key_is_refused() {
        let item = Item::of_batch(r#"{"metricKey":"m","units":1}"#);
        assert_eq!(item.request.unwrap_err().code, Code::IdempotencyKeyRequired);
        let item = Item::of_batch(r#"{"idempotencyKey":"","metricKey":"m","units":1}"#);
        assert_eq!(item.request.unwrap_err().code, Code::InvalidIdempotencyKey);
    }

    #[rstest::rstest]
    #[case(Door::Single, r#"{"metricKey":"m","units":1}"#)]
    #[case(Door::Batch, r#"{"idempotencyKey":"k1","metricKey":"m","units":1}"#)]
    #[case(Door::Ndjson, r#"{"metricKey":"m","units":1}"#)]
    #[case(Door::CloudEvent, r#"{"specversion":"1.0","id":"1","source":"s","type":"m","data":{"units":1}}"#)]
    fn a_corrected_event_is_read_as_its_door_does(#[case] door: Door, #[case] text: &str) {
        let item = Item::corrected(IdempotencyKey::parse("k2").unwrap(), door, text);
        assert_eq!(item.fingerprint, fingerprint(r#"{"metricKey":"m","units":1}"#));
        assert_eq!(item.key.unwrap().as_str(), "k2");
    }

    #[test]
    fn what_cannot_be_read_is_recognised_by_its_text() {
        let item = Item::single(KEY, b"{\"metricKey\":");
        let again = Item::corrected(IdempotencyKey::parse("k1").unwrap(), Door::Single, &item.payload);
        assert_eq!(item.fingerprint, again.fingerprint);
        assert_ne!(item.fingerprint, Item::single(KEY, b"{\"metricKey\": ").fingerprint);
    }

    #[test]
    fn one_event_has_at_most_64_kib() {
        let body = format!("{{\"metricKey\":\"m\"{}}}", " ".repeat(LENGTH_MAX));
        assert_eq!(refusal(&body).code, Code::PayloadTooLarge);
    }

    fn any_body() -> impl Strategy<Value = String> {
        let field = prop::sample::select(vec!["metricKey", "units", "timestamp", "customerKey", "properties", "x"]);
        let value = prop_oneof![
            Just("null".to_owned()),
            Just("\"m\"".to_owned()),
            Just("{\"a\":1}".to_owned()),
            "-?[0-9]{1,22}(\\.[0-9]{1,9})?([eE][0-9]{1,3})?",
            "\"[^\"]{0,12}\"",
            ".{0,8}",
        ];
        prop::collection::vec((field, value), 0..5).prop_map(|fields| {
            let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", fields.join(","))
        })
    }

    proptest! {
        #[test]
        fn no_body_panics(body in any_body(), key in ".{0,8}") {
            let _item = Item::single(Some(&key), body.as_bytes());
            let _item = Item::of_batch(&body);
        }

        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..80)) {
            let item = Item::single(KEY, &body);
            prop_assert!(!item.payload.contains('\0'));
        }
    }
}
