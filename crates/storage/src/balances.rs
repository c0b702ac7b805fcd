//! Balances: stored where a decision needs them at once, summed from the postings everywhere else.

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::AccountId;
use domain::ledger::account::{Account, Direction};
use domain::ledger::balance::Axis;
use domain::time::Instant;

use crate::accounts::read_account;
use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params};
use crate::tx::ProjectTx;

/// One side of an account: the sum of its debits or of its credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SideSum {
    pub account: AccountId,
    pub direction: Direction,
    pub micros: i128,
}

/// The stored balance of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBalance {
    pub account: Account,
    pub currency: Currency,
    pub balance: Amount,
}

/// The stored balances of these accounts, locked in the order of their ids until the transaction ends. Accounts without
/// a stored balance are left out.
pub fn lock(tx: &mut ProjectTx<'_>, accounts: &[AccountId]) -> Result<Vec<(AccountId, Amount)>, StorageError> {
    let mut sorted = accounts.to_vec();
    sorted.sort();
    let rows: Vec<[Value<'_>; 1]> = sorted.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- lock_balances
            select b.account_id, b.balance_micros
            from {rows}
            join balances b on b.project_id = r.project_id and b.account_id = r.account_id
            order by b.account_id
            {for_update}",
            [project_id: Uuid, account_id: Uuid]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Stores new balances in the order of the accounts' ids. The caller holds the locks on those that exist.
pub fn store(tx: &mut ProjectTx<'_>, balances: &[(AccountId, Currency, Amount)]) -> Result<(), StorageError> {
    let mut sorted = balances.to_vec();
    sorted.sort();
    let rows: Vec<[Value<'_>; 3]> =
        sorted.iter().map(|(account, currency, balance)| params![*account, *balance, *currency]).collect();
    tx.execute_many(
        bulk_sql!(
            "-- store_balances
            insert into balances (project_id, account_id, balance_micros, currency)
            {values}
            on conflict (project_id, account_id) do update set balance_micros = excluded.balance_micros",
            [project_id: Uuid, account_id: Uuid, balance_micros: Int, currency: Text]
        ),
        &rows,
    )?;
    Ok(())
}

/// The stored balances of these accounts; those to which nothing was posted are left out.
pub fn of_accounts(
    tx: &mut ProjectTx<'_>,
    accounts: &[(Account, Currency)],
) -> Result<Vec<StoredBalance>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> =
        accounts.iter().map(|(account, currency)| params![account.to_string(), *currency]).collect();
    tx.query_many(
        bulk_sql!(
            "-- balances_of_accounts
            select a.name, a.currency, b.balance_micros
            from {rows}
            join accounts a on a.project_id = r.project_id and a.name = r.name and a.currency = r.currency
            join balances b on b.project_id = a.project_id and b.account_id = a.id",
            [project_id: Uuid, name: Text, currency: Text]
        ),
        &rows,
        |row| Ok(StoredBalance { account: read_account(row, 0)?, currency: row.get(1)?, balance: row.get(2)? }),
    )
}

/// Debits and credits of these accounts over all entries that count at `at` on the given axis.
///
/// A sum of amounts can exceed 64 bits, which SQLite would refuse: high and low halves are summed apart.
pub fn sums_as_of(
    tx: &mut ProjectTx<'_>,
    accounts: &[AccountId],
    axis: Axis,
    at: Instant,
) -> Result<Vec<SideSum>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = accounts.iter().map(|id| params![*id, at]).collect();
    let statement = match axis {
        Axis::Effective => bulk_sql!(
            "-- sum_postings_as_of_effective
            select p.account_id, p.direction,
                cast(sum(p.amount_micros >> 32) as {int}), cast(sum(p.amount_micros & 4294967295) as {int})
            from {rows}
            join postings p on p.project_id = r.project_id and p.account_id = r.account_id
            join journal_entries e on e.project_id = p.project_id and e.id = p.entry_id
            where e.effective_at <= r.at
            group by p.account_id, p.direction",
            [project_id: Uuid, account_id: Uuid, at: Instant]
        ),
        Axis::Recorded => bulk_sql!(
            "-- sum_postings_as_of_recorded
            select p.account_id, p.direction,
                cast(sum(p.amount_micros >> 32) as {int}), cast(sum(p.amount_micros & 4294967295) as {int})
            from {rows}
            join postings p on p.project_id = r.project_id and p.account_id = r.account_id
            join journal_entries e on e.project_id = p.project_id and e.id = p.entry_id
            where e.recorded_at <= r.at
            group by p.account_id, p.direction",
            [project_id: Uuid, account_id: Uuid, at: Instant]
        ),
    };
    tx.query_many(statement, &rows, read_sum)
}

/// Debits and credits of these accounts over all entries.
pub fn sums(tx: &mut ProjectTx<'_>, accounts: &[AccountId]) -> Result<Vec<SideSum>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = accounts.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- sum_postings
            select p.account_id, p.direction,
                cast(sum(p.amount_micros >> 32) as {int}), cast(sum(p.amount_micros & 4294967295) as {int})
            from {rows}
            join postings p on p.project_id = r.project_id and p.account_id = r.account_id
            group by p.account_id, p.direction",
            [project_id: Uuid, account_id: Uuid]
        ),
        &rows,
        read_sum,
    )
}

fn read_sum(row: &Row<'_>) -> Result<SideSum, StorageError> {
    Ok(SideSum { account: row.get(0)?, direction: row.named(1, Direction::parse)?, micros: read_halves(row, 2)? })
}

/// A sum whose high and low halves were summed apart, in two columns.
pub(crate) fn read_halves(row: &Row<'_>, index: usize) -> Result<i128, StorageError> {
    let high: i64 = row.get(index)?;
    let low: i64 = row.get(index + 1)?;
    Ok(i128::from(high) * (1 << 32) + i128::from(low))
}
