//! What a set of events adds to the rollups: cells, values and levels, the same whatever the order in which events are added.

use std::collections::{BTreeMap, HashMap};

use domain::aggregation::weighted::WeightedCell;
use domain::ids::{CustomerId, MetricId};
use domain::ingest::rollup::{Cell, Measurement, Width};
use domain::ingest::series::Keeps;
use storage::rollup_values::{self, ValueKey};
use storage::rollups::{self, Group, RollupKey};
use storage::usage_events::{MeasuredEvent, NewEvent};
use storage::{ProjectTx, StorageError, rollup_levels};

use super::meaning::Open;

/// Rows of the slices; what days and all time hold follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Additions {
    cells: HashMap<RollupKey, Cell>,
    values: HashMap<ValueKey, i64>,
    levels: HashMap<Group, WeightedCell>,
}

/// The rows of every width, in the order of their keys, so that the database writes neighbours together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rows {
    pub cells: BTreeMap<RollupKey, Cell>,
    pub values: BTreeMap<ValueKey, i64>,
    pub levels: BTreeMap<Group, WeightedCell>,
}

/// An event, as far as rollups care.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'e> {
    pub metric: MetricId,
    pub customer: CustomerId,
    pub subscription_key: Option<&'e str>,
    pub measurement: Measurement,
    pub schema_miss: bool,
    pub properties: Option<&'e str>,
}

impl<'e> From<&'e MeasuredEvent> for Event<'e> {
    fn from(event: &'e MeasuredEvent) -> Event<'e> {
        Event {
            metric: event.metric,
            customer: event.customer,
            subscription_key: event.subscription_key.as_deref(),
            measurement: event.measurement,
            schema_miss: event.schema_miss,
            properties: event.properties.as_deref(),
        }
    }
}

impl<'e> From<&'e NewEvent<'_>> for Event<'e> {
    fn from(event: &'e NewEvent<'_>) -> Event<'e> {
        Event {
            metric: event.metric,
            customer: event.customer,
            subscription_key: event.subscription_key,
            measurement: Measurement { event: event.id, at: event.at, units: event.units },
            schema_miss: event.schema_miss,
            properties: event.properties,
        }
    }
}

impl Event<'_> {
    /// The cell of this event alone.
    pub fn cell(&self) -> Cell {
        Cell { warnings: i64::from(self.schema_miss), ..Cell::of(self.measurement) }
    }
}

impl Additions {
    /// Adds an event to each of the series that take it.
    pub fn add(&mut self, event: Event<'_>, series: &[Open]) {
        for open in series {
            self.add_to(event, open);
        }
    }

    /// Adds an event of a folded batch to the series that hold its batch.
    pub fn add_folded(&mut self, event: Event<'_>, seq: i64, series: &[Open]) {
        for open in series.iter().filter(|open| !open.gap.is_some_and(|gap| gap.holds(seq))) {
            self.add_to(event, open);
        }
    }

    fn add_to(&mut self, event: Event<'_>, open: &Open) {
        let rule = &open.meaning.rule;
        let Some(place) = rule.place(event.measurement.at, event.properties) else {
            return;
        };
        let group = Group {
            metric: event.metric,
            series: open.series,
            customer: event.customer,
            subscription_key: event.subscription_key.unwrap_or_default().to_owned(),
            dimensions: place.dimensions,
        };
        match rule.keeps() {
            Keeps::Cells | Keeps::Values { .. } => {}
            Keeps::Levels => self.levels.entry(group.clone()).or_default().add(event.measurement),
        }
        let slice_start = Width::Slice.start(event.measurement.at);
        let key = RollupKey { group, width: Width::Slice, slice_start };
        if let Some(value) = place.value {
            *self.values.entry(ValueKey { cell: key.clone(), value }).or_insert(0) += 1;
        }
        add_cell(&mut self.cells, key, &event.cell());
    }

    /// Adds what is added up already.
    pub fn merge(&mut self, other: Additions) {
        for (key, cell) in other.cells {
            add_cell(&mut self.cells, key, &cell);
        }
        for (key, events) in other.values {
            *self.values.entry(key).or_insert(0) += events;
        }
        for (group, levels) in other.levels {
            self.levels.entry(group).or_default().merge(&levels);
        }
    }

    /// How many rows it holds, about.
    pub fn len(&self) -> usize {
        let levels: usize = self.levels.values().map(|levels| levels.changes().count()).sum();
        self.cells.len() + self.values.len() + levels
    }

    /// The rows of slices and days, and of all time for the groups that have a level.
    pub fn rows(self) -> Rows {
        let mut cells: BTreeMap<RollupKey, Cell> = BTreeMap::new();
        for (key, cell) in self.cells {
            let has_level = self.levels.contains_key(&key.group);
            for width in [Width::Day, Width::Ever].into_iter().take(if has_level { 2 } else { 1 }) {
                let key = wider(&key, width);
                cells.entry(key).and_modify(|known| known.merge(&cell)).or_insert(cell);
            }
            cells.insert(key, cell);
        }
        let mut values: BTreeMap<ValueKey, i64> = BTreeMap::new();
        for (key, events) in self.values {
            let day = ValueKey { cell: wider(&key.cell, Width::Day), value: key.value.clone() };
            *values.entry(day).or_insert(0) += events;
            values.insert(key, events);
        }
        Rows { cells, values, levels: self.levels.into_iter().collect() }
    }
}

impl Rows {
    /// Adds the rows to what is stored. The transaction holds the project's cursor.
    pub fn add_to(&self, tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
        let keys: Vec<&RollupKey> = self.cells.keys().collect();
        let mut stored: BTreeMap<RollupKey, Cell> = rollups::find_many(tx, &keys)?.into_iter().collect();
        for (key, cell) in &self.cells {
            stored.entry(key.clone()).and_modify(|known| known.merge(cell)).or_insert(*cell);
        }
        rollups::store_many(tx, &stored.iter().collect::<Vec<_>>())?;
        self.store_beside(tx)
    }

    /// Stores the rows where there are none.
    pub fn store(&self, tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
        rollups::store_many(tx, &self.cells.iter().collect::<Vec<_>>())?;
        self.store_beside(tx)
    }

    fn store_beside(&self, tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
        let values: Vec<(&ValueKey, i64)> = self.values.iter().map(|(key, events)| (key, *events)).collect();
        if !values.is_empty() {
            rollup_values::add_many(tx, &values)?;
        }
        let levels: Vec<(&Group, Measurement)> = self
            .levels
            .iter()
            .flat_map(|(group, levels)| levels.changes().map(move |change| (group, change)))
            .collect();
        if !levels.is_empty() {
            rollup_levels::store_many(tx, &levels)?;
        }
        Ok(())
    }
}

fn wider(key: &RollupKey, width: Width) -> RollupKey {
    RollupKey { group: key.group.clone(), width, slice_start: width.start(key.slice_start) }
}

fn add_cell(cells: &mut HashMap<RollupKey, Cell>, key: RollupKey, cell: &Cell) {
    cells.entry(key).and_modify(|known| known.merge(cell)).or_insert(*cell);
}
