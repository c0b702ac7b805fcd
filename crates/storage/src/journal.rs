//! The journal: entries and their postings. Rows are added and read, never changed.

mod page;
mod returns;

pub use page::{EntryFilter, page};
pub use returns::{refunded, repayments, reversal_of};

use std::collections::BTreeMap;

use domain::idempotency::Fingerprint;
use domain::ids::{AccountId, EntryId};
use domain::ingest::properties;
use domain::ledger::account::Direction;
use domain::ledger::entry::{ActorName, Cause, CauseType, EntryKind, JournalEntry};
use domain::ledger::lines::Line;
use domain::ledger::reason::{Reason, ReasonCode};

use crate::accounts::read_account;
use crate::error::StorageError;
use crate::sql::value::JsonText;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Adds entries.
pub fn insert_many(tx: &mut ProjectTx<'_>, entries: &[JournalEntry]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 24]> = entries.iter().map(row).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_journal_entries
            insert into journal_entries (project_id, id, kind, customer_id, amount_micros, currency,
                balance_after_micros, description, idempotency_key, fingerprint, effective_at, usage_at, recorded_at,
                actor_kind, actor_id, actor_name, reason_code, reason, cause_type, cause_id, reverses_id, refunds_id,
                metadata, request_id, canon_version)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                kind: Text,
                customer_id: Uuid,
                amount_micros: Int,
                currency: Text,
                balance_after_micros: Int,
                description: Text,
                idempotency_key: Text,
                fingerprint: Bytes,
                effective_at: Instant,
                usage_at: Instant,
                recorded_at: Instant,
                actor_kind: Text,
                actor_id: Text,
                actor_name: Text,
                reason_code: Text,
                reason: Text,
                cause_type: Text,
                cause_id: Text,
                reverses_id: Uuid,
                refunds_id: Uuid,
                metadata: Json,
                request_id: Text,
                canon_version: Int,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

fn row(entry: &JournalEntry) -> [Value<'_>; 24] {
    let reason = entry.reason.as_ref();
    params![
        entry.id,
        entry.kind.as_str(),
        entry.customer,
        entry.amount,
        entry.currency,
        entry.balance_after,
        &entry.description,
        entry.idempotency_key.as_deref(),
        entry.fingerprint.as_ref().map(|fingerprint| &fingerprint.0),
        entry.effective_at,
        entry.usage_at,
        entry.recorded_at,
        &entry.actor.kind,
        &entry.actor.id,
        &entry.actor.name,
        reason.map(|reason| reason.code.as_str()),
        reason.and_then(|reason| reason.text.as_deref()),
        entry.cause.kind.as_str(),
        &entry.cause.id,
        entry.reverses,
        entry.refunds,
        entry.metadata.as_ref().map(|metadata| JsonText(metadata.clone())),
        &entry.request_id,
        entry.canon_version,
    ]
}

/// The lines of one entry with the accounts they stand on, in their order.
pub type LinesOfEntry = (EntryId, Vec<(AccountId, Line)>);

/// Adds the lines of entries, numbered from 1 within each.
pub fn insert_postings(tx: &mut ProjectTx<'_>, entries: &[LinesOfEntry]) -> Result<(), StorageError> {
    let of_entry = |(entry, lines): &LinesOfEntry| {
        let entry = *entry;
        let numbered = (1_i64..).zip(lines.clone());
        numbered.map(move |(number, (account, line))| {
            params![entry, number, account, line.currency, line.direction.as_str(), line.amount]
        })
    };
    let rows: Vec<[Value<'_>; 6]> = entries.iter().flat_map(of_entry).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_postings
            insert into postings (project_id, entry_id, line, account_id, currency, direction, amount_micros)
            {values}",
            [
                project_id: Uuid,
                entry_id: Uuid,
                line: Int,
                account_id: Uuid,
                currency: Text,
                direction: Text,
                amount_micros: Int,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: EntryId) -> Result<Option<JournalEntry>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_journal_entry
            select id, kind, customer_id, amount_micros, currency, balance_after_micros, description, idempotency_key,
                fingerprint, effective_at, usage_at, recorded_at, actor_kind, actor_id, actor_name, reason_code, reason,
                cause_type, cause_id, reverses_id, refunds_id, metadata, request_id, canon_version
            from journal_entries
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// The entries that one idempotency key brought about, the oldest first.
pub fn find_by_key(tx: &mut ProjectTx<'_>, idempotency_key: &str) -> Result<Vec<JournalEntry>, StorageError> {
    tx.query(
        sql!(
            "-- find_journal_entries_by_key
            select id, kind, customer_id, amount_micros, currency, balance_after_micros, description, idempotency_key,
                fingerprint, effective_at, usage_at, recorded_at, actor_kind, actor_id, actor_name, reason_code, reason,
                cause_type, cause_id, reverses_id, refunds_id, metadata, request_id, canon_version
            from journal_entries
            where project_id = ?1 and idempotency_key = ?2
            order by id"
        ),
        &params![idempotency_key],
        read,
    )
}

/// The lines of these entries, in their order.
pub fn lines_of(tx: &mut ProjectTx<'_>, entries: &[EntryId]) -> Result<BTreeMap<EntryId, Vec<Line>>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = entries.iter().map(|id| params![*id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- lines_of_entries
            select p.entry_id, p.line, a.name, p.currency, p.direction, p.amount_micros
            from {rows}
            join postings p on p.project_id = r.project_id and p.entry_id = r.entry_id
            join accounts a on a.project_id = p.project_id and a.id = p.account_id",
            [project_id: Uuid, entry_id: Uuid]
        ),
        &rows,
        |row| {
            let (entry, number): (EntryId, i64) = (row.get(0)?, row.get(1)?);
            let line = Line {
                account: read_account(row, 2)?,
                currency: row.get(3)?,
                direction: row.named(4, Direction::parse)?,
                amount: row.get(5)?,
            };
            Ok((entry, number, line))
        },
    )?;
    found.sort_by_key(|(entry, number, _)| (*entry, *number));
    let mut lines: BTreeMap<EntryId, Vec<Line>> = BTreeMap::new();
    for (entry, _, line) in found {
        lines.entry(entry).or_default().push(line);
    }
    Ok(lines)
}

/// PostgreSQL keeps JSON parsed: its text comes back with other spaces and another order.
fn canonical(text: JsonText) -> Result<String, StorageError> {
    properties::canonical(&text.0).map_err(|refusal| StorageError::corrupt(format!("metadata: {refusal}")))
}

fn read(row: &Row<'_>) -> Result<JournalEntry, StorageError> {
    let reason_code: Option<String> = row.get(15)?;
    let reason = match reason_code {
        Some(code) => Some(Reason {
            code: ReasonCode::parse(&code).ok_or_else(|| StorageError::corrupt(format!("reason code {code:?}")))?,
            text: row.get(16)?,
        }),
        None => None,
    };
    let fingerprint: Option<[u8; 32]> = row.get(8)?;
    let metadata: Option<JsonText> = row.get(21)?;
    Ok(JournalEntry {
        id: row.get(0)?,
        kind: row.named(1, EntryKind::parse)?,
        customer: row.get(2)?,
        amount: row.get(3)?,
        currency: row.get(4)?,
        balance_after: row.get(5)?,
        description: row.get(6)?,
        idempotency_key: row.get(7)?,
        fingerprint: fingerprint.map(Fingerprint),
        effective_at: row.get(9)?,
        usage_at: row.get(10)?,
        recorded_at: row.get(11)?,
        actor: ActorName { kind: row.get(12)?, id: row.get(13)?, name: row.get(14)? },
        reason,
        cause: Cause { kind: row.named(17, CauseType::parse)?, id: row.get(18)? },
        reverses: row.get(19)?,
        refunds: row.get(20)?,
        metadata: metadata.map(canonical).transpose()?,
        request_id: row.get(22)?,
        canon_version: row.get(23)?,
    })
}
