//! The charges of a run with the invoices that they are on: of a dry run those that it would have made, kept here; of a run that bills those
//! that it made, read where they are.

use domain::billing::report::{PlanTotal, ReportLine};
use domain::billing::run::{BillingRun, RunMode};
use domain::charges::charge::{Charge, ChargeKind};
use domain::ids::{ChargeId, CustomerId, InvoiceId};
use uuid::Uuid;

use crate::charges::{read, values};
use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Adds what a dry run would have charged, each line of the run that its charge names.
pub fn insert_many(tx: &mut ProjectTx<'_>, lines: &[(&Charge, InvoiceId)]) -> Result<(), StorageError> {
    let rows: Vec<Vec<Value<'_>>> = lines.iter().map(line_values).collect::<Result<_, _>>()?;
    tx.execute_many(
        bulk_sql!(
            "-- insert_billing_report_lines
            insert into billing_report_lines (project_id, id, charge_key, revision, item_id, customer_id, payer_id, subscription_id,
                kind, price, source_key, source_version, period_start, period_end, part_start, part_end, at, rates_at, currency,
                amount_micros, prepaid_micros, promotional_micros, tax_category, tax_behaviour, coupons, content, digest, cut,
                as_of, entry_id, corrects_invoice_id, run_id, invoice_id)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                charge_key: Text,
                revision: Int,
                item_id: Uuid,
                customer_id: Uuid,
                payer_id: Uuid,
                subscription_id: Uuid,
                kind: Text,
                price: Text,
                source_key: Text,
                source_version: Int,
                period_start: Instant,
                period_end: Instant,
                part_start: Instant,
                part_end: Instant,
                at: Instant,
                rates_at: Instant,
                currency: Text,
                amount_micros: Int,
                prepaid_micros: Int,
                promotional_micros: Int,
                tax_category: Text,
                tax_behaviour: Text,
                coupons: Json,
                content: Text,
                digest: Bytes,
                cut: Int,
                as_of: Instant,
                entry_id: Uuid,
                corrects_invoice_id: Uuid,
                run_id: Uuid,
                invoice_id: Uuid,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Those of a run in the order of payers and ids, after one.
pub fn page(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    after: Option<(CustomerId, ChargeId)>,
    limit: i64,
) -> Result<Vec<ReportLine>, StorageError> {
    let statement = match run.mode {
        RunMode::DryRun => sql!(
            "-- page_lines_of_dry_run
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind,
                c.price, c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at,
                c.rates_at, c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category,
                c.tax_behaviour, c.coupons, c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id,
                c.run_id, c.invoice_id
            from billing_report_lines c
            where c.project_id = ?1
              and c.run_id = ?2
              and (c.payer_id, c.id) > (?3, ?4)
            order by c.payer_id, c.id
            limit ?5"
        ),
        RunMode::Bill => sql!(
            "-- page_lines_of_run
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind,
                c.price, c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at,
                c.rates_at, c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category,
                c.tax_behaviour, c.coupons, c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id,
                c.run_id, l.invoice_id
            from charges c
            left join invoice_lines l on l.project_id = c.project_id and l.charge_id = c.id and not l.released
            where c.project_id = ?1
              and c.run_id = ?2
              and (c.payer_id, c.id) > (?3, ?4)
            order by c.payer_id, c.id
            limit ?5"
        ),
    };
    let (payer, charge) = after.unwrap_or((CustomerId::from_uuid(Uuid::nil()), ChargeId::from_uuid(Uuid::nil())));
    tx.query(statement, &params![run.id, payer, charge, limit], read_line)
}

/// The payers of the charges of a run in the order of their ids, after one.
pub fn payers(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    after: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<CustomerId>, StorageError> {
    let statement = match run.mode {
        RunMode::DryRun => sql!(
            "-- payers_of_dry_run
            select distinct c.payer_id
            from billing_report_lines c
            where c.project_id = ?1
              and c.run_id = ?2
              and c.payer_id > ?3
            order by c.payer_id
            limit ?4"
        ),
        RunMode::Bill => sql!(
            "-- payers_of_run
            select distinct c.payer_id
            from charges c
            where c.project_id = ?1
              and c.run_id = ?2
              and c.payer_id > ?3
            order by c.payer_id
            limit ?4"
        ),
    };
    tx.query(statement, &params![run.id, after.unwrap_or(CustomerId::from_uuid(Uuid::nil())), limit], |row| row.get(0))
}

/// What a run charged these payers, in the order of payers and ids; name each once.
pub fn of_payers(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    payers: &[CustomerId],
) -> Result<Vec<ReportLine>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = payers.iter().map(|payer| params![run.id, *payer]).collect();
    let statement = match run.mode {
        RunMode::DryRun => bulk_sql!(
            "-- lines_of_dry_run_of_payers
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind,
                c.price, c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at,
                c.rates_at, c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category,
                c.tax_behaviour, c.coupons, c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id,
                c.run_id, c.invoice_id
            from {rows}
            join billing_report_lines c on c.project_id = r.project_id and c.run_id = r.run_id and c.payer_id = r.payer_id",
            [project_id: Uuid, run_id: Uuid, payer_id: Uuid]
        ),
        RunMode::Bill => bulk_sql!(
            "-- lines_of_run_of_payers
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind,
                c.price, c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at,
                c.rates_at, c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category,
                c.tax_behaviour, c.coupons, c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id,
                c.run_id, l.invoice_id
            from {rows}
            join charges c on c.project_id = r.project_id and c.run_id = r.run_id and c.payer_id = r.payer_id
            left join invoice_lines l on l.project_id = c.project_id and l.charge_id = c.id and not l.released",
            [project_id: Uuid, run_id: Uuid, payer_id: Uuid]
        ),
    };
    let mut lines = tx.query_many(statement, &rows, read_line)?;
    lines.sort_by_key(|line| (line.charge.payer, line.charge.id));
    Ok(lines)
}

/// What the charges of a run come to, by plan, kind and currency.
pub fn totals(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Vec<PlanTotal>, StorageError> {
    let statement = match run.mode {
        RunMode::DryRun => sql!(
            "-- totals_of_dry_run
            select c.source_key, c.kind, c.currency, count(*), cast(sum(c.amount_micros) as bigint),
                cast(sum(c.prepaid_micros) as bigint)
            from billing_report_lines c
            where c.project_id = ?1
              and c.run_id = ?2
            group by c.source_key, c.kind, c.currency"
        ),
        RunMode::Bill => sql!(
            "-- totals_of_run
            select c.source_key, c.kind, c.currency, count(*), cast(sum(c.amount_micros) as bigint),
                cast(sum(c.prepaid_micros) as bigint)
            from charges c
            where c.project_id = ?1
              and c.run_id = ?2
            group by c.source_key, c.kind, c.currency"
        ),
    };
    let mut totals = tx.query(statement, &params![run.id], |row| {
        Ok(PlanTotal {
            plan: row.get(0)?,
            kind: row.named(1, ChargeKind::parse)?,
            currency: row.get(2)?,
            charges: row.get(3)?,
            amount: row.get(4)?,
            prepaid: row.get(5)?,
        })
    })?;
    totals.sort_by(|one, other| {
        (&one.plan, one.kind, one.currency.code()).cmp(&(&other.plan, other.kind, other.currency.code()))
    });
    Ok(totals)
}

fn line_values<'a>((charge, invoice): &(&'a Charge, InvoiceId)) -> Result<Vec<Value<'a>>, StorageError> {
    let invoice: Value<'a> = (*invoice).into();
    Ok(values(charge)?.into_iter().chain([invoice]).collect())
}

fn read_line(row: &Row<'_>) -> Result<ReportLine, StorageError> {
    Ok(ReportLine { charge: read(row)?, invoice: row.get(31)? })
}
