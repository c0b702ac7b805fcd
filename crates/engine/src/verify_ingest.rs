//! The invariants of ingest: I4, every accepted event is stored once under its identity; I5, the rollups are the events
//! added up again.

use std::collections::HashMap;

use domain::ids::ProjectId;
use domain::ingest::rollup::Cell;
use storage::rollups::RollupKey;
use storage::{ProjectTx, ingest_checks, rollups};

use crate::error::Error;
use crate::ingest::Delta;

/// The most findings of one kind and project that are told.
const FINDINGS_MAX: i64 = 20;

/// What stands against I4 in one project.
pub(crate) fn events(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let project = tx.project();
    let counts = ingest_checks::count_events(tx)?;
    let mut findings = Vec::new();
    if [counts.in_batches, counts.stored, counts.identities].iter().any(|count| *count != counts.accepted) {
        findings.push(format!(
            "{project}: {} events were accepted, the batches say {}, {} are stored, {} keys stand for one",
            counts.accepted, counts.in_batches, counts.stored, counts.identities
        ));
    }
    for (event, key) in ingest_checks::events_without_key(tx, FINDINGS_MAX)? {
        findings.push(format!("{project}: the event {event} is stored, but its key {key:?} does not stand for it"));
    }
    for (key, event) in ingest_checks::keys_without_event(tx, FINDINGS_MAX)? {
        findings.push(format!("{project}: the key {key:?} stands for {event}, which is not stored"));
    }
    for external_id in ingest_checks::wrong_event_ids(tx, FINDINGS_MAX)? {
        findings.push(format!("{project}: the eventId {external_id:?} and its event do not name each other"));
    }
    for (batch, said, stored) in ingest_checks::wrong_batches(tx, FINDINGS_MAX)? {
        findings.push(format!("{project}: the batch {batch} says {said} events, {stored} are stored"));
    }
    Ok(findings)
}

/// What stands against I5 in one project.
pub(crate) fn rollup_cells(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut expected = Delta::default();
    ingest_checks::folded_measurements(tx, |event, subscription| expected.add_event(event, subscription))?;
    let mut stored: HashMap<RollupKey, Cell> = HashMap::new();
    rollups::all(tx, |key, cell| {
        stored.insert(key, cell);
    })?;
    let project = tx.project();
    let mut findings: Vec<String> = expected
        .cells
        .iter()
        .filter(|(key, cell)| stored.get(key) != Some(cell))
        .map(|(key, cell)| describe(project, key, stored.get(key), Some(cell)))
        .collect();
    let surplus = stored.iter().filter(|(key, _)| !expected.cells.contains_key(key));
    findings.extend(surplus.map(|(key, cell)| describe(project, key, Some(cell), None)));
    findings.sort();
    findings.truncate(usize::try_from(FINDINGS_MAX).unwrap_or(usize::MAX));
    Ok(findings)
}

fn describe(project: ProjectId, key: &RollupKey, stored: Option<&Cell>, events: Option<&Cell>) -> String {
    let tell = |cell: Option<&Cell>| {
        cell.map_or("nothing".to_owned(), |cell| format!("{} in {} events", cell.sum, cell.events))
    };
    format!(
        "{project}: the rollup of {} and {} at {} holds {}, its events are {}",
        key.metric,
        key.customer,
        key.slice_start,
        tell(stored),
        tell(events)
    )
}
