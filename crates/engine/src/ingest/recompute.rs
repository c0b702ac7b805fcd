//! Making the rows of some slices anew from the events that count: what a correction does to the rollups. The transaction holds the
//! project's cursor, and every event that the correction is about is folded.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{CustomerId, MetricId};
use domain::ingest::rollup::{Cell, Width};
use domain::ingest::series::Keeps;
use domain::time::Instant;
use domain::window::Span;
use storage::rollup_values::{self, ValueKey};
use storage::rollups::{self, Customers, RollupKey, Stretch};
use storage::{ProjectTx, StorageError, rollup_levels, usage_events, usage_voids};

use super::additions::{Additions, Rows};
use super::meaning::{Open, OpenRules};

/// The slices in which something counts otherwise, by metric and customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Touched(BTreeMap<(MetricId, CustomerId), BTreeSet<Instant>>);

impl Touched {
    pub fn add(&mut self, metric: MetricId, customer: CustomerId, at: Instant) {
        self.0.entry((metric, customer)).or_default().insert(Width::Slice.start(at));
    }
}

/// Makes the rows of these slices anew, and those of the days and of all time that hold them.
pub(crate) fn recompute(tx: &mut ProjectTx<'_>, touched: &Touched) -> Result<(), StorageError> {
    let rules = OpenRules::load(tx)?;
    for ((metric, customer), slices) in &touched.0 {
        let whose = Whose { metric: *metric, customer: *customer };
        let series = rules.of(*metric);
        for span in runs(slices, Width::Slice) {
            whose.slices(tx, series, span)?;
        }
        let days: BTreeSet<Instant> = slices.iter().map(|slice| Width::Day.start(*slice)).collect();
        for open in series {
            for span in runs(&days, Width::Day) {
                whose.days(tx, open, span)?;
            }
            if *open.meaning.rule.keeps() == Keeps::Levels {
                whose.ever(tx, open)?;
            }
        }
    }
    Ok(())
}

/// Cells that follow one another, as the time that they cover together.
pub(crate) fn runs(starts: &BTreeSet<Instant>, width: Width) -> Vec<Span> {
    let mut runs: Vec<Span> = Vec::new();
    for span in starts.iter().filter_map(|start| width.span(*start)) {
        match runs.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            Some(_) | None => runs.push(span),
        }
    }
    runs
}

/// All time, within what both databases can hold.
pub(crate) fn all_time() -> Span {
    // Cannot fail: both years are in the calendar.
    let at = |micros| Instant::from_micros(micros).expect("the years 1 and 9999 are in the calendar");
    Span { start: at(-62_135_596_800_000_000), end: at(253_402_207_200_000_000) }
}

/// One customer's usage of one metric.
#[derive(Debug, Clone, Copy)]
struct Whose {
    metric: MetricId,
    customer: CustomerId,
}

impl Whose {
    fn stretch(self, open: &Open, width: Width, span: Span) -> Stretch {
        let Whose { metric, customer } = self;
        Stretch { metric, series: open.series, width, customers: Customers::One(customer), span }
    }

    /// From the events that count, of the batches that each series holds.
    fn slices(self, tx: &mut ProjectTx<'_>, series: &[Open], span: Span) -> Result<(), StorageError> {
        let Whose { metric, customer } = self;
        let void = usage_voids::of_metric(tx, metric, span, i64::MAX)?;
        let mut additions = Additions::default();
        usage_events::measurements_at(tx, metric, Customers::One(customer), span, i64::MAX, |seq, event| {
            if !void.contains(&event.measurement.event) {
                additions.add_folded((&event).into(), seq, series);
            }
        })?;
        for open in series {
            let stretch = self.stretch(open, Width::Slice, span);
            rollups::delete_of_customer(tx, customer, &stretch)?;
            rollup_values::delete_of_customer(tx, customer, &stretch)?;
            rollup_levels::delete_of_customer(tx, (metric, open.series), customer, span)?;
        }
        let mut rows = additions.rows();
        rows.cells.retain(|key, _| key.width == Width::Slice);
        rows.values.retain(|key, _| key.cell.width == Width::Slice);
        rows.store(tx)
    }

    /// From the slices.
    fn days(self, tx: &mut ProjectTx<'_>, open: &Open, span: Span) -> Result<(), StorageError> {
        let mut rows = Rows::default();
        let slices = self.stretch(open, Width::Slice, span);
        rollups::cells(tx, &slices, |key, cell| add(&mut rows.cells, wider(key, Width::Day), &cell))?;
        rollup_values::of_stretch(tx, &slices, |key, events| {
            let key = ValueKey { cell: wider(key.cell, Width::Day), value: key.value };
            *rows.values.entry(key).or_insert(0) += events;
        })?;
        let days = self.stretch(open, Width::Day, span);
        rollups::delete_of_customer(tx, self.customer, &days)?;
        rollup_values::delete_of_customer(tx, self.customer, &days)?;
        rows.store(tx)
    }

    /// From the days.
    fn ever(self, tx: &mut ProjectTx<'_>, open: &Open) -> Result<(), StorageError> {
        let mut rows = Rows::default();
        let days = self.stretch(open, Width::Day, all_time());
        rollups::cells(tx, &days, |key, cell| add(&mut rows.cells, wider(key, Width::Ever), &cell))?;
        rollups::delete_of_customer(tx, self.customer, &self.stretch(open, Width::Ever, all_time()))?;
        rows.store(tx)
    }
}

fn wider(key: RollupKey, width: Width) -> RollupKey {
    RollupKey { slice_start: width.start(key.slice_start), width, ..key }
}

fn add(cells: &mut BTreeMap<RollupKey, Cell>, key: RollupKey, cell: &Cell) {
    cells.entry(key).and_modify(|known| known.merge(cell)).or_insert(*cell);
}
