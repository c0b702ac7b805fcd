//! The body of a charge: read or refused, with what identifies it as far as that could be read.

use std::borrow::Cow;

use super::item::{LENGTH_MAX, key_required, too_large};
use super::json::{read_object, string, utf8};
use super::usage::{NAME_LENGTH_MAX, missing_field, once, printable, read_instant, unknown_field};
use super::{payload, properties};
use crate::amount::Amount;
use crate::currency::Currency;
use crate::idempotency::{Canonical, Fingerprint, IdempotencyKey};
use crate::ledger::request;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// The body of `POST /ingest/charge`, with its key. It is refused here only for what its own text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeItem {
    /// `None` when no well-formed key was given; then `request` is a refusal.
    pub key: Option<IdempotencyKey>,
    pub request: Result<ChargeRequest, Refusal>,
    /// The body as it was received, as far as it is kept.
    pub payload: String,
}

/// A charge as it was sent: a field left out (or `null`) is `None`, whatever default it gets later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRequest {
    /// Greater than zero.
    pub amount: Amount,
    pub currency: Option<Currency>,
    pub customer_key: Option<String>,
    pub description: Option<String>,
    pub timestamp: Option<Instant>,
    /// A JSON object in canonical form.
    pub metadata: Option<String>,
}

#[derive(Debug, Default)]
struct Draft {
    amount: Option<Amount>,
    currency: Option<Currency>,
    customer_key: Option<String>,
    description: Option<String>,
    timestamp: Option<Instant>,
    metadata: Option<String>,
}

impl ChargeItem {
    /// Reads the header `Idempotency-Key` and the body.
    pub fn read(key: Option<&str>, body: &[u8]) -> ChargeItem {
        let key =
            key.ok_or_else(|| key_required("The header Idempotency-Key is required.")).and_then(IdempotencyKey::parse);
        let request = if body.len() > LENGTH_MAX { Err(too_large()) } else { read(body) };
        let payload = payload::kept(body);
        match key {
            Ok(key) => ChargeItem { key: Some(key), request, payload },
            Err(refusal) => ChargeItem { key: None, request: Err(refusal), payload },
        }
    }

    /// A body that could not even be read to its end.
    pub fn refused(key: Option<&str>, refusal: Refusal, beginning: &[u8]) -> ChargeItem {
        let key = key.and_then(|key| IdempotencyKey::parse(key).ok());
        ChargeItem { key, request: Err(refusal), payload: payload::kept(beginning) }
    }
}

impl ChargeRequest {
    /// What makes two charges the same: the typed body as it was sent.
    pub fn fingerprint(&self) -> Fingerprint {
        Canonical::new("charge")
            .micros(self.amount.micros())
            .optional(self.currency, |form, currency| form.text(currency.code()))
            .optional(self.customer_key.as_deref(), Canonical::text)
            .optional(self.description.as_deref(), Canonical::text)
            .optional(self.timestamp, Canonical::instant)
            .optional(self.metadata.as_deref(), Canonical::json)
            .fingerprint()
    }
}

fn read(body: &[u8]) -> Result<ChargeRequest, Refusal> {
    let mut draft = Draft::default();
    read_object(utf8(body)?, |name, raw| draft.set(&name, raw))?;
    Ok(ChargeRequest {
        amount: draft.amount.ok_or_else(|| missing_field("amount"))?,
        currency: draft.currency,
        customer_key: draft.customer_key,
        description: draft.description,
        timestamp: draft.timestamp,
        metadata: draft.metadata,
    })
}

impl Draft {
    fn set(&mut self, name: &str, raw: &str) -> Result<(), Refusal> {
        let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        match name {
            "amount" => once(name, &mut self.amount, read_amount(name, raw)?),
            "currency" => {
                let currency = string(name, raw)?.map(|text| request::currency(name, &text)).transpose()?;
                once(name, &mut self.currency, currency)
            }
            "customerKey" => once(name, &mut self.customer_key, own(printable(name, raw, NAME_LENGTH_MAX)?)),
            "description" => {
                let description = string(name, raw)?.map(|text| request::description(name, &text)).transpose()?;
                once(name, &mut self.description, description)
            }
            "timestamp" => once(name, &mut self.timestamp, read_instant(name, raw)?),
            "metadata" => {
                let value = if raw == "null" { None } else { Some(properties::canonical_of(name, raw)?) };
                once(name, &mut self.metadata, value)
            }
            _ => Err(unknown_field(name)),
        }
    }
}

/// The text of a number is what counts: it never passes through a floating point number.
fn read_amount(name: &str, raw: &str) -> Result<Option<Amount>, Refusal> {
    let text = match raw.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(raw)),
        Some(b'"' | b'n') => string(name, raw)?,
        _ => {
            let detail = "must be a decimal text such as \"12.500000\", or a number.";
            return Err(Refusal::field(Code::InvalidType, name, detail));
        }
    };
    text.map(|text| request::positive_amount(name, &text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(body: &str) -> Refusal {
        ChargeItem::read(Some("k1"), body.as_bytes()).request.unwrap_err()
    }

    fn fingerprint(body: &str) -> Fingerprint {
        ChargeItem::read(Some("k1"), body.as_bytes()).request.unwrap().fingerprint()
    }

    #[test]
    fn every_field_is_read() {
        // checklist 26
        let body = r#"{"amount":"1.5","currency":"EUR","customerKey":"acme","description":"Report",
            "timestamp":"2026-03-17T11:15:00+01:00","metadata":{"b":2.0,"a":"x"}}"#;
        let request = ChargeItem::read(Some("k1"), body.as_bytes()).request.unwrap();
        assert_eq!(request.amount.micros(), 1_500_000);
        assert_eq!(request.currency.unwrap().code(), "EUR");
        assert_eq!(request.customer_key.as_deref(), Some("acme"));
        assert_eq!(request.timestamp.unwrap().to_string(), "2026-03-17T10:15:00.000Z");
        assert_eq!(request.metadata.as_deref(), Some(r#"{"a":"x","b":2}"#));
    }

    #[rstest::rstest]
    #[case(r#"{}"#, Code::MissingField, "amount")]
    #[case(r#"{"amount":null}"#, Code::MissingField, "amount")]
    #[case(r#"{"amount":"0"}"#, Code::NotPositive, "amount")]
    #[case(r#"{"amount":-1}"#, Code::NotPositive, "amount")]
    #[case(r#"{"amount":"1.0000001"}"#, Code::TooPrecise, "amount")]
    #[case(r#"{"amount":1e3}"#, Code::InvalidValue, "amount")]
    #[case(r#"{"amount":[]}"#, Code::InvalidType, "amount")]
    #[case(r#"{"amount":1,"amount":2}"#, Code::InvalidValue, "amount")]
    #[case(r#"{"amount":1,"currency":"usd"}"#, Code::InvalidValue, "currency")]
    #[case(r#"{"amount":1,"currency":7}"#, Code::InvalidType, "currency")]
    #[case(r#"{"amount":1,"customerKey":""}"#, Code::InvalidValue, "customerKey")]
    #[case(r#"{"amount":1,"timestamp":"soon"}"#, Code::InvalidTimestamp, "timestamp")]
    #[case(r#"{"amount":1,"metadata":{"a":{}}}"#, Code::InvalidType, "metadata.a")]
    #[case(r#"{"amount":1,"metadata":"x"}"#, Code::InvalidType, "metadata")]
    #[case(r#"{"amount":1,"units":1}"#, Code::UnknownField, "units")]
    fn a_refusal_names_the_field(#[case] body: &str, #[case] code: Code, #[case] field: &str) {
        // checklist 27
        let refusal = refusal(body);
        assert_eq!((refusal.code, refusal.first_field()), (code, Some(field)), "{refusal}");
    }

    #[test]
    fn a_missing_key_is_refused() {
        // checklist 23
        let item = ChargeItem::read(None, br#"{"amount":1}"#);
        assert_eq!(item.request.unwrap_err().code, Code::IdempotencyKeyRequired);
    }

    #[test]
    fn a_large_body_is_refused() {
        let body = format!("{{\"amount\":1{}}}", " ".repeat(LENGTH_MAX));
        assert_eq!(refusal(&body).code, Code::PayloadTooLarge);
    }

    #[test]
    fn spelling_does_not_matter_but_every_field_does() {
        let sent = fingerprint(r#"{"amount":"1.50","metadata":{"a":1.0}}"#);
        assert_eq!(fingerprint(r#"{ "metadata": {"a": 1}, "amount": 1.5 }"#), sent);
        for other in [
            r#"{"amount":"1.50"}"#,
            r#"{"amount":"1.51","metadata":{"a":1}}"#,
            r#"{"amount":"1.5","metadata":{"a":1},"currency":"USD"}"#,
            r#"{"amount":"1.5","metadata":{"a":1},"customerKey":"self"}"#,
            r#"{"amount":"1.5","metadata":{"a":1},"description":""}"#,
            r#"{"amount":"1.5","metadata":{"a":1},"timestamp":"2026-03-17T10:15:00Z"}"#,
        ] {
            assert_ne!(fingerprint(other), sent, "{other}");
        }
    }

    #[test]
    fn the_first_version_of_the_fingerprint_never_changes() {
        let body = r#"{"amount":"1.5","currency":"EUR","timestamp":"2026-03-17T10:15:00Z","metadata":{"a":"x"}}"#;
        let hex: String = fingerprint(body).0.iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(hex, @"d27169a71eb55a5f200738b1b998589b7f18e83d47649ad879da92b307f39c67");
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,60}") {
            let _item = ChargeItem::read(Some("k"), &body);
            let _item = ChargeItem::read(None, text.as_bytes());
        }
    }
}
