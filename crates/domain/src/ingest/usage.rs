//! The body of a usage event: which fields it has, what each may hold, and how a refusal names the one that is wrong.

use std::borrow::Cow;

use crate::decimal::DecimalError;
use crate::metrics;
use crate::quantity::Quantity;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

use super::json::string;
use super::properties;

/// The longest `customerKey`, `subscriptionKey` and `eventId`, in bytes.
pub const NAME_LENGTH_MAX: usize = 255;

/// A usage event as it was sent: a field left out (or `null`) is `None`, whatever default it gets later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRequest {
    pub metric_key: String,
    /// Zero or more. Only a level may be zero, which is judged where the metric is known.
    pub units: Option<Quantity>,
    pub timestamp: Option<Instant>,
    pub customer_key: Option<String>,
    pub subscription_key: Option<String>,
    pub event_id: Option<String>,
    /// A JSON object in canonical form.
    pub properties: Option<String>,
}

/// The fields read so far.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub metric_key: Option<Cow<'a, str>>,
    pub units: Option<Quantity>,
    pub timestamp: Option<Instant>,
    pub customer_key: Option<Cow<'a, str>>,
    pub subscription_key: Option<Cow<'a, str>>,
    pub event_id: Option<Cow<'a, str>>,
    pub properties: Option<String>,
}

impl<'a> Draft<'a> {
    /// Reads one field from the text of its value.
    ///
    /// # Errors
    /// [`Code::UnknownField`] for a field that a usage event does not have; otherwise a refusal that names the field.
    pub fn set(&mut self, name: &str, raw: &'a str) -> Result<(), Refusal> {
        match name {
            "metricKey" => once(name, &mut self.metric_key, printable(name, raw, metrics::KEY_LENGTH_MAX)?),
            "units" => once(name, &mut self.units, read_units(name, raw)?),
            "timestamp" => once(name, &mut self.timestamp, read_instant(name, raw)?),
            "customerKey" => once(name, &mut self.customer_key, printable(name, raw, NAME_LENGTH_MAX)?),
            "subscriptionKey" => once(name, &mut self.subscription_key, printable(name, raw, NAME_LENGTH_MAX)?),
            "eventId" => once(name, &mut self.event_id, printable(name, raw, NAME_LENGTH_MAX)?),
            "properties" => {
                let value = if raw == "null" { None } else { Some(properties::canonical(raw)?) };
                once(name, &mut self.properties, value)
            }
            _ => Err(unknown_field(name)),
        }
    }

    /// # Errors
    /// [`Code::MissingField`] without a `metricKey`.
    pub fn finish(self) -> Result<UsageRequest, Refusal> {
        let metric_key = self.metric_key.ok_or_else(|| missing_field("metricKey"))?;
        Ok(UsageRequest {
            metric_key: metric_key.into_owned(),
            units: self.units,
            timestamp: self.timestamp,
            customer_key: self.customer_key.map(Cow::into_owned),
            subscription_key: self.subscription_key.map(Cow::into_owned),
            event_id: self.event_id.map(Cow::into_owned),
            properties: self.properties,
        })
    }
}

pub(super) fn unknown_field(name: &str) -> Refusal {
    // The name is the sender's text: it is stored and shown, so what nobody can read is left out.
    let shown: String = name.chars().filter(|character| !character.is_control()).take(64).collect();
    Refusal::field(Code::UnknownField, shown, "is not a field of this request. Check its spelling.")
}

pub(super) fn missing_field(name: &str) -> Refusal {
    Refusal::field(Code::MissingField, name, "is required.")
}

/// Keeps the value of a field that was not given before.
pub(super) fn once<T>(name: &str, slot: &mut Option<T>, value: Option<T>) -> Result<(), Refusal> {
    if slot.is_some() {
        return Err(Refusal::field(Code::InvalidValue, name, "is given twice."));
    }
    *slot = value;
    Ok(())
}

/// A text of 1 to `length_max` printable bytes without spaces at its ends.
pub(super) fn printable<'a>(name: &str, raw: &'a str, length_max: usize) -> Result<Option<Cow<'a, str>>, Refusal> {
    let Some(text) = string(name, raw)? else {
        return Ok(None);
    };
    let accepted = (1..=length_max).contains(&text.len())
        && text.trim().len() == text.len()
        && !text.chars().any(char::is_control);
    if accepted {
        return Ok(Some(text));
    }
    let detail = format!("must be 1 to {length_max} bytes of printable text without spaces at its ends.");
    Err(Refusal::field(Code::InvalidValue, name, detail))
}

pub(super) fn read_instant(name: &str, raw: &str) -> Result<Option<Instant>, Refusal> {
    let Some(text) = string(name, raw)? else {
        return Ok(None);
    };
    let refused = |error| Refusal::field(Code::InvalidTimestamp, name, format!("{error}."));
    Instant::parse(&text).map(Some).map_err(refused)
}

/// The text of the number is what counts: it never passes through a floating point number.
fn read_units(name: &str, raw: &str) -> Result<Option<Quantity>, Refusal> {
    let text = match raw.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Cow::Borrowed(raw),
        Some(b'"' | b'n') => match string(name, raw)? {
            Some(text) => text,
            None => return Ok(None),
        },
        _ => {
            let detail = "must be a decimal text such as \"12.500000\", or a number.";
            return Err(Refusal::field(Code::InvalidType, name, detail));
        }
    };
    units(name, &text).map(Some)
}

/// Reads the units of an event from their decimal text: zero or more, at most six places.
///
/// # Errors
/// A refusal that names the field.
pub fn units(name: &str, text: &str) -> Result<Quantity, Refusal> {
    let units = Quantity::parse(text).map_err(|error| decimal_refusal(name, error))?;
    if units.is_negative() { Err(not_positive(name)) } else { Ok(units) }
}

/// The refusal of a quantity that is not greater than zero.
pub fn not_positive(field: &str) -> Refusal {
    let detail = "must be greater than zero. Corrections have their own operations.";
    Refusal::field(Code::NotPositive, field, detail)
}

fn decimal_refusal(name: &str, error: DecimalError) -> Refusal {
    let code = match error {
        DecimalError::Malformed => Code::InvalidValue,
        DecimalError::TooPrecise => Code::TooPrecise,
        DecimalError::OutOfRange => Code::OutOfRange,
    };
    Refusal::field(code, name, format!("{error}."))
}
