//! Storing decisions: charges with their entries, drafts, items, and how far each subscription is billed, in one transaction. A
//! subscription that was changed or billed since it was read is left alone; the next look finds it still due.

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::diff::{NewCharge, Windowed};
use domain::billing::drafts::{billing_day, issues_at};
use domain::billing::run::{BillingItem, BillingRun, ItemState, RunCounts};
use domain::currency::Currency;
use domain::customers::Customer;
use domain::ids::{BillingItemId, BillingRunId, CustomerId, InvoiceId, SubscriptionId};
use domain::invoices::record::{InvoiceKind, InvoiceName, InvoiceRecord};
use domain::invoices::standing::{InvoiceState, Standing};
use domain::projects::Project;
use domain::time::Instant;
use domain::window::zone;
use jiff::civil::Date;
use storage::{ProjectTx, billing_items, invoices, subscription_schedules};

use super::commitments;
use super::decide::Decision;
use super::load::Batch;
use super::post;
use crate::ctx::Ctx;
use crate::error::Error;

/// What was stored.
pub(super) struct Saved {
    pub counts: RunCounts,
    /// The invoices that something was put on.
    pub invoices: BTreeSet<InvoiceId>,
}

/// Stores what was decided, and says what became of the items.
///
/// # Errors
/// A refusal when a balance would leave the range of amounts; otherwise only when the database fails.
pub(super) fn save(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    batch: &Batch,
    decisions: &[Decision],
    run: &BillingRun,
) -> Result<Saved, Error> {
    let reads: Vec<_> = decisions.iter().map(|decision| decision.read).collect();
    let unchanged: BTreeSet<SubscriptionId> = subscription_schedules::lock_unchanged(tx, &reads)?.into_iter().collect();
    let mut decisions: Vec<&Decision> =
        decisions.iter().filter(|decision| unchanged.contains(&decision.read.subscription)).collect();
    let still_seen = commitments::still_seen(tx, &decisions)?;
    decisions.retain(|decision| still_seen.contains(&decision.read.subscription));
    let payers: Vec<&Customer> = decisions
        .iter()
        .flat_map(|decision| decision.charges.iter().map(|_| &batch.candidates[decision.candidate].payer))
        .collect();
    let mut new: Vec<NewCharge> = decisions.iter().flat_map(|decision| decision.charges.iter().cloned()).collect();
    let origin = Origin { run: Some(run.id), created_at: run.as_of };
    let assigned = assign(tx, &batch.project, &payers, &new, origin)?;
    post::post(tx, ctx, &mut new, &assigned, post::By::Run(run.id))?;
    let further = further(&new, &assigned);
    let charges: Vec<_> = new.into_iter().map(|new| new.charge).collect();
    invoices::charge(tx, &charges, &assigned)?;
    invoices::gather(tx, &further)?;
    let invoice_of: BTreeMap<BillingItemId, InvoiceId> =
        charges.iter().zip(&assigned).filter_map(|(charge, invoice)| Some((charge.item?, *invoice))).collect();
    let touched: BTreeSet<InvoiceId> = assigned.iter().copied().collect();
    let mut counts = RunCounts { drafts: count(touched.len()), ..RunCounts::default() };
    let mut items: Vec<BillingItem> = Vec::new();
    for decision in &decisions {
        counts.subscriptions += 1;
        for item in &decision.items {
            let invoice = invoice_of.get(&item.id).copied();
            counts.planned += 1;
            match item.state {
                ItemState::Charged if invoice.is_some() => counts.charged += 1,
                ItemState::Charged => counts.unchanged += 1,
                ItemState::Skipped => counts.skipped += 1,
                ItemState::Failed => counts.failed += 1,
            }
            if !decision.kept.contains(&item.id) {
                items.push(BillingItem { invoice, ..item.clone() });
            }
        }
    }
    billing_items::store_many(tx, &items)?;
    let after: Vec<_> = decisions.iter().map(|decision| decision.after).collect();
    subscription_schedules::billed(tx, &after)?;
    Ok(Saved { counts, invoices: touched })
}

/// The keys that go on from window to window, with who pays and the draft that all of each is billed on.
fn further(new: &[NewCharge], assigned: &[InvoiceId]) -> Vec<(String, CustomerId, InvoiceId)> {
    let further = new.iter().zip(assigned).filter(|(new, _)| new.windowed == Windowed::Further);
    let newest: BTreeMap<(String, CustomerId), InvoiceId> =
        further.map(|(new, invoice)| ((new.charge.key.clone(), new.charge.payer), *invoice)).collect();
    newest.into_iter().map(|((key, payer), invoice)| (key, payer, invoice)).collect()
}

type Day = (CustomerId, Currency, InvoiceKind, Date);

/// What is asked of the draft of a day.
#[derive(Debug, Clone, Copy)]
struct Asked {
    starts_at: Instant,
    /// The first of what falls on the day.
    falls_on: Instant,
    /// When the last period closes whose usage is rated in windows.
    closes_at: Option<Instant>,
}

/// What a draft is made by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub run: Option<BillingRunId>,
    pub created_at: Instant,
}

/// The draft of each charge, made where there is none: that of the payer's day, or one more where the day's invoice is issued already.
pub(crate) fn assign(
    tx: &mut ProjectTx<'_>,
    project: &Project,
    payers: &[&Customer],
    new: &[NewCharge],
    origin: Origin,
) -> Result<Vec<InvoiceId>, Error> {
    let mut days = Vec::with_capacity(new.len());
    for (payer, NewCharge { charge, falls_on, windowed, .. }) in payers.iter().zip(new) {
        let zone = zone(payer.time_zone.as_ref().unwrap_or(&project.time_zone));
        let day = billing_day(*falls_on, &zone);
        let key: Day = (payer.id, charge.currency, InvoiceKind::Regular, day.date);
        let closes_at = (*windowed != Windowed::No).then_some(*falls_on);
        days.push((key, Asked { starts_at: day.starts_at, falls_on: *falls_on, closes_at }));
    }
    let mut wanted: BTreeMap<Day, Asked> = BTreeMap::new();
    for (key, asked) in &days {
        let first = wanted.entry(*key).or_insert(*asked);
        first.falls_on = first.falls_on.min(asked.falls_on);
        first.closes_at = first.closes_at.max(asked.closes_at);
    }
    let keys: Vec<Day> = wanted.keys().copied().collect();
    let mut newest: BTreeMap<Day, InvoiceRecord> = BTreeMap::new();
    for record in invoices::lock_days(tx, &keys)? {
        // They come in the order of parts.
        let name = &record.name;
        newest.insert((name.customer, name.currency, name.kind, name.bills_on), record);
    }
    let policy = project.policies.invoices();
    let mut drafts = Vec::new();
    let mut chosen: BTreeMap<Day, InvoiceId> = BTreeMap::new();
    for (key, Asked { starts_at, falls_on, closes_at }) in wanted {
        let (customer, currency, kind, bills_on) = key;
        let part = match newest.get(&key) {
            Some(record) if record.standing.state == InvoiceState::Draft => {
                chosen.insert(key, record.id);
                // It was made long before, perhaps under another policy.
                if let Some(later) = closes_at.map(|at| issues_at(at, &policy)).filter(|at| *at > record.issues_at) {
                    invoices::postpone(tx, record.id, later)?;
                }
                continue;
            }
            Some(record) => record.name.part + 1,
            None => 0,
        };
        let name = InvoiceName { customer, currency, kind, bills_on, part };
        let id = name.id(project.id, starts_at);
        drafts.push(InvoiceRecord {
            id,
            name,
            standing: Standing::DRAFT,
            issues_at: issues_at(falls_on, &policy),
            replaces: None,
            run: origin.run,
            created_at: origin.created_at,
            issued_at: None,
            voided_at: None,
        });
        chosen.insert(key, id);
    }
    invoices::insert_drafts(tx, &drafts)?;
    let assigned = days.iter().map(|(key, _)| {
        let missing = || Error::Bug("every charge has a day".to_owned());
        chosen.get(key).copied().ok_or_else(missing)
    });
    assigned.collect()
}

fn count(items: usize) -> i64 {
    // Cannot fail: a chunk has far fewer.
    i64::try_from(items).expect("a chunk has an end")
}
