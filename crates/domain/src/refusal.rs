//! Refusals: every way the system says no, each with a stable code that callers may rely on.

use std::fmt;

macro_rules! codes {
    ($($variant:ident = $text:literal, $status:literal, $title:literal, $advice:literal;)*) => {
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

            /// What it means and what to do, for the documentation.
            pub const fn advice(self) -> &'static str {
                match self { $(Code::$variant => $advice,)* }
            }
        }
    };
}

codes! {
    MalformedJson = "malformed_json", 400, "The body is not valid JSON",
        "The parser stopped at the line and column named in `detail`. Send one complete JSON value in UTF-8.";
    MalformedYaml = "malformed_yaml", 400, "The body is not valid YAML",
        "The reader stopped at the line and column named in `detail`. Send one document in UTF-8, without tags.";
    InvalidHeader = "invalid_header", 400, "A header is malformed",
        "The field names the header. Send it once, in the form its description gives.";
    InvalidQuery = "invalid_query", 400, "A query parameter is malformed",
        "The field names the parameter. Unknown parameters are refused too, so that a misspelt filter never returns everything.";
    InvalidCursor = "invalid_cursor", 400, "The cursor is not one this list gave out",
        "Cursors belong to one list and are not to be built by hand. Begin again without `cursor`.";
    IdempotencyKeyRequired = "idempotency_key_required", 400, "An Idempotency-Key is required",
        "Send the header `Idempotency-Key` with a text of your own that is the same whenever this request is repeated.";
    InvalidIdempotencyKey = "invalid_idempotency_key", 400, "The Idempotency-Key is malformed",
        "A key is 1 to 255 bytes of printable text without spaces at its ends.";
    Unauthenticated = "unauthenticated", 401, "A valid credential is required",
        "There was no credential, or it is wrong, expired or revoked. Log in again, or use a valid access key.";
    InvalidCredentials = "invalid_credentials", 401, "The email or the password is wrong",
        "The answer is the same whether the user exists or not. Check both and try again.";
    InvalidRefreshToken = "invalid_refresh_token", 401, "The refresh token is not valid any more",
        "Refresh tokens work once. Using one twice ends its session. Log in again.";
    InsufficientCredit = "insufficient_credit", 402, "The wallet does not hold enough credit",
        "The charge would exceed balance and overdraft limit. The refusal is final for its key: grant credit, then send a new request with a new key.";
    Forbidden = "forbidden", 403, "The credential does not permit this",
        "The caller is known, but neither role nor kind of credential permits this.";
    MissingScope = "missing_scope", 403, "The access key lacks a scope",
        "`detail` names the scope. Make a key that has it; scopes of a key never change.";
    AboveLimit = "above_limit", 403, "The amount is above what this role may move",
        "The policy `supportLimit` of the project caps this role. Ask somebody with the role finance, admin or owner.";
    AccessGrantRequired = "access_grant_required", 403, "A platform admin needs an access grant",
        "Open an access grant with a reason at `POST /admin/access-grants` and send its id in the header `Neruba-Access-Grant`.";
    NotFound = "not_found", 404, "There is no such thing here",
        "It does not exist, or this credential may not know that it exists: the two are answered alike.";
    MethodNotAllowed = "method_not_allowed", 405, "The path does not answer this method",
        "The header `Allow` lists the methods of this path.";
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive",
        "The body did not arrive in time. Nothing was done; send the request again.";
    IdempotencyConflict = "idempotency_conflict", 409, "The Idempotency-Key was used with another body",
        "The first request stands unchanged. If this one is meant to be another request, give it another key.";
    EventIdConflict = "event_id_conflict", 409, "The eventId was used with other content",
        "The event that was stored first stands unchanged. An event is never overwritten; correct it by its own operations.";
    ExternalKeyConflict = "external_key_conflict", 409, "The externalKey is taken by something else",
        "The same body would have returned what exists. Choose another `externalKey`, or change what exists.";
    MetricConflict = "metric_conflict", 409, "The metric is declared in another way",
        "The declaration that was made first stands unchanged. Choose another key, or change what exists.";
    LiveClock = "live_clock", 409, "A live project has no clock of its own",
        "Time is moved in projects with the mode `sandbox` only.";
    PayerChain = "payer_chain", 409, "A payer is paid for by somebody else",
        "Payers do not chain: whoever pays for others pays for itself. `detail` says whom to name instead.";
    EmailTaken = "email_taken", 409, "A user with this email exists",
        "Log in as that user, or choose another address.";
    AlreadyMember = "already_member", 409, "The user is a member already",
        "Change the role of the member instead.";
    LastOwner = "last_owner", 409, "A project keeps at least one owner",
        "Make somebody else an owner first.";
    EventVoided = "event_voided", 409, "The event does not count any more",
        "A correction voided or amended it. Correct the event that took its place, or take that correction back first.";
    CorrectionState = "correction_state", 409, "The correction is not in a state for this",
        "A correction is proposed, then applied once, then perhaps taken back once. `detail` says which it is.";
    RecomputeLimit = "recompute_limit", 409, "Older usage would be counted anew than the project allows",
        "The policy `recomputeLimitDays` says how far back usage may be counted anew without a reason. Look at the preview, then send `reasonCode` and `reason`.";
    AlreadyReversed = "already_reversed", 409, "The transaction was reversed already",
        "A transaction is reversed at most once. The reversal is linked from the transaction.";
    NotReversible = "not_reversible", 409, "This kind of transaction cannot be reversed",
        "`detail` says what to do instead.";
    PartlySpent = "partly_spent", 409, "A part of the credit was spent",
        "A grant is reversed only as far as it was not spent. Reverse the charges first, or debit what is left.";
    RefundTooLarge = "refund_too_large", 409, "More would be refunded than was charged",
        "All refunds of one charge together never exceed the charge.";
    AlreadyResolved = "already_resolved", 409, "It was resolved already",
        "Somebody replayed or dismissed it before. The rejection shows who and when.";
    PlanVersionPublished = "plan_version_published", 409, "The plan version is published",
        "A published version never changes: subscriptions and invoices rest on it. Make a new draft version.";
    SubscriptionEnded = "subscription_ended", 409, "The subscription has ended",
        "At the time the change would take effect the subscription is cancelled. Undo the cancellation first, or make a new subscription.";
    BeforeStart = "before_start", 409, "The subscription has not begun then",
        "A change cannot take effect before the subscription was created. Choose a later `effectiveAt`.";
    AlreadyPaused = "already_paused", 409, "The subscription is paused already",
        "Nothing was changed. Resume it, or choose another `effectiveAt`.";
    NotPaused = "not_paused", 409, "The subscription is not paused",
        "At the time the change would take effect there is no pause to end.";
    NotCancelled = "not_cancelled", 409, "The subscription is not cancelled",
        "There is no cancellation to undo at that time. A cancellation that lies ahead is undone at its own time.";
    TrialOver = "trial_over", 409, "There is no trial to extend",
        "At the time the change would take effect the trial is over, or there never was one.";
    AddOnBooked = "add_on_booked", 409, "The add-on is booked already",
        "An add-on is booked once. Change the quantity of its prices instead.";
    AddOnNotBooked = "add_on_not_booked", 409, "The add-on is not booked",
        "At the time the change would take effect the subscription does not have this add-on.";
    AddOnNotOffered = "add_on_not_offered", 409, "The add-on cannot be booked with this plan",
        "The plan lists its add-ons in `addOns`, and both have the same currency. Book another one, or remove it before the plan changes.";
    CouponRedeemed = "coupon_redeemed", 409, "The coupon was redeemed already",
        "A coupon is redeemed once for each subscription.";
    CurrencyChange = "currency_change", 409, "A subscription keeps its currency",
        "The new plan has another currency. Cancel this subscription and make a new one.";
    NothingChanges = "nothing_changes", 409, "The change would change nothing",
        "The subscription is already as asked at that time. Nothing was stored.";
    LaterChangeConflict = "later_change_conflict", 409, "A later change rests on what this would alter",
        "`detail` names a change that takes effect later and would not be possible any more. Withdraw it first, or choose another `effectiveAt`.";
    AlreadyEffective = "already_effective", 409, "The change has taken effect already",
        "Only changes that lie ahead can be withdrawn. Make another change that undoes it.";
    FirstChange = "first_change", 409, "A subscription keeps its first change",
        "The change `created` is not withdrawn, even if it lies ahead. Cancel the subscription at its beginning: it never bills anything.";
    AlreadyWithdrawn = "already_withdrawn", 409, "The change was withdrawn already",
        "The history shows who withdrew it and when.";
    PreviewStale = "preview_stale", 409, "The subscription is not as it was previewed",
        "Somebody changed it since. Preview again, look at the new amounts, and send the change with the new `version`.";
    PlanNotPublished = "plan_not_published", 409, "The plan version is a draft",
        "Only published versions can be subscribed to: they never change. Publish it first.";
    MetricAlreadyPriced = "metric_already_priced", 409, "Another price of this customer measures the same metric",
        "An event would have two prices. Cancel one, or let one of the subscriptions price only the events that name its `subscriptionKey`.";
    PlanVersionSuperseded = "plan_version_superseded", 409, "A later version of the plan is published",
        "Versions are published in the order of their numbers, so that the greatest is the current one. Make a new draft with the same content.";
    PlanConflict = "plan_conflict", 409, "The plan exists and says something else",
        "The same body would have returned what exists. Change it by a new version, or choose another key.";
    PlanArchived = "plan_archived", 409, "The plan is archived",
        "Nothing new is published for an archived plan. Restore it first.";
    CatalogChanged = "catalog_changed", 409, "The catalog is not as it was",
        "Somebody changed it since the difference was made. Look at the difference again, then apply with the new digest.";
    CatalogItemInUse = "catalog_item_in_use", 409, "Something current refers to it",
        "`errors` names every place. Change or archive what refers to it first.";
    InvoiceNotIssued = "invoice_not_issued", 409, "The invoice is a draft",
        "A draft is neither paid, voided nor credited: it still changes. Finalize it first.";
    InvoiceEmpty = "invoice_empty", 409, "Nothing is on the draft",
        "A draft without charges is not issued, so that no number is spent on it.";
    InvoiceOpen = "invoice_open", 409, "Usage on the draft is still counted",
        "It is rated in windows, and its period goes on. The draft is issued when the period has closed; end the subscription to close it earlier.";
    RunInProgress = "run_in_progress", 409, "A billing run is in progress",
        "Wait until it is done: it bills everything that is due.";
    InvoiceVoid = "invoice_void", 409, "The invoice is void",
        "Nothing is owed for a void invoice. Its number stays used; whatever is owed is on another invoice.";
    InvoicePaid = "invoice_paid", 409, "The invoice was settled, in part or whole",
        "An invoice that was paid or credited, in part or whole, is never voided or written off as if it had not been. Make a credit note, then a new invoice.";
    CreditNoteTooLarge = "credit_note_too_large", 409, "More would be credited than was billed",
        "All credit notes of one invoice together never exceed its total.";
    LateUsageUnratable = "late_usage_unratable", 409, "Late usage cannot be rated again",
        "Something that the price needs is missing. Rate it by hand, or ignore it with a reason.";
    KeyRevoked = "key_revoked", 409, "The access key is revoked",
        "A revoked key cannot be rotated. Make a new one.";
    PayloadTooLarge = "payload_too_large", 413, "The body is too large",
        "The limit is 64 KiB for single requests and 16 MiB for batches. Send less at once.";
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not one this path reads",
        "Send `Content-Type: application/json`, or one of the types the path lists.";
    UnknownField = "unknown_field", 422, "The body has a field that is not known here",
        "Unknown fields are refused so that a misspelt one is not silently dropped. The field is named.";
    MissingField = "missing_field", 422, "A required field is missing",
        "The field is named.";
    InvalidType = "invalid_type", 422, "A field has the wrong JSON type",
        "The field is named. Amounts are decimal strings, for example `\"100.000000\"`.";
    InvalidValue = "invalid_value", 422, "A field has a value that is not accepted",
        "The field is named, with what it accepts.";
    TooPrecise = "too_precise", 422, "A number has more than six decimal places",
        "Amounts and quantities carry six decimal places. More is refused, never rounded silently.";
    OutOfRange = "out_of_range", 422, "A number is out of range",
        "The field is named, with its range.";
    QuantityOutOfRange = "quantity_out_of_range", 422, "The exact result does not fit",
        "A quantity times a price, or a sum of them, is larger than an amount can be (9223372036854.775807). Nothing was rounded or cut; check the price and the unit of the metric.";
    InvalidCatalog = "invalid_catalog", 422, "The catalog has mistakes",
        "`errors` lists every mistake with the path of its field (`plans[0].prices[2].model.tiers[1].upTo`) and what to do. Nothing was applied.";
    NotPositive = "not_positive", 422, "A number must be greater than zero",
        "Zero and negative numbers are refused: corrections have operations of their own.";
    InvalidTimestamp = "invalid_timestamp", 422, "A timestamp is not RFC 3339",
        "Write a date, a time and an offset: `2026-03-17T10:15:00.000Z`.";
    TimestampInFuture = "timestamp_in_future", 422, "The timestamp lies too far in the future",
        "Events may lie at most five minutes ahead of the server's clock. Check the clock of the sender.";
    TooOld = "too_old", 422, "The event is older than the project accepts",
        "The project's policy `eventHorizonDays` refuses events of that age.";
    TooManyItems = "too_many_items", 422, "The request holds too many items",
        "A batch holds at most 5,000 events. Split it; every part can be repeated safely.";
    TooDeep = "too_deep", 422, "The JSON is nested too deeply",
        "Objects and arrays may be nested 32 deep at most.";
    UnknownMetric = "unknown_metric", 422, "The metric is not declared",
        "Ingest refuses it where the policy `unknownMetric` of the project is `reject`; elsewhere a price or a filter names it. Declare the metric first, or correct its key.";
    MetricArchived = "metric_archived", 422, "The metric is archived",
        "It takes no events any more; what was used stays readable. Send the events to another metric, or set `archived` to false.";
    SchemaMismatch = "schema_mismatch", 422, "The properties miss the schema of the metric",
        "The field names the property and `detail` what the schema asks for. Mend the event and send it again with the same key, or change the metric's `schemaMode` to `warn`.";
    UnknownCustomer = "unknown_customer", 422, "The customer does not exist",
        "The policy `unknownCustomer` of the project is `reject`. Create the customer first, then send the request again with the same key.";
    CustomerKeyRequired = "customer_key_required", 422, "The project requires a customerKey",
        "The policy `requireCustomerKey` of the project is on. Name the customer in `customerKey`.";
    UnknownEvent = "unknown_event", 422, "The event does not exist",
        "The field names the event. It is the id it was given (`evt_…`) or the `eventId` of its sender.";
    UnknownPlan = "unknown_plan", 422, "The plan version does not exist",
        "`GET /projects/:id/plans` lists plans and their versions.";
    UnknownAddOn = "unknown_add_on", 422, "The add-on does not exist",
        "Look at the add-ons of the catalog.";
    UnknownCoupon = "unknown_coupon", 422, "The coupon does not exist",
        "Look at the coupons of the catalog.";
    UnknownPrice = "unknown_price", 422, "There is no such price",
        "A price is named by its key, one of an add-on as `addOn/price`. Quantities of a subscription and `seats` of an estimate are for prices of the kind `seat`, `quantities` of an estimate for those of the kind `usage`.";
    QuantityRequired = "quantity_required", 422, "A seat price needs a quantity",
        "`detail` names the price. Send its number of seats in `quantities`; it may be zero.";
    UnknownScope = "unknown_scope", 422, "A scope is not known",
        "The scopes are listed in the reference of access.";
    UnknownRole = "unknown_role", 422, "The role is not known",
        "The roles are listed in the reference of access.";
    ReasonRequired = "reason_required", 422, "A correction needs a reason code",
        "Send `reasonCode`, and `reason` where words help.";
    WeakPassword = "weak_password", 422, "The password is too short or too common",
        "A password has at least 12 characters and is not among the common ones.";
    UnknownUser = "unknown_user", 422, "No user has this email",
        "Users are made by `neruba admin create-user`; then they can become members.";
    LoginThrottled = "login_throttled", 429, "Too many logins failed",
        "Too many logins failed for this account or from this address. Wait as long as `Retry-After` says.";
    RateLimited = "rate_limited", 429, "Too many requests",
        "Wait as long as `Retry-After` says, then send the same request again.";
    Internal = "internal", 500, "Something is wrong on our side",
        "Nothing was stored. Send the `requestId` to whoever runs the server: the cause is in its log.";
    Overloaded = "overloaded", 503, "The server is at its limit",
        "Nothing was stored. Send the same request with the same key after `Retry-After`.";
    Unavailable = "unavailable", 503, "The database cannot be reached",
        "It is not known whether the request was done. Send the same request with the same key again: it is done at most once.";
    StorageFull = "storage_full", 507, "The disk is full",
        "Nothing was stored. The server resumes by itself when there is room.";
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = ();
    fn from_str(text: &str) -> Result<Code, ()> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(())
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
    /// The line of the file that was sent, where it has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl FieldError {
    pub fn new(field: impl Into<String>, code: Code, detail: impl Into<String>) -> FieldError {
        FieldError { field: field.into(), code, detail: detail.into(), line: None }
    }
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
        Refusal { code, detail: detail.into(), errors: Vec::new(), retry_after_seconds: None }
    }

    /// Says when to come again.
    pub fn retry_after(mut self, seconds: u32) -> Refusal {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// A refusal because of one field.
    pub fn field(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Refusal {
        let (field, detail) = (field.into(), detail.into());
        let errors = vec![FieldError::new(field.clone(), code, detail.clone())];
        Refusal { code, detail: format!("{field} {detail}"), errors, retry_after_seconds: None }
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
