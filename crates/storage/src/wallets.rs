//! Wallets: one row per customer and currency. Whoever decides on a wallet locks its row first.

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::CustomerId;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

/// What is stored of a wallet itself; what it holds is in its lots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletRow {
    pub customer: CustomerId,
    pub currency: Currency,
    pub overdraft_limit: Amount,
    pub created_at: Instant,
}

/// The wallet, made if there is none, and locked until the transaction ends.
pub fn lock(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    currency: Currency,
    now: Instant,
) -> Result<WalletRow, StorageError> {
    // The mutant decides on a wallet that it does not hold: the race tests notice.
    let found = if cfg!(feature = "mutant_wallet_not_locked") {
        find(tx, customer, currency)?
    } else {
        find_for_update(tx, customer, currency)?
    };
    if let Some(wallet) = found {
        return Ok(wallet);
    }
    tx.execute(
        sql!(
            "-- insert_wallet
            insert into wallets (project_id, customer_id, currency, overdraft_limit_micros, created_at)
            values (?1, ?2, ?3, 0, ?4)
            on conflict (project_id, customer_id, currency) do nothing"
        ),
        &params![customer, currency, now],
    )?;
    find_for_update(tx, customer, currency)?.ok_or_else(|| StorageError::corrupt("a wallet that exists cannot be read"))
}

pub fn find(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    currency: Currency,
) -> Result<Option<WalletRow>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_wallet
            select customer_id, currency, overdraft_limit_micros, created_at
            from wallets
            where project_id = ?1 and customer_id = ?2 and currency = ?3"
        ),
        &params![customer, currency],
        read,
    )
}

/// All wallets of a customer, by currency.
pub fn of_customer(tx: &mut ProjectTx<'_>, customer: CustomerId) -> Result<Vec<WalletRow>, StorageError> {
    tx.query(
        sql!(
            "-- wallets_of_customer
            select customer_id, currency, overdraft_limit_micros, created_at
            from wallets
            where project_id = ?1 and customer_id = ?2
            order by currency {binary}"
        ),
        &params![customer],
        read,
    )
}

/// The wallets of a project after the given one, by customer and currency.
pub fn page(
    tx: &mut ProjectTx<'_>,
    after: Option<(CustomerId, Currency)>,
    limit: i64,
) -> Result<Vec<WalletRow>, StorageError> {
    let (customer, currency) = after.unzip();
    tx.query(
        sql!(
            "-- page_wallets
            select customer_id, currency, overdraft_limit_micros, created_at
            from wallets
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or customer_id > ?2
                or (customer_id = ?2 and currency {binary} > ?3))
            order by customer_id, currency {binary}
            limit ?4"
        ),
        &params![customer, currency, limit],
        read,
    )
}

/// Changes how far the wallet may be charged beyond its lots. The caller holds the lock.
pub fn set_overdraft_limit(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    currency: Currency,
    limit: Amount,
) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- set_overdraft_limit
            update wallets
            set overdraft_limit_micros = ?4
            where project_id = ?1 and customer_id = ?2 and currency = ?3"
        ),
        &params![customer, currency, limit],
    )?;
    assert_eq!(updated, 1, "the caller holds the lock on the wallet");
    Ok(())
}

fn find_for_update(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    currency: Currency,
) -> Result<Option<WalletRow>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_wallet_for_update
            select customer_id, currency, overdraft_limit_micros, created_at
            from wallets
            where project_id = ?1 and customer_id = ?2 and currency = ?3
            {for_update}"
        ),
        &params![customer, currency],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<WalletRow, StorageError> {
    Ok(WalletRow {
        customer: row.get(0)?,
        currency: row.get(1)?,
        overdraft_limit: row.get(2)?,
        created_at: row.get(3)?,
    })
}
