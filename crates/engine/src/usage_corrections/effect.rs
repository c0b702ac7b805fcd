//! What a correction would change of invoices. The late desk and billing are rehearsed twice, without the correction and with it, and what
//! they come to is compared: so what is told is what is settled and billed, if nothing else happens in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::amount::Amount;
use domain::charges::charge::{Charge, ChargeKind};
use domain::currency::Currency;
use domain::customers::Customer;
use domain::ids::{CustomerId, InvoiceId};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::standing::InvoiceState;
use domain::late_usage::LateState;
use domain::late_usage::settle::{HeldBecause, SettledBy};
use domain::ratio::OutOfRange;
use domain::time::Instant;
use domain::window::Span;
use jiff::civil::Date;
use serde::Serialize;
use storage::invoices::InvoiceFilter;
use storage::late_usage::ChargedOn;
use storage::{ProjectTx, customers, invoices, issued_invoices, late_usage};
use utoipa::ToSchema;

use crate::billing::walk::Walk;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::invoices::drafts;
use crate::late_usage::{Rehearsed, metric_of, rehearse};
use crate::metering;

/// How long after an event its period can end.
const PERIOD_MAX: Duration = Duration::from_secs(367 * 86_400);
/// How often the calendar is followed to what is due next: what cannot be rated is due again every hour.
const STEPS_MAX: usize = 60;
/// The most drafts of one payer that are looked at.
const DRAFTS_MAX: i64 = 100;

/// What the late desk would make of an issued invoice; it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuedEffect {
    pub invoice_id: InvoiceId,
    #[schema(example = "INV-000042")]
    pub number: String,
    /// Who pays it.
    pub customer_key: String,
    pub currency: Currency,
    /// What the usage that changes comes to without the correction, before tax; `null` where it cannot be rated.
    pub before: Option<Amount>,
    pub after: Option<Amount>,
    /// What would be charged, or given back if negative.
    pub effect: Option<Amount>,
    /// `settled`, or `held` for a person.
    pub state: LateState,
    /// By the policy of the project: `nextInvoice`, `adjustment` or `reissue`.
    pub settled_by: Option<SettledBy>,
    pub held_because: Option<HeldBecause>,
}

/// What would be to be paid of a draft, of one that is there or of one that the next period brings; tax included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DraftEffect {
    /// It has this id as soon as it is made.
    pub invoice_id: InvoiceId,
    /// Who pays it.
    pub customer_key: String,
    #[schema(value_type = String, format = Date)]
    pub bills_on: Date,
    pub currency: Currency,
    pub before: Amount,
    pub after: Amount,
    /// `after − before`.
    pub difference: Amount,
}

/// Where a correction makes something count otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub customer: CustomerId,
    pub metric_key: String,
    pub at: Instant,
}

/// What late desk and billing come to.
pub(super) struct Money {
    /// Up to which place in the order of batches it counts.
    pub cut: i64,
    /// Until when it is billed.
    until: Instant,
    late: BTreeMap<InvoiceId, Rehearsed>,
    drafts: BTreeMap<InvoiceId, (InvoiceRecord, Amount)>,
}

/// Settles and bills what these places touch, until each of them is on an invoice or a draft, and the next invoice is made. With the other
/// half, until the same instant. The caller undoes it.
pub(super) fn money(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    places: &BTreeSet<Place>,
    other: Option<&Money>,
) -> Result<Money, Error> {
    let cut = metering::cut(tx)?;
    let late = rehearse(tx, ctx)?;
    let customers: BTreeSet<CustomerId> = places.iter().map(|place| place.customer).collect();
    let mut payers: BTreeSet<CustomerId> = late.values().map(|rehearsed| rehearsed.late.customer).collect();
    payers.extend(listed(tx, &customers)?.iter().map(Customer::payer_id));

    let mut walk = Walk::of(tx, ctx, &customers)?;
    walk.bill_until(tx, ctx.now())?;
    if let Some(time) = time_of(places, ctx.now()) {
        walk.look_again(tx, time)?;
    }
    let until = match other {
        Some(other) => other.until,
        None => follow(tx, &mut walk, ctx.now(), places, &payers)?,
    };
    walk.bill_until(tx, until)?;
    Ok(Money { cut, until, late, drafts: dues(tx, &payers)? })
}

/// Follows the calendar until each place is billed and every subscription was due once more; says when the drafts would be issued.
fn follow(
    tx: &mut ProjectTx<'_>,
    walk: &mut Walk<'_>,
    now: Instant,
    places: &BTreeSet<Place>,
    payers: &BTreeSet<CustomerId>,
) -> Result<Instant, Error> {
    let mut open = places.clone();
    let known = drafts_of(tx, payers)?;
    let charged = storage::charges::of_invoices(tx, &ids(&known))?;
    billed(&mut open, charged.iter().map(|(_, charge)| charge));
    let issued = charged_since(tx, places)?;
    open.retain(|place| !issued.iter().any(|(customer, metric, span)| place.is_in(*customer, metric, *span)));
    if let Some(due) = walk.last_due() {
        billed(&mut open, walk.bill_until(tx, due.max(now))?.iter());
    }
    for _ in 0..STEPS_MAX {
        let Some(due) = walk.next_due().filter(|due| is_ahead(&open, *due)) else { break };
        billed(&mut open, walk.bill_until(tx, due.max(now))?.iter());
    }
    // What else comes up before they are issued is on them too.
    let last = drafts_of(tx, payers)?.iter().map(|draft| draft.issues_at).max();
    Ok(last.map_or(now, |last| last.max(now)))
}

/// What differs, invoice by invoice.
pub(super) fn compare(
    tx: &mut ProjectTx<'_>,
    without: &Money,
    with: &Money,
) -> Result<(Vec<IssuedEffect>, Vec<DraftEffect>), Error> {
    let drafts = || without.drafts.values().chain(with.drafts.values()).map(|(record, _)| record.name.customer);
    let payers: BTreeSet<CustomerId> = with.late.values().map(|new| new.late.customer).chain(drafts()).collect();
    let keys: BTreeMap<CustomerId, String> =
        listed(tx, &payers)?.into_iter().map(|customer| (customer.id, customer.external_key)).collect();
    let key_of = |customer: CustomerId| keys.get(&customer).cloned().ok_or_else(Error::not_found);
    let touched: Vec<InvoiceId> = with.late.keys().copied().collect();
    let records: BTreeMap<InvoiceId, InvoiceRecord> =
        invoices::find_by_ids(tx, &touched)?.into_iter().map(|record| (record.id, record)).collect();
    let numbers = issued_invoices::numbers(tx, &touched)?;
    let mut issued = Vec::new();
    for (id, new) in &with.late {
        let record = records.get(id).ok_or_else(Error::not_found)?;
        let number = numbers.iter().find(|number| number.invoice == *id).ok_or_else(Error::not_found)?;
        let old = without.late.get(id).map(|old| &old.late.outcome).or(new.waiting.as_ref());
        let outcome = &new.late.outcome;
        let effect = difference(old.and_then(|old| old.effect), outcome.effect)?;
        let before = old.and_then(|old| old.after).or(outcome.before);
        if effect.is_some_and(Amount::is_zero) && before == outcome.after {
            continue;
        }
        issued.push(IssuedEffect {
            invoice_id: *id,
            number: number.number.text.clone(),
            customer_key: key_of(new.late.customer)?,
            currency: record.name.currency,
            before,
            after: outcome.after,
            effect,
            state: new.late.state,
            settled_by: outcome.settled_by,
            held_because: outcome.held_because,
        });
    }
    issued.sort_by(|one, other| one.number.cmp(&other.number));
    Ok((issued, draft_effects(without, with, key_of)?))
}

fn draft_effects(
    without: &Money,
    with: &Money,
    key_of: impl Fn(CustomerId) -> Result<String, Error>,
) -> Result<Vec<DraftEffect>, Error> {
    let ids: BTreeSet<InvoiceId> = without.drafts.keys().chain(with.drafts.keys()).copied().collect();
    let mut effects = Vec::new();
    for id in ids {
        let (old, new) = (without.drafts.get(&id), with.drafts.get(&id));
        let Some((record, _)) = new.or(old) else { continue };
        // A draft that is not there has nothing to be paid.
        let [before, after] = [old, new].map(|draft| draft.map_or(Amount::ZERO, |(_, due)| *due));
        let difference = after.checked_sub(before).ok_or(OutOfRange)?;
        if difference.is_zero() {
            continue;
        }
        effects.push(DraftEffect {
            invoice_id: id,
            customer_key: key_of(record.name.customer)?,
            bills_on: record.name.bills_on,
            currency: record.name.currency,
            before,
            after,
            difference,
        });
    }
    effects.sort_by(|one, other| {
        (one.bills_on, &one.customer_key, one.invoice_id).cmp(&(other.bills_on, &other.customer_key, other.invoice_id))
    });
    Ok(effects)
}

impl Place {
    fn is_in(&self, customer: CustomerId, metric_key: &str, span: Span) -> bool {
        self.customer == customer && self.metric_key == metric_key && span.start <= self.at && self.at < span.end
    }
}

/// From the first of these times until now.
fn time_of(places: &BTreeSet<Place>, now: Instant) -> Option<Span> {
    let (start, last) = (places.iter().map(|place| place.at).min()?, places.iter().map(|place| place.at).max()?);
    let end = last.max(now).checked_add(Duration::from_micros(1))?;
    Some(Span { start, end })
}

/// Whether one of these places may be in what is due then.
fn is_ahead(open: &BTreeSet<Place>, due: Instant) -> bool {
    open.iter().any(|place| place.at.checked_add(PERIOD_MAX).is_some_and(|until| due <= until))
}

/// Takes away the places whose usage is charged by these.
fn billed<'c>(open: &mut BTreeSet<Place>, charges: impl Iterator<Item = &'c Charge>) {
    for charge in charges.filter(|charge| charge.kind == ChargeKind::Usage) {
        let (Some(part), Some(metric)) = (charge.part, metric_of(&charge.content)) else { continue };
        open.retain(|place| !place.is_in(charge.customer, &metric, part));
    }
}

/// The usage on issued invoices that may hold these places: whose, of what, when.
fn charged_since(tx: &mut ProjectTx<'_>, places: &BTreeSet<Place>) -> Result<Vec<(CustomerId, String, Span)>, Error> {
    let mut earliest: BTreeMap<CustomerId, Instant> = BTreeMap::new();
    for place in places {
        let known = earliest.entry(place.customer).or_insert(place.at);
        *known = place.at.min(*known);
    }
    let charged = late_usage::charged_of_customers(tx, ChargedOn::Issued, &earliest.into_iter().collect::<Vec<_>>())?;
    let of = charged.into_iter().filter_map(|charged| {
        let metric = metric_of(&charged.content)?;
        Some((charged.customer, metric, charged.part))
    });
    Ok(of.collect())
}

fn drafts_of(tx: &mut ProjectTx<'_>, payers: &BTreeSet<CustomerId>) -> Result<Vec<InvoiceRecord>, Error> {
    let mut found = Vec::new();
    for payer in payers {
        let state = Some(InvoiceState::Draft);
        let filter = InvoiceFilter { state, customer: Some(*payer), ..InvoiceFilter::default() };
        found.extend(invoices::page(tx, &filter, DRAFTS_MAX)?);
    }
    Ok(found)
}

/// What the drafts of these payers come to.
fn dues(
    tx: &mut ProjectTx<'_>,
    payers: &BTreeSet<CustomerId>,
) -> Result<BTreeMap<InvoiceId, (InvoiceRecord, Amount)>, Error> {
    let records = drafts_of(tx, payers)?;
    let loaded = drafts::load(tx, &records)?;
    let charged = records.into_iter().filter(|record| !loaded.charges(record.id).is_empty());
    let each = charged.map(|record| Ok((record.id, (record.clone(), loaded.bill(&record)?.due))));
    each.collect()
}

fn difference(before: Option<Amount>, after: Option<Amount>) -> Result<Option<Amount>, OutOfRange> {
    match (before, after) {
        (Some(before), Some(after)) => after.checked_sub(before).ok_or(OutOfRange).map(Some),
        (None, after) => Ok(after),
        (Some(_), None) => Ok(None),
    }
}

fn ids(records: &[InvoiceRecord]) -> Vec<InvoiceId> {
    records.iter().map(|record| record.id).collect()
}

fn listed(tx: &mut ProjectTx<'_>, ids: &BTreeSet<CustomerId>) -> Result<Vec<Customer>, Error> {
    Ok(customers::find_by_ids(tx, &ids.iter().copied().collect::<Vec<_>>())?)
}
