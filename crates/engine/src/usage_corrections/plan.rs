//! What a correction would do: its events as they are, and those that would count in their place, judged as if they were sent now.

use std::collections::HashMap;
use std::time::Duration;

use domain::ids::{EventId, MetricId};
use domain::ingest::UsageEvent;
use domain::ingest::correction::{Amended, CorrectionItem, EventChange};
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde_json::{Value, json};
use storage::{ProjectTx, metrics, usage_events, usage_voids};

use super::voided;
use crate::error::Error;
use crate::ingest::{Fits, Meaning};

/// How far ahead of now an amended time may lie, as that of any event.
const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);

/// One event of a correction.
pub(super) struct Planned {
    pub original: UsageEvent,
    /// Whether its batch is folded.
    pub is_folded: bool,
    pub replacement: Option<Replacement>,
}

/// The event that counts in the place of another.
pub(super) struct Replacement {
    pub amended: Amended,
    /// Its properties miss the schema of its metric, which only warns of that.
    pub schema_miss: bool,
}

impl Planned {
    /// Before and after, for the audit trail.
    pub fn told(&self) -> Value {
        let tell = |units: &dyn std::fmt::Display, at: Instant, properties: Option<&str>| {
            let properties: Option<Value> = properties.and_then(|text| serde_json::from_str(text).ok());
            json!({ "units": units.to_string(), "timestamp": at, "properties": properties })
        };
        let before = tell(&self.original.units, self.original.at, self.original.properties.as_deref());
        let after = self
            .replacement
            .as_ref()
            .map(|Replacement { amended, .. }| tell(&amended.units, amended.at, amended.properties.as_deref()));
        json!({ "eventId": self.original.id, "before": before, "after": after })
    }
}

/// Judges every item, in their order.
///
/// # Errors
/// [`Code::EventVoided`] for an event that does not count; for an amendment what an event of this content would be refused for.
pub(super) fn plan(tx: &mut ProjectTx<'_>, items: &[CorrectionItem], now: Instant) -> Result<Vec<Planned>, Error> {
    let ids: Vec<EventId> = items.iter().map(|item| item.event).collect();
    let turns = usage_voids::last_of_events(tx, &ids)?;
    let mut events: HashMap<EventId, (UsageEvent, bool)> = HashMap::new();
    for (event, seq) in usage_events::find_many(tx, &ids)? {
        events.insert(event.id, (event, seq.is_some()));
    }
    let meanings = meanings(tx)?;
    let mut planned = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let (original, is_folded) = events
            .remove(&item.event)
            .ok_or_else(|| Error::Bug(format!("the event {} of a correction is not stored", item.event)))?;
        if let Some(turn) = turns.get(&item.event).filter(|turn| turn.is_void) {
            return Err(voided(Some(format!("items[{index}].eventId")), item.event, turn).into());
        }
        let replacement = match &item.change {
            EventChange::Void => None,
            EventChange::Amend(amendment) => {
                let amended = amendment.of(&original)?;
                let field = |name: &str| format!("items[{index}].{name}");
                Some(judge(amended, meanings.get(&original.metric), now, field)?)
            }
        };
        planned.push(Planned { original, is_folded, replacement });
    }
    Ok(planned)
}

/// What each metric means now.
fn meanings(tx: &mut ProjectTx<'_>) -> Result<HashMap<MetricId, Meaning>, Error> {
    let all = metrics::all(tx)?;
    all.iter().map(|metric| Ok((metric.id, Meaning::with_schema(&metric.definition)?))).collect()
}

/// The rules of ingest.
fn judge(
    amended: Amended,
    meaning: Option<&Meaning>,
    now: Instant,
    field: impl Fn(&str) -> String,
) -> Result<Replacement, Refusal> {
    if amended.units.is_zero() && !meaning.is_some_and(Meaning::takes_zero) {
        return Err(Refusal::field(
            Code::NotPositive,
            field("units"),
            "must be greater than zero. Void the event instead.",
        ));
    }
    if now.checked_add(AHEAD_MAX).is_some_and(|latest| amended.at > latest) {
        return Err(Refusal::field(Code::TimestampInFuture, field("timestamp"), "lies ahead."));
    }
    let schema_miss = match meaning.map(|meaning| meaning.check(amended.properties.as_deref())) {
        Some(Fits::Refused(refusal)) => return Err(*refusal),
        Some(Fits::Warned) => true,
        Some(Fits::Yes) | None => false,
    };
    Ok(Replacement { amended, schema_miss })
}
