//! Granting credit: a new lot in a customer's wallet, promotional or paid for.

use domain::access::{Permission, Role};
use domain::amount::Amount;
use domain::currency::Currency;
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::LotId;
use domain::ledger::entry::EntryKind;
use domain::ledger::reason::Reason;
use domain::ledger::recipes;
use domain::projects::Project;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::wallets::{Lot, LotKind, PRIORITY_DEFAULT, expiry, lot_account};
use domain::window::zone;
use storage::credit_lots::{self, NewLot};
use storage::projects;

use super::post::{Movement, final_refusal, post_movement};
use crate::billing::scheduler::wake_by_day;
use crate::command::{Answer, Idempotency};
use crate::ctx::{Ctx, Held};
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::wallets;

/// A credit that somebody grants. What was not sent stays absent: it is part of the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantCredit {
    pub amount: Amount,
    pub currency: Option<Currency>,
    pub customer_key: Option<String>,
    pub description: String,
    /// Whether the customer paid for it.
    pub paid: Option<bool>,
    /// From the end of this day on, in the customer's zone, it cannot be spent.
    pub expires_at: Option<Instant>,
    pub priority: Option<i64>,
    pub reason: Option<Reason>,
}

impl GrantCredit {
    fn fingerprint(&self) -> Fingerprint {
        Canonical::new("credit")
            .micros(self.amount.micros())
            .optional(self.currency, |form, currency| form.text(currency.code()))
            .optional(self.customer_key.as_deref(), Canonical::text)
            .text(&self.description)
            .optional(self.paid, Canonical::flag)
            .optional(self.expires_at, Canonical::instant)
            .optional(self.priority, Canonical::integer)
            .optional(self.reason.as_ref().map(|reason| reason.code), |form, code| form.text(code.as_str()))
            .optional(self.reason.as_ref().and_then(|reason| reason.text.as_deref()), Canonical::text)
            .fingerprint()
    }
}

impl Engine {
    /// Raises the balance of a wallet by a new lot. While an overdraft stands, the new lot repays it first.
    ///
    /// # Errors
    /// [`Code::AboveLimit`] beyond what the caller's role may grant, [`Code::InvalidValue`] for an expiry that has
    /// passed, [`Code::UnknownCustomer`], [`Code::OutOfRange`], [`Code::TooManyItems`].
    pub fn grant_credit(&self, ctx: &Ctx, key: IdempotencyKey, credit: &GrantCredit) -> Result<Answer, Error> {
        ctx.require(Permission::CreditGrant)?;
        let fingerprint = credit.fingerprint();
        let idempotency = Idempotency { family: Family::Money, key, operation: "credit", fingerprint };
        self.command_once(ctx, "grant_credit", 201, &idempotency, |tx| {
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            within_limit(ctx, &project, "amount", credit.amount)?;
            let customer = customers::resolve(tx, ctx, &project, credit.customer_key.as_deref())?;
            let currency = credit.currency.unwrap_or(project.currency);
            let zone = zone(customer.time_zone.as_deref().unwrap_or(&project.time_zone));
            let lot = new_lot(ctx, credit, credit.expires_at.map(|wanted| expiry(wanted, &zone)))?;
            // Schedules are locked before wallets, as a run does.
            wake_by_day(tx, &project, &customer, lot.valid_from.max(ctx.now()))?;
            let wallet = wallets::lock(tx, customer.id, currency, ctx.now())?;

            let lines = recipes::grant(&wallet, lot.kind, lot.id, credit.amount).map_err(final_refusal)?;

            let kind = match lot.kind {
                LotKind::Promotional => EntryKind::PromotionalGrant,
                LotKind::Paid => EntryKind::PaidGrant,
            };
            let movement = Movement {
                kind,
                action: "transaction.credited",
                customer: &customer,
                wallet: &wallet,
                amount: credit.amount,
                lines: &lines,
                description: credit.description.clone(),
                idempotency: &idempotency,
                usage_at: None,
                reason: credit.reason.clone(),
                reverses: None,
                refunds: None,
                metadata: None,
            };
            let (posted, audited) = post_movement(tx, ctx, movement)?;
            let account = lot_account(lot.kind, customer.id, lot.id);
            let account = posted.accounts.get(&(account, currency)).copied();
            let account = account.ok_or_else(|| Error::Bug("a grant posts to its lot".to_owned()))?;
            credit_lots::insert(tx, &NewLot { lot, customer: customer.id, currency, account, entry: posted.entry.id })?;
            Ok(audited)
        })
    }
}

/// The most that support may move at once is a policy of the project.
///
/// # Errors
/// [`Code::AboveLimit`].
pub(crate) fn within_limit(ctx: &Ctx, project: &Project, field: &str, amount: Amount) -> Result<(), Refusal> {
    let limit = project.policies.support_limit;
    if ctx.held == Held::Role(Role::Support) && amount > limit {
        let detail = format!("is above {limit}, the most the role support may move at once. Ask finance or an admin.");
        return Err(Refusal::field(Code::AboveLimit, field, detail));
    }
    Ok(())
}

fn new_lot(ctx: &Ctx, credit: &GrantCredit, expires_at: Option<Instant>) -> Result<Lot, Refusal> {
    if credit.expires_at.is_some_and(|expiry| expiry <= ctx.now()) {
        return Err(Refusal::field(Code::InvalidValue, "expiresAt", "has passed already."));
    }
    let id: LotId = ctx.new_id();
    Ok(Lot {
        id,
        kind: if credit.paid == Some(true) { LotKind::Paid } else { LotKind::Promotional },
        priority: credit.priority.unwrap_or(PRIORITY_DEFAULT),
        granted: credit.amount,
        // What the lot holds is the balance of its account.
        balance: Amount::ZERO,
        valid_from: ctx.now(),
        expires_at,
        created_at: ctx.now(),
    })
}
