//! Schedules: from when on something of a subscription may be due. A run takes what is due and sets when it has to look again; a change
//! makes it look at once.

use domain::ids::{CustomerId, SubscriptionId};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Where the billing of a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionSchedule {
    pub subscription: SubscriptionId,
    pub customer: CustomerId,
    /// Of its newest change or withdrawal.
    pub newest_sequence: i64,
    /// Of the newest one that a run has seen; 0 before the first run.
    pub billed_sequence: i64,
    /// Everything that was due until then is planned.
    pub billed_until: Option<Instant>,
    /// From when on a run has to look; `None`: never again, unless it is changed.
    pub next_due_at: Option<Instant>,
}

/// Says that a subscription has changed, or is new: the next run looks at it. Waits for a run that bills it just now.
pub fn changed(
    tx: &mut ProjectTx<'_>,
    subscription: SubscriptionId,
    customer: CustomerId,
    newest_sequence: i64,
    now: Instant,
) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- subscription_changed
            insert into subscription_schedules (project_id, subscription_id, customer_id, newest_sequence, billed_sequence,
                next_due_at)
            values (?1, ?2, ?3, ?4, 0, ?5)
            on conflict (project_id, subscription_id) do update
            set newest_sequence = excluded.newest_sequence,
                next_due_at = case
                    when subscription_schedules.next_due_at < excluded.next_due_at then subscription_schedules.next_due_at
                    else excluded.next_due_at
                end"
        ),
        &params![subscription, customer, newest_sequence, now],
    )?;
    Ok(())
}

/// Has a run look at everything that a customer pays for from this instant on, if nothing did so before.
pub fn wake(tx: &mut ProjectTx<'_>, payer: CustomerId, at: Instant) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- wake_subscriptions
            update subscription_schedules
            set next_due_at = ?3
            where project_id = ?1
              and next_due_at > ?3
              and customer_id in (
                  select ?2
                  union all
                  select c.id from customers c where c.project_id = ?1 and c.payer_id = ?2
              )"
        ),
        &params![payer, at],
    )?;
    Ok(())
}

/// Those that are due first, each with who pays for it; `limit` at most.
pub fn due_first(
    tx: &mut ProjectTx<'_>,
    until: Instant,
    limit: i64,
) -> Result<Vec<(CustomerId, SubscriptionId)>, StorageError> {
    tx.query(
        sql!(
            "-- due_first
            select coalesce(c.payer_id, c.id), s.subscription_id
            from subscription_schedules s
            join customers c on c.project_id = s.project_id and c.id = s.customer_id
            where s.project_id = ?1
              and s.next_due_at <= ?2
            order by s.next_due_at, s.subscription_id
            limit ?3"
        ),
        &params![until, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The schedules of everything that these pay for, with who pays, in the order of payers and subscriptions; of those that are due until an
/// instant if one is given. Name each payer once.
pub fn of_payers(
    tx: &mut ProjectTx<'_>,
    payers: &[CustomerId],
    until: Option<Instant>,
) -> Result<Vec<(CustomerId, SubscriptionSchedule)>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = payers.iter().map(|payer| params![*payer, until]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- schedules_of_payers
            select s.subscription_id, s.customer_id, s.newest_sequence, s.billed_sequence, s.billed_until, s.next_due_at, r.payer_id
            from {rows}
            join subscription_schedules s on s.project_id = r.project_id and s.customer_id = r.payer_id
            where r.until is null or s.next_due_at <= r.until",
            [project_id: Uuid, payer_id: Uuid, until: Instant]
        ),
        &rows,
        |row| Ok((row.get(6)?, read(row)?)),
    )?;
    found.extend(tx.query_many(
        bulk_sql!(
            "-- schedules_of_customers_paid_for
            select s.subscription_id, s.customer_id, s.newest_sequence, s.billed_sequence, s.billed_until, s.next_due_at, r.payer_id
            from {rows}
            join customers c on c.project_id = r.project_id and c.payer_id = r.payer_id
            join subscription_schedules s on s.project_id = c.project_id and s.customer_id = c.id
            where r.until is null or s.next_due_at <= r.until",
            [project_id: Uuid, payer_id: Uuid, until: Instant]
        ),
        &rows,
        |row| Ok((row.get(6)?, read(row)?)),
    )?);
    found.sort_by_key(|(payer, schedule): &(CustomerId, SubscriptionSchedule)| (*payer, schedule.subscription));
    Ok(found)
}

/// How many are due.
pub fn count_due(tx: &mut ProjectTx<'_>, until: Instant) -> Result<i64, StorageError> {
    tx.query_one(
        sql!(
            "-- count_due_subscriptions
            select count(*) from subscription_schedules where project_id = ?1 and next_due_at <= ?2"
        ),
        &params![until],
        |row| row.get(0),
    )
}

/// When the next one is due; `None` when none ever is.
pub fn next_due(tx: &mut ProjectTx<'_>) -> Result<Option<Instant>, StorageError> {
    tx.query_one(
        sql!(
            "-- next_due_subscription
            select min(next_due_at) from subscription_schedules where project_id = ?1 and next_due_at is not null"
        ),
        &[],
        |row| row.get(0),
    )
}

/// The schedules of a customer, in the order of its subscriptions.
pub fn of_customer(tx: &mut ProjectTx<'_>, customer: CustomerId) -> Result<Vec<SubscriptionSchedule>, StorageError> {
    tx.query(
        sql!(
            "-- schedules_of_customer
            select subscription_id, customer_id, newest_sequence, billed_sequence, billed_until, next_due_at
            from subscription_schedules
            where project_id = ?1
              and customer_id = ?2
            order by subscription_id"
        ),
        &params![customer],
        read,
    )
}

/// Those of these that stand as they were read, locked until the transaction ends, in no order: the others were changed or billed meanwhile.
pub fn lock_unchanged(
    tx: &mut ProjectTx<'_>,
    schedules: &[SubscriptionSchedule],
) -> Result<Vec<SubscriptionId>, StorageError> {
    let mut sorted = schedules.to_vec();
    // Locked in one order, whoever locks.
    sorted.sort_by_key(|schedule| schedule.subscription);
    let rows: Vec<[Value<'_>; 5]> = sorted
        .iter()
        .map(|read| {
            params![read.subscription, read.newest_sequence, read.billed_sequence, read.billed_until, read.next_due_at]
        })
        .collect();
    if cfg!(feature = "mutant_schedule_not_checked") {
        return Ok(sorted.iter().map(|schedule| schedule.subscription).collect());
    }
    tx.query_many(
        bulk_sql!(
            "-- lock_unchanged_schedules
            select s.subscription_id
            from {rows}
            join subscription_schedules s on s.project_id = r.project_id and s.subscription_id = r.subscription_id
            where s.newest_sequence = r.newest_sequence
              and s.billed_sequence = r.billed_sequence
              and (s.billed_until = r.billed_until or (s.billed_until is null and r.billed_until is null))
              and (s.next_due_at = r.next_due_at or (s.next_due_at is null and r.next_due_at is null))
            order by s.subscription_id
            {for_update}",
            [
                project_id: Uuid,
                subscription_id: Uuid,
                newest_sequence: Int,
                billed_sequence: Int,
                billed_until: Instant,
                next_due_at: Instant,
            ]
        ),
        &rows,
        |row| row.get(0),
    )
}

/// Stores how far these are billed. Lock them first.
pub fn billed(tx: &mut ProjectTx<'_>, schedules: &[SubscriptionSchedule]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 4]> = schedules
        .iter()
        .map(|now| params![now.subscription, now.billed_sequence, now.billed_until, now.next_due_at])
        .collect();
    let updated = tx.execute_many(
        bulk_sql!(
            "-- store_schedules
            update subscription_schedules
            set billed_sequence = r.billed_sequence,
                billed_until = r.billed_until,
                next_due_at = r.next_due_at
            from {rows}
            where subscription_schedules.project_id = r.project_id
              and subscription_schedules.subscription_id = r.subscription_id",
            [
                project_id: Uuid,
                subscription_id: Uuid,
                billed_sequence: Int,
                billed_until: Instant,
                next_due_at: Instant,
            ]
        ),
        &rows,
    )?;
    assert_eq!(updated, schedules.len().try_into().unwrap_or(u64::MAX), "whoever bills holds the schedules");
    Ok(())
}

fn read(row: &Row<'_>) -> Result<SubscriptionSchedule, StorageError> {
    Ok(SubscriptionSchedule {
        subscription: row.get(0)?,
        customer: row.get(1)?,
        newest_sequence: row.get(2)?,
        billed_sequence: row.get(3)?,
        billed_until: row.get(4)?,
        next_due_at: row.get(5)?,
    })
}
