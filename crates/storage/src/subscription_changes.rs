//! The changes of subscriptions. Rows are added and read, never changed: the database refuses it.

use domain::idempotency::{Fingerprint, IdempotencyKey};
use domain::ids::SubscriptionId;
use domain::ledger::entry::ActorName;
use domain::ledger::reason::{Reason, ReasonCode};
use domain::subscriptions::change::{Change, ChangeKind, SubscriptionChange};

use crate::error::StorageError;
use crate::sql::value::JsonText;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Adds a change. Lock the customer of the subscription first: the change was judged by all that came before it.
///
/// # Errors
/// A violation of `subscription_changes_idempotency_key` when the key was used for another change of the subscription.
pub fn insert(
    tx: &mut ProjectTx<'_>,
    subscription: SubscriptionId,
    change: &SubscriptionChange,
) -> Result<(), StorageError> {
    let reason = change.reason.as_ref();
    tx.execute(
        sql!(
            "-- insert_subscription_change
            insert into subscription_changes (project_id, id, subscription_id, sequence, kind, effective_at, submitted_at,
                idempotency_key, fingerprint, actor_kind, actor_id, actor_name, reason_code, reason, content)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        ),
        &params![
            change.id,
            subscription,
            stored_sequence(change.sequence)?,
            change.change.kind().as_str(),
            change.effective_at,
            change.submitted_at,
            change.idempotency_key.as_str(),
            &change.fingerprint.0,
            &change.actor.kind,
            &change.actor.id,
            &change.actor.name,
            reason.map(|reason| reason.code.as_str()),
            reason.and_then(|reason| reason.text.as_deref()),
            written(&change.change)?,
        ],
    )?;
    Ok(())
}

/// Every change of these subscriptions, withdrawn ones too, by subscription and submission; name each subscription once.
pub fn of_subscriptions(
    tx: &mut ProjectTx<'_>,
    subscriptions: &[SubscriptionId],
) -> Result<Vec<(SubscriptionId, SubscriptionChange)>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = subscriptions.iter().map(|id| params![*id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- changes_of_subscriptions
            select c.subscription_id, c.id, c.sequence, c.kind, c.effective_at, c.submitted_at, c.idempotency_key, c.fingerprint,
                c.actor_kind, c.actor_id, c.actor_name, c.reason_code, c.reason, c.content
            from {rows}
            join subscription_changes c on c.project_id = r.project_id and c.subscription_id = r.subscription_id",
            [project_id: Uuid, subscription_id: Uuid]
        ),
        &rows,
        read,
    )?;
    found.sort_by_key(|(subscription, change)| (*subscription, change.sequence));
    Ok(found)
}

/// A sequence number as it is stored.
pub(crate) fn stored_sequence(sequence: u64) -> Result<i64, StorageError> {
    i64::try_from(sequence).map_err(|_| StorageError::corrupt("a submission has a number out of range"))
}

/// The key under which something was submitted.
pub(crate) fn read_key(row: &Row<'_>, index: usize) -> Result<IdempotencyKey, StorageError> {
    let text: String = row.get(index)?;
    IdempotencyKey::parse(&text).map_err(|refusal| StorageError::corrupt(format!("an idempotency key: {refusal}")))
}

/// A reason code and the words beside it, in two columns.
pub(crate) fn read_reason(row: &Row<'_>, index: usize) -> Result<Option<Reason>, StorageError> {
    let code: Option<String> = row.get(index)?;
    let Some(code) = code else { return Ok(None) };
    let code =
        ReasonCode::parse(&code).ok_or_else(|| StorageError::corrupt(format!("{code:?} is not a reason code")))?;
    Ok(Some(Reason { code, text: row.get(index + 1)? }))
}

fn written(change: &Change) -> Result<JsonText, StorageError> {
    serde_json::to_string(change).map(JsonText).map_err(StorageError::driver)
}

fn read(row: &Row<'_>) -> Result<(SubscriptionId, SubscriptionChange), StorageError> {
    let kind = row.named(3, ChangeKind::parse)?;
    let content: JsonText = row.get(13)?;
    let change: Change = serde_json::from_str(&content.0)
        .map_err(|error| StorageError::corrupt(format!("a change of a subscription: {error}")))?;
    if change.kind() != kind {
        return Err(StorageError::corrupt(format!("a change of kind {kind} says {}", change.kind())));
    }
    let change = SubscriptionChange {
        id: row.get(1)?,
        sequence: row.get(2)?,
        effective_at: row.get(4)?,
        submitted_at: row.get(5)?,
        idempotency_key: read_key(row, 6)?,
        fingerprint: Fingerprint(row.get(7)?),
        actor: ActorName { kind: row.get(8)?, id: row.get(9)?, name: row.get(10)? },
        reason: read_reason(row, 11)?,
        change,
    };
    Ok((row.get(0)?, change))
}
