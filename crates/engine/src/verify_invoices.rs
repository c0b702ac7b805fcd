//! The invariants of invoices, recomputed from what is stored: I6 and I7.
//!
//! Everything is read in pages: memory does not grow with the number of invoices.

use std::collections::{BTreeMap, BTreeSet};

use domain::amount::Amount;
use domain::ids::{ChargeId, EntryId, InvoiceId};
use domain::invoices::document::Document;
use domain::invoices::issued::IssuedInvoice;
use domain::invoices::record::InvoiceRecord;
use domain::invoices::series::Series;
use domain::invoices::standing::InvoiceState;
use domain::ledger::account::{Account, Direction};
use domain::ledger::lines::Line;
use storage::{ProjectTx, charges, credit_notes, invoice_checks, invoice_series, invoices, issued_invoices, journal};

use crate::error::Error;

/// The most findings of one kind and project that are told.
const FINDINGS_MAX: usize = 20;
/// How many documents are looked at together.
const PAGE: i64 = 100;

/// What stands against I6 in one project: a document that is not the one that was issued, or a total that is not what its lines and its
/// entry come to.
pub(crate) fn totals(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let mut after = None;
    while findings.len() < FINDINGS_MAX {
        let page = issued_invoices::page(tx, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.invoice);
        let entries: Vec<EntryId> = page.iter().filter_map(|issued| issued.entry).collect();
        let lines = journal::lines_of(tx, &entries)?;
        let ids: Vec<InvoiceId> = page.iter().map(|issued| issued.invoice).collect();
        let records: BTreeMap<InvoiceId, InvoiceRecord> =
            invoices::find_by_ids(tx, &ids)?.into_iter().map(|record| (record.id, record)).collect();
        for issued in &page {
            let own = issued.entry.and_then(|entry| lines.get(&entry)).map_or(&[][..], Vec::as_slice);
            findings.extend(wrong(issued, own, records.get(&issued.invoice)));
        }
    }
    findings.extend(wrong_notes(tx)?);
    findings.truncate(FINDINGS_MAX);
    Ok(findings.into_iter().map(|finding| format!("{}: {finding}", tx.project())).collect())
}

fn wrong(issued: &IssuedInvoice, lines: &[Line], record: Option<&InvoiceRecord>) -> Option<String> {
    let name = format!("the invoice {} ({})", issued.number.text, issued.invoice);
    if Document::digest_of(&issued.document) != issued.digest {
        return Some(format!("{name} is not the one that was issued: its digest differs"));
    }
    let document = match Document::from_json(&issued.document) {
        Ok(document) => document,
        Err(error) => return Some(format!("{name}: {error}")),
    };
    let due = issued.due;
    if document.total.checked_sub(document.prepaid_applied) != Some(due) {
        return Some(format!("{name} is kept with {due} to be paid, but its lines come to {}", document.total));
    }
    let booked: i128 = lines.iter().map(owed).sum();
    if booked != i128::from(due.micros()) {
        let booked = domain::ledger::balance::Balance::from_micros(booked);
        return Some(format!("{name} is kept with {due} to be paid, but its entry books {booked}"));
    }
    match record {
        Some(record) if record.standing.total == due => None,
        Some(record) => Some(format!("{name} stands with {} to be paid instead of {due}", record.standing.total)),
        None => Some(format!("{name} is not stored as an invoice")),
    }
}

/// What a line of an issue entry says is owed by the customer.
fn owed(line: &Line) -> i128 {
    let micros = i128::from(line.amount.micros());
    let is_owed = matches!(line.account, Account::Receivable { .. } | Account::CustomerBalance { .. });
    match (is_owed, line.direction) {
        (true, Direction::Debit) => micros,
        (true, Direction::Credit) => -micros,
        (false, _) => 0,
    }
}

fn wrong_notes(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let mut after = None;
    while findings.len() < FINDINGS_MAX {
        let page = credit_notes::page(tx, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for note in &page {
            let is_kept = Document::digest_of(&note.document) == note.digest;
            let document = Document::from_json(&note.document).ok().filter(|_| is_kept);
            if document.is_none_or(|document| document.amount_due != note.total) {
                let (number, id) = (&note.number.text, note.id);
                findings.push(format!("the credit note {number} ({id}) is not the one that was issued"));
            }
        }
    }
    Ok(findings)
}

/// What stands against I7 in one project: a charge on two invoices that stand, an invoice that lost or gained a charge, a number that is
/// missing or was given twice.
pub(crate) fn charges_and_numbers(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = numbers(tx)?;
    for (charge, count) in invoice_checks::charges_on_several(tx, PAGE)? {
        findings.push(format!("the charge {charge} is on {count} invoices that stand"));
    }
    for (key, revision) in invoice_checks::repeated_charges(tx, PAGE)? {
        findings.push(format!("revision {revision} of the charge {key:?} is on several invoices that stand"));
    }
    let mut after = None;
    while findings.len() < FINDINGS_MAX {
        let page = issued_invoices::page(tx, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.invoice);
        findings.extend(other_charges(tx, &page)?);
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings.into_iter().map(|finding| format!("{}: {finding}", tx.project())).collect())
}

fn numbers(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    for (name, next) in invoice_series::all(tx)? {
        let series = Series { prefix: String::new(), digits: 1, next };
        if let Err(fault) = series.check(&invoice_series::given(tx, name)?) {
            findings.push(format!("series {name}: {fault}"));
        }
    }
    Ok(findings)
}

/// Invoices whose charges are not those that their documents show.
fn other_charges(tx: &mut ProjectTx<'_>, page: &[IssuedInvoice]) -> Result<Vec<String>, Error> {
    let ids: Vec<InvoiceId> = page.iter().map(|issued| issued.invoice).collect();
    let mut attached: BTreeMap<InvoiceId, BTreeSet<ChargeId>> = BTreeMap::new();
    let mut sums: BTreeMap<InvoiceId, i128> = BTreeMap::new();
    for (invoice, charge) in charges::of_invoices(tx, &ids)? {
        attached.entry(invoice).or_default().insert(charge.id);
        *sums.entry(invoice).or_default() += i128::from(charge.amount.micros());
    }
    let states: BTreeMap<InvoiceId, InvoiceState> =
        invoices::find_by_ids(tx, &ids)?.into_iter().map(|record| (record.id, record.standing.state)).collect();
    let mut findings = Vec::new();
    for issued in page {
        let Ok(document) = Document::from_json(&issued.document) else { continue };
        let name = &issued.number.text;
        let stored = attached.remove(&issued.invoice).unwrap_or_default();
        if states.get(&issued.invoice) == Some(&InvoiceState::Void) {
            if !stored.is_empty() {
                findings.push(format!("the void invoice {name} still holds {} charges", stored.len()));
            }
            continue;
        }
        let shown: BTreeSet<ChargeId> = document.lines.iter().flat_map(|line| line.charges.iter().copied()).collect();
        if stored != shown {
            findings.push(format!("the invoice {name} shows other charges than are on it"));
        } else if sums.get(&issued.invoice).copied().unwrap_or_default()
            != i128::from(Amount::micros(document.subtotal))
        {
            findings.push(format!("the charges of the invoice {name} sum to another subtotal than it shows"));
        }
    }
    Ok(findings)
}
