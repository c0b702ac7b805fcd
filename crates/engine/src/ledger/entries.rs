//! The journal as people read it: entries with their postings, debits equal to credits.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::EntryId;
use domain::ledger::account::Direction;
use domain::ledger::entry::{EntryKind, JournalEntry, TransactionType};
use domain::ledger::lines::{Line, Lines};
use domain::ledger::reason::ReasonCode;
use domain::time::Instant;
use serde_json::value::RawValue;
use storage::{ProjectTx, StorageError, journal};

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;
use crate::transactions::{CauseView, TransactionFilter, customer_keys, raw_metadata};

/// One entry of the journal.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    pub id: EntryId,
    pub kind: EntryKind,
    /// What the entry is called as a transaction.
    #[serde(rename = "type")]
    pub transaction_type: TransactionType,
    pub amount: Amount,
    pub currency: Currency,
    pub description: String,
    pub customer_key: Option<String>,
    /// The balance of the customer's wallet after the entry.
    pub balance_after: Option<Amount>,
    pub idempotency_key: Option<String>,
    /// When it counts.
    pub effective_at: Instant,
    /// When it happened, where the request said so.
    pub usage_at: Option<Instant>,
    /// When we knew.
    pub recorded_at: Instant,
    pub actor: ActorView,
    pub cause: CauseView,
    pub reason_code: Option<ReasonCode>,
    pub reason: Option<String>,
    /// The entry that this one mirrors.
    pub reverses: Option<EntryId>,
    /// The charge that this one gives back, in part or whole.
    pub refunds: Option<EntryId>,
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
    pub request_id: String,
    pub postings: Vec<PostingView>,
}

/// Who acted.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActorView {
    #[schema(example = "user")]
    pub kind: String,
    pub id: String,
    pub name: String,
}

/// One line of an entry.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostingView {
    /// Counted from 1.
    pub line: u32,
    /// The name of the account.
    #[schema(example = "revenue:usage")]
    pub account: String,
    pub direction: Direction,
    /// Always positive: the direction says which way.
    pub amount: Amount,
    pub currency: Currency,
}

impl Engine {
    /// The newest entries of the journal with their postings; `limit` of them at most.
    ///
    /// # Errors
    /// [`Code::Forbidden`](domain::refusal::Code::Forbidden) without the permission to read billing.
    pub fn list_entries(
        &self,
        ctx: &Ctx,
        filter: &TransactionFilter,
        before: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_entries", |tx| {
            let Some(filter) = filter.for_journal(tx, before)? else {
                return Ok(Vec::new());
            };
            let entries = journal::page(tx, &filter, page_limit(limit))?;
            views(tx, entries)
        })
    }

    /// One entry with its postings.
    ///
    /// # Errors
    /// [`Code::NotFound`](domain::refusal::Code::NotFound), or no permission to read billing.
    pub fn get_entry(&self, ctx: &Ctx, id: EntryId) -> Result<EntryView, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "get_entry", |tx| {
            let entry = journal::get(tx, id)?.ok_or_else(Error::not_found)?;
            views(tx, vec![entry])?.pop().ok_or_else(Error::not_found)
        })
    }
}

/// Entries with their lines, in the same order.
pub(crate) fn views(tx: &mut ProjectTx<'_>, entries: Vec<JournalEntry>) -> Result<Vec<EntryView>, Error> {
    let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
    let mut lines = journal::lines_of(tx, &ids)?;
    let keys = customer_keys(tx, &entries)?;
    entries
        .into_iter()
        .map(|entry| {
            let lines = checked_lines(&mut lines, entry.id)?;
            let customer_key = entry.customer.and_then(|id| keys.get(&id).cloned());
            view(entry, &lines, customer_key)
        })
        .collect()
}

/// The lines of one entry, balanced.
///
/// # Errors
/// [`StorageError::Corrupt`] when the stored lines are not the lines of an entry.
pub(crate) fn read_lines(tx: &mut ProjectTx<'_>, id: EntryId) -> Result<Lines, Error> {
    let mut lines = journal::lines_of(tx, &[id])?;
    checked_lines(&mut lines, id)
}

fn checked_lines(lines: &mut BTreeMap<EntryId, Vec<Line>>, id: EntryId) -> Result<Lines, Error> {
    let lines = Lines::check(lines.remove(&id).unwrap_or_default());
    lines.map_err(|error| StorageError::Corrupt { what: format!("the entry {id}: {error}") }.into())
}

fn view(entry: JournalEntry, lines: &Lines, customer_key: Option<String>) -> Result<EntryView, Error> {
    let postings = (1_u32..)
        .zip(lines.as_slice())
        .map(|(number, line)| PostingView {
            line: number,
            account: line.account.to_string(),
            direction: line.direction,
            amount: line.amount,
            currency: line.currency,
        })
        .collect();
    let (reason_code, reason) = entry.reason.map(|reason| (reason.code, reason.text)).unzip();
    Ok(EntryView {
        id: entry.id,
        kind: entry.kind,
        transaction_type: entry.kind.transaction_type(),
        amount: entry.amount,
        currency: entry.currency,
        description: entry.description,
        customer_key,
        balance_after: entry.balance_after,
        idempotency_key: entry.idempotency_key,
        effective_at: entry.effective_at,
        usage_at: entry.usage_at,
        recorded_at: entry.recorded_at,
        actor: ActorView { kind: entry.actor.kind, id: entry.actor.id, name: entry.actor.name },
        cause: CauseView { kind: entry.cause.kind, id: entry.cause.id },
        reason_code,
        reason: reason.flatten(),
        reverses: entry.reverses,
        refunds: entry.refunds,
        metadata: raw_metadata(entry.metadata.as_deref())?,
        request_id: entry.request_id,
        postings,
    })
}
