//! CloudEvents 1.0 in structured mode: the same usage event, identified by `source` and `id`.

use std::borrow::Cow;

use crate::idempotency::IdempotencyKey;
use crate::metrics;
use crate::refusal::{Code, Refusal};

use super::batch::items;
use super::item::{Item, key_required};
use super::json::{read_object, string, utf8};
use super::usage::{Draft, NAME_LENGTH_MAX, UsageRequest, missing_field, once, printable, read_instant};

/// Reads one event (`application/cloudevents+json`).
pub fn single(body: &[u8]) -> Item {
    match utf8(body) {
        Ok(text) => item(text),
        Err(refusal) => Item::refused(None, refusal, body),
    }
}

/// Reads an array of events (`application/cloudevents-batch+json`).
///
/// # Errors
/// A refusal of the request as a whole: broken JSON, another shape, too many events.
pub fn batch(body: &[u8]) -> Result<Vec<Item>, Refusal> {
    items(utf8(body)?, item)
}

/// The key of an event: the length of its source comes first, so that no two pairs of source and id share a key.
fn identity(source: &str, id: &str) -> Result<IdempotencyKey, Refusal> {
    IdempotencyKey::parse(&format!("{}:{source}:{id}", source.len())).map_err(|refusal| {
        let detail = "and source together must be 1 to 250 bytes of printable text without a space at the end.";
        Refusal::field(refusal.code, "id", detail)
    })
}

/// The attributes this system reads. Others are extensions: they stay in the payload and mean nothing here.
#[derive(Default)]
struct Attributes<'a> {
    id: Option<Cow<'a, str>>,
    source: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    /// What `data` says, where it says something.
    draft: Draft<'a>,
    time: Option<crate::time::Instant>,
    subject: Option<Cow<'a, str>>,
}

fn item(text: &str) -> Item {
    let (key, request) = read(text);
    Item::from_parts(key, request.map(|request| (text, request)), text.as_bytes())
}

/// Every attribute is looked at, so that a rejection knows its identity although another one is wrong.
pub(super) fn read(text: &str) -> (Result<IdempotencyKey, Refusal>, Result<UsageRequest, Refusal>) {
    let mut attributes = Attributes::default();
    let mut refused = None;
    let fields = read_object(text, |name, raw| {
        refused = refused.take().or(attributes.set(&name, raw).err());
        Ok(())
    });
    let key = match (&attributes.source, &attributes.id) {
        (Some(source), Some(id)) => identity(source, id),
        _ => Err(key_required("A CloudEvent is identified by its source and its id.")),
    };
    let request = fields.and_then(|()| refused.map_or_else(|| attributes.finish(), Err));
    (key, request)
}

impl<'a> Attributes<'a> {
    fn set(&mut self, name: &str, raw: &'a str) -> Result<(), Refusal> {
        match name {
            "id" => once(name, &mut self.id, string(name, raw)?),
            "source" => once(name, &mut self.source, string(name, raw)?),
            "specversion" => once(name, &mut self.version, string(name, raw)?),
            "type" => once(name, &mut self.kind, printable(name, raw, metrics::KEY_LENGTH_MAX)?),
            "time" => once(name, &mut self.time, read_instant(name, raw)?),
            "subject" => once(name, &mut self.subject, printable(name, raw, NAME_LENGTH_MAX)?),
            "datacontenttype" => check_content_type(name, raw),
            "data" => self.read_data(raw),
            "data_base64" => {
                Err(Refusal::field(Code::InvalidType, name, "is not read here. Send data as a JSON object."))
            }
            _ => Ok(()),
        }
    }

    fn read_data(&mut self, raw: &'a str) -> Result<(), Refusal> {
        match raw.as_bytes().first() {
            Some(b'n') => Ok(()),
            Some(b'{') => read_object(raw, |name, value| self.draft.set(&name, value)).map_err(inside_data),
            _ => Err(Refusal::field(Code::InvalidType, "data", "must be an object.")),
        }
    }

    /// A field of `data` counts before the attribute that stands for it: `type`, `time`, `subject`.
    fn finish(self) -> Result<UsageRequest, Refusal> {
        for (name, value) in [("id", &self.id), ("source", &self.source), ("type", &self.kind)] {
            if value.as_ref().is_none_or(|text| text.is_empty()) {
                return Err(missing_field(name));
            }
        }
        if self.version.as_deref() != Some("1.0") {
            return Err(Refusal::field(Code::InvalidValue, "specversion", "must be \"1.0\"."));
        }
        let mut draft = self.draft;
        draft.metric_key = draft.metric_key.or(self.kind);
        draft.timestamp = draft.timestamp.or(self.time);
        draft.customer_key = draft.customer_key.or(self.subject);
        draft.finish()
    }
}

fn check_content_type(name: &str, raw: &str) -> Result<(), Refusal> {
    let Some(text) = string(name, raw)? else {
        return Ok(());
    };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    Err(Refusal::field(Code::InvalidValue, name, "must be JSON: application/json, or a type that ends with +json."))
}

fn inside_data(refusal: Refusal) -> Refusal {
    match refusal.errors.first() {
        Some(error) => Refusal::field(error.code, format!("data.{}", error.field), error.detail.clone()),
        None => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL: &str = r#"{"specversion":"1.0","id":"e1","source":"/meter","type":"m","time":"2026-03-17T10:15:00Z",
        "subject":"acme","traceparent":"00-1","datacontenttype":"application/json; charset=utf-8",
        "data":{"units":"1.5","properties":{"a":1}}}"#;

    fn request(text: &str) -> Result<UsageRequest, Refusal> {
        single(text.as_bytes()).request
    }

    #[test]
    fn a_cloud_event_is_the_same_event_as_the_plain_form() {
        // checklist 116
        let plain = r#"{"metricKey":"m","units":1.5,"timestamp":"2026-03-17T10:15:00Z","customerKey":"acme","properties":{"a":1.0}}"#;
        let event = single(FULL.as_bytes());
        assert_eq!(event.fingerprint, Item::single(Some("k"), plain.as_bytes()).fingerprint);
        assert_eq!(event.key.unwrap().as_str(), "6:/meter:e1");
    }

    #[test]
    fn data_counts_before_the_attributes() {
        let text = r#"{"specversion":"1.0","id":"e1","source":"s","type":"com.example.used","subject":"x",
            "data":{"metricKey":"m","customerKey":"acme"}}"#;
        let request = request(text).unwrap();
        assert_eq!((request.metric_key.as_str(), request.customer_key.as_deref()), ("m", Some("acme")));
    }

    #[test]
    fn source_and_id_cannot_flow_into_each_other() {
        assert_ne!(identity("a", "b:c").unwrap(), identity("a:b", "c").unwrap());
        assert_ne!(identity("1:", "a").unwrap(), identity("1", ":a").unwrap());
    }

    #[rstest::rstest]
    #[case(r#"{"specversion":"0.3","id":"1","source":"s","type":"m"}"#, Code::InvalidValue, Some("specversion"))]
    #[case(r#"{"id":"1","source":"s","type":"m"}"#, Code::InvalidValue, Some("specversion"))]
    #[case(r#"{"specversion":"1.0","source":"s","type":"m"}"#, Code::MissingField, Some("id"))]
    #[case(r#"{"specversion":"1.0","id":"1","type":"m"}"#, Code::MissingField, Some("source"))]
    #[case(r#"{"specversion":"1.0","id":"1","source":"s"}"#, Code::MissingField, Some("type"))]
    #[case(r#"{"specversion":"1.0","id":"1","source":"s","type":"m","data":7}"#, Code::InvalidType, Some("data"))]
    #[case(
        r#"{"specversion":"1.0","id":"1","source":"s","type":"m","data":{"unit":1}}"#,
        Code::UnknownField,
        Some("data.unit")
    )]
    #[case(
        r#"{"specversion":"1.0","id":"1","source":"s","type":"m","data":{"units":1e3}}"#,
        Code::InvalidValue,
        Some("data.units")
    )]
    #[case(
        r#"{"specversion":"1.0","id":"1","source":"s","type":"m","data_base64":"AA=="}"#,
        Code::InvalidType,
        Some("data_base64")
    )]
    #[case(
        r#"{"specversion":"1.0","id":"1","source":"s","type":"m","datacontenttype":"text/xml"}"#,
        Code::InvalidValue,
        Some("datacontenttype")
    )]
    #[case(r#"{"specversion":"1.0","id":"1\n","source":"s","type":"m"}"#, Code::InvalidIdempotencyKey, Some("id"))]
    #[case("[]", Code::InvalidType, None)]
    #[case("{", Code::MalformedJson, None)]
    fn what_is_no_event_is_refused(#[case] text: &str, #[case] code: Code, #[case] field: Option<&str>) {
        let refusal = request(text).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (code, field), "{refusal}");
    }

    #[test]
    fn a_refused_event_keeps_its_identity() {
        let text = r#"{"specversion":"1.0","data":{"units":"x"},"id":"1","source":"s","type":"m"}"#;
        assert_eq!(single(text.as_bytes()).key.unwrap().as_str(), "1:s:1");
    }

    #[test]
    fn a_batch_is_an_array_of_events() {
        let found = batch(format!("[{FULL},{{}}]").as_bytes()).unwrap();
        assert!(found[0].request.is_ok());
        assert_eq!(found[1].request.as_ref().unwrap_err().code, Code::MissingField);
        assert_eq!(batch(b"{}").unwrap_err().code, Code::InvalidType);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..80)) {
            let _item = single(&body);
            let _items = batch(&body);
        }
    }
}
