//! Invoices: how each stands, and which charges are on it. What was issued is in `issued_invoices`.

mod due;
mod page;
mod standing;

pub use due::{due_drafts, due_drafts_of, next_due_draft, postpone};
pub use page::{InvoiceCounts, InvoiceFilter, charged_on_drafts, counts, page};
pub use standing::{find_by_ids, get, lock_many, of_charges, release_lines, store_many};

use domain::charges::charge::Charge;
use domain::currency::Currency;
use domain::ids::{ChargeId, CustomerId, InvoiceId};
use domain::invoices::record::{InvoiceKind, InvoiceName, InvoiceRecord};
use domain::invoices::standing::{InvoiceState, Standing};
use jiff::civil::Date;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params};
use crate::tx::ProjectTx;

/// Adds drafts; those that are there already stay as they are.
pub fn insert_drafts(tx: &mut ProjectTx<'_>, drafts: &[InvoiceRecord]) -> Result<(), StorageError> {
    let days: Vec<String> = drafts.iter().map(|draft| draft.name.bills_on.to_string()).collect();
    let rows: Vec<[Value<'_>; 16]> = drafts.iter().zip(&days).map(|(draft, day)| values(draft, day)).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_draft_invoices
            insert into invoices (project_id, id, customer_id, currency, kind, bills_on, part, state, issues_at, total_micros,
                outstanding_micros, paid_micros, credited_micros, given_up_micros, replaces_id, run_id, created_at)
            {values}
            on conflict (project_id, id) do nothing",
            [
                project_id: Uuid,
                id: Uuid,
                customer_id: Uuid,
                currency: Text,
                kind: Text,
                bills_on: Text,
                part: Int,
                state: Text,
                issues_at: Instant,
                total_micros: Int,
                outstanding_micros: Int,
                paid_micros: Int,
                credited_micros: Int,
                given_up_micros: Int,
                replaces_id: Uuid,
                run_id: Uuid,
                created_at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// The invoices of these days, of all parts, locked until the transaction ends; name each customer, currency, kind and day once.
pub fn lock_days(
    tx: &mut ProjectTx<'_>,
    days: &[(CustomerId, Currency, InvoiceKind, Date)],
) -> Result<Vec<InvoiceRecord>, StorageError> {
    let texts: Vec<String> = days.iter().map(|(_, _, _, day)| day.to_string()).collect();
    let rows: Vec<[Value<'_>; 4]> = days
        .iter()
        .zip(&texts)
        .map(|((customer, currency, kind, _), day)| params![*customer, *currency, kind.as_str(), day])
        .collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- lock_invoices_of_days
            -- By the customer, who has few; the index of days looks as good until there are statistics.
            select i.id, i.customer_id, i.currency, i.kind, i.bills_on, i.part, i.state, i.issues_at, i.due_at, i.total_micros,
                i.outstanding_micros, i.paid_micros, i.credited_micros, i.given_up_micros, i.replaces_id, i.run_id, i.created_at,
                i.issued_at, i.voided_at
            from {rows}
            join invoices i on i.project_id = r.project_id and i.customer_id = r.customer_id and i.currency = r.currency
                and i.kind = r.kind and i.bills_on || '' = r.bills_on
            order by i.id
            {for_update}",
            [project_id: Uuid, customer_id: Uuid, currency: Text, kind: Text, bills_on: Text]
        ),
        &rows,
        read,
    )?;
    found.sort_by(|left: &InvoiceRecord, right| left.name.cmp(&right.name));
    Ok(found)
}

/// Puts charges on invoices.
///
/// # Errors
/// A violation of `invoice_lines_charge` when a charge is on another invoice that stands.
pub fn attach(tx: &mut ProjectTx<'_>, lines: &[(InvoiceId, ChargeId)]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 3]> = lines.iter().map(|(invoice, charge)| params![*invoice, *charge, false]).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_invoice_lines
            insert into invoice_lines (project_id, invoice_id, charge_id, released)
            {values}",
            [project_id: Uuid, invoice_id: Uuid, charge_id: Uuid, released: Bool]
        ),
        &rows,
    )?;
    Ok(())
}

/// Puts everything that these payers were charged under these keys, and that is on a draft, on another draft.
pub fn gather(tx: &mut ProjectTx<'_>, keys: &[(String, CustomerId, InvoiceId)]) -> Result<(), StorageError> {
    if keys.is_empty() {
        return Ok(());
    }
    let rows: Vec<[Value<'_>; 3]> =
        keys.iter().map(|(key, payer, invoice)| params![key.as_str(), *payer, *invoice]).collect();
    tx.execute_many(
        bulk_sql!(
            "-- gather_invoice_lines
            update invoice_lines
            set invoice_id = r.invoice_id
            from {rows}
            join charges c on c.project_id = r.project_id and c.charge_key = r.charge_key and c.payer_id = r.payer_id
            join invoices i on i.project_id = r.project_id and i.customer_id = r.payer_id and i.state = 'draft'
            where invoice_lines.project_id = r.project_id
              and invoice_lines.charge_id = c.id
              and invoice_lines.invoice_id = i.id
              and invoice_lines.invoice_id <> r.invoice_id
              and not invoice_lines.released",
            [project_id: Uuid, charge_key: Text, payer_id: Uuid, invoice_id: Uuid]
        ),
        &rows,
    )?;
    Ok(())
}

/// Adds charges and puts them on their invoices.
///
/// # Errors
/// As [`crate::charges::insert_many`] and [`attach`].
pub fn charge(tx: &mut ProjectTx<'_>, charges: &[Charge], invoices: &[InvoiceId]) -> Result<(), StorageError> {
    assert_eq!(charges.len(), invoices.len(), "each charge is on one invoice");
    crate::charges::insert_many(tx, charges)?;
    let lines: Vec<(InvoiceId, ChargeId)> =
        invoices.iter().copied().zip(charges.iter().map(|charge| charge.id)).collect();
    attach(tx, &lines)
}

fn values<'a>(draft: &InvoiceRecord, day: &'a str) -> [Value<'a>; 16] {
    let Standing { state, total, outstanding, paid, credited, given_up, due_at } = draft.standing;
    assert_eq!((state, due_at), (InvoiceState::Draft, None), "an invoice begins as a draft");
    params![
        draft.id,
        draft.name.customer,
        draft.name.currency,
        draft.name.kind.as_str(),
        day,
        draft.name.part,
        state.as_str(),
        draft.issues_at,
        total,
        outstanding,
        paid,
        credited,
        given_up,
        draft.replaces,
        draft.run,
        draft.created_at,
    ]
}

fn read(row: &Row<'_>) -> Result<InvoiceRecord, StorageError> {
    let bills_on: String = row.get(4)?;
    let bills_on: Date = bills_on.parse().map_err(|_| StorageError::corrupt("the day of an invoice"))?;
    Ok(InvoiceRecord {
        id: row.get(0)?,
        name: InvoiceName {
            customer: row.get(1)?,
            currency: row.get(2)?,
            kind: row.named(3, InvoiceKind::parse)?,
            bills_on,
            part: row.get(5)?,
        },
        standing: Standing {
            state: row.named(6, InvoiceState::parse)?,
            total: row.get(9)?,
            outstanding: row.get(10)?,
            paid: row.get(11)?,
            credited: row.get(12)?,
            given_up: row.get(13)?,
            due_at: row.get(8)?,
        },
        issues_at: row.get(7)?,
        replaces: row.get(14)?,
        run: row.get(15)?,
        created_at: row.get(16)?,
        issued_at: row.get(17)?,
        voided_at: row.get(18)?,
    })
}
