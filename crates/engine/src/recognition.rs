//! Fees in advance become income day by day: what invoices defer, what credit notes and void invoices take back of it, and the entries of
//! the days that are over. How much a day earns is decided in `domain::ledger`.

use domain::amount::Amount;
use domain::ids::{CreditNoteId, DeferralId, InvoiceId, derived};
use domain::ledger::deferral::{self, Credited, Deferral};
use domain::ledger::entry::EntryKind;
use domain::ledger::recipes::EarnedFee;
use domain::ledger::recognition::{self, DayEntry, Progress, TOGETHER_MAX, end_of, last_day_over};
use domain::time::Instant;
use domain::window::zone;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use storage::{ProjectTx, deferrals, projects, recognitions};

use crate::audit::{AuditRecord, Audited};
use crate::clock::{DueWork, Worked};
use crate::ctx::{Actor, Ctx, Held};
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::{NewEntry, post_many};

/// About how many lines one transaction posts, over all its days.
const LINES_TOGETHER: usize = 5_000;

/// Recognition as work that is due when a day of the books is over.
pub(crate) struct FeesEarned;

/// What a credit note takes back of a line, without tax.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CreditedFee {
    pub line: u32,
    pub net: Amount,
    /// What was left of the line before.
    pub left: Amount,
}

impl DueWork for FeesEarned {
    fn name(&self) -> &'static str {
        "the recognition of fees"
    }

    /// Nothing else waits for it, and each day has an entry of its own whenever it is posted. So it is due when the last day is over, not
    /// at each midnight before: a clock that is moved does many days in one step.
    fn next_due(&self, engine: &Engine, ctx: &Ctx, until: Instant) -> Result<Option<Instant>, Error> {
        engine.read(ctx.project, "next_recognition", |tx| {
            let zone = books_zone(tx)?;
            let day = last_day_over(until, &zone)?;
            Ok(if recognitions::is_due(tx, day)? { Some(end_of(day, &zone)?) } else { None })
        })
    }

    fn run(&self, engine: &Engine, ctx: &Ctx) -> Result<Worked, Error> {
        // Nothing is written, not even to the audit trail, where nothing is due.
        while self.next_due(engine, ctx, ctx.now())?.is_some() {
            recognize_some(engine, ctx)?;
        }
        Ok(Worked::Done)
    }
}

/// Books what is earned until now, before somebody closes the books: what was earned in a period counts in it.
pub(crate) fn recognize_before_closing(engine: &Engine, ctx: &Ctx) -> Result<(), Error> {
    let caller = ctx.caller.clone().with_actor(Actor::System { name: "closing" });
    FeesEarned.run(engine, &Ctx { caller, project: ctx.project, held: Held::Everything }).map(|_| ())
}

/// Keeps what was deferred or taken back; each begins with nothing earned. The entry that books it is posted in the same transaction.
pub(crate) fn defer(tx: &mut ProjectTx<'_>, deferred: &[Deferral]) -> Result<(), Error> {
    if deferred.is_empty() {
        return Ok(());
    }
    deferrals::insert_many(tx, deferred)?;
    recognitions::insert_many(tx, &deferred.iter().copied().map(Progress::new).collect::<Vec<_>>())?;
    Ok(())
}

/// What a credit note takes back of what the lines of an invoice deferred and is not earned by the days that are over. The caller holds
/// the lock on the invoice.
pub(crate) fn taken_back(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    credit_note: CreditNoteId,
    invoice: InvoiceId,
    fees: &[CreditedFee],
) -> Result<Vec<Deferral>, Error> {
    let deferred = deferrals::of_invoice(tx, invoice)?;
    if deferred.is_empty() {
        return Ok(Vec::new());
    }
    let earned_through = last_day_over(ctx.now(), &books_zone(tx)?)?;
    let mut back = Vec::new();
    for CreditedFee { line, net, left } in fees.iter().copied() {
        let of_line: Vec<Deferral> = deferred.iter().filter(|deferral| deferral.line == line).copied().collect();
        let id = derived(ctx.now(), ctx.project, "deferral", &format!("{credit_note}/{line}"));
        let id = DeferralId::from_uuid(id);
        back.extend(deferral::take_back(&of_line, &Credited { credit_note, id, net, left, earned_through })?);
    }
    Ok(back)
}

/// Ends the deferrals of an invoice that becomes void: what was earned of them so far.
pub(crate) fn end(tx: &mut ProjectTx<'_>, invoice: InvoiceId, at: Instant) -> Result<Vec<EarnedFee>, Error> {
    let ended = recognitions::void(tx, invoice, at)?;
    let earned = |progress: Progress| {
        let Deferral { customer, subscription, .. } = progress.deferral;
        EarnedFee { customer, subscription, amount: progress.recognized }
    };
    Ok(ended.into_iter().map(earned).collect())
}

/// Books some days of some deferrals, the earliest first: the rows are locked, so two nodes share the work, and neither repeats a day.
fn recognize_some(engine: &Engine, ctx: &Ctx) -> Result<(), Error> {
    let mut was_done = false;
    let done = engine.command(ctx, "recognize_fees", |tx| {
        let zone = books_zone(tx)?;
        let limit = i64::try_from(TOGETHER_MAX).map_err(|_| Error::Bug("a page does not fit".to_owned()))?;
        let last_over = last_day_over(ctx.now(), &zone)?;
        let open = recognitions::lock_due(tx, last_over, limit)?;
        let Some(through) = days_together(&open, last_over) else {
            // Another node booked it meanwhile: nothing is written, the refusal only ends the transaction.
            was_done = true;
            return Err(Error::not_found());
        };
        let (entries, after) = recognition::recognize(&open, through)?;
        let posted = entries.iter().map(|entry| new_entry(ctx, &zone, entry)).collect::<Result<Vec<_>, Error>>()?;
        post_many(tx, ctx, &posted)?;
        let steps = open.into_iter().zip(after).filter(|(before, after)| before != after);
        recognitions::store_many(tx, &steps.collect::<Vec<_>>())?;
        let days = entries.iter().map(|entry| {
            let DayEntry { day, currency, recognized, .. } = entry;
            json!({ "day": day, "currency": currency, "amount": recognized.earned })
        });
        let body = json!({ "through": through, "entries": days.collect::<Vec<_>>() });
        let record = AuditRecord::new("fees.recognized", ctx.project).details(body.clone());
        Ok(Audited::new((), record).announce("fees.recognized", body))
    });
    if was_done { Ok(()) } else { done }
}

/// Up to which day these are booked at once: all days that are over, unless that were too many lines. `None` of nothing.
fn days_together(open: &[Progress], last_over: Date) -> Option<Date> {
    let first = open.iter().filter_map(|progress| progress.next_on).min()?;
    let days = i64::try_from(LINES_TOGETHER / open.len()).unwrap_or(1).max(1);
    let through = first.checked_add((days - 1).days()).unwrap_or(last_over);
    Some(through.min(last_over))
}

fn new_entry<'a>(ctx: &Ctx, zone: &TimeZone, entry: &'a DayEntry) -> Result<NewEntry<'a>, Error> {
    let amount = Amount::from_micros(entry.recognized.earned.micros().abs());
    Ok(NewEntry {
        id: Some(entry.id(ctx.project, zone)?),
        description: format!("Fees earned on {}", entry.day),
        usage_at: Some(entry.happened_at(zone)?),
        ..NewEntry::of(EntryKind::Recognition, amount, entry.currency, &entry.recognized.lines)
    })
}

/// In which the days of the books begin.
fn books_zone(tx: &mut ProjectTx<'_>) -> Result<TimeZone, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    Ok(zone(&project.time_zone))
}
