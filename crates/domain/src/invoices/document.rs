//! What an issued invoice or credit note says, frozen when it is issued: everything that is printed, and what explains it. JSON, HTML and
//! PDF are made of it alone; issuing it is left to the engine, drawing it to `documents`.
//!
//! The canonical form is JSON in the order of these fields, without white space, numbers as the exact text of their type, absent fields
//! left out. It is what is stored and hashed; reading it and writing it again gives the same bytes.

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::amount::Amount;
use crate::currency::Currency;
use crate::rounding::InvoiceRounding;
use crate::tax::{TaxBehaviour, Treatment};
use crate::time::Instant;
use crate::unit_price::Percent;

pub use content::Content;
pub use kind::{Kind, Reference};
pub use line::{AppliedTax, Line, Units, Version, counted};
pub use party::{Address, Customer, Seller};
pub use period::Period;

mod content;
mod kind;
mod line;
mod party;
mod period;
mod sums;

/// The version of the canonical form. A new version never changes what an old one says.
pub const VERSION: u8 = 1;

/// An issued invoice or credit note. Amounts are in units of `currency`; on a credit note they are what is credited, positive.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocument)]
pub struct Document {
    /// [`VERSION`] when it was issued.
    pub version: u8,
    pub kind: Kind,
    /// The id of the invoice or credit note.
    pub id: String,
    pub series: String,
    #[schema(example = "INV-2026-000042")]
    pub number: String,
    pub issued_at: Instant,
    /// The civil day of `issued_at` in `time_zone`.
    #[schema(value_type = String, format = Date)]
    pub issued_on: Date,
    /// The last day on which it is paid in time; a credit note has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub due_on: Option<Date>,
    /// From the first to the last moment that a line covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    pub currency: Currency,
    /// BCP 47, such as `de-DE`: in which words, dates and numbers it is printed.
    pub locale: String,
    /// IANA name of the zone of its dates.
    pub time_zone: String,
    pub seller: Seller,
    /// Who pays.
    pub customer: Customer,
    /// In the order in which they are printed.
    pub lines: Vec<Line>,
    /// `Σ amount` of the lines.
    pub subtotal: Amount,
    /// `Σ discount` of the lines.
    pub discount: Amount,
    pub treatment: Treatment,
    /// By rate; none where nothing is taxed.
    pub taxes: Vec<TaxLine>,
    /// The tax of all rates, inclusive ones too.
    pub tax: Amount,
    pub rounding: Rounding,
    /// `subtotal − discount + exclusive tax + rounding`.
    pub total: Amount,
    /// `Σ prepaid` of the lines: what a wallet paid when they were charged.
    pub prepaid_applied: Amount,
    /// What the customer's balance paid when it was issued; a total below zero went there and stands here as a negative amount.
    pub balance_applied: Amount,
    /// `total − prepaidApplied − balanceApplied`; of a credit note, what went or goes back.
    pub amount_due: Amount,
    /// Printed below the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The billing policy as it was: rounding, proration, terms of payment.
    pub policy: Content,
}

/// All lines of one tax rate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocumentTax)]
pub struct TaxLine {
    /// The key of the rate in the project.
    pub rate: String,
    /// How the rate is printed: `VAT`.
    pub name: String,
    pub percent: Percent,
    pub behaviour: TaxBehaviour,
    /// The amounts without tax.
    pub base: Amount,
    /// In whole minor units.
    pub tax: Amount,
    /// To whom it is owed: a country or a part of one.
    #[schema(example = "US-CA")]
    pub jurisdiction: String,
}

/// The one rounding.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocumentRounding)]
pub struct Rounding {
    pub policy: InvoiceRounding,
    /// What it changed.
    pub amount: Amount,
}

/// Why bytes are no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("the document is not readable")]
    Malformed(#[source] serde_json::Error),
    #[error("the document has version {version}; known is {VERSION}")]
    Version { version: u8 },
    #[error("the {what} of the document is {stated}, but its parts come to {actual}")]
    Sum { what: &'static str, stated: Amount, actual: Amount },
    #[error("the {what} of the document is larger than an amount can be")]
    OutOfRange { what: &'static str },
}

impl Document {
    /// The canonical form: the bytes that are stored and hashed.
    pub fn to_json(&self) -> String {
        // Cannot fail: texts, numbers as texts, and content that was read from JSON.
        serde_json::to_string(self).expect("a document is representable in JSON")
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// [`DocumentError::Malformed`], [`DocumentError::Version`]; and as [`Document::check`].
    pub fn from_json(json: &str) -> Result<Document, DocumentError> {
        let document: Document = serde_json::from_str(json).map_err(DocumentError::Malformed)?;
        if document.version != VERSION {
            return Err(DocumentError::Version { version: document.version });
        }
        document.check()?;
        Ok(document)
    }

    /// SHA-256 of the canonical form.
    pub fn digest(&self) -> [u8; 32] {
        Document::digest_of(&self.to_json())
    }

    /// SHA-256 of a canonical form as it is stored.
    pub fn digest_of(json: &str) -> [u8; 32] {
        Sha256::digest(json.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests;
