//! Refusals: every way the system says no, each with a stable code that callers may rely on.

use std::fmt;

macro_rules! codes {
    ($($variant:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// A stable error code. The list only grows; `docs/reference/errors.md` explains each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $title] $variant,)* }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code as it stands in replies.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// The HTTP status (RFC 9110) with which the code is answered.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// A short sentence that is the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }
        }
    };
}

codes! {
    MalformedJson = "malformed_json", 400, "The body is not valid JSON";
    InvalidHeader = "invalid_header", 400, "A header is malformed";
    InvalidQuery = "invalid_query", 400, "A query parameter is malformed";
    InvalidCursor = "invalid_cursor", 400, "The cursor is not one this list gave out";
    IdempotencyKeyRequired = "idempotency_key_required", 400, "An Idempotency-Key is required";
    InvalidIdempotencyKey = "invalid_idempotency_key", 400, "The Idempotency-Key is malformed";
    Unauthenticated = "unauthenticated", 401, "A valid credential is required";
    InvalidCredentials = "invalid_credentials", 401, "The email or the password is wrong";
    InvalidRefreshToken = "invalid_refresh_token", 401, "The refresh token is not valid any more";
    InsufficientCredit = "insufficient_credit", 402, "The wallet does not hold enough credit";
    Forbidden = "forbidden", 403, "The credential does not permit this";
    MissingScope = "missing_scope", 403, "The access key lacks a scope";
    AboveLimit = "above_limit", 403, "The amount is above what this role may move";
    AccessGrantRequired = "access_grant_required", 403, "A platform admin needs an access grant";
    NotFound = "not_found", 404, "There is no such thing here";
    MethodNotAllowed = "method_not_allowed", 405, "The path does not answer this method";
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive";
    IdempotencyConflict = "idempotency_conflict", 409, "The Idempotency-Key was used with another body";
    EventIdConflict = "event_id_conflict", 409, "The eventId was used with other content";
    ExternalKeyConflict = "external_key_conflict", 409, "The externalKey is taken by something else";
    EmailTaken = "email_taken", 409, "A user with this email exists";
    AlreadyMember = "already_member", 409, "The user is a member already";
    LastOwner = "last_owner", 409, "A project keeps at least one owner";
    AlreadyReversed = "already_reversed", 409, "The transaction was reversed already";
    NotReversible = "not_reversible", 409, "This kind of transaction cannot be reversed";
    PartlySpent = "partly_spent", 409, "A part of the credit was spent";
    RefundTooLarge = "refund_too_large", 409, "More would be refunded than was charged";
    AlreadyResolved = "already_resolved", 409, "The rejection was resolved already";
    KeyRevoked = "key_revoked", 409, "The access key is revoked";
    PayloadTooLarge = "payload_too_large", 413, "The body is too large";
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not one this path reads";
    UnknownField = "unknown_field", 422, "The body has a field that is not known here";
    MissingField = "missing_field", 422, "A required field is missing";
    InvalidType = "invalid_type", 422, "A field has the wrong JSON type";
    InvalidValue = "invalid_value", 422, "A field has a value that is not accepted";
    TooPrecise = "too_precise", 422, "A number has more than six decimal places";
    OutOfRange = "out_of_range", 422, "A number is out of range";
    NotPositive = "not_positive", 422, "A number must be greater than zero";
    InvalidTimestamp = "invalid_timestamp", 422, "A timestamp is not RFC 3339";
    TimestampInFuture = "timestamp_in_future", 422, "The timestamp lies too far in the future";
    TooOld = "too_old", 422, "The event is older than the project accepts";
    TooManyItems = "too_many_items", 422, "The request holds too many items";
    TooDeep = "too_deep", 422, "The JSON is nested too deeply";
    UnknownMetric = "unknown_metric", 422, "The metric is not declared";
    UnknownCustomer = "unknown_customer", 422, "The customer does not exist";
    CustomerKeyRequired = "customer_key_required", 422, "The project requires a customerKey";
    UnknownScope = "unknown_scope", 422, "A scope is not known";
    UnknownRole = "unknown_role", 422, "The role is not known";
    ReasonRequired = "reason_required", 422, "A correction needs a reason code";
    WeakPassword = "weak_password", 422, "The password is too short or too common";
    UnknownUser = "unknown_user", 422, "No user has this email";
    LoginThrottled = "login_throttled", 429, "Too many logins failed";
    RateLimited = "rate_limited", 429, "Too many requests";
    Internal = "internal", 500, "Something is wrong on our side";
    Overloaded = "overloaded", 503, "The server is at its limit";
    Unavailable = "unavailable", 503, "The database cannot be reached";
    StorageFull = "storage_full", 507, "The disk is full";
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = ();
    fn from_str(text: &str) -> Result<Code, ()> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or(())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One field that was refused: where it stands, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Path of the field in the body (`units`, `events[3].timestamp`) or the name of a header or parameter.
    pub field: String,
    #[schema(value_type = String, example = "too_precise")]
    pub code: Code,
    pub detail: String,
}

/// A request that is refused: a code for programs, a sentence for people (what happened, what to do).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    pub code: Code,
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// When the same request may succeed, where that is known (`Retry-After`).
    pub retry_after_seconds: Option<u32>,
}

impl Refusal {
    pub fn new(code: Code, detail: impl Into<String>) -> Refusal {
        Refusal {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_seconds: None,
        }
    }

    /// Says when to come again.
    pub fn retry_after(mut self, seconds: u32) -> Refusal {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// A refusal because of one field.
    pub fn field(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Refusal {
        let (field, detail) = (field.into(), detail.into());
        let errors = vec![FieldError {
            field: field.clone(),
            code,
            detail: detail.clone(),
        }];
        Refusal {
            code,
            detail: format!("{field} {detail}"),
            errors,
            retry_after_seconds: None,
        }
    }

    /// The one answer for what does not exist and for what must not be known to exist.
    pub fn not_found() -> Refusal {
        Refusal::new(
            Code::NotFound,
            "Nothing is found at this address for this credential. Check the id and the project.",
        )
    }

    /// The field the refusal is about, when it is about one.
    pub fn first_field(&self) -> Option<&str> {
        self.errors.first().map(|error| error.field.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_round_trip() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!((400..600).contains(&code.status()), "{code}");
        }
    }
}
