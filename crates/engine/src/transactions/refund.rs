//! Refunds: money of a charge goes back to the wallet it came from, in part or whole, in reverse draw order.

use domain::access::Permission;
use domain::amount::Amount;
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::EntryId;
use domain::ledger::entry::{EntryKind, JournalEntry};
use domain::ledger::reason::Reason;
use domain::ledger::recipes;
use domain::ledger::recipes::GiveBack;
use domain::ledger::taken::Taken;
use domain::refusal::{Code, Refusal};
use storage::{ProjectTx, journal};

use super::post::{Movement, final_refusal, post_movement};
use crate::audit::Audited;
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::{read_lines, reversal_refusal};
use crate::transactions::Transaction;
use crate::wallets;

/// A refund of a charge. What was not sent stays absent: it is part of the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundCharge {
    pub transaction: EntryId,
    /// Without one, all that is not given back yet.
    pub amount: Option<Amount>,
    pub description: Option<String>,
    pub reason: Reason,
}

impl RefundCharge {
    fn fingerprint(&self) -> Fingerprint {
        Canonical::new("refund")
            .id(self.transaction)
            .optional(self.amount, |form, amount| form.micros(amount.micros()))
            .optional(self.description.as_deref(), Canonical::text)
            .text(self.reason.code.as_str())
            .optional(self.reason.text.as_deref(), Canonical::text)
            .fingerprint()
    }
}

impl Engine {
    /// Gives money of a charge back to the wallet. All refunds of a charge together never exceed it.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::NotReversible`] for anything but a charge, [`Code::AlreadyReversed`],
    /// [`Code::RefundTooLarge`].
    pub fn refund_charge(&self, ctx: &Ctx, key: IdempotencyKey, refund: &RefundCharge) -> Result<Answer, Error> {
        ctx.require(Permission::MoneyRefund)?;
        let fingerprint = refund.fingerprint();
        let idempotency = Idempotency { family: Family::Money, key, operation: "refund", fingerprint };
        self.command_once(ctx, "refund_charge", 201, &idempotency, |tx| {
            let charge = journal::get(tx, refund.transaction)?.ok_or_else(Error::not_found)?;
            if charge.kind != EntryKind::Charge {
                return Err(not_a_charge(&charge).into());
            }
            let back = Back {
                original: &charge,
                amount: refund.amount,
                kind: EntryKind::Refund,
                action: "transaction.refunded",
                description: refund.description.clone(),
                reason: &refund.reason,
            };
            give_back(tx, ctx, &idempotency, back)
        })
    }
}

/// Money of a charge or debit that goes back to its wallet.
pub(crate) struct Back<'a> {
    pub original: &'a JournalEntry,
    /// Without one, all that is not given back yet.
    pub amount: Option<Amount>,
    pub kind: EntryKind,
    pub action: &'static str,
    pub description: Option<String>,
    pub reason: &'a Reason,
}

/// Posts the return of money, under the lock of the wallet it goes back to.
pub(crate) fn give_back(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    idempotency: &Idempotency,
    back: Back<'_>,
) -> Result<Audited<Transaction>, Error> {
    let original = back.original;
    let taken = read_lines(tx, original.id)?;
    let taken = Taken::of(&taken).ok_or_else(|| Error::Bug(format!("{} took nothing from a wallet", original.id)))?;
    let customer = customers::of_entry(tx, original)?;
    let mut wallet = wallets::lock(tx, customer.id, original.currency, ctx.now())?;
    if let Some(refusal) = reversal_refusal(tx, original.id)? {
        return Err(final_refusal(refusal));
    }
    let returned_before = sum(journal::refunded(tx, original.id)?)?;
    let repaid = journal::repayments(tx, customer.id, original.currency)?;
    let lots: Vec<_> = taken.parts.iter().chain(&repaid).map(|part| part.lot).collect();
    wallets::load_lots(tx, &mut wallet, &lots)?;
    let left = taken.total().checked_sub(returned_before);
    let left = left.ok_or_else(|| Error::Bug(format!("the refunds of {} exceed every amount", original.id)))?;
    if back.kind == EntryKind::Reversal && !returned_before.is_zero() {
        return Err(final_refusal(partly_refunded(returned_before, left)));
    }
    let amount = back.amount.unwrap_or(left);
    if left.is_zero() {
        return Err(final_refusal(Refusal::new(Code::RefundTooLarge, "All of this charge was given back already.")));
    }

    let lines = recipes::give_back(&GiveBack {
        wallet: &wallet,
        taken: &taken,
        returned_before,
        amount,
        repaid: &repaid,
        at: ctx.now(),
    })
    .map_err(final_refusal)?;

    let is_reversal = back.kind == EntryKind::Reversal;
    let verb = if is_reversal { "Reversal" } else { "Refund" };
    let movement = Movement {
        kind: back.kind,
        action: back.action,
        customer: &customer,
        wallet: &wallet,
        amount,
        lines: &lines,
        description: back.description.unwrap_or_else(|| format!("{verb} of {}", original.id)),
        idempotency,
        usage_at: None,
        reason: Some(back.reason.clone()),
        reverses: is_reversal.then_some(original.id),
        refunds: (!is_reversal).then_some(original.id),
        metadata: None,
    };
    post_movement(tx, ctx, movement).map(|(_, audited)| audited)
}

fn not_a_charge(entry: &JournalEntry) -> Refusal {
    let kind = entry.kind.transaction_type();
    Refusal::field(Code::NotReversible, "transactionId", format!("is a {kind}; only a charge can be refunded."))
}

fn partly_refunded(returned: Amount, left: Amount) -> Refusal {
    Refusal::new(
        Code::RefundTooLarge,
        format!("{returned} of this charge was refunded already. Refund the {left} that is left instead."),
    )
}

fn sum(amounts: Vec<Amount>) -> Result<Amount, Error> {
    Amount::checked_sum(amounts).ok_or_else(|| Error::Bug("refunds exceed every amount".to_owned()))
}
