//! What becomes of late usage: what waits, what it comes to, and what people ignored.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::ids::{InvoiceId, LateUsageId, ProjectId};
use domain::late_usage::settle::{HeldBecause, KeyEffect, SettledBy};
use domain::late_usage::{LateState, LateUsage};

use super::read;
use crate::error::StorageError;
use crate::sql::{Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// The projects in which something is found and not worked out.
pub fn projects_to_settle(tx: &mut InstallationTx<'_>) -> Result<Vec<ProjectId>, StorageError> {
    tx.query(
        sql!(
            "-- projects_to_settle_late_usage
            select p.id
            from projects p
            where exists (
                select 1
                from late_usage u
                where u.project_id = p.id and u.state = 'open'
            )
            order by p.id"
        ),
        &[],
        |row| row.get(0),
    )
}

/// What is found and not worked out after one of them, in the order in which it was found; `limit` of them at most.
pub fn open_after(
    tx: &mut ProjectTx<'_>,
    after: Option<LateUsageId>,
    limit: i64,
) -> Result<Vec<(LateUsageId, InvoiceId)>, StorageError> {
    tx.query(
        sql!(
            "-- open_late_usage_after
            select id, invoice_id
            from late_usage
            where project_id = ?1 and state = 'open' and (cast(?2 as {uuid}) is null or id > ?2)
            order by id
            limit ?3"
        ),
        &params![after, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Everything of an invoice that is not decided, in the order in which it was found, locked until the transaction ends.
pub fn lock_waiting(tx: &mut ProjectTx<'_>, invoice: InvoiceId) -> Result<Vec<LateUsage>, StorageError> {
    tx.query(
        sql!(
            "-- lock_waiting_late_usage
            select u.id, u.invoice_id, u.customer_id, u.state, u.since_seq, u.cut, u.found_at, u.before_micros, u.after_micros,
                u.effect_micros, u.counted_to, u.held_because, u.settled_by, u.settled_at, u.correction_id, u.reason_code,
                u.reason
            from late_usage u
            where u.project_id = ?1 and u.invoice_id = ?2 and u.state in ('open', 'held')
            order by u.id
            {for_update}"
        ),
        &params![invoice],
        read,
    )
}

/// Stores how late usage stands and what it comes to. Lock it first: what is decided is decided for good.
pub fn store(tx: &mut ProjectTx<'_>, late: &LateUsage) -> Result<(), StorageError> {
    let outcome = &late.outcome;
    let reason = outcome.reason.as_ref();
    let updated = tx.execute(
        sql!(
            "-- store_late_usage
            update late_usage
            set state = ?3, before_micros = ?4, after_micros = ?5, effect_micros = ?6, counted_to = ?7, held_because = ?8,
                settled_by = ?9, settled_at = ?10, correction_id = ?11, reason_code = ?12, reason = ?13
            where project_id = ?1 and id = ?2 and state in ('open', 'held')"
        ),
        &params![
            late.id,
            late.state.as_str(),
            outcome.before,
            outcome.after,
            outcome.effect,
            outcome.counted_to,
            outcome.held_because.map(HeldBecause::as_str),
            outcome.settled_by.map(SettledBy::as_str),
            outcome.settled_at,
            outcome.correction,
            reason.map(|reason| reason.code.as_str()),
            reason.and_then(|reason| reason.text.as_deref()),
        ],
    )?;
    assert_eq!(updated, 1, "late usage is decided once, under its lock");
    Ok(())
}

/// Keeps what was decided of each charge key.
pub fn insert_effects(tx: &mut ProjectTx<'_>, id: LateUsageId, effects: &[KeyEffect]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 5]> = effects
        .iter()
        .map(|effect| params![id, effect.key.as_str(), effect.before, effect.after, effect.effect])
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_late_usage_effects
            insert into late_usage_effects (project_id, late_usage_id, charge_key, before_micros, after_micros, effect_micros)
            {values}",
            [
                project_id: Uuid,
                late_usage_id: Uuid,
                charge_key: Text,
                before_micros: Int,
                after_micros: Int,
                effect_micros: Int,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// What was decided of each charge key, in the order of keys.
pub fn effects(tx: &mut ProjectTx<'_>, id: LateUsageId) -> Result<Vec<KeyEffect>, StorageError> {
    tx.query(
        sql!(
            "-- late_usage_effects
            select charge_key, before_micros, after_micros, effect_micros
            from late_usage_effects
            where project_id = ?1 and late_usage_id = ?2
            order by charge_key {binary}"
        ),
        &params![id],
        |row| Ok(KeyEffect { key: row.get(0)?, before: row.get(1)?, after: row.get(2)?, effect: row.get(3)? }),
    )
}

/// What people ignored of these charge keys, as far as they did; name each once.
pub fn ignored(tx: &mut ProjectTx<'_>, keys: &[&str]) -> Result<BTreeMap<String, Amount>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = keys.iter().map(|key| params![*key, LateState::Ignored.as_str()]).collect();
    let found = tx.query_many(
        bulk_sql!(
            "-- ignored_late_usage
            select e.charge_key, cast(sum(e.effect_micros) as bigint)
            from {rows}
            join late_usage_effects e on e.project_id = r.project_id and e.charge_key = r.charge_key
            join late_usage u on u.project_id = e.project_id and u.id = e.late_usage_id and u.state = r.state
            group by e.charge_key",
            [project_id: Uuid, charge_key: Text, state: Text]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(found.into_iter().collect())
}
