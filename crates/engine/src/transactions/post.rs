//! What all movements of a customer's money have in common: post, audit, announce, answer with the transaction.

use domain::amount::Amount;
use domain::customers::Customer;
use domain::ids::EntryId;
use domain::ledger::entry::EntryKind;
use domain::ledger::lines::Lines;
use domain::ledger::reason::Reason;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::wallets::Wallet;
use serde_json::json;
use storage::ProjectTx;

use super::view::Transaction;
use crate::audit::{AuditRecord, Audited};
use crate::command::Idempotency;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::ledger::{self, NewEntry, Posted};

/// A decided movement of a customer's money.
#[derive(Debug)]
pub(crate) struct Movement<'a> {
    pub kind: EntryKind,
    /// What the audit trail calls it.
    pub action: &'static str,
    pub customer: &'a Customer,
    /// As it was when the movement was decided, under its lock.
    pub wallet: &'a Wallet,
    pub amount: Amount,
    pub lines: &'a Lines,
    pub description: String,
    pub idempotency: &'a Idempotency,
    pub usage_at: Option<Instant>,
    pub reason: Option<Reason>,
    pub reverses: Option<EntryId>,
    pub refunds: Option<EntryId>,
    pub metadata: Option<String>,
}

/// Posts a movement.
pub(crate) fn post_movement(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    movement: Movement<'_>,
) -> Result<(Posted, Audited<Transaction>), Error> {
    let Movement { wallet, customer, .. } = movement;
    let balance_after = ledger::balance_after(wallet, movement.lines)?;
    let posted = ledger::post(
        tx,
        ctx,
        &NewEntry {
            customer: Some(customer.id),
            balance_after: Some(balance_after),
            description: movement.description,
            idempotency: Some(movement.idempotency),
            usage_at: movement.usage_at,
            reason: movement.reason.clone(),
            reverses: movement.reverses,
            refunds: movement.refunds,
            metadata: movement.metadata,
            ..NewEntry::of(movement.kind, movement.amount, wallet.currency, movement.lines)
        },
    )?;
    let transaction = Transaction::new(posted.entry.clone(), Some(customer.external_key.clone()))?;
    let body = serde_json::to_value(&transaction)
        .map_err(|error| Error::Bug(format!("a transaction cannot be written as JSON: {error}")))?;
    let mut record = AuditRecord::new(movement.action, transaction.id).details(json!({
        "before": { "balance": wallet.balance() },
        "after": { "balance": balance_after },
        "transaction": body,
    }));
    if let Some(reason) = movement.reason {
        record = record.because(reason.code.as_str(), reason.text);
    }
    Ok((posted, Audited::new(transaction, record).announce("transaction.created", body)))
}

/// A refusal that depends on the state of the ledger is final for its key; any other leaves the key free.
pub(crate) fn final_refusal(refusal: Refusal) -> Error {
    let of_state = matches!(
        refusal.code,
        Code::InsufficientCredit | Code::PartlySpent | Code::AlreadyReversed | Code::RefundTooLarge
    );
    if of_state { Error::RefusedForGood(refusal) } else { Error::Refused(refusal) }
}
