//! The invariants of ingest: I4, every accepted event is stored once under its identity; I5, the rollups are the events
//! added up again.

use std::collections::BTreeMap;

use domain::ids::ProjectId;
use domain::ingest::rollup::{Cell, Measurement, Width};
use domain::time::Instant;
use storage::rollup_values::{self, ValueKey};
use storage::rollups::{self, Group, RollupKey};
use storage::{ProjectTx, ingest_checks, rollup_levels};

use crate::error::Error;
use crate::ingest::{OpenRules, Rows, expected_rows};

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

/// What stands against I5 in one project: cells, values and levels of every series that is read or built.
pub(crate) fn rollup_cells(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let rules = OpenRules::load(tx)?;
    let Rows { cells, values, levels } = expected_rows(tx, &rules)?;
    let mut findings = Findings::new(tx.project());
    let mut stored: BTreeMap<RollupKey, Cell> = BTreeMap::new();
    rollups::all(tx, |key, cell| {
        if rules.holds(key.group.metric, key.group.series) {
            stored.insert(key, cell);
        }
    })?;
    findings.compare(cells, stored, place_of_cell, |cell| {
        let warned = if cell.warnings == 0 { String::new() } else { format!(", {} with a warning", cell.warnings) };
        format!("{} in {} events{warned}", cell.sum, cell.events)
    });
    let mut stored: BTreeMap<ValueKey, i64> = BTreeMap::new();
    rollup_values::all(tx, |key, events| {
        if rules.holds(key.cell.group.metric, key.cell.group.series) {
            stored.insert(key, events);
        }
    })?;
    let place = |key: &ValueKey| format!("{} for the value {}", place_of_cell(&key.cell), key.value);
    findings.compare(values, stored, place, |events| format!("{events} events"));
    let mut stored: BTreeMap<(Group, Instant), Measurement> = BTreeMap::new();
    rollup_levels::all(tx, |group, change| {
        if rules.holds(group.metric, group.series) {
            stored.insert((group, change.at), change);
        }
    })?;
    let expected = levels.iter().flat_map(|(group, levels)| levels.changes().map(|one| ((group.clone(), one.at), one)));
    let place = |(group, at): &(Group, Instant)| format!("level of {} at {at}", place_of(group));
    findings.compare(expected.collect(), stored, place, |change| format!("{} by {}", change.units, change.event));
    Ok(findings.told)
}

/// What was found, at most [`FINDINGS_MAX`] of each kind.
struct Findings {
    project: ProjectId,
    told: Vec<String>,
}

impl Findings {
    fn new(project: ProjectId) -> Findings {
        Findings { project, told: Vec::new() }
    }

    fn compare<K: Ord, V: PartialEq>(
        &mut self,
        expected: BTreeMap<K, V>,
        stored: BTreeMap<K, V>,
        place: impl Fn(&K) -> String,
        tell: impl Fn(&V) -> String,
    ) {
        let tell = |value: Option<&V>| value.map_or("nothing".to_owned(), &tell);
        let differs = expected.iter().filter(|(key, value)| stored.get(key) != Some(value));
        let differs = differs.map(|(key, value)| (key, stored.get(key), Some(value)));
        let surplus =
            stored.iter().filter(|(key, _)| !expected.contains_key(key)).map(|(key, value)| (key, Some(value), None));
        let found = differs.chain(surplus).take(usize::try_from(FINDINGS_MAX).unwrap_or(usize::MAX));
        for (key, stored, events) in found {
            let (project, place) = (self.project, place(key));
            let (stored, events) = (tell(stored), tell(events));
            self.told.push(format!("{project}: the {place} holds {stored}, its events are {events}"));
        }
    }
}

fn place_of_cell(key: &RollupKey) -> String {
    let place = place_of(&key.group);
    match key.width {
        Width::Slice => format!("rollup of {place} at {}", key.slice_start),
        Width::Day => format!("rollup of {place} on the day {}", key.slice_start),
        Width::Ever => format!("rollup of {place} of all time"),
    }
}

fn place_of(group: &Group) -> String {
    let mut place = format!("{} and {}", group.metric, group.customer);
    for (name, text) in [("subscription", &group.subscription_key), ("dimensions", &group.dimensions)] {
        if !text.is_empty() {
            place += &format!(", {name} {text}");
        }
    }
    place
}
