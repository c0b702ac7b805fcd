//! Credit lots: what was granted, with what is left of it. What is left is the balance of the lot's account.

use domain::currency::Currency;
use domain::ids::{AccountId, CustomerId, EntryId, LotId};
use domain::time::Instant;
use domain::wallets::{Lot, LotKind};

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// A lot that a grant makes; its balance comes from the grant's postings.
#[derive(Debug, Clone)]
pub struct NewLot {
    pub lot: Lot,
    pub customer: CustomerId,
    pub currency: Currency,
    pub account: AccountId,
    pub entry: EntryId,
}

/// A lot with the wallet it belongs to.
#[derive(Debug, Clone)]
pub struct WalletLot {
    pub customer: CustomerId,
    pub currency: Currency,
    pub lot: Lot,
}

pub fn insert(tx: &mut ProjectTx<'_>, new: &NewLot) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_credit_lot
            insert into credit_lots (project_id, id, customer_id, currency, kind, priority, granted_micros, account_id,
                entry_id, valid_from, expires_at, created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        ),
        &params![
            new.lot.id,
            new.customer,
            new.currency,
            new.lot.kind.as_str(),
            new.lot.priority,
            new.lot.granted,
            new.account,
            new.entry,
            new.lot.valid_from,
            new.lot.expires_at,
            new.lot.created_at,
        ],
    )?;
    Ok(())
}

/// The lots of these wallets that hold something, in no order; name each wallet once.
pub fn open(tx: &mut ProjectTx<'_>, wallets: &[(CustomerId, Currency)]) -> Result<Vec<WalletLot>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = wallets.iter().map(|(customer, currency)| params![*customer, *currency]).collect();
    tx.query_many(
        bulk_sql!(
            "-- open_credit_lots
            select l.id, l.kind, l.priority, l.granted_micros, b.balance_micros, l.valid_from, l.expires_at, l.created_at,
                l.customer_id, l.currency
            from {rows}
            join credit_lots l on l.project_id = r.project_id and l.customer_id = r.customer_id and l.currency = r.currency
            join balances b on b.project_id = l.project_id and b.account_id = l.account_id
            where b.balance_micros > 0",
            [project_id: Uuid, customer_id: Uuid, currency: Text]
        ),
        &rows,
        |row| Ok(WalletLot { customer: row.get(8)?, currency: row.get(9)?, lot: read(row)? }),
    )
}

/// From when on the first lot of each of these customers counts, by currency, whatever is left of it; name each customer once.
pub fn first_valid(
    tx: &mut ProjectTx<'_>,
    customers: &[CustomerId],
) -> Result<Vec<(CustomerId, Currency, Instant)>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = customers.iter().map(|customer| params![*customer]).collect();
    tx.query_many(
        bulk_sql!(
            "-- first_valid_lots
            select l.customer_id, l.currency, min(l.valid_from)
            from {rows}
            join credit_lots l on l.project_id = r.project_id and l.customer_id = r.customer_id
            group by l.customer_id, l.currency",
            [project_id: Uuid, customer_id: Uuid]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// These lots, in no order; name each id once.
pub fn find_by_ids(tx: &mut ProjectTx<'_>, ids: &[LotId]) -> Result<Vec<Lot>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = ids.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_credit_lots
            select l.id, l.kind, l.priority, l.granted_micros, b.balance_micros, l.valid_from, l.expires_at, l.created_at
            from {rows}
            join credit_lots l on l.project_id = r.project_id and l.id = r.id
            join balances b on b.project_id = l.project_id and b.account_id = l.account_id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        read,
    )
}

/// The lots that hold something and expire until this instant, included: those that expire first, `limit` of them at most.
pub fn expiring(tx: &mut ProjectTx<'_>, until: Instant, limit: i64) -> Result<Vec<WalletLot>, StorageError> {
    tx.query(
        sql!(
            "-- expiring_credit_lots
            select l.id, l.kind, l.priority, l.granted_micros, b.balance_micros, l.valid_from, l.expires_at, l.created_at,
                l.customer_id, l.currency
            from credit_lots l
            join balances b on b.project_id = l.project_id and b.account_id = l.account_id
            where l.project_id = ?1
              and l.expires_at <= ?2
              and b.balance_micros > 0
            order by l.expires_at, l.id
            limit ?3"
        ),
        &params![until, limit],
        |row| Ok(WalletLot { customer: row.get(8)?, currency: row.get(9)?, lot: read(row)? }),
    )
}

fn read(row: &Row<'_>) -> Result<Lot, StorageError> {
    Ok(Lot {
        id: row.get(0)?,
        kind: row.named(1, LotKind::parse)?,
        priority: row.get(2)?,
        granted: row.get(3)?,
        balance: row.get(4)?,
        valid_from: row.get(5)?,
        expires_at: row.get(6)?,
        created_at: row.get(7)?,
    })
}
