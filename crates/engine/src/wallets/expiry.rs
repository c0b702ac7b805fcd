//! Lots expire: what is left of paid credit becomes income, promotional credit was never given. It is booked when late events of the
//! lot's last day can come no more, so that the charges of that day draw on it first.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{CustomerId, EntryId, LotId, derived};
use domain::ledger::entry::EntryKind;
use domain::ledger::lines::Lines;
use domain::ledger::recipes;
use domain::time::Instant;
use serde_json::json;
use storage::{ProjectTx, credit_lots, projects};

use super::{load_lots, lock};
use crate::audit::{AuditRecord, Audited};
use crate::clock::{DueWork, Worked};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::{NewEntry, post_many};

/// The most lots of one transaction.
const CHUNK: i64 = 200;

/// Expiry of credit lots.
pub(crate) struct LotExpiry;

/// A lot that expires, decided under the lock of its wallet.
struct Expired {
    customer: CustomerId,
    currency: Currency,
    lot: LotId,
    amount: Amount,
    expires_at: Instant,
    balance_after: Option<Amount>,
    lines: Lines,
}

impl DueWork for LotExpiry {
    fn name(&self) -> &'static str {
        "the expiry of a credit lot"
    }

    fn next_due(&self, engine: &Engine, ctx: &Ctx, until: Instant) -> Result<Option<Instant>, Error> {
        engine.read(ctx.project, "next_lot_expiry", |tx| {
            let buffer = buffer(tx)?;
            let Some(until) = until.checked_sub(buffer) else { return Ok(None) };
            let next = credit_lots::expiring(tx, until, 1)?.pop();
            Ok(next.and_then(|next| next.lot.expires_at).and_then(|expiry| expiry.checked_add(buffer)))
        })
    }

    fn run(&self, engine: &Engine, ctx: &Ctx) -> Result<Worked, Error> {
        while expire_some(engine, ctx)? > 0 {}
        Ok(Worked::Done)
    }
}

/// Books the expiry of some lots, those that expired first, and says how many they were.
fn expire_some(engine: &Engine, ctx: &Ctx) -> Result<usize, Error> {
    // Nothing is written, not even to the audit trail, where nothing has expired.
    if LotExpiry.next_due(engine, ctx, ctx.now())?.is_none() {
        return Ok(0);
    }
    engine.command(ctx, "expire_lots", |tx| {
        let until = ctx.now().checked_sub(buffer(tx)?).unwrap_or(ctx.now());
        let expired = decide(tx, ctx, until)?;
        let entries: Vec<NewEntry<'_>> = expired.iter().map(|expired| entry(ctx, expired)).collect();
        post_many(tx, ctx, &entries)?;
        let lots: Vec<serde_json::Value> = expired
            .iter()
            .map(|expired| {
                let Expired { customer, currency, lot, amount, expires_at, .. } = expired;
                json!({ "lotId": lot, "customerId": customer, "amount": amount, "currency": currency, "expiresAt": expires_at })
            })
            .collect();
        let body = json!({ "lots": lots });
        let record = AuditRecord::new("lots.expired", ctx.project).details(body.clone());
        Ok(Audited::new(expired.len(), record).announce("lots.expired", body))
    })
}

/// The wallets are locked in one order; what their lots hold is read under the lock.
fn decide(tx: &mut ProjectTx<'_>, ctx: &Ctx, until: Instant) -> Result<Vec<Expired>, Error> {
    let mut wallets: BTreeMap<(CustomerId, Currency), Vec<LotId>> = BTreeMap::new();
    for found in credit_lots::expiring(tx, until, CHUNK)? {
        wallets.entry((found.customer, found.currency)).or_default().push(found.lot.id);
    }
    let mut all = Vec::new();
    for ((customer, currency), lots) in wallets {
        let mut wallet = lock(tx, customer, currency, ctx.now())?;
        load_lots(tx, &mut wallet, &lots)?;
        for id in lots {
            let Some(lot) = wallet.lot(id).cloned().filter(|lot| lot.balance.is_positive()) else { continue };
            let Some(expires_at) = lot.expires_at else { continue };
            let lines = recipes::expire_lot(&wallet, &lot)?;
            for held in wallet.lots.iter_mut().filter(|held| held.id == id) {
                held.balance = Amount::ZERO;
            }
            let balance_after = wallet.balance().amount();
            all.push(Expired { customer, currency, lot: id, amount: lot.balance, expires_at, balance_after, lines });
        }
    }
    Ok(all)
}

fn entry<'a>(ctx: &Ctx, expired: &'a Expired) -> NewEntry<'a> {
    let id = derived(expired.expires_at, ctx.project, "lotExpired", &expired.lot.to_string());
    NewEntry {
        id: Some(EntryId::from_uuid(id)),
        customer: Some(expired.customer),
        balance_after: expired.balance_after,
        description: format!("Expiry of {}", expired.lot),
        usage_at: Some(expired.expires_at),
        ..NewEntry::of(EntryKind::LotExpired, expired.amount, expired.currency, &expired.lines)
    }
}

/// How long after its last day a lot waits for late charges.
fn buffer(tx: &mut ProjectTx<'_>) -> Result<Duration, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    Ok(Duration::from_secs(60 * u64::from(project.policies.late_buffer_minutes)))
}
