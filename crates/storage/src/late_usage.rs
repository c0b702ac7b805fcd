//! Late usage: how far it was looked for, and what was found for which invoice.

mod settle;

pub use settle::{effects, ignored, insert_effects, lock_waiting, open_after, projects_to_settle, store};

use domain::ids::{CustomerId, InvoiceId, LateUsageId, ProjectId};
use domain::late_usage::settle::{HeldBecause, SettledBy};
use domain::late_usage::{LateState, LateUsage, Outcome};
use domain::time::Instant;
use domain::window::Span;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::subscription_changes::read_reason;
use crate::tx::{InstallationTx, ProjectTx};

/// How far late usage was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LateCursor {
    /// The place of the last batch.
    pub last_seq: i64,
    /// The number of the last issued invoice.
    pub last_number: i64,
}

/// Everything that was charged for usage under one key, as it is on an issued invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargedUsage {
    pub invoice: InvoiceId,
    /// Who pays the invoice.
    pub payer: CustomerId,
    pub charge_key: String,
    pub customer: CustomerId,
    pub part: Span,
    /// The content of its first charge.
    pub content: String,
    /// Up to which place its newest charge counted.
    pub cut: i64,
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct LateUsageFilter {
    pub state: Option<LateState>,
    pub customer: Option<CustomerId>,
    pub invoice: Option<InvoiceId>,
    /// Only what was found before this one.
    pub before: Option<LateUsageId>,
}

/// The projects in which something was folded or issued since it was looked.
pub fn projects_to_look(tx: &mut InstallationTx<'_>) -> Result<Vec<ProjectId>, StorageError> {
    tx.query(
        sql!(
            "-- projects_to_look_for_late_usage
            select r.project_id
            from rollup_cursors r
            left join late_usage_cursors c on c.project_id = r.project_id
            where c.project_id is null or c.last_seq < r.last_seq
              or exists (
                  select 1
                  from issued_invoices i
                  where i.project_id = c.project_id and i.series = 'invoice' and i.number > c.last_number
              )
            order by r.project_id"
        ),
        &[],
        |row| row.get(0),
    )
}

/// How far it was looked in this snapshot.
pub fn cursor(tx: &mut ProjectTx<'_>) -> Result<LateCursor, StorageError> {
    let found = tx.query_opt(
        sql!(
            "-- late_usage_cursor
            select last_seq, last_number from late_usage_cursors where project_id = ?1"
        ),
        &[],
        read_cursor,
    )?;
    Ok(found.unwrap_or_default())
}

/// Takes the cursor for this transaction, and waits for whoever holds it.
pub fn lock_cursor(tx: &mut ProjectTx<'_>) -> Result<LateCursor, StorageError> {
    tx.execute(
        sql!(
            "-- make_late_usage_cursor
            insert into late_usage_cursors (project_id, last_seq, last_number)
            values (?1, 0, 0)
            on conflict (project_id) do nothing"
        ),
        &[],
    )?;
    tx.query_one(
        sql!(
            "-- lock_late_usage_cursor
            select last_seq, last_number
            from late_usage_cursors
            where project_id = ?1
            {for_update}"
        ),
        &[],
        read_cursor,
    )
}

pub fn move_cursor(tx: &mut ProjectTx<'_>, to: LateCursor) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- move_late_usage_cursor
            update late_usage_cursors
            set last_seq = ?2, last_number = ?3
            where project_id = ?1 and last_seq <= ?2 and last_number <= ?3"
        ),
        &params![to.last_seq, to.last_number],
    )?;
    assert_eq!(updated, 1, "a cursor moves forwards, in the transaction that holds it");
    Ok(())
}

/// When the latest usage came up that was charged; nothing that happens from then on is late for any invoice.
pub fn charged_until(tx: &mut ProjectTx<'_>) -> Result<Option<Instant>, StorageError> {
    tx.query_opt(
        sql!(
            "-- usage_charged_until
            select at
            from charges
            where project_id = ?1 and kind = 'usage'
            order by at desc
            limit 1"
        ),
        &[],
        |row| row.get(0),
    )
}

/// The invoices that were issued after a number, in the order of their numbers.
pub fn issued_after(tx: &mut ProjectTx<'_>, number: i64, limit: i64) -> Result<Vec<(i64, InvoiceId)>, StorageError> {
    tx.query(
        sql!(
            "-- invoices_issued_after
            select number, invoice_id
            from issued_invoices
            where project_id = ?1 and series = 'invoice' and number > ?2
            order by number
            limit ?3"
        ),
        &params![number, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Where usage was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargedOn {
    /// Issued invoices that stand.
    Issued,
    Drafts,
}

/// The usage of these customers, for time after an instant; name each customer once.
pub fn charged_of_customers(
    tx: &mut ProjectTx<'_>,
    on: ChargedOn,
    customers: &[(CustomerId, Instant)],
) -> Result<Vec<ChargedUsage>, StorageError> {
    let on_drafts = on == ChargedOn::Drafts;
    let rows: Vec<[Value<'_>; 3]> =
        customers.iter().map(|(customer, after)| params![*customer, *after, on_drafts]).collect();
    tx.query_many(
        bulk_sql!(
            "-- charged_usage_of_customers
            -- By their time first: what stands at the beginning of a key is found by the key, not among all of the project.
            with newest as materialized (
                select n.project_id, n.charge_key, n.part_end, r.on_drafts
                from {rows}
                join charges n on n.project_id = r.project_id and n.customer_id = r.customer_id and n.at > r.at and n.kind = 'usage'
                    and not exists (
                        select 1 from charges m
                        where m.project_id = n.project_id and m.charge_key = n.charge_key and m.revision > n.revision
                    )
            )
            select l.invoice_id, i.customer_id, c.charge_key, c.customer_id, c.part_start, newest.part_end, c.content,
                (select max(m.cut) from charges m where m.project_id = c.project_id and m.charge_key = c.charge_key)
            from newest
            join charges c on c.project_id = newest.project_id and c.charge_key = newest.charge_key and c.revision = 0
            join invoice_lines l on l.project_id = c.project_id and l.charge_id = c.id and not l.released
            join invoices i on i.project_id = l.project_id and i.id = l.invoice_id and i.state <> 'void'
                and (i.state = 'draft') = newest.on_drafts",
            [project_id: Uuid, customer_id: Uuid, at: Instant, on_drafts: Bool]
        ),
        &rows,
        read_charged,
    )
}

/// The usage on these invoices, if they stand; name each once.
pub fn charged_on_invoices(tx: &mut ProjectTx<'_>, invoices: &[InvoiceId]) -> Result<Vec<ChargedUsage>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = invoices.iter().map(|invoice| params![*invoice]).collect();
    tx.query_many(
        bulk_sql!(
            "-- charged_usage_on_invoices
            -- Found by their ids first: an index of usage alone looks as good while it is small.
            with charged as materialized (
                select c.project_id, l.invoice_id, i.customer_id as billed_to, c.charge_key, c.customer_id, c.part_start, c.content,
                    c.kind, c.revision
                from {rows}
                join invoices i on i.project_id = r.project_id and i.id = r.invoice_id and i.state not in ('draft', 'void')
                join invoice_lines l on l.project_id = i.project_id and l.invoice_id = i.id and not l.released
                join charges c on c.project_id = l.project_id and c.id = l.charge_id
            )
            select charged.invoice_id, charged.billed_to, charged.charge_key, charged.customer_id, charged.part_start,
                (select n.part_end from charges n where n.project_id = charged.project_id and n.charge_key = charged.charge_key
                    order by n.revision desc limit 1),
                charged.content,
                (select max(n.cut) from charges n where n.project_id = charged.project_id and n.charge_key = charged.charge_key)
            from charged
            where charged.kind = 'usage' and charged.revision = 0",
            [project_id: Uuid, invoice_id: Uuid]
        ),
        &rows,
        read_charged,
    )
}

/// From which place on, and until which time, something may be missing on the drafts that are to be issued by themselves at an instant;
/// `None` when there is no usage on them.
pub fn counted_on_due_drafts(tx: &mut ProjectTx<'_>, until: Instant) -> Result<Option<(i64, Instant)>, StorageError> {
    let (cut, end): (Option<i64>, Option<Instant>) = tx.query_one(
        sql!(
            "-- counted_on_due_drafts
            -- Found by their ids first: an index of usage alone looks as good while it is small.
            with charged as materialized (
                select c.project_id, c.charge_key, c.revision, c.kind, c.cut, c.part_end
                from invoices i
                join invoice_lines l on l.project_id = i.project_id and l.invoice_id = i.id and not l.released
                join charges c on c.project_id = l.project_id and c.id = l.charge_id
                where i.project_id = ?1
                  and i.state = 'draft'
                  and i.kind in ('regular', 'adjustment')
                  and i.issues_at <= ?2
            )
            select min(charged.cut), max(charged.part_end)
            from charged
            where charged.kind = 'usage'
              and not exists (
                  select 1 from charges m
                  where m.project_id = charged.project_id and m.charge_key = charged.charge_key and m.revision > charged.revision
              )"
        ),
        &params![until],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(cut.zip(end))
}

/// What is open of these invoices; name each once.
pub fn open_of_invoices(tx: &mut ProjectTx<'_>, invoices: &[InvoiceId]) -> Result<Vec<LateUsage>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = invoices.iter().map(|invoice| params![*invoice]).collect();
    tx.query_many(
        bulk_sql!(
            "-- open_late_usage_of_invoices
            select u.id, u.invoice_id, u.customer_id, u.state, u.since_seq, u.cut, u.found_at, u.before_micros, u.after_micros,
                u.effect_micros, u.counted_to, u.held_because, u.settled_by, u.settled_at, u.correction_id, u.reason_code,
                u.reason
            from {rows}
            join late_usage u on u.project_id = r.project_id and u.invoice_id = r.invoice_id and u.state = 'open'",
            [project_id: Uuid, invoice_id: Uuid]
        ),
        &rows,
        read,
    )
}

/// Adds what was found. An invoice has one that is open, and one for each cut.
///
/// # Errors
/// A violation of `late_usage_open` when another transaction was first.
pub fn insert_many(tx: &mut ProjectTx<'_>, found: &[LateUsage]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 7]> = found
        .iter()
        .map(|late| {
            params![late.id, late.invoice, late.customer, late.state.as_str(), late.since, late.cut, late.found_at]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_late_usage
            insert into late_usage (project_id, id, invoice_id, customer_id, state, since_seq, cut, found_at)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                invoice_id: Uuid,
                customer_id: Uuid,
                state: Text,
                since_seq: Int,
                cut: Int,
                found_at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Lets what is open reach further; says how many still were open.
pub fn extend_many(tx: &mut ProjectTx<'_>, open: &[(LateUsageId, i64)]) -> Result<u64, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = open.iter().map(|(id, cut)| params![*id, *cut]).collect();
    tx.execute_many(
        bulk_sql!(
            "-- extend_late_usage
            update late_usage
            set cut = r.cut
            from {rows}
            where late_usage.project_id = r.project_id and late_usage.id = r.id and late_usage.state = 'open'",
            [project_id: Uuid, id: Uuid, cut: Int]
        ),
        &rows,
    )
}

/// Names the charges that may come to something else; those that are named already stay.
pub fn add_charges(tx: &mut ProjectTx<'_>, charges: &[(LateUsageId, &str)]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 2]> = charges.iter().map(|(id, key)| params![*id, *key]).collect();
    tx.execute_many(
        bulk_sql!(
            "-- add_late_usage_charges
            insert into late_usage_charges (project_id, late_usage_id, charge_key)
            {values}
            on conflict (project_id, late_usage_id, charge_key) do nothing",
            [project_id: Uuid, late_usage_id: Uuid, charge_key: Text]
        ),
        &rows,
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: LateUsageId) -> Result<Option<LateUsage>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_late_usage
            select u.id, u.invoice_id, u.customer_id, u.state, u.since_seq, u.cut, u.found_at, u.before_micros, u.after_micros,
                u.effect_micros, u.counted_to, u.held_because, u.settled_by, u.settled_at, u.correction_id, u.reason_code,
                u.reason
            from late_usage u
            where u.project_id = ?1 and u.id = ?2"
        ),
        &params![id],
        read,
    )
}

/// The newest first.
pub fn page(tx: &mut ProjectTx<'_>, filter: &LateUsageFilter, limit: i64) -> Result<Vec<LateUsage>, StorageError> {
    tx.query(
        sql!(
            "-- page_late_usage
            select u.id, u.invoice_id, u.customer_id, u.state, u.since_seq, u.cut, u.found_at, u.before_micros, u.after_micros,
                u.effect_micros, u.counted_to, u.held_because, u.settled_by, u.settled_at, u.correction_id, u.reason_code,
                u.reason
            from late_usage u
            where u.project_id = ?1
              and (cast(?2 as text) is null or u.state = ?2)
              and (cast(?3 as {uuid}) is null or u.customer_id = ?3)
              and (cast(?4 as {uuid}) is null or u.invoice_id = ?4)
              and (cast(?5 as {uuid}) is null or u.id < ?5)
            order by u.id desc
            limit ?6"
        ),
        &params![filter.state.map(LateState::as_str), filter.customer, filter.invoice, filter.before, limit],
        read,
    )
}

/// The keys of the charges that may come to something else, in their order.
pub fn charge_keys(tx: &mut ProjectTx<'_>, id: LateUsageId) -> Result<Vec<String>, StorageError> {
    tx.query(
        sql!(
            "-- late_usage_charge_keys
            select charge_key
            from late_usage_charges
            where project_id = ?1 and late_usage_id = ?2
            order by charge_key {binary}"
        ),
        &params![id],
        |row| row.get(0),
    )
}

fn read_cursor(row: &Row<'_>) -> Result<LateCursor, StorageError> {
    Ok(LateCursor { last_seq: row.get(0)?, last_number: row.get(1)? })
}

fn read_charged(row: &Row<'_>) -> Result<ChargedUsage, StorageError> {
    let (start, end): (Option<Instant>, Option<Instant>) = (row.get(4)?, row.get(5)?);
    let part = start.zip(end).map(|(start, end)| Span { start, end });
    Ok(ChargedUsage {
        invoice: row.get(0)?,
        payer: row.get(1)?,
        charge_key: row.get(2)?,
        customer: row.get(3)?,
        part: part.ok_or_else(|| StorageError::corrupt("usage was charged for no time"))?,
        content: row.get(6)?,
        cut: row.get::<Option<i64>>(7)?.ok_or_else(|| StorageError::corrupt("usage was charged without a cut"))?,
    })
}

fn named<T>(row: &Row<'_>, index: usize, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, StorageError> {
    match row.get::<Option<String>>(index)? {
        Some(_) => row.named(index, parse).map(Some),
        None => Ok(None),
    }
}

pub(crate) fn read(row: &Row<'_>) -> Result<LateUsage, StorageError> {
    Ok(LateUsage {
        id: row.get(0)?,
        invoice: row.get(1)?,
        customer: row.get(2)?,
        state: row.named(3, LateState::parse)?,
        since: row.get(4)?,
        cut: row.get(5)?,
        found_at: row.get(6)?,
        outcome: Outcome {
            before: row.get(7)?,
            after: row.get(8)?,
            effect: row.get(9)?,
            counted_to: row.get(10)?,
            held_because: named(row, 11, HeldBecause::parse)?,
            settled_by: named(row, 12, SettledBy::parse)?,
            settled_at: row.get(13)?,
            correction: row.get(14)?,
            reason: read_reason(row, 15)?,
        },
    })
}
