//! Changes of subscriptions that were taken back while they lay ahead. Rows are added and read, never changed.

use domain::ids::SubscriptionId;
use domain::ledger::entry::ActorName;
use domain::subscriptions::change::Withdrawal;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::subscription_changes::{read_key, read_reason, stored_sequence};
use crate::tx::ProjectTx;

/// Adds a withdrawal. Lock the customer of the subscription first.
///
/// # Errors
/// A violation of `subscription_withdrawals_change` when the change was withdrawn before.
pub fn insert(
    tx: &mut ProjectTx<'_>,
    subscription: SubscriptionId,
    withdrawal: &Withdrawal,
) -> Result<(), StorageError> {
    let reason = withdrawal.reason.as_ref();
    tx.execute(
        sql!(
            "-- insert_subscription_withdrawal
            insert into subscription_withdrawals (project_id, change_id, subscription_id, sequence, submitted_at,
                idempotency_key, actor_kind, actor_id, actor_name, reason_code, reason)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ),
        &params![
            withdrawal.change,
            subscription,
            stored_sequence(withdrawal.sequence)?,
            withdrawal.submitted_at,
            withdrawal.idempotency_key.as_str(),
            &withdrawal.actor.kind,
            &withdrawal.actor.id,
            &withdrawal.actor.name,
            reason.map(|reason| reason.code.as_str()),
            reason.and_then(|reason| reason.text.as_deref()),
        ],
    )?;
    Ok(())
}

/// Every withdrawal of changes of these subscriptions, by subscription and submission; name each subscription once.
pub fn of_subscriptions(
    tx: &mut ProjectTx<'_>,
    subscriptions: &[SubscriptionId],
) -> Result<Vec<(SubscriptionId, Withdrawal)>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = subscriptions.iter().map(|id| params![*id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- withdrawals_of_subscriptions
            select w.subscription_id, w.change_id, w.sequence, w.submitted_at, w.idempotency_key, w.actor_kind, w.actor_id,
                w.actor_name, w.reason_code, w.reason
            from {rows}
            join subscription_withdrawals w on w.project_id = r.project_id and w.subscription_id = r.subscription_id",
            [project_id: Uuid, subscription_id: Uuid]
        ),
        &rows,
        read,
    )?;
    found.sort_by_key(|(subscription, withdrawal)| (*subscription, withdrawal.sequence));
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<(SubscriptionId, Withdrawal), StorageError> {
    let withdrawal = Withdrawal {
        change: row.get(1)?,
        sequence: row.get(2)?,
        submitted_at: row.get(3)?,
        idempotency_key: read_key(row, 4)?,
        actor: ActorName { kind: row.get(5)?, id: row.get(6)?, name: row.get(7)? },
        reason: read_reason(row, 8)?,
    };
    Ok((row.get(0)?, withdrawal))
}
