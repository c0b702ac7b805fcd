//! Credit notes, as they were issued, with what each takes back of which line. Rows are added and read, never changed.

use std::collections::BTreeMap;

use domain::ids::{CreditNoteId, InvoiceId};
use domain::invoices::issued::{CreditNoteRecord, CreditedPart};
use domain::ledger::reason::{Reason, ReasonCode};
use domain::ledger::recipes::Overpaid;

use crate::error::StorageError;
use crate::issued_invoices::{number, read_number};
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Adds a credit note with its lines.
pub fn insert(tx: &mut ProjectTx<'_>, note: &CreditNoteRecord) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_credit_note
            insert into credit_notes (project_id, id, invoice_id, customer_id, series, number, number_text, currency, total_micros,
                settled_micros, returned_micros, overpaid, entry_id, reason_code, reason, document, digest, issued_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
        ),
        &params![
            note.id,
            note.invoice,
            note.customer,
            note.number.series.as_str(),
            number(note.number.number),
            &note.number.text,
            note.currency,
            note.total,
            note.settled,
            note.returned,
            note.overpaid.as_str(),
            note.entry,
            note.reason.code.as_str(),
            note.reason.text.as_deref(),
            &note.document,
            &note.digest,
            note.issued_at,
        ],
    )?;
    insert_lines(tx, note)
}

fn insert_lines(tx: &mut ProjectTx<'_>, note: &CreditNoteRecord) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 6]> = note
        .lines
        .iter()
        .map(|part| params![note.id, part.line, note.invoice, part.net, part.tax, part.returned])
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_credit_note_lines
            insert into credit_note_lines (project_id, credit_note_id, line, invoice_id, net_micros, tax_micros, returned_micros)
            {values}",
            [
                project_id: Uuid,
                credit_note_id: Uuid,
                line: Int,
                invoice_id: Uuid,
                net_micros: Int,
                tax_micros: Int,
                returned_micros: Int,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// The credit notes of an invoice, the oldest first.
pub fn of_invoice(tx: &mut ProjectTx<'_>, invoice: InvoiceId) -> Result<Vec<CreditNoteRecord>, StorageError> {
    let notes = tx.query(
        sql!(
            "-- credit_notes_of_invoice
            select id, invoice_id, customer_id, series, number, number_text, currency, total_micros, settled_micros,
                returned_micros, overpaid, entry_id, reason_code, reason, document, digest, issued_at
            from credit_notes
            where project_id = ?1 and invoice_id = ?2
            order by number"
        ),
        &params![invoice],
        read,
    )?;
    with_lines(tx, notes)
}

pub fn get(tx: &mut ProjectTx<'_>, id: CreditNoteId) -> Result<Option<CreditNoteRecord>, StorageError> {
    let note = tx.query_opt(
        sql!(
            "-- get_credit_note
            select id, invoice_id, customer_id, series, number, number_text, currency, total_micros, settled_micros,
                returned_micros, overpaid, entry_id, reason_code, reason, document, digest, issued_at
            from credit_notes
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )?;
    Ok(with_lines(tx, note.into_iter().collect())?.pop())
}

/// Notes with larger ids, with their documents; for checks that look at all of them.
pub fn page(
    tx: &mut ProjectTx<'_>,
    after: Option<CreditNoteId>,
    limit: i64,
) -> Result<Vec<CreditNoteRecord>, StorageError> {
    let notes = tx.query(
        sql!(
            "-- page_credit_notes
            select id, invoice_id, customer_id, series, number, number_text, currency, total_micros, settled_micros,
                returned_micros, overpaid, entry_id, reason_code, reason, document, digest, issued_at
            from credit_notes
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id > ?2)
            order by id
            limit ?3"
        ),
        &params![after, limit],
        read,
    )?;
    with_lines(tx, notes)
}

fn with_lines(tx: &mut ProjectTx<'_>, mut notes: Vec<CreditNoteRecord>) -> Result<Vec<CreditNoteRecord>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = notes.iter().map(|note| params![note.id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- lines_of_credit_notes
            select l.credit_note_id, l.line, l.net_micros, l.tax_micros, l.returned_micros
            from {rows}
            join credit_note_lines l on l.project_id = r.project_id and l.credit_note_id = r.credit_note_id",
            [project_id: Uuid, credit_note_id: Uuid]
        ),
        &rows,
        |row| {
            let note: CreditNoteId = row.get(0)?;
            let (net, tax, returned) = (row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((note, CreditedPart { line: row.get(1)?, net, tax, returned }))
        },
    )?;
    found.sort_by_key(|(note, part)| (*note, part.line));
    let mut lines: BTreeMap<CreditNoteId, Vec<CreditedPart>> = BTreeMap::new();
    for (note, part) in found {
        lines.entry(note).or_default().push(part);
    }
    for note in &mut notes {
        note.lines = lines.remove(&note.id).unwrap_or_default();
    }
    Ok(notes)
}

fn read(row: &Row<'_>) -> Result<CreditNoteRecord, StorageError> {
    Ok(CreditNoteRecord {
        id: row.get(0)?,
        invoice: row.get(1)?,
        customer: row.get(2)?,
        number: read_number(row, 3)?,
        currency: row.get(6)?,
        total: row.get(7)?,
        settled: row.get(8)?,
        returned: row.get(9)?,
        overpaid: row.named(10, Overpaid::parse)?,
        entry: row.get(11)?,
        reason: Reason { code: row.named(12, ReasonCode::parse)?, text: row.get(13)? },
        document: row.get(14)?,
        digest: row.get(15)?,
        issued_at: row.get(16)?,
        lines: Vec::new(),
    })
}
