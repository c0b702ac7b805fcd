//! Charges: a machine takes an amount from a wallet now. Every attempt is counted; what is refused is kept.

mod outcome;

use std::time::Duration;

use domain::access::Permission;
use domain::customers::Customer;
use domain::idempotency::{Family, IdempotencyKey};
use domain::ingest::Operation;
use domain::ingest::charge::{ChargeItem, ChargeRequest};
use domain::ledger::entry::EntryKind;
use domain::ledger::recipes;
use domain::projects::Project;
use domain::refusal::{Code, Refusal};
use storage::{ProjectTx, projects};

use crate::access_keys::require_live_key;
use crate::audit::Audited;
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::record;
use crate::transactions::{Movement, Transaction, final_refusal, post_movement};
use crate::wallets;

/// How far a timestamp may lie ahead of its receipt: clocks differ.
const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);

impl Engine {
    /// Takes an amount from a wallet at most once for its key.
    ///
    /// # Errors
    /// What the item was refused for, [`Code::IdempotencyConflict`], [`Code::UnknownCustomer`],
    /// [`Code::CustomerKeyRequired`], [`Code::TimestampInFuture`]. A wallet that cannot pay is an [`Answer`]: it is final
    /// for its key.
    pub fn charge(&self, ctx: &Ctx, item: &ChargeItem) -> Result<Answer, Error> {
        ctx.require(Permission::ChargeIngest)?;
        let mut refused_for_good = None;
        let result = self.charge_once(ctx, item, &mut refused_for_good);
        if let Some(attempt) = outcome::of(&result, refused_for_good) {
            metrics::counter!("neruba_ingest_total", "operation" => "charge", "outcome" => attempt.outcome().as_str())
                .increment(1);
            self.record_attempt(ctx, item, &attempt)?;
        }
        result
    }

    fn charge_once(
        &self,
        ctx: &Ctx,
        item: &ChargeItem,
        refused_for_good: &mut Option<Refusal>,
    ) -> Result<Answer, Error> {
        let request = item.request.as_ref().map_err(Refusal::clone)?;
        let key = item.key.clone().ok_or_else(|| Error::Bug("an item without a key is refused".to_owned()))?;
        let idempotency = idempotency(key, request);
        self.command_once(ctx, "charge", 201, &idempotency, |tx| {
            let charged = charge(tx, ctx, &idempotency, request);
            if let Err(Error::RefusedForGood(refusal)) = &charged {
                *refused_for_good = Some(refusal.clone());
            }
            charged
        })
    }
}

fn idempotency(key: IdempotencyKey, request: &ChargeRequest) -> Idempotency {
    Idempotency { family: Family::Money, key, operation: "charge", fingerprint: request.fingerprint() }
}

fn charge(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    idempotency: &Idempotency,
    request: &ChargeRequest,
) -> Result<Audited<Transaction>, Error> {
    require_live_key(tx, ctx)?;
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    check_timestamp(ctx, request)?;
    let customer = customer(tx, ctx, &project, request)?;
    let currency = request.currency.unwrap_or(project.currency);
    let wallet = wallets::lock(tx, customer.id, currency, ctx.now())?;

    let lines = recipes::charge(&wallet, request.amount, ctx.now()).map_err(final_refusal)?;

    record::accepted(tx, ctx, Operation::Charge)?;
    let movement = Movement {
        kind: EntryKind::Charge,
        action: "transaction.charged",
        customer: &customer,
        wallet: &wallet,
        amount: request.amount,
        lines: &lines,
        description: request.description.clone().unwrap_or_else(|| "Charge".to_owned()),
        idempotency,
        usage_at: request.timestamp,
        reason: None,
        reverses: None,
        refunds: None,
        metadata: request.metadata.clone(),
    };
    post_movement(tx, ctx, movement).map(|(_, audited)| audited)
}

fn customer(tx: &mut ProjectTx<'_>, ctx: &Ctx, project: &Project, request: &ChargeRequest) -> Result<Customer, Error> {
    if request.customer_key.is_none() && project.policies.require_customer_key {
        return Err(Refusal::field(Code::CustomerKeyRequired, "customerKey", "is required by this project.").into());
    }
    customers::resolve(tx, ctx, project, request.customer_key.as_deref())
}

fn check_timestamp(ctx: &Ctx, request: &ChargeRequest) -> Result<(), Refusal> {
    let latest = ctx.now().checked_add(AHEAD_MAX);
    match (request.timestamp, latest) {
        (Some(at), Some(latest)) if at > latest => {
            let now = ctx.now();
            let detail = format!("lies more than 5 minutes after its receipt at {now}. Check the sender's clock.");
            Err(Refusal::field(Code::TimestampInFuture, "timestamp", detail))
        }
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}
