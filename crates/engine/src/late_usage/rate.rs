//! What late usage comes to: the charges of the invoice are rated again with everything that is folded now, by the prices and changes that
//! they were rated by, and compared with what was charged since under the same keys.

use std::collections::{BTreeMap, BTreeSet};

use domain::amount::Amount;
use domain::billing::commitments::TrueUp;
use domain::billing::diff::NewCharge;
use domain::billing::run::ItemState;
use domain::charges::charge::Charge;
use domain::invoices::record::InvoiceRecord;
use domain::late_usage::settle::KeyEffect;
use domain::ratio::OutOfRange;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use storage::{ProjectTx, charges, late_usage};

use crate::billing::again::{RatedAgain, rate_again};
use crate::billing::commitments;
use crate::billing::decide::{Issued, Purpose};
use crate::billing::load::Batch;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::metering;

/// Late usage as it is rated.
pub(super) struct Rated {
    pub effects: Vec<KeyEffect>,
    /// What is to be charged: one revision for each key that comes to something else.
    pub charges: Vec<NewCharge>,
    /// Up to which place it is counted.
    pub cut: i64,
    /// When the first of its periods ended; `None` when nothing of it is on the invoice any more.
    pub ended_at: Option<Instant>,
}

impl Rated {
    pub fn has_effect(&self) -> bool {
        !self.charges.is_empty()
    }

    pub fn effect(&self) -> Result<Amount, Error> {
        let effects = self.effects.iter().map(|effect| effect.effect);
        Ok(Amount::checked_sum(effects).ok_or(OutOfRange).map_err(Refusal::from)?)
    }
}

/// Rates what the keys name of an invoice. An invoice that was taken back has nothing: what replaces it is looked at by itself.
///
/// # Errors
/// A refusal when it cannot be rated.
pub(super) fn rate(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    invoice: &InvoiceRecord,
    keys: &BTreeSet<String>,
) -> Result<Rated, Error> {
    let mut own: Vec<Charge> = charges::of_invoices(tx, &[invoice.id])?.into_iter().map(|(_, charge)| charge).collect();
    own.retain(|charge| charge.revision == 0 && keys.contains(&charge.key));
    if own.is_empty() {
        let cut = metering::cut(tx)?;
        return Ok(Rated { effects: Vec::new(), charges: Vec::new(), cut, ended_at: None });
    }
    let purpose = Purpose { as_of: ctx.now(), now: ctx.now(), again: None, run: None, is_forecast: false };
    let again = rate_again(tx, &own, Issued::Correct, purpose)?;
    let again = again.ok_or_else(|| unratable("It is of no subscription."))?;
    let RatedAgain { batch, decisions, purpose } = again;
    let failed = decisions.iter().flat_map(|decision| &decision.items).find(|item| item.state == ItemState::Failed);
    if let Some(failed) = failed {
        return Err(unratable(failed.reason.as_deref().unwrap_or("It cannot be rated.")).into());
    }
    let falls_on = next_invoice(&batch, ctx.now());
    let new: BTreeMap<String, Charge> = decisions
        .into_iter()
        .flat_map(|decision| decision.charges)
        .map(|NewCharge { charge, .. }| (charge.key.clone(), charge))
        .collect();
    let (mut effects, mut charges) = compare(tx, invoice, &own, new, falls_on)?;
    // From what is charged in the end: late usage that is ignored, or waits, leaves commitments alone.
    for TrueUp { new, before } in commitments::after_late_usage(tx, &batch, &charges, purpose)? {
        let NewCharge { mut charge, .. } = new;
        let after = before.checked_add(charge.amount).ok_or(OutOfRange).map_err(Refusal::from)?;
        effects.push(KeyEffect { key: charge.key.clone(), before, after, effect: charge.amount });
        (charge.payer, charge.corrects) = (invoice.name.customer, charge.corrects.or(Some(invoice.id)));
        charges.push(NewCharge::new(charge, falls_on));
    }
    let ended_at = own.iter().filter_map(|charge| charge.part).map(|part| part.end).min();
    Ok(Rated { effects, charges, cut: batch.cut, ended_at })
}

/// What each key comes to, and the revisions that are to be charged.
fn compare(
    tx: &mut ProjectTx<'_>,
    invoice: &InvoiceRecord,
    own: &[Charge],
    mut new: BTreeMap<String, Charge>,
    falls_on: Instant,
) -> Result<(Vec<KeyEffect>, Vec<NewCharge>), Error> {
    let keys: Vec<&str> = own.iter().map(|charge| charge.key.as_str()).collect();
    let before = charges::charged_before(tx, &keys)?;
    let ignored = late_usage::ignored(tx, &keys)?;
    let (mut effects, mut charges) = (Vec::with_capacity(own.len()), Vec::new());
    for key in keys {
        let before = before.get(key).ok_or_else(|| Error::Bug(format!("nothing was charged under {key:?}")))?.amount;
        let charge = new.remove(key);
        let difference = charge.as_ref().map_or(Amount::ZERO, |charge| charge.amount);
        let after = before.checked_add(difference).ok_or(OutOfRange).map_err(Refusal::from)?;
        let ignored = match ignored.get(key) {
            Some(ignored) => *ignored,
            // Nobody ignored anything of it.
            None => Amount::ZERO,
        };
        let effect = KeyEffect::new(key.to_owned(), before, after, ignored).map_err(Refusal::from)?;
        if let Some(charge) = charge.filter(|_| !effect.effect.is_zero()) {
            // Whoever paid the invoice pays this, whoever pays now.
            let payer = invoice.name.customer;
            let charge = Charge { amount: effect.effect, payer, corrects: Some(invoice.id), ..charge };
            charges.push(NewCharge::new(charge, falls_on));
        }
        effects.push(effect);
    }
    effects.sort_by(|left, right| left.key.cmp(&right.key));
    charges.sort_by(|left, right| (left.charge.at, &left.charge.key).cmp(&(right.charge.at, &right.charge.key)));
    Ok((effects, charges))
}

/// On whose day the next invoice of these subscriptions falls, whatever windows end before; now, when none is ahead.
fn next_invoice(batch: &Batch, now: Instant) -> Instant {
    let ahead = batch.candidates.iter().filter_map(|candidate| {
        let billed_until = candidate.schedule.billed_until.unwrap_or(now);
        batch.subscription(candidate).next_item_after(billed_until, batch.late_buffer()).filter(|due| *due > now)
    });
    ahead.min().unwrap_or(now)
}

fn unratable(why: &str) -> Refusal {
    Refusal::new(Code::LateUsageUnratable, format!("The usage cannot be rated again. {why}"))
}
