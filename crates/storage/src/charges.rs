//! Charges: what was rated and is billed. Rows are added and read, never changed: the database refuses it.

use std::collections::BTreeMap;

use domain::charges::charge::{Charge, ChargeCoupon, ChargeKind};
use domain::ids::{ChargeId, CustomerId, InvoiceId, SubscriptionId};
use domain::subscriptions::price_ref::VersionRef;
use domain::subscriptions::revisions::AlreadyBilled;
use domain::tax::TaxBehaviour;
use domain::time::Instant;
use domain::window::Span;

use crate::error::StorageError;
use crate::sql::value::JsonText;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Adds charges.
///
/// # Errors
/// A violation of `charges_key` when another transaction was first with a revision of one of them: whoever charges begins anew.
pub fn insert_many(tx: &mut ProjectTx<'_>, charges: &[Charge]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 31]> = charges.iter().map(values).collect::<Result<_, _>>()?;
    tx.execute_many(
        bulk_sql!(
            "-- insert_charges
            insert into charges (project_id, id, charge_key, revision, item_id, customer_id, payer_id, subscription_id, kind,
                price, source_key, source_version, period_start, period_end, part_start, part_end, at, rates_at, currency,
                amount_micros, prepaid_micros, promotional_micros, tax_category, tax_behaviour, coupons, content, digest, cut,
                as_of, entry_id, corrects_invoice_id, run_id)
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
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// What was charged under these keys before, by key; name each once.
pub fn charged_before(tx: &mut ProjectTx<'_>, keys: &[&str]) -> Result<BTreeMap<String, AlreadyBilled>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = keys.iter().map(|key| params![*key]).collect();
    let found = tx.query_many(
        bulk_sql!(
            "-- charged_before
            select c.charge_key, cast(sum(c.amount_micros) as bigint), count(*)
            from {rows}
            join charges c on c.project_id = r.project_id and c.charge_key = r.charge_key
            group by c.charge_key",
            [project_id: Uuid, charge_key: Text]
        ),
        &rows,
        |row| {
            let revisions: i64 = row.get(2)?;
            let revisions =
                u32::try_from(revisions).map_err(|_| StorageError::corrupt("the number of revisions of a charge"))?;
            Ok((row.get(0)?, AlreadyBilled { amount: row.get(1)?, revisions }))
        },
    )?;
    Ok(found.into_iter().collect())
}

/// The charges that stand on these invoices, in the order of invoice, then of time and key; a void invoice has none.
pub fn of_invoices(tx: &mut ProjectTx<'_>, invoices: &[InvoiceId]) -> Result<Vec<(InvoiceId, Charge)>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = invoices.iter().map(|id| params![*id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- charges_of_invoices
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind, c.price,
                c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at, c.rates_at,
                c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category, c.tax_behaviour, c.coupons,
                c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id, c.run_id, l.invoice_id
            from {rows}
            join invoice_lines l on l.project_id = r.project_id and l.invoice_id = r.invoice_id and not l.released
            join charges c on c.project_id = l.project_id and c.id = l.charge_id",
            [project_id: Uuid, invoice_id: Uuid]
        ),
        &rows,
        |row| Ok((row.get(31)?, read(row)?)),
    )?;
    found.sort_by(|(left_invoice, left): &(InvoiceId, Charge), (right_invoice, right)| {
        (left_invoice, left.at, &left.key, left.revision).cmp(&(right_invoice, right.at, &right.key, right.revision))
    });
    Ok(found)
}

/// Everything that was charged under these keys, in the order of keys and revisions; name each key once.
pub fn of_keys(tx: &mut ProjectTx<'_>, keys: &[&str]) -> Result<Vec<Charge>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = keys.iter().map(|key| params![*key]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- charges_of_keys
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind, c.price,
                c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at, c.rates_at,
                c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category, c.tax_behaviour, c.coupons,
                c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id, c.run_id
            from {rows}
            join charges c on c.project_id = r.project_id and c.charge_key = r.charge_key",
            [project_id: Uuid, charge_key: Text]
        ),
        &rows,
        read,
    )?;
    found.sort_by(|left: &Charge, right| (&left.key, left.revision).cmp(&(&right.key, right.revision)));
    Ok(found)
}

/// The charges of these subscriptions that came up at an instant or later, each with the invoice that it stands on if that is issued, in
/// the order of keys and revisions; name each subscription once.
pub fn of_subscriptions(
    tx: &mut ProjectTx<'_>,
    from: &[(SubscriptionId, Instant)],
) -> Result<Vec<(Charge, Option<InvoiceId>)>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = from.iter().map(|(subscription, at)| params![*subscription, *at]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- charges_of_subscriptions
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind, c.price,
                c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at, c.rates_at,
                c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category, c.tax_behaviour, c.coupons,
                c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id, c.run_id, i.id
            from {rows}
            join charges c on c.project_id = r.project_id and c.subscription_id = r.subscription_id and c.at >= r.at
            left join invoice_lines l on l.project_id = c.project_id and l.charge_id = c.id and not l.released
            left join invoices i on i.project_id = l.project_id and i.id = l.invoice_id and i.state <> 'draft'",
            [project_id: Uuid, subscription_id: Uuid, at: Instant]
        ),
        &rows,
        |row| Ok((read(row)?, row.get(31)?)),
    )?;
    found.sort_by(|(left, _): &(Charge, Option<InvoiceId>), (right, _)| {
        (&left.key, left.revision).cmp(&(&right.key, right.revision))
    });
    Ok(found)
}

/// How many charges of these subscriptions came up at an instant or later; none for those of which there is none. Name each once.
pub fn count_since(
    tx: &mut ProjectTx<'_>,
    from: &[(SubscriptionId, Instant)],
) -> Result<BTreeMap<SubscriptionId, i64>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = from.iter().map(|(subscription, at)| params![*subscription, *at]).collect();
    let counts = tx.query_many(
        bulk_sql!(
            "-- count_charges_since
            select c.subscription_id, count(*)
            from {rows}
            join charges c on c.project_id = r.project_id and c.subscription_id = r.subscription_id and c.at >= r.at
            group by c.subscription_id",
            [project_id: Uuid, subscription_id: Uuid, at: Instant]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(counts.into_iter().collect())
}

/// The charges of usage of a customer that cover an instant, by key and revision.
pub fn usage_at(tx: &mut ProjectTx<'_>, customer: CustomerId, at: Instant) -> Result<Vec<Charge>, StorageError> {
    tx.query(
        sql!(
            "-- usage_charges_at
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind, c.price,
                c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at, c.rates_at,
                c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category, c.tax_behaviour, c.coupons,
                c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id, c.run_id
            from charges c
            where c.project_id = ?1
              and c.customer_id = ?2
              and c.kind = ?4
              and c.part_start <= ?3
              and c.part_end > ?3
            order by c.charge_key, c.revision"
        ),
        &params![customer, at, ChargeKind::Usage.as_str()],
        read,
    )
}

/// Those of these charges that exist, in no order; name each once.
pub fn find_many(tx: &mut ProjectTx<'_>, charges: &[ChargeId]) -> Result<Vec<Charge>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = charges.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_charges
            select c.id, c.charge_key, c.revision, c.item_id, c.customer_id, c.payer_id, c.subscription_id, c.kind, c.price,
                c.source_key, c.source_version, c.period_start, c.period_end, c.part_start, c.part_end, c.at, c.rates_at,
                c.currency, c.amount_micros, c.prepaid_micros, c.promotional_micros, c.tax_category, c.tax_behaviour, c.coupons,
                c.content, c.digest, c.cut, c.as_of, c.entry_id, c.corrects_invoice_id, c.run_id
            from {rows}
            join charges c on c.project_id = r.project_id and c.id = r.id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        read,
    )
}

pub(crate) fn values(charge: &Charge) -> Result<[Value<'_>; 31], StorageError> {
    let coupons = serde_json::to_string(&charge.coupons).map_err(|error| StorageError::corrupt(error.to_string()))?;
    let coupons = Some(JsonText(coupons)).filter(|_| !charge.coupons.is_empty());
    let source = charge.source.as_ref();
    Ok(params![
        charge.id,
        &charge.key,
        charge.revision,
        charge.item,
        charge.customer,
        charge.payer,
        charge.subscription,
        charge.kind.as_str(),
        &charge.price,
        source.map(|source| source.key.as_str()),
        source.map(|source| source.version),
        charge.period.map(|period| period.start),
        charge.period.map(|period| period.end),
        charge.part.map(|part| part.start),
        charge.part.map(|part| part.end),
        charge.at,
        charge.rates_at,
        charge.currency,
        charge.amount,
        charge.prepaid,
        charge.promotional,
        charge.tax_category.as_deref(),
        charge.tax_behaviour.as_str(),
        coupons,
        &charge.content,
        &charge.digest,
        charge.cut,
        charge.as_of,
        charge.entry,
        charge.corrects,
        charge.run,
    ])
}

pub(crate) fn read(row: &Row<'_>) -> Result<Charge, StorageError> {
    let source_key: Option<String> = row.get(9)?;
    let source_version: Option<u32> = row.get(10)?;
    let span = |start: Option<_>, end: Option<_>| start.zip(end).map(|(start, end)| Span { start, end });
    let coupons: Option<JsonText> = row.get(23)?;
    let coupons: Vec<ChargeCoupon> = match coupons {
        Some(JsonText(text)) => {
            serde_json::from_str(&text).map_err(|_| StorageError::corrupt("the coupons of a charge"))?
        }
        None => Vec::new(),
    };
    Ok(Charge {
        id: row.get(0)?,
        key: row.get(1)?,
        revision: row.get(2)?,
        item: row.get(3)?,
        customer: row.get(4)?,
        payer: row.get(5)?,
        subscription: row.get(6)?,
        kind: row.named(7, ChargeKind::parse)?,
        price: row.get(8)?,
        source: source_key.zip(source_version).map(|(key, version)| VersionRef { key, version }),
        period: span(row.get(11)?, row.get(12)?),
        part: span(row.get(13)?, row.get(14)?),
        at: row.get(15)?,
        rates_at: row.get(16)?,
        currency: row.get(17)?,
        amount: row.get(18)?,
        prepaid: row.get(19)?,
        promotional: row.get(20)?,
        tax_category: row.get(21)?,
        tax_behaviour: row.named(22, TaxBehaviour::parse)?,
        coupons,
        content: row.get(24)?,
        digest: row.get(25)?,
        cut: row.get(26)?,
        as_of: row.get(27)?,
        entry: row.get(28)?,
        corrects: row.get(29)?,
        run: row.get(30)?,
    })
}
