//! The bodies of requests that move money. Amounts are decimal texts: they never pass through a floating point number.

use domain::currency::Currency;
use domain::ids::EntryId;
use domain::ledger::reason::Reason;
use domain::ledger::request;
use domain::refusal::Refusal;
use domain::text;
use engine::transactions::{DebitWallet, GrantCredit, RefundCharge, ReverseTransaction};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantCreditRequest {
    /// Greater than zero, at most six places.
    #[schema(example = "100.000000")]
    amount: String,
    #[schema(example = "Launch credit")]
    description: String,
    /// ISO 4217; the project's currency if not given.
    currency: Option<String>,
    /// The project itself if not given.
    customer_key: Option<String>,
    /// Whether the customer paid for it; if not, it is promotional.
    paid: Option<bool>,
    /// RFC 3339. The lot can be spent to the end of this day in the customer's zone.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// 0 to 100, 50 if not given; lots with lower numbers are drawn first.
    #[schema(minimum = 0, maximum = 100)]
    priority: Option<i64>,
    /// One of the reason codes of the documentation.
    #[schema(example = "goodwill")]
    reason_code: Option<String>,
    reason: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DebitRequest {
    /// Greater than zero, at most six places.
    #[schema(example = "5.000000")]
    amount: String,
    description: Option<String>,
    /// ISO 4217; the project's currency if not given.
    currency: Option<String>,
    /// The project itself if not given.
    customer_key: Option<String>,
    /// Required: one of the reason codes of the documentation.
    #[schema(example = "billing_error")]
    reason_code: Option<String>,
    reason: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefundRequest {
    /// The charge.
    transaction_id: EntryId,
    /// All that is not given back yet, if not given.
    #[schema(example = "5.000000")]
    amount: Option<String>,
    description: Option<String>,
    /// Required: one of the reason codes of the documentation.
    #[schema(example = "service_issue")]
    reason_code: Option<String>,
    reason: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReverseRequest {
    /// A credit, charge or debit.
    transaction_id: EntryId,
    description: Option<String>,
    /// Required: one of the reason codes of the documentation.
    #[schema(example = "duplicate")]
    reason_code: Option<String>,
    reason: Option<String>,
}

impl GrantCreditRequest {
    pub(super) fn read(&self) -> Result<GrantCredit, Refusal> {
        if let Some(priority) = self.priority {
            request::priority(Some(priority))?;
        }
        Ok(GrantCredit {
            amount: request::positive_amount("amount", &self.amount)?,
            currency: currency(self.currency.as_deref())?,
            customer_key: customer_key(self.customer_key.as_deref())?,
            description: request::description("description", &self.description)?,
            paid: self.paid,
            expires_at: self.expires_at.as_deref().map(|text| request::instant("expiresAt", text)).transpose()?,
            priority: self.priority,
            reason: Reason::optional(self.reason_code.as_deref(), self.reason.as_deref())?,
        })
    }
}

impl DebitRequest {
    pub(super) fn read(&self) -> Result<DebitWallet, Refusal> {
        Ok(DebitWallet {
            amount: request::positive_amount("amount", &self.amount)?,
            currency: currency(self.currency.as_deref())?,
            customer_key: customer_key(self.customer_key.as_deref())?,
            description: description(self.description.as_deref())?,
            reason: Reason::required(self.reason_code.as_deref(), self.reason.as_deref())?,
        })
    }
}

impl RefundRequest {
    pub(super) fn read(&self) -> Result<RefundCharge, Refusal> {
        Ok(RefundCharge {
            transaction: self.transaction_id,
            amount: self.amount.as_deref().map(|text| request::positive_amount("amount", text)).transpose()?,
            description: description(self.description.as_deref())?,
            reason: Reason::required(self.reason_code.as_deref(), self.reason.as_deref())?,
        })
    }
}

impl ReverseRequest {
    pub(super) fn read(&self) -> Result<ReverseTransaction, Refusal> {
        Ok(ReverseTransaction {
            transaction: self.transaction_id,
            description: description(self.description.as_deref())?,
            reason: Reason::required(self.reason_code.as_deref(), self.reason.as_deref())?,
        })
    }
}

pub(crate) fn currency(code: Option<&str>) -> Result<Option<Currency>, Refusal> {
    code.map(|code| request::currency("currency", code)).transpose()
}

pub(crate) fn customer_key(key: Option<&str>) -> Result<Option<String>, Refusal> {
    key.map(|key| text::external_key("customerKey", key)).transpose()
}

fn description(text: Option<&str>) -> Result<Option<String>, Refusal> {
    text.map(|text| request::description("description", text)).transpose()
}
