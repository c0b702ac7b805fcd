//! Counting from single events alone: what a metric would measure if it meant something else, for which there are no rows.

use domain::ingest::series::Keeps;
use domain::window::Span;
use storage::usage_events::{self, MeasuredEvent, Properties};
use storage::{ProjectTx, usage_voids};

use super::reader::{Reader, place_holder};
use super::{Measured, Question};
use crate::error::Error;
use crate::ingest::all_time;

/// What a metric would measure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Recounted {
    /// As [`super::measure`] would answer.
    pub rows: Vec<Measured>,
    /// Events of the spans that would not count: they are older than the metric, or lack the value that is counted.
    pub excluded: u64,
}

/// Answers a question by the metric's definition, whatever its rows hold. Reads every event of the spans, and for levels also those
/// before.
///
/// # Errors
/// As [`super::measure`].
pub(crate) fn recount(tx: &mut ProjectTx<'_>, question: &Question<'_>) -> Result<Recounted, Error> {
    let Some(mut reader) = Reader::new(*question) else {
        return Ok(Recounted::default());
    };
    let hull = reader.hull;
    let read = reader.hull_of_events();
    let properties = if reader.rule.reads_properties() { Properties::Read } else { Properties::Skip };
    let void = usage_voids::of_metric(tx, question.metric.id, read, i64::MAX)?;
    let mut excluded = 0;
    usage_events::measurements(tx, question.metric.id, question.customers, read, properties, |event| {
        if void.contains(&event.measurement.event) {
            return;
        }
        if !reader.add_alone(&event) {
            excluded += u64::from(hull.contains(event.measurement.at));
        }
    })?;
    Ok(Recounted { rows: reader.answer()?, excluded })
}

/// Answers a question from the single events that counted as of `cut`, the place of a batch in the order of folding, as the metric is defined now: what
/// [`super::measure`] answered through the folded batches when they were these. Slow, and independent of the rollups.
///
/// # Errors
/// As [`super::measure`].
pub fn recount_at(tx: &mut ProjectTx<'_>, question: &Question<'_>, cut: i64) -> Result<Vec<Measured>, Error> {
    let Some(mut reader) = Reader::new(*question) else {
        return Ok(Vec::new());
    };
    let span = reader.hull_of_events();
    let void = usage_voids::of_metric(tx, question.metric.id, span, cut)?;
    usage_events::measurements_at(tx, question.metric.id, question.customers, span, cut, |_, event| {
        if !void.contains(&event.measurement.event) {
            reader.add_alone(&event);
        }
    })?;
    reader.answer()
}

impl Reader<'_> {
    /// From where to where events are read when there are no rows: levels depend on what came before.
    fn hull_of_events(&self) -> Span {
        match self.rule.keeps() {
            Keeps::Levels => Span { start: all_time().start, end: self.hull.end },
            Keeps::Cells | Keeps::Values { .. } => self.hull,
        }
    }

    /// Adds an event that no row holds; `false` when it does not count.
    fn add_alone(&mut self, event: &MeasuredEvent) -> bool {
        let Some(place) = self.rule.place(event.measurement.at, event.properties.as_deref()) else {
            return false;
        };
        if *self.rule.keeps() == Keeps::Levels {
            self.levels.entry(place_holder(event, &place)).or_default().add(event.measurement);
        }
        self.add_event(event, &place);
        true
    }
}
