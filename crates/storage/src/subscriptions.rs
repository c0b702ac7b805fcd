//! Subscriptions: which customer has them under which key. What they are is in their changes: see `subscription_changes`.

use std::collections::BTreeMap;

use domain::ids::{CustomerId, SubscriptionId};
use domain::subscriptions::record::SubscriptionRecord;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Adds a subscription: false when its external key is taken, and then nothing changed.
///
/// A concurrent transaction that adds the same key is waited for.
pub fn insert(tx: &mut ProjectTx<'_>, subscription: &SubscriptionRecord) -> Result<bool, StorageError> {
    let inserted = tx.execute(
        sql!(
            "-- insert_subscription
            insert into subscriptions (project_id, id, external_key, customer_id, created_at)
            values (?1, ?2, ?3, ?4, ?5)
            on conflict (project_id, external_key) do nothing"
        ),
        &params![subscription.id, &subscription.external_key, subscription.customer, subscription.created_at],
    )?;
    Ok(inserted == 1)
}

pub fn get(tx: &mut ProjectTx<'_>, id: SubscriptionId) -> Result<Option<SubscriptionRecord>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_subscription
            select id, external_key, customer_id, created_at
            from subscriptions
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// The external keys of these subscriptions; name each once.
pub fn external_keys(
    tx: &mut ProjectTx<'_>,
    ids: &[SubscriptionId],
) -> Result<BTreeMap<SubscriptionId, String>, StorageError> {
    let found = find_many(tx, ids)?.into_iter().map(|record| (record.id, record.external_key));
    Ok(found.collect())
}

/// Those of these that exist, in the order of their ids; name each once.
pub fn find_many(tx: &mut ProjectTx<'_>, ids: &[SubscriptionId]) -> Result<Vec<SubscriptionRecord>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = ids.iter().map(|id| params![*id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- find_subscriptions
            select s.id, s.external_key, s.customer_id, s.created_at
            from {rows}
            join subscriptions s on s.project_id = r.project_id and s.id = r.id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        read,
    )?;
    found.sort_by_key(|record: &SubscriptionRecord| record.id);
    Ok(found)
}

pub fn find_by_key(tx: &mut ProjectTx<'_>, external_key: &str) -> Result<Option<SubscriptionRecord>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_subscription_by_key
            select id, external_key, customer_id, created_at
            from subscriptions
            where project_id = ?1 and external_key = ?2"
        ),
        &params![external_key],
        read,
    )
}

/// All of a customer, the oldest first. Lock the customer before anything is decided by them.
pub fn of_customer(tx: &mut ProjectTx<'_>, customer: CustomerId) -> Result<Vec<SubscriptionRecord>, StorageError> {
    page_of_customer(tx, customer, None, i64::MAX)
}

/// Those of a customer, the oldest first, after the given one.
pub fn page_of_customer(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<SubscriptionRecord>, StorageError> {
    tx.query(
        sql!(
            "-- page_subscriptions_of_customer
            select id, external_key, customer_id, created_at
            from subscriptions
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

/// The oldest first, after the given one.
pub fn page(
    tx: &mut ProjectTx<'_>,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<SubscriptionRecord>, StorageError> {
    tx.query(
        sql!(
            "-- page_subscriptions
            select id, external_key, customer_id, created_at
            from subscriptions
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id > ?2)
            order by id
            limit ?3"
        ),
        &params![after, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<SubscriptionRecord, StorageError> {
    Ok(SubscriptionRecord {
        id: row.get(0)?,
        external_key: row.get(1)?,
        customer: row.get(2)?,
        created_at: row.get(3)?,
    })
}
