//! Lists of invoices and how many there are.

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{CustomerId, InvoiceId};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::standing::InvoiceState;
use domain::time::Instant;
use jiff::civil::Date;

use super::read;
use crate::error::StorageError;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct InvoiceFilter {
    pub state: Option<InvoiceState>,
    pub customer: Option<CustomerId>,
    /// Something is open, and it was due at this instant or before.
    pub overdue_at: Option<Instant>,
    /// Only what comes after this one in the list.
    pub before: Option<(Date, InvoiceId)>,
}

/// How many invoices stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InvoiceCounts {
    pub draft: i64,
    /// Issued, and something of them is open.
    pub open: i64,
    /// Open, and due.
    pub overdue: i64,
}

/// Those with the latest days first. A draft that has lost its charges to another one is left out.
pub fn page(tx: &mut ProjectTx<'_>, filter: &InvoiceFilter, limit: i64) -> Result<Vec<InvoiceRecord>, StorageError> {
    let (day, id) = filter.before.unzip();
    let day = day.map(|day| day.to_string());
    tx.query(
        sql!(
            "-- page_invoices
            select i.id, i.customer_id, i.currency, i.kind, i.bills_on, i.part, i.state, i.issues_at, i.due_at, i.total_micros,
                i.outstanding_micros, i.paid_micros, i.credited_micros, i.given_up_micros, i.replaces_id, i.run_id, i.created_at,
                i.issued_at, i.voided_at
            from invoices i
            where i.project_id = ?1
              and (i.state <> 'draft' or exists (
                  select 1 from invoice_lines l where l.project_id = i.project_id and l.invoice_id = i.id and not l.released
              ))
              and (cast(?2 as text) is null or i.state = ?2)
              and (cast(?3 as {uuid}) is null or i.customer_id = ?3)
              and (cast(?4 as {instant}) is null or (i.outstanding_micros > 0 and i.due_at <= ?4))
              and (cast(?5 as text) is null or i.bills_on < ?5 or (i.bills_on = ?5 and i.id < ?6))
            order by i.bills_on {binary} desc, i.id desc
            limit ?7"
        ),
        &params![
            filter.state.map(InvoiceState::as_str),
            filter.customer,
            filter.overdue_at,
            day.as_deref(),
            id,
            limit,
        ],
        read,
    )
}

/// The sum of the charges on the drafts of a customer, less what wallets paid.
pub fn charged_on_drafts(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    currency: Currency,
) -> Result<Amount, StorageError> {
    tx.query_one(
        sql!(
            "-- charged_on_drafts
            select cast(coalesce(sum(c.amount_micros - c.prepaid_micros), 0) as bigint)
            from invoices i
            join invoice_lines l on l.project_id = i.project_id and l.invoice_id = i.id and not l.released
            join charges c on c.project_id = l.project_id and c.id = l.charge_id
            where i.project_id = ?1
              and i.customer_id = ?2
              and i.currency = ?3
              and i.state = 'draft'"
        ),
        &params![customer, currency],
        |row| row.get(0),
    )
}

/// How many invoices stand how at this instant; of one customer, or of all.
pub fn counts(
    tx: &mut ProjectTx<'_>,
    customer: Option<CustomerId>,
    now: Instant,
) -> Result<InvoiceCounts, StorageError> {
    tx.query_one(
        sql!(
            "-- count_invoices
            select
                coalesce(sum(case when state = 'draft' then 1 else 0 end), 0),
                coalesce(sum(case when outstanding_micros > 0 then 1 else 0 end), 0),
                coalesce(sum(case when outstanding_micros > 0 and due_at <= ?3 then 1 else 0 end), 0)
            from invoices
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or customer_id = ?2)"
        ),
        &params![customer, now],
        |row| Ok(InvoiceCounts { draft: row.get(0)?, open: row.get(1)?, overdue: row.get(2)? }),
    )
}
