//! What a document is, and the documents that it refers to.

use crate::ledger::reason::ReasonCode;

/// What the document is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocumentKind)]
pub enum Kind {
    Invoice {
        /// The void invoice in whose place it was issued.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<Reference>,
    },
    CreditNote {
        /// The invoice that is credited.
        corrects: Reference,
        #[schema(value_type = String)]
        reason_code: ReasonCode,
        /// The words beside the code; printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// An issued document, by its id and by what a reader knows it by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceReference)]
pub struct Reference {
    pub id: String,
    pub number: String,
}
