//! Taking credit away by hand: an adjustment, always with a reason.

use domain::access::Permission;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ledger::entry::EntryKind;
use domain::ledger::reason::Reason;
use domain::ledger::recipes;
use storage::projects;

use super::credit::within_limit;
use super::post::{Movement, final_refusal, post_movement};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::wallets;

/// A debit by an operator. What was not sent stays absent: it is part of the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebitWallet {
    pub amount: Amount,
    pub currency: Option<Currency>,
    pub customer_key: Option<String>,
    pub description: Option<String>,
    pub reason: Reason,
}

impl DebitWallet {
    fn fingerprint(&self) -> Fingerprint {
        Canonical::new("debit")
            .micros(self.amount.micros())
            .optional(self.currency, |form, currency| form.text(currency.code()))
            .optional(self.customer_key.as_deref(), Canonical::text)
            .optional(self.description.as_deref(), Canonical::text)
            .text(self.reason.code.as_str())
            .optional(self.reason.text.as_deref(), Canonical::text)
            .fingerprint()
    }
}

impl Engine {
    /// Takes an amount from a wallet in draw order; the account it goes to is named by the reason.
    ///
    /// # Errors
    /// [`Code::InsufficientCredit`](domain::refusal::Code::InsufficientCredit), final for its key;
    /// [`Code::AboveLimit`](domain::refusal::Code::AboveLimit) beyond what the caller's role may move.
    pub fn debit_wallet(&self, ctx: &Ctx, key: IdempotencyKey, debit: &DebitWallet) -> Result<Answer, Error> {
        ctx.require(Permission::MoneyAdjust)?;
        let fingerprint = debit.fingerprint();
        let idempotency = Idempotency { family: Family::Money, key, operation: "debit", fingerprint };
        self.command_once(ctx, "debit_wallet", 201, &idempotency, |tx| {
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            within_limit(ctx, &project, "amount", debit.amount)?;
            let customer = customers::resolve(tx, ctx, &project, debit.customer_key.as_deref())?;
            let currency = debit.currency.unwrap_or(project.currency);
            let wallet = wallets::lock(tx, customer.id, currency, ctx.now())?;

            let lines = recipes::adjustment(&wallet, debit.amount, ctx.now(), debit.reason.code);
            let lines = lines.map_err(final_refusal)?;

            let movement = Movement {
                kind: EntryKind::Adjustment,
                action: "transaction.debited",
                customer: &customer,
                wallet: &wallet,
                amount: debit.amount,
                lines: &lines,
                description: debit.description.clone().unwrap_or_else(|| "Debit".to_owned()),
                idempotency: &idempotency,
                usage_at: None,
                reason: Some(debit.reason.clone()),
                reverses: None,
                refunds: None,
                metadata: None,
            };
            post_movement(tx, ctx, movement).map(|(_, audited)| audited)
        })
    }
}
