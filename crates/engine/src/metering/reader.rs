//! Reads the answers to questions: days, then the quarters of days that are cut, then the events of quarters that are cut, and what is not
//! folded yet. All of it in the snapshot of one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::aggregation::weighted::WeightedCell;
use domain::ids::{BatchId, MetricId};
use domain::ingest::rollup::Width;
use domain::ingest::series::{Keeps, Place, SeriesRule, decode};
use domain::metering::{Counter, DimensionValues, MeteredGroup};
use domain::time::Instant;
use domain::window::Span;
use storage::ingest_batches::{self, IngestBatch};
use storage::rollups::{Group, RollupKey, Stretch};
use storage::usage_events::{self, MeasuredEvent, Properties};
use storage::{ProjectTx, rollup_values, rollups, usage_voids};

use super::levels;
use super::sums::{Fit, Holder, SpansOf, Sums, fit};
use super::{Measured, Question, Through};
use crate::error::Error;
use crate::ingest::{self, Event, runs};

/// One answer on its way.
pub(super) struct Reader<'q> {
    pub question: Question<'q>,
    pub rule: SeriesRule,
    pub hull: Span,
    pub spans: SpansOf<'q>,
    pub sums: Sums,
    /// The changes of levels, those before the spans among them.
    pub levels: HashMap<Holder, WeightedCell>,
    cut_days: BTreeSet<Instant>,
    cut_slices: BTreeSet<Instant>,
}

/// Reads the answers.
pub(super) fn read(tx: &mut ProjectTx<'_>, questions: &[Question<'_>]) -> Result<Vec<Vec<Measured>>, Error> {
    let mut readers: Vec<Option<Reader<'_>>> = questions.iter().map(|question| Reader::new(*question)).collect();
    for reader in readers.iter_mut().flatten() {
        reader.read_cells(tx)?;
    }
    let unfolded = ingest_batches::unfolded(tx, i64::MAX)?;
    read_unfolded(tx, &unfolded, &mut readers)?;
    let unfolded: HashSet<BatchId> = unfolded.into_iter().map(|batch| batch.id).collect();
    let mut answers = Vec::with_capacity(readers.len());
    for reader in readers {
        answers.push(match reader {
            Some(reader) => reader.finish(tx, &unfolded)?,
            None => Vec::new(),
        });
    }
    Ok(answers)
}

/// Hands the events of batches that are not folded yet to the questions about their metrics that want them.
fn read_unfolded(
    tx: &mut ProjectTx<'_>,
    unfolded: &[IngestBatch],
    readers: &mut [Option<Reader<'_>>],
) -> Result<(), Error> {
    let mut of_metric: HashMap<MetricId, Vec<&mut Reader<'_>>> = HashMap::new();
    let mut properties = Properties::Skip;
    for reader in readers.iter_mut().flatten().filter(|reader| reader.question.through == Through::Everything) {
        if reader.rule.reads_properties() {
            properties = Properties::Read;
        }
        of_metric.entry(reader.question.metric.id).or_default().push(reader);
    }
    if of_metric.is_empty() {
        return Ok(());
    }
    ingest::events_of(tx, unfolded, properties, |event| {
        for reader in of_metric.get_mut(&event.metric).into_iter().flatten() {
            reader.add_unfolded(&event);
        }
    })?;
    Ok(())
}

impl Through {
    /// Whether it takes the events of a batch.
    pub(super) fn holds(self, unfolded: &HashSet<BatchId>, batch: BatchId) -> bool {
        match self {
            Through::Everything => true,
            Through::Folded => !unfolded.contains(&batch),
        }
    }
}

impl<'q> Reader<'q> {
    /// `None` for a question about no time at all.
    pub(super) fn new(question: Question<'q>) -> Option<Reader<'q>> {
        let hull = question.spans.hull()?;
        Some(Reader {
            rule: SeriesRule::of(&question.metric.definition),
            hull,
            spans: SpansOf::new(question.spans),
            sums: Sums::default(),
            levels: HashMap::new(),
            cut_days: BTreeSet::new(),
            cut_slices: BTreeSet::new(),
            question,
        })
    }

    pub fn stretch(&self, width: Width, span: Span) -> Stretch {
        let Question { metric, customers, .. } = self.question;
        Stretch { metric: metric.id, series: metric.series, width, customers, span }
    }

    /// Days first; only the quarters of days that an edge cuts for some customer are read besides.
    fn read_cells(&mut self, tx: &mut ProjectTx<'_>) -> Result<(), Error> {
        let days = Span { start: Width::Day.start(self.hull.start), end: self.hull.end };
        let mut cut_days = BTreeSet::new();
        rollups::cells(tx, &self.stretch(Width::Day, days), |key, cell| {
            match self.fit_of(&key) {
                Fit::Whole(span) => self.sums.add_cell(holder(key.group), span, &cell),
                Fit::Cut => {
                    cut_days.insert(key.slice_start);
                }
                Fit::Outside => {}
            };
        })?;
        self.cut_days = cut_days;
        let mut cut_slices = BTreeSet::new();
        for days in runs(&self.cut_days, Width::Day) {
            rollups::cells(tx, &self.stretch(Width::Slice, days), |key, cell| {
                if self.fit_of_day(&key) != Fit::Cut {
                    return;
                }
                match self.fit_of(&key) {
                    Fit::Whole(span) => self.sums.add_cell(holder(key.group), span, &cell),
                    Fit::Cut => {
                        cut_slices.insert(key.slice_start);
                    }
                    Fit::Outside => {}
                }
            })?;
        }
        self.cut_slices = cut_slices;
        match self.rule.keeps() {
            Keeps::Values { .. } => self.read_values(tx),
            Keeps::Cells | Keeps::Levels => Ok(()),
        }
    }

    /// The values behind the cells that were read.
    fn read_values(&mut self, tx: &mut ProjectTx<'_>) -> Result<(), Error> {
        let days = Span { start: Width::Day.start(self.hull.start), end: self.hull.end };
        let mut stretches = vec![self.stretch(Width::Day, days)];
        stretches.extend(runs(&self.cut_days, Width::Day).into_iter().map(|days| self.stretch(Width::Slice, days)));
        for stretch in stretches {
            rollup_values::of_stretch(tx, &stretch, |key, events| {
                if stretch.width == Width::Slice && self.fit_of_day(&key.cell) != Fit::Cut {
                    return;
                }
                if let Fit::Whole(span) = self.fit_of(&key.cell) {
                    // Cannot fail: a value is stored with the events that had it.
                    let events = u64::try_from(events).expect("a value has events");
                    self.sums.add_value(holder(key.cell.group), span, &key.value, events);
                }
            })?;
        }
        Ok(())
    }

    fn fit_of(&mut self, key: &RollupKey) -> Fit {
        let spans = self.spans.of(key.group.customer);
        key.width.span(key.slice_start).map_or(Fit::Cut, |time| fit(&spans, time))
    }

    fn fit_of_day(&mut self, key: &RollupKey) -> Fit {
        let spans = self.spans.of(key.group.customer);
        let start = Width::Day.start(key.slice_start);
        Width::Day.span(start).map_or(Fit::Cut, |time| fit(&spans, time))
    }

    /// An event of a quarter that is cut is read with the rest of its quarter.
    fn add_unfolded(&mut self, event: &MeasuredEvent) {
        if !self.question.customers.hold(event.customer) {
            return;
        }
        let at = event.measurement.at;
        if at >= self.hull.end {
            return;
        }
        let Some(place) = self.rule.place(at, event.properties.as_deref()) else {
            return;
        };
        match self.rule.keeps() {
            Keeps::Levels => self.levels.entry(place_holder(event, &place)).or_default().add(event.measurement),
            Keeps::Cells | Keeps::Values { .. } => {}
        }
        if self.slice_is_cut(event) {
            self.cut_slices.insert(Width::Slice.start(at));
        } else {
            self.add_event(event, &place);
        }
    }

    fn slice_is_cut(&mut self, event: &MeasuredEvent) -> bool {
        let spans = self.spans.of(event.customer);
        let slice = Width::Slice.span(Width::Slice.start(event.measurement.at));
        slice.is_none_or(|slice| fit(&spans, slice) == Fit::Cut)
    }

    pub(super) fn add_event(&mut self, event: &MeasuredEvent, place: &Place) {
        let at = event.measurement.at;
        let spans = self.spans.of(event.customer);
        let index = spans.partition_point(|span| span.end <= at);
        if !spans.get(index).is_some_and(|span| span.contains(at)) {
            return;
        }
        let holder = place_holder(event, place);
        if let Some(value) = &place.value {
            self.sums.add_value(holder.clone(), index, value, 1);
        }
        self.sums.add_cell(holder, index, &Event::from(event).cell());
    }

    /// The quarters that an edge cuts, event by event: those that count, of the batches that the question wants.
    fn read_cut_slices(&mut self, tx: &mut ProjectTx<'_>, unfolded: &HashSet<BatchId>) -> Result<(), Error> {
        let properties = if self.rule.reads_properties() { Properties::Read } else { Properties::Skip };
        let Question { metric, customers, through, .. } = self.question;
        for slices in runs(&self.cut_slices, Width::Slice) {
            let void = usage_voids::of_metric(tx, metric.id, slices, i64::MAX)?;
            usage_events::measurements(tx, metric.id, customers, slices, properties, |event| {
                if void.contains(&event.measurement.event)
                    || !self.slice_is_cut(&event)
                    || !through.holds(unfolded, event.batch)
                {
                    return;
                }
                if let Some(place) = self.rule.place(event.measurement.at, event.properties.as_deref()) {
                    self.add_event(&event, &place);
                }
            })?;
        }
        Ok(())
    }

    fn finish(mut self, tx: &mut ProjectTx<'_>, unfolded: &HashSet<BatchId>) -> Result<Vec<Measured>, Error> {
        self.read_cut_slices(tx, unfolded)?;
        if *self.rule.keeps() == Keeps::Levels {
            levels::load(&mut self, tx)?;
        }
        self.answer()
    }

    /// The rows of what was added up.
    pub(super) fn answer(self) -> Result<Vec<Measured>, Error> {
        match self.rule.keeps() {
            Keeps::Cells => self.tell(|sum| sum.cell.map(Counter::Cell)),
            Keeps::Values { .. } => self.tell(|sum| {
                let values = sum.values;
                sum.cell.map(|cell| Counter::Unique { events: Counter::Cell(cell).events(), values })
            }),
            Keeps::Levels => levels::tell(self),
        }
    }

    fn tell(self, counter: impl Fn(super::sums::Sum) -> Option<Counter>) -> Result<Vec<Measured>, Error> {
        let mut rows = Vec::new();
        for (holder, spans) in self.sums.into_sorted() {
            let values = values_of(&holder)?;
            for (span, sum) in spans {
                let warnings = sum.cell.map_or(0, |cell| cell.warnings);
                if let Some(counter) = counter(sum) {
                    rows.push(measured(&holder, span, MeteredGroup { values: values.clone(), counter }, warnings));
                }
            }
        }
        Ok(rows)
    }
}

pub(super) fn measured(holder: &Holder, span: usize, group: MeteredGroup, warnings: i64) -> Measured {
    let subscription_key = Some(holder.subscription_key.clone()).filter(|key| !key.is_empty());
    Measured { customer: holder.customer, subscription_key, span, group, warnings }
}

pub(super) fn values_of(holder: &Holder) -> Result<DimensionValues, Error> {
    decode(&holder.dimensions)
        .ok_or_else(|| Error::Bug(format!("{:?} are no dimension values of a rollup", holder.dimensions)))
}

pub(super) fn holder(group: Group) -> Holder {
    Holder { customer: group.customer, subscription_key: group.subscription_key, dimensions: group.dimensions }
}

pub(super) fn place_holder(event: &MeasuredEvent, place: &Place) -> Holder {
    Holder {
        customer: event.customer,
        subscription_key: event.subscription_key.clone().unwrap_or_default(),
        dimensions: place.dimensions.clone(),
    }
}
