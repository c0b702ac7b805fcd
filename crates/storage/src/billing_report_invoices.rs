//! The invoices that runs issued or put something on, as each run left them, and the payers who were to be expected on one and are not.

use domain::billing::report::{Figures, History, InvoiceTotal, ReportFilter, ReportFlag, ReportInvoice, ReportOutcome};
use domain::ids::{BillingRunId, CustomerId, InvoiceId};
use domain::invoices::record::{InvoiceKind, InvoiceName};
use domain::time::Instant;
use jiff::civil::Date;
use uuid::Uuid;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Days on which payers had an invoice who are missed when they have none until `until` and none in the run.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub run: BillingRunId,
    pub from: Date,
    pub to: Date,
    pub until: Date,
    /// Who was charged for a period that ends later has nothing to pay yet.
    pub as_of: Instant,
}

/// A payer without an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingPayer {
    pub customer: CustomerId,
    /// Of its newest invoice among those that make it expected.
    pub billed_on: Date,
}

/// Stores how a run left invoices; one that it looks at again is stored anew.
pub fn store_many(tx: &mut ProjectTx<'_>, invoices: &[ReportInvoice]) -> Result<(), StorageError> {
    let days: Vec<String> = invoices.iter().map(|invoice| invoice.name.bills_on.to_string()).collect();
    let rows: Vec<[Value<'_>; 19]> = invoices.iter().zip(&days).map(|(invoice, day)| values(invoice, day)).collect();
    tx.execute_many(
        bulk_sql!(
            "-- store_billing_report_invoices
            insert into billing_report_invoices (project_id, run_id, invoice_id, customer_id, currency, kind, bills_on, part, outcome, reason, subtotal_micros, discount_micros,
                tax_micros, rounding_micros, total_micros, prepaid_micros, due_micros, invoices_before, median_micros, is_outlier)
            {values}
            on conflict (project_id, run_id, customer_id, invoice_id) do update
            set outcome = excluded.outcome,
                reason = excluded.reason,
                subtotal_micros = excluded.subtotal_micros,
                discount_micros = excluded.discount_micros,
                tax_micros = excluded.tax_micros,
                rounding_micros = excluded.rounding_micros,
                total_micros = excluded.total_micros,
                prepaid_micros = excluded.prepaid_micros,
                due_micros = excluded.due_micros,
                invoices_before = excluded.invoices_before,
                median_micros = excluded.median_micros,
                is_outlier = excluded.is_outlier",
            [
                project_id: Uuid,
                run_id: Uuid,
                invoice_id: Uuid,
                customer_id: Uuid,
                currency: Text,
                kind: Text,
                bills_on: Text,
                part: Int,
                outcome: Text,
                reason: Text,
                subtotal_micros: Int,
                discount_micros: Int,
                tax_micros: Int,
                rounding_micros: Int,
                total_micros: Int,
                prepaid_micros: Int,
                due_micros: Int,
                invoices_before: Int,
                median_micros: Int,
                is_outlier: Bool,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Those of a run in the order of payers and ids, after one.
pub fn page(
    tx: &mut ProjectTx<'_>,
    run: BillingRunId,
    filter: ReportFilter,
    after: Option<(CustomerId, InvoiceId)>,
    limit: i64,
) -> Result<Vec<ReportInvoice>, StorageError> {
    let (payer, invoice) = after.unwrap_or((CustomerId::from_uuid(Uuid::nil()), InvoiceId::from_uuid(Uuid::nil())));
    let ReportFilter { outcome, flag } = filter;
    tx.query(
        sql!(
            "-- page_billing_report_invoices
            select run_id, invoice_id, customer_id, currency, kind, bills_on, part, outcome, reason, subtotal_micros, discount_micros,
                tax_micros, rounding_micros, total_micros, prepaid_micros, due_micros, invoices_before, median_micros, is_outlier
            from billing_report_invoices
            where project_id = ?1
              and run_id = ?2
              and (customer_id, invoice_id) > (?3, ?4)
              and (cast(?5 as text) is null or outcome = ?5)
              and (
                  cast(?6 as text) is null
                  or (?6 = 'first' and invoices_before = 0 and kind = 'regular')
                  or (?6 = 'zero' and total_micros = 0)
                  or (?6 = 'outlier' and is_outlier)
              )
            order by customer_id, invoice_id
            limit ?7"
        ),
        &params![run, payer, invoice, outcome.map(ReportOutcome::as_str), flag.map(ReportFlag::as_str), limit],
        read,
    )
}

/// Those of a run of these payers, in the order of payers and ids; name each once.
pub fn of_payers(
    tx: &mut ProjectTx<'_>,
    run: BillingRunId,
    payers: &[CustomerId],
) -> Result<Vec<ReportInvoice>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = payers.iter().map(|payer| params![run, *payer]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- billing_report_invoices_of_payers
            select i.run_id, i.invoice_id, i.customer_id, i.currency, i.kind, i.bills_on, i.part, i.outcome, i.reason, i.subtotal_micros, i.discount_micros,
                i.tax_micros, i.rounding_micros, i.total_micros, i.prepaid_micros, i.due_micros, i.invoices_before, i.median_micros, i.is_outlier
            from {rows}
            join billing_report_invoices i on i.project_id = r.project_id and i.run_id = r.run_id
                and i.customer_id = r.customer_id",
            [project_id: Uuid, run_id: Uuid, customer_id: Uuid]
        ),
        &rows,
        read,
    )?;
    found.sort_by_key(|invoice: &ReportInvoice| (invoice.name.customer, invoice.id));
    Ok(found)
}

/// The payers of the invoices of a run in the order of their ids, after one.
pub fn payers(
    tx: &mut ProjectTx<'_>,
    run: BillingRunId,
    after: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<CustomerId>, StorageError> {
    tx.query(
        sql!(
            "-- payers_of_billing_report_invoices
            select distinct customer_id
            from billing_report_invoices
            where project_id = ?1
              and run_id = ?2
              and customer_id > ?3
            order by customer_id
            limit ?4"
        ),
        &params![run, after.unwrap_or(CustomerId::from_uuid(Uuid::nil())), limit],
        |row| row.get(0),
    )
}

/// What the invoices of a run come to, by currency.
pub fn totals(tx: &mut ProjectTx<'_>, run: BillingRunId) -> Result<Vec<InvoiceTotal>, StorageError> {
    let mut totals = tx.query(
        sql!(
            "-- totals_of_billing_report_invoices
            select currency,
                sum(case when outcome = 'issued' then 1 else 0 end),
                sum(case when outcome = 'draft' then 1 else 0 end),
                sum(case when outcome = 'refused' then 1 else 0 end),
                sum(case when invoices_before = 0 and kind = 'regular' then 1 else 0 end),
                sum(case when total_micros = 0 then 1 else 0 end),
                sum(case when is_outlier then 1 else 0 end),
                cast(coalesce(sum(subtotal_micros), 0) as bigint),
                cast(coalesce(sum(discount_micros), 0) as bigint),
                cast(coalesce(sum(tax_micros), 0) as bigint),
                cast(coalesce(sum(rounding_micros), 0) as bigint),
                cast(coalesce(sum(total_micros), 0) as bigint),
                cast(coalesce(sum(prepaid_micros), 0) as bigint),
                cast(coalesce(sum(due_micros), 0) as bigint)
            from billing_report_invoices
            where project_id = ?1
              and run_id = ?2
            group by currency"
        ),
        &params![run],
        |row| {
            let figures = Figures {
                subtotal: row.get(7)?,
                discount: row.get(8)?,
                tax: row.get(9)?,
                rounding: row.get(10)?,
                total: row.get(11)?,
                prepaid: row.get(12)?,
                due: row.get(13)?,
            };
            Ok(InvoiceTotal {
                currency: row.get(0)?,
                issued: row.get(1)?,
                drafts: row.get(2)?,
                refused: row.get(3)?,
                first: row.get(4)?,
                zero: row.get(5)?,
                outliers: row.get(6)?,
                figures,
            })
        },
    )?;
    totals.sort_by_key(|total| total.currency.code().to_owned());
    Ok(totals)
}

/// The payers who are missed, in the order of their ids, after one.
pub fn missing(
    tx: &mut ProjectTx<'_>,
    expected: &Expected,
    after: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<MissingPayer>, StorageError> {
    let Expected { run, from, to, until, as_of } = *expected;
    let [from, to, until] = [from, to, until].map(|day| day.to_string());
    tx.query(
        sql!(
            "-- missing_payers
            select i.customer_id, max(case when i.bills_on <= ?3 and i.state not in ('draft', 'void') then i.bills_on end)
            from invoices i
            where i.project_id = ?1
              and i.bills_on >= ?2
              and i.bills_on <= ?4
              and i.kind = 'regular'
              and (cast(?7 as {uuid}) is null or i.customer_id > ?7)
              and i.customer_id not in (
                  select r.customer_id from billing_report_invoices r where r.project_id = ?1 and r.run_id = ?5
              )
              and i.customer_id not in (
                  select n.customer_id
                  from invoices n
                  join invoice_lines l on l.project_id = n.project_id and l.invoice_id = n.id and not l.released
                  join charges c on c.project_id = l.project_id and c.id = l.charge_id
                  where n.project_id = ?1
                    and n.bills_on >= ?2
                    and n.bills_on <= ?3
                    and c.period_end > ?6
              )
            group by i.customer_id
            having max(i.bills_on) <= ?3
               and max(case when i.bills_on <= ?3 and i.state not in ('draft', 'void') then i.bills_on end) is not null
            order by i.customer_id
            limit ?8"
        ),
        &params![&from, &to, &until, run, as_of, after, limit],
        |row| Ok(MissingPayer { customer: row.get(0)?, billed_on: read_day(row, 1)? }),
    )
}

fn values<'a>(invoice: &'a ReportInvoice, day: &'a str) -> [Value<'a>; 19] {
    let figures = invoice.figures.as_ref();
    params![
        invoice.run,
        invoice.id,
        invoice.name.customer,
        invoice.name.currency,
        invoice.name.kind.as_str(),
        day,
        invoice.name.part,
        invoice.outcome.as_str(),
        invoice.reason.as_deref(),
        figures.map(|figures| figures.subtotal),
        figures.map(|figures| figures.discount),
        figures.map(|figures| figures.tax),
        figures.map(|figures| figures.rounding),
        figures.map(|figures| figures.total),
        figures.map(|figures| figures.prepaid),
        figures.map(|figures| figures.due),
        invoice.history.invoices,
        invoice.history.median,
        invoice.is_outlier,
    ]
}

fn read(row: &Row<'_>) -> Result<ReportInvoice, StorageError> {
    let name = InvoiceName {
        customer: row.get(2)?,
        currency: row.get(3)?,
        kind: row.named(4, InvoiceKind::parse)?,
        bills_on: read_day(row, 5)?,
        part: row.get(6)?,
    };
    Ok(ReportInvoice {
        run: row.get(0)?,
        id: row.get(1)?,
        name,
        outcome: row.named(7, ReportOutcome::parse)?,
        reason: row.get(8)?,
        figures: read_figures(row)?,
        history: History { invoices: row.get(16)?, median: row.get(17)? },
        is_outlier: row.get(18)?,
    })
}

/// All of them, or none.
fn read_figures(row: &Row<'_>) -> Result<Option<Figures>, StorageError> {
    let Some(subtotal) = row.get(9)? else { return Ok(None) };
    Ok(Some(Figures {
        subtotal,
        discount: row.get(10)?,
        tax: row.get(11)?,
        rounding: row.get(12)?,
        total: row.get(13)?,
        prepaid: row.get(14)?,
        due: row.get(15)?,
    }))
}

fn read_day(row: &Row<'_>, index: usize) -> Result<Date, StorageError> {
    let day: String = row.get(index)?;
    day.parse().map_err(|_| StorageError::corrupt("the day of an invoice"))
}
