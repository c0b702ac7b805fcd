//! The values a statement takes, and how the project's own types become such values.

use std::borrow::Cow;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::quantity::{Quantity, QuantitySum};
use domain::time::Instant;
use uuid::Uuid;

/// One parameter. The same value is stored as the type of its column on either database.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Uuid(Uuid),
    Instant(Instant),
    Json(Cow<'a, str>),
    /// `numeric(38,0)` on PostgreSQL, 16 bytes big-endian on SQLite.
    Wide(i128),
}

/// A JSON document as its text. PostgreSQL stores it parsed (`jsonb`): white space and field order are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(pub String);

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Value::Int(i64::from(value))
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Value::Int(i64::from(value))
    }
}

impl From<u16> for Value<'_> {
    fn from(value: u16) -> Self {
        Value::Int(i64::from(value))
    }
}

impl From<i128> for Value<'_> {
    fn from(value: i128) -> Self {
        Value::Wide(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Value::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Text(Cow::Owned(value))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        Value::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Value::Bytes(Cow::Borrowed(value))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Value::Bytes(Cow::Borrowed(value))
    }
}

impl<const N: usize> From<[u8; N]> for Value<'_> {
    fn from(value: [u8; N]) -> Self {
        Value::Bytes(Cow::Owned(value.to_vec()))
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Value::Bytes(Cow::Borrowed(value))
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(value: Vec<u8>) -> Self {
        Value::Bytes(Cow::Owned(value))
    }
}

impl From<Uuid> for Value<'_> {
    fn from(value: Uuid) -> Self {
        Value::Uuid(value)
    }
}

impl From<Instant> for Value<'_> {
    fn from(value: Instant) -> Self {
        Value::Instant(value)
    }
}

impl From<Amount> for Value<'_> {
    fn from(value: Amount) -> Self {
        Value::Int(value.micros())
    }
}

impl From<Quantity> for Value<'_> {
    fn from(value: Quantity) -> Self {
        Value::Int(value.micros())
    }
}

impl From<QuantitySum> for Value<'_> {
    fn from(value: QuantitySum) -> Self {
        Value::Wide(value.micros())
    }
}

impl From<Currency> for Value<'_> {
    fn from(value: Currency) -> Self {
        Value::Text(Cow::Owned(value.code().to_owned()))
    }
}

impl<'a> From<&'a Currency> for Value<'a> {
    fn from(value: &'a Currency) -> Self {
        Value::Text(Cow::Borrowed(value.code()))
    }
}

impl From<JsonText> for Value<'_> {
    fn from(value: JsonText) -> Self {
        Value::Json(Cow::Owned(value.0))
    }
}

impl<'a> From<&'a JsonText> for Value<'a> {
    fn from(value: &'a JsonText) -> Self {
        Value::Json(Cow::Borrowed(&value.0))
    }
}

impl From<&serde_json::Value> for Value<'_> {
    fn from(value: &serde_json::Value) -> Self {
        Value::Json(Cow::Owned(value.to_string()))
    }
}

impl<'a> From<&'a serde_json::value::RawValue> for Value<'a> {
    fn from(value: &'a serde_json::value::RawValue) -> Self {
        Value::Json(Cow::Borrowed(value.get()))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// The id types of `domain`, each to a parameter and from a column.
macro_rules! ids {
    ($($name:ident),* $(,)?) => {$(
        impl From<domain::ids::$name> for Value<'_> {
            fn from(value: domain::ids::$name) -> Self {
                Value::Uuid(value.uuid())
            }
        }

        impl super::row::FromColumn for domain::ids::$name {
            fn from_cell(cell: super::row::Cell<'_>) -> Result<Self, super::row::CellError> {
                Ok(Self::from_uuid(cell.uuid()?))
            }
        }
    )*};
}

ids!(
    ProjectId,
    UserId,
    SessionId,
    AccessKeyId,
    AccessGrantId,
    CustomerId,
    MetricId,
    PlanId,
    SubscriptionId,
    SubscriptionChangeId,
    BillingItemId,
    BillingRunId,
    ChargeId,
    CreditNoteId,
    DeferralId,
    InvoiceId,
    InvoicePaymentId,
    EventId,
    UsageCorrectionId,
    LateUsageId,
    BatchId,
    RejectionId,
    AttemptId,
    EntryId,
    AccountId,
    ClosingId,
    LotId,
    AuditId,
    OutboxId,
    JobId,
    BacktestId,
    RequestId,
);
