//! What a caller is told of a transaction: as it is posted, and whenever it is read again.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{CustomerId, EntryId};
use domain::ingest::Outcome;
use domain::ledger::entry::{CauseType, JournalEntry, TransactionType};
use domain::ledger::reason::ReasonCode;
use domain::time::Instant;
use serde_json::value::RawValue;
use storage::{ProjectTx, customers};

use crate::error::Error;

/// A journal entry as a customer sees it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    pub id: EntryId,
    #[serde(rename = "type")]
    pub kind: TransactionType,
    /// Always `accepted`: what was refused is no transaction.
    pub outcome: Outcome,
    /// What moved; always positive, the type says which way.
    pub amount: Amount,
    pub currency: Currency,
    pub description: String,
    pub customer_key: Option<String>,
    /// The balance of the customer's wallet in this currency after the transaction.
    pub balance_after: Option<Amount>,
    pub idempotency_key: Option<String>,
    /// When it counts.
    pub effective_at: Instant,
    /// When it was made.
    pub created_at: Instant,
    pub cause: CauseView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<ReasonCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The transaction that this one mirrors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reverses: Option<EntryId>,
    /// The charge that this one gives back, in part or whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunds: Option<EntryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
}

/// What brought a transaction about.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CauseView {
    #[serde(rename = "type")]
    pub kind: CauseType,
    /// The id of the user, the access key or the command.
    pub id: String,
}

impl Transaction {
    pub(crate) fn new(entry: JournalEntry, customer_key: Option<String>) -> Result<Transaction, Error> {
        let (reason_code, reason) = entry.reason.map(|reason| (reason.code, reason.text)).unzip();
        Ok(Transaction {
            id: entry.id,
            kind: entry.kind.transaction_type(),
            outcome: Outcome::Accepted,
            amount: entry.amount,
            currency: entry.currency,
            description: entry.description,
            customer_key,
            balance_after: entry.balance_after,
            idempotency_key: entry.idempotency_key,
            effective_at: entry.effective_at,
            created_at: entry.recorded_at,
            cause: CauseView { kind: entry.cause.kind, id: entry.cause.id },
            reason_code,
            reason: reason.flatten(),
            reverses: entry.reverses,
            refunds: entry.refunds,
            metadata: raw_metadata(entry.metadata.as_deref())?,
        })
    }
}

/// Entries as transactions, in the same order.
pub(crate) fn transactions(tx: &mut ProjectTx<'_>, entries: Vec<JournalEntry>) -> Result<Vec<Transaction>, Error> {
    let keys = customer_keys(tx, &entries)?;
    let each = |entry: JournalEntry| {
        let key = entry.customer.and_then(|id| keys.get(&id).cloned());
        Transaction::new(entry, key)
    };
    entries.into_iter().map(each).collect()
}

/// The external keys of the customers of these entries.
pub(crate) fn customer_keys(
    tx: &mut ProjectTx<'_>,
    entries: &[JournalEntry],
) -> Result<BTreeMap<CustomerId, String>, Error> {
    let mut ids: Vec<CustomerId> = entries.iter().filter_map(|entry| entry.customer).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = customers::find_by_ids(tx, &ids)?;
    Ok(found.into_iter().map(|customer| (customer.id, customer.external_key)).collect())
}

/// Metadata as it is written into a reply: exactly as it is kept.
pub(crate) fn raw_metadata(metadata: Option<&str>) -> Result<Option<Box<RawValue>>, Error> {
    let raw = metadata.map(|text| RawValue::from_string(text.to_owned())).transpose();
    raw.map_err(|error| Error::Bug(format!("metadata is kept that is not JSON: {error}")))
}
