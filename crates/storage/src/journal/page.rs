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
    // A type has one kind or two.
    let mut kinds = filter.kind.into_iter().flat_map(TransactionType::kinds).map(EntryKind::as_str);
    let (kind, other_kind) = (kinds.next(), kinds.next());
    tx.query(
        sql!(
            "-- page_journal_entries
            select id, kind, customer_id, amount_micros, currency, balance_after_micros, description, idempotency_key,
                fingerprint, effective_at, usage_at, recorded_at, actor_kind, actor_id, actor_name, reason_code, reason,
                cause_type, cause_id, reverses_id, refunds_id, metadata, request_id, canon_version
            from journal_entries
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or customer_id = ?2)
              and (cast(?3 as text) is null or currency = ?3)
              and (cast(?4 as text) is null or kind = ?4 or kind = ?5)
              and (cast(?6 as {instant}) is null or effective_at >= ?6)
              and (cast(?7 as {instant}) is null or effective_at < ?7)
              and (cast(?8 as {uuid}) is null or id < ?8)
            order by id desc
            limit ?9"
        ),
        &params![filter.customer, filter.currency, kind, other_kind, filter.from, filter.to, filter.before, limit,],
        super::read,
    )
}
