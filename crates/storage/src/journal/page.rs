//! Pages of the journal, the newest entry first.

use domain::currency::Currency;
use domain::ids::{CustomerId, EntryId};
use domain::ledger::entry::{EntryKind, JournalEntry, TransactionType};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;

/// What a page is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    pub customer: Option<CustomerId>,
    pub currency: Option<Currency>,
    pub kind: Option<TransactionType>,
    /// Entries that count at this instant or later.
    pub from: Option<Instant>,
    /// Entries that count before this instant.
    pub to: Option<Instant>,
    /// Entries made before this one.
    pub before: Option<EntryId>,
}

pub fn page(tx: &mut ProjectTx<'_>, filter: &EntryFilter, limit: i64) -> Result<Vec<JournalEntry>, StorageError> {
    match filter.customer {
        Some(customer) => of_customer(tx, customer, filter, limit),
        None => of_everybody(tx, filter, limit),
    }
}

fn of_everybody(tx: &mut ProjectTx<'_>, filter: &EntryFilter, limit: i64) -> Result<Vec<JournalEntry>, StorageError> {
    let (kind, other_kind) = kinds(filter);
    tx.query(
        sql!(
            "-- page_journal_entries
            select id, kind, customer_id, amount_micros, currency, balance_after_micros, description, idempotency_key,
                fingerprint, effective_at, usage_at, recorded_at, actor_kind, actor_id, actor_name, reason_code, reason,
                cause_type, cause_id, reverses_id, refunds_id, metadata, request_id, canon_version
            from journal_entries
            where project_id = ?1
              and (cast(?2 as text) is null or currency = ?2)
              and (cast(?3 as text) is null or kind = ?3 or kind = ?4)
              and (cast(?5 as {instant}) is null or effective_at >= ?5)
              and (cast(?6 as {instant}) is null or effective_at < ?6)
              and (cast(?7 as {uuid}) is null or id < ?7)
            order by id desc
            limit ?8"
        ),
        &params![filter.currency, kind, other_kind, filter.from, filter.to, filter.before, limit],
        super::read,
    )
}

/// Has a statement of its own, so that it can go by the index over customers.
fn of_customer(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    filter: &EntryFilter,
    limit: i64,
) -> Result<Vec<JournalEntry>, StorageError> {
    let (kind, other_kind) = kinds(filter);
    tx.query(
        sql!(
            "-- page_journal_entries_of_customer
            select id, kind, customer_id, amount_micros, currency, balance_after_micros, description, idempotency_key,
                fingerprint, effective_at, usage_at, recorded_at, actor_kind, actor_id, actor_name, reason_code, reason,
                cause_type, cause_id, reverses_id, refunds_id, metadata, request_id, canon_version
            from journal_entries
            where project_id = ?1
              and customer_id = ?2
              and (cast(?3 as text) is null or currency = ?3)
              and (cast(?4 as text) is null or kind = ?4 or kind = ?5)
              and (cast(?6 as {instant}) is null or effective_at >= ?6)
              and (cast(?7 as {instant}) is null or effective_at < ?7)
              and (cast(?8 as {uuid}) is null or id < ?8)
            order by id desc
            limit ?9"
        ),
        &params![customer, filter.currency, kind, other_kind, filter.from, filter.to, filter.before, limit],
        super::read,
    )
}

/// A type has one kind or two.
fn kinds(filter: &EntryFilter) -> (Option<&'static str>, Option<&'static str>) {
    let mut kinds = filter.kind.into_iter().flat_map(TransactionType::kinds).map(EntryKind::as_str);
    (kinds.next(), kinds.next())
}
