//! Reversals: one entry that undoes another, whole, with a reason. An entry is reversed at most once.

use domain::access::Permission;
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::EntryId;
use domain::ledger::account::{Account, Direction};
use domain::ledger::entry::{EntryKind, JournalEntry};
use domain::ledger::reason::Reason;
use domain::ledger::recipes;
use domain::refusal::{Code, Refusal};
use storage::ProjectTx;
use storage::journal;

use super::post::{Movement, final_refusal, post_movement};
use super::refund::{Back, give_back};
use crate::audit::Audited;
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::{read_lines, reversal_refusal};
use crate::transactions::Transaction;
use crate::wallets;

/// The reversal of a transaction. What was not sent stays absent: it is part of the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReverseTransaction {
    pub transaction: EntryId,
    pub description: Option<String>,
    pub reason: Reason,
}

impl ReverseTransaction {
    fn fingerprint(&self) -> Fingerprint {
        Canonical::new("reverse")
            .id(self.transaction)
            .optional(self.description.as_deref(), Canonical::text)
            .text(self.reason.code.as_str())
            .optional(self.reason.text.as_deref(), Canonical::text)
            .fingerprint()
    }
}

impl Engine {
    /// Undoes a credit, charge or debit. A credit only while nothing of it is spent; a charge or debit returns to the
    /// lots it came from, in reverse draw order.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::NotReversible`] for refunds and reversals, [`Code::AlreadyReversed`],
    /// [`Code::PartlySpent`], [`Code::RefundTooLarge`] when a part of a charge was refunded.
    pub fn reverse_transaction(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        reversal: &ReverseTransaction,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::MoneyReverse)?;
        let fingerprint = reversal.fingerprint();
        let idempotency = Idempotency { family: Family::Money, key, operation: "reverse", fingerprint };
        self.command_once(ctx, "reverse_transaction", 201, &idempotency, |tx| {
            let original = journal::get(tx, reversal.transaction)?.ok_or_else(Error::not_found)?;
            match original.kind {
                EntryKind::PromotionalGrant | EntryKind::PaidGrant => {
                    revoke_grant(tx, ctx, &idempotency, &original, reversal)
                }
                EntryKind::Charge | EntryKind::Adjustment => {
                    let back = Back {
                        original: &original,
                        amount: None,
                        kind: EntryKind::Reversal,
                        action: "transaction.reversed",
                        description: reversal.description.clone(),
                        reason: &reversal.reason,
                    };
                    give_back(tx, ctx, &idempotency, back)
                }
                EntryKind::Refund
                | EntryKind::Reversal
                | EntryKind::RatedCharge
                | EntryKind::RatedReturn
                | EntryKind::InvoiceIssued
                | EntryKind::CreditNote
                | EntryKind::InvoiceVoided
                | EntryKind::PaymentByHand
                | EntryKind::BalanceApplied
                | EntryKind::WriteOff
                | EntryKind::Recovery
                | EntryKind::Recognition
                | EntryKind::LotExpired => Err(not_reversible(&original).into()),
            }
        })
    }
}

fn revoke_grant(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    idempotency: &Idempotency,
    grant: &JournalEntry,
    reversal: &ReverseTransaction,
) -> Result<Audited<Transaction>, Error> {
    let granted = read_lines(tx, grant.id)?;
    let lot = granted.as_slice().iter().find(|line| is_lot_credit(line.account, line.direction));
    let lot = lot.and_then(|line| line.account.lot()).ok_or_else(|| Error::Bug(format!("{} made no lot", grant.id)))?;
    let customer = customers::of_entry(tx, grant)?;
    let mut wallet = wallets::lock(tx, customer.id, grant.currency, ctx.now())?;
    if let Some(refusal) = reversal_refusal(tx, grant.id)? {
        return Err(final_refusal(refusal));
    }
    wallets::load_lots(tx, &mut wallet, &[lot])?;
    let lot = wallet.lot(lot).ok_or_else(|| Error::Bug(format!("the lot {lot} is not stored")))?;

    let lines = recipes::revoke_grant(&wallet, lot).map_err(final_refusal)?;

    let movement = Movement {
        kind: EntryKind::Reversal,
        action: "transaction.reversed",
        customer: &customer,
        wallet: &wallet,
        amount: grant.amount,
        lines: &lines,
        description: reversal.description.clone().unwrap_or_else(|| format!("Reversal of {}", grant.id)),
        idempotency,
        usage_at: None,
        reason: Some(reversal.reason.clone()),
        reverses: Some(grant.id),
        refunds: None,
        metadata: None,
    };
    post_movement(tx, ctx, movement).map(|(_, audited)| audited)
}

fn is_lot_credit(account: Account, direction: Direction) -> bool {
    direction == Direction::Credit && account.lot().is_some()
}

fn not_reversible(entry: &JournalEntry) -> Refusal {
    let kind = entry.kind.transaction_type();
    Refusal::field(
        Code::NotReversible,
        "transactionId",
        format!(
            "is of the type {kind}, which stands for ever. Book what you need as a new credit or debit, or correct the invoice."
        ),
    )
}
