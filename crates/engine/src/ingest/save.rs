//! Storing what was decided. Rows that two writers may both add go in sorted order, so that they never wait for each other
//! in a circle; where fewer rows went in than were decided, somebody else was first and the transaction runs again.

use std::collections::BTreeMap;

use domain::customers::Customer;
use domain::ids::ProjectId;
use domain::time::Instant;
use serde_json::json;
use storage::audit_entries::{self, AuditEntry};
use storage::{
    InstallationTx, customers, ingest_attempts, ingest_batches, metrics, rejections, usage_events, usage_keys,
};

use super::decide::Changes;
use super::overtaken;
use crate::error::Error;
use crate::ids::IdSource;

/// Stores the changes.
///
/// # Errors
/// A retryable one when another transaction took a key, a metric or a customer in between.
pub(crate) fn save(
    tx: &mut InstallationTx<'_>,
    mut changes: Changes<'_>,
    now: Instant,
    ids: &IdSource,
) -> Result<(), Error> {
    save_names(tx, &mut changes, now, ids)?;
    changes.keys.sort_unstable_by(|one, other| (one.project, one.key).cmp(&(other.project, other.key)));
    all_new(usage_keys::insert_many(tx, &changes.keys)?, changes.keys.len())?;
    if !changes.event_ids.is_empty() {
        let order = |new: &usage_keys::NewEventId<'_>| (new.project, new.event);
        changes.event_ids.sort_unstable_by(|one, other| {
            (one.project, one.external_id).cmp(&(other.project, other.external_id)).then(order(one).cmp(&order(other)))
        });
        all_new(usage_keys::insert_event_ids(tx, &changes.event_ids)?, changes.event_ids.len())?;
    }
    if !changes.events.is_sorted_by_key(|event| event.project) {
        changes.events.sort_by_key(|event| event.project);
    }
    if !changes.events.is_empty() {
        usage_events::insert_many(tx, &changes.events)?;
    }
    if !changes.attempts.is_empty() {
        ingest_attempts::insert_many(tx, &changes.attempts)?;
    }
    if !changes.rejections.is_empty() {
        rejections::insert_many(tx, &changes.rejections)?;
    }
    changes.batches.retain(|(_, batch)| batch.counts.total() > 0);
    ingest_batches::insert_many(tx, &changes.batches)?;
    Ok(())
}

fn save_names(
    tx: &mut InstallationTx<'_>,
    changes: &mut Changes<'_>,
    now: Instant,
    ids: &IdSource,
) -> Result<(), Error> {
    if changes.metrics.is_empty() && changes.customers.is_empty() {
        return Ok(());
    }
    changes
        .metrics
        .sort_by(|(one, metric), (other, second)| (one, &metric.definition.key).cmp(&(other, &second.definition.key)));
    all_new(metrics::insert_missing(tx, &changes.metrics)?, changes.metrics.len())?;
    let mut of_project: BTreeMap<ProjectId, Vec<Customer>> = BTreeMap::new();
    for (project, customer) in changes.customers.drain(..) {
        of_project.entry(project).or_default().push(customer);
    }
    for (project, made) in &mut of_project {
        made.sort_by(|one, other| one.external_key.cmp(&other.external_key));
        all_new(customers::insert_missing(&mut tx.in_project(*project), made)?, made.len())?;
        let keys: Vec<&str> = made.iter().map(|customer| customer.external_key.as_str()).collect();
        audit(tx, *project, "customer.autoCreated", &keys, now, ids)?;
    }
    let mut metric_keys: BTreeMap<ProjectId, Vec<&str>> = BTreeMap::new();
    for (project, metric) in &changes.metrics {
        metric_keys.entry(*project).or_default().push(&metric.definition.key);
    }
    for (project, keys) in metric_keys {
        audit(tx, project, "metric.autoCreated", &keys, now, ids)?;
    }
    Ok(())
}

/// One entry for everything of a kind that the events of one transaction brought into being.
fn audit(
    tx: &mut InstallationTx<'_>,
    project: ProjectId,
    action: &str,
    keys: &[&str],
    now: Instant,
    ids: &IdSource,
) -> Result<(), Error> {
    let first = keys.first().copied().unwrap_or_default();
    let entry = AuditEntry {
        id: ids.next(),
        happened_at: now,
        actor_kind: "system".to_owned(),
        actor_id: "ingest".to_owned(),
        actor_name: "ingest".to_owned(),
        action: action.to_owned(),
        target: first.to_owned(),
        reason_code: None,
        reason: None,
        request_id: "ingest".to_owned(),
        details: json!({ "keys": keys }),
    };
    Ok(audit_entries::insert(&mut tx.in_project(project), &entry)?)
}

fn all_new(inserted: u64, expected: usize) -> Result<(), Error> {
    if u64::try_from(expected).is_ok_and(|expected| inserted == expected) { Ok(()) } else { Err(overtaken()) }
}
