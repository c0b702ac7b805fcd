//! Levels of a `weightedSum`: what is carried into the spans, what changes in them, and the area under it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use domain::aggregation::weighted::WeightedCell;
use domain::ingest::rollup::{Measurement, Width};
use domain::metering::{Counter, MeteredGroup};
use domain::quantity::Quantity;
use domain::refusal::Refusal;
use domain::time::Instant;
use domain::window::Span;
use storage::rollups::Group;
use storage::{ProjectTx, rollup_levels, rollups};

use super::reader::{Reader, holder, measured, values_of};
use super::sums::{Holder, Sum};
use super::{Measured, Question};
use crate::error::Error;

/// How many levels are looked up at once.
const LOOKUPS: usize = 5_000;

/// Reads the changes of levels that the rollups hold.
pub(super) fn load(reader: &mut Reader<'_>, tx: &mut ProjectTx<'_>) -> Result<(), Error> {
    carry_in(reader, tx)?;
    let Question { metric, customers, .. } = reader.question;
    let levels = &mut reader.levels;
    rollup_levels::of_span(tx, (metric.id, metric.series), customers, reader.hull, |group, change| {
        levels.entry(holder(group)).or_default().add(change);
    })?;
    Ok(())
}

/// The rows of a question about levels, once all their changes are read.
pub(super) fn tell(mut reader: Reader<'_>) -> Result<Vec<Measured>, Error> {
    let now = reader.question.now;
    let levels: BTreeMap<Holder, WeightedCell> = std::mem::take(&mut reader.levels).into_iter().collect();
    let mut sums = std::mem::take(&mut reader.sums).into_sorted();
    let mut rows = Vec::new();
    for (holder, changes) in levels {
        let spans = reader.spans.of(holder.customer);
        let sums = sums.remove(&holder).unwrap_or_default();
        rows_of(&mut rows, &holder, &changes, Stretches { spans: &spans, sums, now })?;
    }
    Ok(rows)
}

/// The spans of one holder, with what cells and events said of them.
struct Stretches<'s> {
    spans: &'s [Span],
    sums: BTreeMap<usize, Sum>,
    now: Instant,
}

fn rows_of(
    rows: &mut Vec<Measured>,
    holder: &Holder,
    changes: &WeightedCell,
    stretches: Stretches<'_>,
) -> Result<(), Error> {
    let values = values_of(holder)?;
    for (index, span) in stretches.spans.iter().enumerate() {
        let cell = stretches.sums.get(&index).and_then(|sum| sum.cell);
        let used = Span { start: span.start, end: span.end.min(stretches.now).max(span.start) };
        let carried = changes.level_before(span.start, Quantity::ZERO);
        let area = changes.area(used, carried).map_err(Refusal::from)?;
        if cell.is_none() && area.pico_unit_seconds() == 0 {
            continue;
        }
        let events = cell.map_or(0, |cell| Counter::Cell(cell).events());
        let counter = Counter::Weighted { events, area };
        let warnings = cell.map_or(0, |cell| cell.warnings);
        rows.push(measured(holder, index, MeteredGroup { values: values.clone(), counter }, warnings));
    }
    Ok(())
}

/// The latest change before the first span of each holder. Where a holder's very latest change lies before it, its cell of all time tells.
fn carry_in(reader: &mut Reader<'_>, tx: &mut ProjectTx<'_>) -> Result<(), Error> {
    let start = Width::Ever.start(reader.hull.start);
    let ever = Span { start, end: start.checked_add(Duration::from_micros(1)).unwrap_or(start) };
    let mut latest: HashMap<Group, Measurement> = HashMap::new();
    rollups::cells(tx, &reader.stretch(Width::Ever, ever), |key, cell| {
        latest.insert(key.group, cell.latest);
    })?;
    let mut asked: Vec<(Group, Instant)> = Vec::new();
    for (group, change) in latest {
        let Some(first) = reader.spans.of(group.customer).first().map(|span| span.start) else {
            continue;
        };
        if change.at < first {
            reader.levels.entry(holder(group)).or_default().add(change);
        } else {
            asked.push((group, first));
        }
    }
    for asked in asked.chunks(LOOKUPS) {
        let asked: Vec<(&Group, Instant)> = asked.iter().map(|(group, before)| (group, *before)).collect();
        for (group, change) in rollup_levels::latest_before(tx, &asked)? {
            reader.levels.entry(holder(group)).or_default().add(change);
        }
    }
    Ok(())
}
