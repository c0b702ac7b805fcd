//! Issuing drafts, many at once: bills, gapless numbers, documents, entries. What is issued already stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use domain::amount::Amount;
use domain::billing::report::Figures;
use domain::charges::charge::Charge;
use domain::currency::Currency;
use domain::ids::{CustomerId, EntryId, InvoiceId, InvoicePaymentId, SubscriptionId, derived};
use domain::invoices::bill::Bill;
use domain::invoices::discounts::{CouponPeriod, CouponUse};
use domain::invoices::document::{Document, Reference};
use domain::invoices::freeze::day_of;
use domain::invoices::issued::{GivenNumber, InvoicePayment, IssuedInvoice, PaymentSource};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::series::Series;
use domain::invoices::settings::SeriesName;
use domain::invoices::standing::InvoiceState;
use domain::ledger::account::Account;
use domain::ledger::deferral::{Days, Deferral};
use domain::ledger::entry::{Cause, CauseType, EntryKind};
use domain::ledger::lines::Lines;
use domain::ledger::recipes::{BilledFrom, Issue, IssuedLine, apply_balance, issue};
use domain::time::Instant;
use domain::window::{Span, zone};
use jiff::ToSpan;
use jiff::civil::Date;
use storage::{
    ProjectTx, balances, coupon_uses, customers, invoice_payments, invoice_series, invoices, issued_invoices,
};

use super::drafts::{self, Drafts, Frozen};
use super::open::require_closed;
use super::trail;
use crate::audit::AuditRecord;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::ledger::{NewEntry, post_many};
use crate::recognition;

/// The time that an invoice is issued at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueMoment {
    /// When the draft was to be issued by itself, however late that is done: the same whenever it is repeated.
    WhenDue,
    /// Now: a person issues it.
    Now,
}

/// Invoices after they were to be issued.
pub(crate) struct IssuedDrafts {
    /// As they stand, in the order in which they were given.
    pub records: Vec<InvoiceRecord>,
    /// What those come to that were issued now.
    pub figures: BTreeMap<InvoiceId, Figures>,
}

/// An invoice about to be issued, decided in full.
struct Issuance {
    record: InvoiceRecord,
    figures: Figures,
    issued: IssuedInvoice,
    entry: Option<(EntryId, Lines)>,
    /// What the customer's balance pays.
    applied: Option<(EntryId, Lines, InvoicePayment)>,
    uses: Vec<(SubscriptionId, CouponPeriod, CouponUse)>,
    deferrals: Vec<Deferral>,
}

/// Issues drafts in the given order, which is the order of their numbers. Answers the invoices as they stand afterwards, in that order; a
/// draft without charges stays one. Called again, or by another node at the same time, it changes nothing. // checklist 76
///
/// # Errors
/// [`Error::Refused`] when one of them cannot be billed; then none is issued.
pub fn issue_drafts(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    ids: &[InvoiceId],
    moment: IssueMoment,
) -> Result<Vec<InvoiceRecord>, Error> {
    Ok(issue_with_figures(tx, ctx, ids, moment)?.records)
}

/// As [`issue_drafts`], and says what each comes to.
fn issue_with_figures(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    ids: &[InvoiceId],
    moment: IssueMoment,
) -> Result<IssuedDrafts, Error> {
    let mut figures = BTreeMap::new();
    let mut standing = locked(tx, ids)?;
    let drafts: Vec<InvoiceRecord> = ids
        .iter()
        .filter_map(|id| standing.get(id))
        .filter(|invoice| invoice.standing.state == InvoiceState::Draft)
        .cloned()
        .collect();
    let mut loaded = drafts::load(tx, &drafts)?;
    let drafts: Vec<InvoiceRecord> = drafts.into_iter().filter(|draft| !loaded.charges(draft.id).is_empty()).collect();
    require_closed(tx, &loaded, &drafts)?;
    if !drafts.is_empty() {
        let mut held = balances_of(tx, &drafts)?;
        let next = invoice_series::lock(tx, SeriesName::Invoice)?;
        let mut series = Series { next, ..loaded.settings.series.of(SeriesName::Invoice).series()? };
        let mut issuances = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            let number = series.next;
            let (text, after) = series.take();
            series = after;
            let number = GivenNumber { series: SeriesName::Invoice, number, text: text.to_string() };
            issuances.push(decide(ctx, &mut loaded, &mut held, draft, number, moment)?);
        }
        invoice_series::store(tx, SeriesName::Invoice, series.next)?;
        save(tx, ctx, &issuances)?;
        figures.extend(issuances.iter().map(|issuance| (issuance.record.id, issuance.figures)));
        standing.extend(issuances.into_iter().map(|issuance| (issuance.record.id, issuance.record)));
    }
    Ok(IssuedDrafts { records: ids.iter().filter_map(|id| standing.get(id).cloned()).collect(), figures })
}

/// The same for each of them by itself, where they cannot all be issued: answers also why those were refused that stay drafts.
///
/// # Errors
/// Only when the database fails.
pub(crate) fn issue_each(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    ids: &[InvoiceId],
    moment: IssueMoment,
) -> Result<(IssuedDrafts, BTreeMap<InvoiceId, String>), Error> {
    match tx.attempt(|tx| issue_with_figures(tx, ctx, ids, moment)) {
        Err(Error::Refused(_)) => {}
        other => return Ok((other?, BTreeMap::new())),
    }
    let (mut issued, mut refused) = (IssuedDrafts { records: Vec::new(), figures: BTreeMap::new() }, BTreeMap::new());
    for id in ids {
        match tx.attempt(|tx| issue_with_figures(tx, ctx, &[*id], moment)) {
            Ok(one) => {
                issued.records.extend(one.records);
                issued.figures.extend(one.figures);
            }
            Err(Error::Refused(refusal)) => {
                refused.insert(*id, refusal.detail);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((issued, refused))
}

/// The invoices, locked after their customers, so that nothing else happens to the money of either.
pub(crate) fn locked(tx: &mut ProjectTx<'_>, ids: &[InvoiceId]) -> Result<BTreeMap<InvoiceId, InvoiceRecord>, Error> {
    let unlocked = invoices::find_by_ids(tx, ids)?;
    let payers: BTreeSet<CustomerId> = unlocked.iter().map(|invoice| invoice.name.customer).collect();
    customers::lock_many(tx, &payers.into_iter().collect::<Vec<_>>())?;
    Ok(invoices::lock_many(tx, ids)?.into_iter().map(|invoice| (invoice.id, invoice)).collect())
}

/// What the balances of the payers hold.
fn balances_of(
    tx: &mut ProjectTx<'_>,
    drafts: &[InvoiceRecord],
) -> Result<BTreeMap<(Account, Currency), Amount>, Error> {
    let accounts: BTreeSet<(Account, Currency)> = drafts
        .iter()
        .map(|draft| (Account::CustomerBalance { customer: draft.name.customer }, draft.name.currency))
        .collect();
    let stored = balances::of_accounts(tx, &accounts.into_iter().collect::<Vec<_>>())?;
    Ok(stored.into_iter().map(|stored| ((stored.account, stored.currency), stored.balance)).collect())
}

fn decide(
    ctx: &Ctx,
    loaded: &mut Drafts,
    held: &mut BTreeMap<(Account, Currency), Amount>,
    draft: &InvoiceRecord,
    number: GivenNumber,
    moment: IssueMoment,
) -> Result<Issuance, Error> {
    let bill = loaded.bill(draft)?;
    let issued_at = match moment {
        IssueMoment::WhenDue => draft.issues_at.min(ctx.now()),
        IssueMoment::Now => ctx.now(),
    };
    let (customer, currency) = (draft.name.customer, draft.name.currency);
    let from: Vec<BilledFrom> = loaded.charges(draft.id).iter().map(Charge::billed_from).collect();
    let issued_lines = bill.issued_lines(&from);
    let (lines, due) = issue(&Issue { customer, currency, lines: &issued_lines, rounding: bill.rounding.amount })?;
    assert_eq!(due, bill.due, "what an invoice says is what its entry books");
    let balance = held.entry((Account::CustomerBalance { customer }, currency)).or_insert(Amount::ZERO);
    let applied = apply_balance(customer, currency, *balance, due)?;
    // A total below zero went to the balance; it stands on the invoice as if the balance had taken it.
    let balance_applied = applied.as_ref().map_or(due.min(Amount::ZERO), |(_, applied)| *applied);
    *balance = balance.checked_sub(balance_applied).ok_or_else(|| Error::Bug("a balance does not fit".to_owned()))?;

    let due_on = due_on(loaded, draft, issued_at)?;
    let document = loaded.document(draft, &bill, &Frozen { number: &number, issued_at, due_on, balance_applied })?;
    let id = |kind: &str| derived(issued_at, ctx.project, kind, &draft.id.to_string());
    let entry = lines.map(|lines| (EntryId::from_uuid(id("invoice_issued")), lines));
    let issued = issued(draft, &bill, &document, number, entry.as_ref().map(|(id, _)| *id), issued_at);
    let mut record = draft.clone();
    record.standing = draft.standing.issue(due, due_at(loaded, draft, due_on)?)?;
    record.issued_at = Some(issued_at);
    let applied = match applied {
        Some((lines, amount)) => {
            record.standing = record.standing.pay(amount)?.standing;
            let entry = EntryId::from_uuid(id("balance_applied"));
            let payment = InvoicePayment {
                id: InvoicePaymentId::from_uuid(id("balance_payment")),
                invoice: draft.id,
                customer,
                source: PaymentSource::Balance,
                currency,
                amount,
                settled: amount,
                recovered: Amount::ZERO,
                paid_at: issued_at,
                reference: None,
                entry,
                recorded_at: ctx.now(),
            };
            Some((entry, lines, payment))
        }
        None => None,
    };
    let deferrals = deferrals(ctx, loaded, &record, &bill, &issued_lines)?;
    let (figures, uses) = (Figures::from(&bill), uses(loaded, &bill)?);
    Ok(Issuance { record, figures, issued, entry, applied, uses, deferrals })
}

/// What the lines defer: for the days of their time as the document prints them, from the day of the books on which it was issued.
fn deferrals(
    ctx: &Ctx,
    loaded: &Drafts,
    record: &InvoiceRecord,
    bill: &Bill,
    lines: &[IssuedLine],
) -> Result<Vec<Deferral>, Error> {
    let issued_at = record.issued_at.ok_or_else(|| Error::Bug("an invoice was issued at no time".to_owned()))?;
    let zone = zone(loaded.time_zone(loaded.payer(record)?));
    let booked_on = day_of(issued_at, &loaded.project.time_zone);
    let charges = loaded.charges(record.id);
    let mut deferrals = Vec::new();
    for ((line, billed), issued) in (1..).zip(&bill.lines).zip(lines) {
        let Some((subscription, amount)) = issued.deferred()?.filter(|(_, amount)| !amount.is_zero()) else { continue };
        let charge = &charges[billed.charges[0]];
        let span = charge.part.or(charge.period).unwrap_or(Span { start: charge.at, end: charge.at });
        let days = Days::of(span, &zone)?;
        deferrals.push(Deferral {
            id: Deferral::id_of(ctx.project, issued_at, record.id, line),
            invoice: record.id,
            line,
            credit_note: None,
            customer: record.name.customer,
            subscription,
            currency: bill.currency,
            amount,
            days,
            starts_on: days.first.max(booked_on),
        });
    }
    Ok(deferrals)
}

/// What coupons did, also for the drafts that are billed after this one.
fn uses(loaded: &mut Drafts, bill: &Bill) -> Result<Vec<(SubscriptionId, CouponPeriod, CouponUse)>, Error> {
    let mut uses = Vec::new();
    for used in &bill.coupons {
        let Some(subscription) = used.name.subscription else { continue };
        let sum = loaded.used.entry(used.name.clone()).or_insert(CouponUse::NONE);
        let out_of_range = || Error::Bug("what a coupon took off does not fit".to_owned());
        sum.of = sum.of.checked_add(used.of).ok_or_else(out_of_range)?;
        sum.off = sum.off.checked_add(used.off).ok_or_else(out_of_range)?;
        uses.push((subscription, used.name.clone(), CouponUse { of: used.of, off: used.off }));
    }
    Ok(uses)
}

fn issued(
    draft: &InvoiceRecord,
    bill: &Bill,
    document: &Document,
    number: GivenNumber,
    entry: Option<EntryId>,
    issued_at: Instant,
) -> IssuedInvoice {
    let json = document.to_json();
    let digest = Document::digest_of(&json);
    let (invoice, due, currency) = (draft.id, bill.due, bill.currency);
    IssuedInvoice { invoice, number, entry, due, billed: Some(bill.total), currency, document: json, digest, issued_at }
}

/// The last day on which an invoice is paid in time.
pub(super) fn due_on(loaded: &Drafts, draft: &InvoiceRecord, issued_at: Instant) -> Result<Date, Error> {
    let issued_on = day_of(issued_at, loaded.time_zone(loaded.payer(draft)?));
    let days = i64::from(loaded.project.policies.payment_term_days);
    issued_on.checked_add(days.days()).map_err(|_| Error::Bug("a due date lies beyond the calendar".to_owned()))
}

/// From when on it is overdue: the end of that day.
fn due_at(loaded: &Drafts, draft: &InvoiceRecord, due_on: Date) -> Result<Instant, Error> {
    let zone = zone(loaded.time_zone(loaded.payer(draft)?));
    let end = due_on.tomorrow().and_then(|day| day.to_zoned(zone));
    let end = end.map_err(|_| Error::Bug("a due date lies beyond the calendar".to_owned()))?;
    Ok(Instant::from_timestamp(end.timestamp()))
}

fn save(tx: &mut ProjectTx<'_>, ctx: &Ctx, issuances: &[Issuance]) -> Result<(), Error> {
    let entries: Vec<NewEntry<'_>> = issuances.iter().flat_map(entries).collect();
    post_many(tx, ctx, &entries)?;
    let issued: Vec<IssuedInvoice> = issuances.iter().map(|issuance| issuance.issued.clone()).collect();
    issued_invoices::insert_many(tx, &issued)?;
    let records: Vec<InvoiceRecord> = issuances.iter().map(|issuance| issuance.record.clone()).collect();
    invoices::store_many(tx, &records)?;
    let payments: Vec<InvoicePayment> = issuances
        .iter()
        .filter_map(|issuance| issuance.applied.as_ref())
        .map(|(_, _, payment)| payment.clone())
        .collect();
    invoice_payments::insert_many(tx, &payments)?;
    let uses = issuances.iter().flat_map(|issuance| {
        issuance.uses.iter().map(|(subscription, name, this)| (issuance.record.id, *subscription, name, *this))
    });
    coupon_uses::insert_many(tx, &uses.collect::<Vec<_>>())?;
    let deferrals: Vec<Deferral> = issuances.iter().flat_map(|issuance| issuance.deferrals.iter().copied()).collect();
    recognition::defer(tx, &deferrals)?;
    trail::record_many(tx, ctx, &issuances.iter().map(trail_of).collect::<Vec<_>>())
}

fn entries(issuance: &Issuance) -> Vec<NewEntry<'_>> {
    let issued = &issuance.issued;
    let of = |kind: EntryKind, id: EntryId, amount: Amount, lines, description: String| NewEntry {
        id: Some(id),
        customer: Some(issuance.record.name.customer),
        description,
        usage_at: Some(issued.issued_at),
        cause: Some(Cause { kind: CauseType::Invoice, id: issued.invoice.to_string() }),
        ..NewEntry::of(kind, amount, issued.currency, lines)
    };
    let number = &issued.number.text;
    let mut entries = Vec::new();
    if let Some((id, lines)) = &issuance.entry {
        let amount = Amount::from_micros(issued.due.micros().abs());
        entries.push(of(EntryKind::InvoiceIssued, *id, amount, lines, format!("Invoice {number}")));
    }
    if let Some((id, lines, payment)) = &issuance.applied {
        let description = format!("Balance applied to invoice {number}");
        entries.push(of(EntryKind::BalanceApplied, *id, payment.amount, lines, description));
    }
    entries
}

fn trail_of(issuance: &Issuance) -> (AuditRecord, &'static str) {
    let issued = &issuance.issued;
    let reference = Reference { id: issued.invoice.to_string(), number: issued.number.text.clone() };
    let details = serde_json::json!({
        "invoice": reference,
        "due": issued.due,
        "currency": issued.currency,
        "entry": issued.entry,
        "digest": domain::invoices::freeze::hex(&issued.digest),
    });
    (AuditRecord::new("invoice.issued", issued.invoice).details(details), "invoice.issued")
}
