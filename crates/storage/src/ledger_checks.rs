//! Questions that find damage in the ledger: each answers with what is stored in one place, to be held against another.

use std::ops::Range;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{AccountId, CustomerId, EntryId, LotId};
use domain::ledger::account::{Account, Direction};
use domain::ledger::entry::EntryKind;
use uuid::Uuid;

use crate::balances::read_halves;
use crate::error::StorageError;
use crate::sql::{Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// The sum of all debits, or of all credits, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencySum {
    pub currency: Currency,
    pub direction: Direction,
    pub micros: i128,
}

/// What the lots of one wallet hold together, and what was overdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    pub customer: CustomerId,
    pub currency: Currency,
    pub overdraft_limit: Amount,
    pub lots_micros: i128,
    pub overdrawn_micros: i128,
}

/// Debits and credits by currency, high and low halves summed apart: a sum can exceed 64 bits.
pub fn currency_sums(tx: &mut ProjectTx<'_>) -> Result<Vec<CurrencySum>, StorageError> {
    tx.query(
        sql!(
            "-- sum_postings_by_currency
            select currency, direction,
                cast(sum(amount_micros >> 32) as {int}), cast(sum(amount_micros & 4294967295) as {int})
            from postings
            where project_id = ?1
            group by currency, direction
            order by currency, direction"
        ),
        &[],
        |row| {
            let direction = row.named(1, Direction::parse)?;
            Ok(CurrencySum { currency: row.get(0)?, direction, micros: read_halves(row, 2)? })
        },
    )
}

/// Postings whose entry is not there.
pub fn postings_without_entry(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<(EntryId, i64)>, StorageError> {
    tx.query(
        sql!(
            "-- postings_without_entry
            select p.entry_id, p.line
            from postings p
            where p.project_id = ?1
              and not exists (
                  select 1 from journal_entries e where e.project_id = p.project_id and e.id = p.entry_id
              )
            order by p.entry_id, p.line
            limit ?2"
        ),
        &params![limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The stored balances of these accounts, without locking them.
pub fn stored_balances(
    tx: &mut ProjectTx<'_>,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, Amount)>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = accounts.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- stored_balances
            select b.account_id, b.balance_micros
            from {rows}
            join balances b on b.project_id = r.project_id and b.account_id = r.account_id",
            [project_id: Uuid, account_id: Uuid]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// What these wallets hold.
pub fn holdings(tx: &mut ProjectTx<'_>, wallets: &[(CustomerId, Currency)]) -> Result<Vec<Holdings>, StorageError> {
    let rows: Vec<[Value<'_>; 3]> = wallets
        .iter()
        .map(|(customer, currency)| {
            params![*customer, *currency, Account::WalletOverdraft { customer: *customer }.to_string()]
        })
        .collect();
    tx.query_many(
        bulk_sql!(
            "-- holdings_of_wallets
            select w.customer_id, w.currency, w.overdraft_limit_micros,
                (select cast(coalesce(sum(b.balance_micros >> 32), 0) as {int})
                    from credit_lots l
                    join balances b on b.project_id = l.project_id and b.account_id = l.account_id
                    where l.project_id = w.project_id and l.customer_id = w.customer_id and l.currency = w.currency),
                (select cast(coalesce(sum(b.balance_micros & 4294967295), 0) as {int})
                    from credit_lots l
                    join balances b on b.project_id = l.project_id and b.account_id = l.account_id
                    where l.project_id = w.project_id and l.customer_id = w.customer_id and l.currency = w.currency),
                coalesce((select b.balance_micros
                    from accounts a
                    join balances b on b.project_id = a.project_id and b.account_id = a.id
                    where a.project_id = w.project_id and a.name = r.overdraft and a.currency = w.currency), 0)
            from {rows}
            join wallets w on w.project_id = r.project_id and w.customer_id = r.customer_id and w.currency = r.currency",
            [project_id: Uuid, customer_id: Uuid, currency: Text, overdraft: Text]
        ),
        &rows,
        |row| {
            let overdrawn: i64 = row.get(5)?;
            Ok(Holdings {
                customer: row.get(0)?,
                currency: row.get(1)?,
                overdraft_limit: row.get(2)?,
                lots_micros: read_halves(row, 3)?,
                overdrawn_micros: i128::from(overdrawn),
            })
        },
    )
}

/// Lots that hold less than nothing or more than was granted, or whose account has no balance.
pub fn impossible_lots(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<LotId>, StorageError> {
    tx.query(
        sql!(
            "-- impossible_lots
            select l.id
            from credit_lots l
            left join balances b on b.project_id = l.project_id and b.account_id = l.account_id
            where l.project_id = ?1
              and (b.account_id is null or b.balance_micros < 0 or b.balance_micros > l.granted_micros)
            order by l.id
            limit ?2"
        ),
        &params![limit],
        |row| row.get(0),
    )
}

/// The ids of the entries from `from` on, in their order.
pub fn entries_from(tx: &mut ProjectTx<'_>, from: Uuid, limit: i64) -> Result<Vec<EntryId>, StorageError> {
    tx.query(
        sql!(
            "-- entries_from
            select id from journal_entries where project_id = ?1 and id >= ?2 order by id limit ?3"
        ),
        &params![from, limit],
        |row| row.get(0),
    )
}

/// The ids and kinds of all entries in a range of ids.
pub fn entries_in(tx: &mut ProjectTx<'_>, range: &Range<Uuid>) -> Result<Vec<(EntryId, EntryKind)>, StorageError> {
    tx.query(
        sql!(
            "-- entries_in_range
            select id, kind from journal_entries where project_id = ?1 and id >= ?2 and id < ?3 order by id"
        ),
        &params![range.start, range.end],
        |row| Ok((row.get(0)?, row.named(1, EntryKind::parse)?)),
    )
}

/// What the audit entries about transactions in a range of ids are about.
pub fn audited_in(tx: &mut ProjectTx<'_>, range: &Range<Uuid>) -> Result<Vec<String>, StorageError> {
    tx.query(
        sql!(
            "-- audited_transactions_in_range
            select target
            from audit_entries
            where project_id = ?1 and id >= ?2 and id < ?3 and action like 'transaction.%'"
        ),
        &params![range.start, range.end],
        |row| row.get(0),
    )
}

/// What the announcements of transactions in a range of ids announce: the `id` of their body.
pub fn announced_in(tx: &mut ProjectTx<'_>, range: &Range<Uuid>) -> Result<Vec<String>, StorageError> {
    tx.query(
        sql!(
            "-- announced_transactions_in_range
            select body
            from outbox_events
            where project_id = ?1 and id >= ?2 and id < ?3 and kind = 'transaction.created'"
        ),
        &params![range.start, range.end],
        |row| {
            let body: serde_json::Value = row.get(0)?;
            Ok(body.get("id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned())
        },
    )
}
