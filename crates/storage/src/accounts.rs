//! The accounts of a project's ledger: made when something is first posted to them, never changed.

use std::collections::BTreeMap;

use domain::currency::Currency;
use domain::ids::{AccountId, CustomerId};
use domain::ledger::account::Account;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// An account as it is stored: one per name and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub id: AccountId,
    pub account: Account,
    pub currency: Currency,
    pub created_at: Instant,
}

/// The ids of these accounts; those that do not exist are made with ids from `new_id`.
///
/// Concurrent transactions that make the same account agree on one row. Accounts are made in the order of their names,
/// so that two transactions never wait for each other in a circle.
pub fn ensure(
    tx: &mut ProjectTx<'_>,
    wanted: &[(Account, Currency)],
    now: Instant,
    mut new_id: impl FnMut() -> AccountId,
) -> Result<BTreeMap<(Account, Currency), AccountId>, StorageError> {
    let mut found = find(tx, wanted)?;
    let mut missing: Vec<AccountRow> = wanted
        .iter()
        .filter(|key| !found.contains_key(key))
        .map(|(account, currency)| AccountRow { id: new_id(), account: *account, currency: *currency, created_at: now })
        .collect();
    if missing.is_empty() {
        return Ok(found);
    }
    missing.sort_by_cached_key(|row| (row.account.to_string(), row.currency));
    insert_missing(tx, &missing)?;
    let keys: Vec<(Account, Currency)> = missing.iter().map(|row| (row.account, row.currency)).collect();
    found.extend(find(tx, &keys)?);
    Ok(found)
}

/// The accounts with the smallest ids after the given one; those of one customer, or all.
pub fn page(
    tx: &mut ProjectTx<'_>,
    customer: Option<CustomerId>,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<AccountRow>, StorageError> {
    let Some(customer) = customer else {
        return page_of_all(tx, after, limit);
    };
    tx.query(
        sql!(
            "-- page_accounts_of_customer
            select id, name, currency, created_at
            from accounts
            where project_id = ?1
              and customer_id = ?2
              and (cast(?3 as {uuid}) is null or id > ?3)
            order by id
            limit ?4"
        ),
        &params![customer, after, limit],
        read,
    )
}

fn page_of_all(tx: &mut ProjectTx<'_>, after: Option<AccountId>, limit: i64) -> Result<Vec<AccountRow>, StorageError> {
    tx.query(
        sql!(
            "-- page_accounts
            select id, name, currency, created_at
            from accounts
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id > ?2)
            order by id
            limit ?3"
        ),
        &params![after, limit],
        read,
    )
}

fn find(
    tx: &mut ProjectTx<'_>,
    wanted: &[(Account, Currency)],
) -> Result<BTreeMap<(Account, Currency), AccountId>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> =
        wanted.iter().map(|(account, currency)| params![account.to_string(), *currency]).collect();
    let found = tx.query_many(
        bulk_sql!(
            "-- find_accounts
            select a.id, a.name, a.currency, a.created_at
            from {rows}
            join accounts a on a.project_id = r.project_id and a.name = r.name and a.currency = r.currency",
            [project_id: Uuid, name: Text, currency: Text]
        ),
        &rows,
        read,
    )?;
    Ok(found.into_iter().map(|row| ((row.account, row.currency), row.id)).collect())
}

fn insert_missing(tx: &mut ProjectTx<'_>, accounts: &[AccountRow]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 8]> = accounts
        .iter()
        .map(|row| {
            params![
                row.id,
                row.account.to_string(),
                row.currency,
                row.account.class().as_str(),
                row.account.mode().as_str(),
                row.account.customer(),
                row.account.lot(),
                row.created_at,
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_accounts
            insert into accounts (project_id, id, name, currency, class, mode, customer_id, lot_id, created_at)
            {values}
            on conflict (project_id, name, currency) do nothing",
            [
                project_id: Uuid,
                id: Uuid,
                name: Text,
                currency: Text,
                class: Text,
                mode: Text,
                customer_id: Uuid,
                lot_id: Uuid,
                created_at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

pub(crate) fn read_account(row: &Row<'_>, index: usize) -> Result<Account, StorageError> {
    row.named(index, |name| name.parse().ok())
}

fn read(row: &Row<'_>) -> Result<AccountRow, StorageError> {
    Ok(AccountRow { id: row.get(0)?, account: read_account(row, 1)?, currency: row.get(2)?, created_at: row.get(3)? })
}
