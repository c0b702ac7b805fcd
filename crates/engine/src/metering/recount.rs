//! Counting from single events alone: what a metric would measure if it meant something else, for which there are no rows.

use domain::ingest::series::Keeps;
use domain::time::Instant;
use domain::window::Span;
use storage::ProjectTx;
use storage::usage_events::{self, Properties};

use super::reader::{Reader, place_holder};
use super::{Measured, Question};
use crate::error::Error;

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
    let keeps_levels = *reader.rule.keeps() == Keeps::Levels;
    let read = if keeps_levels { Span { start: dawn(), end: hull.end } } else { hull };
    let properties = if reader.rule.reads_properties() { Properties::Read } else { Properties::Skip };
    let mut excluded = 0;
    usage_events::measurements(tx, question.metric.id, question.customers, read, properties, |event| {
        let Some(place) = reader.rule.place(event.measurement.at, event.properties.as_deref()) else {
            excluded += u64::from(hull.contains(event.measurement.at));
            return;
        };
        if keeps_levels {
            reader.levels.entry(place_holder(&event, &place)).or_default().add(event.measurement);
        }
        reader.add_event(&event, &place);
    })?;
    Ok(Recounted { rows: reader.answer()?, excluded })
}

/// Before every event: the first instant of the year 1, which both databases can hold.
fn dawn() -> Instant {
    // Cannot fail: the calendar begins ten thousand years earlier.
    Instant::from_micros(-62_135_596_800_000_000).expect("the year 1 is in the calendar")
}
