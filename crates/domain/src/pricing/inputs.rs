//! What a price is applied to: quantities that were aggregated elsewhere, single events, seats, or just time.

use crate::ids::EventId;
use crate::named::named;
use crate::quantity::Quantity;
use crate::ratio::{OutOfRange, Ratio};
use crate::time::Instant;
use crate::unit_price::UnitPrice;

named! {
    /// Whether more of the same period is to come.
    Stage {
        /// In the middle of a period: minimum and cap wait.
        Running = "running",
        /// At the end of a period or segment: minimum and cap apply.
        Closing = "closing",
    }
}

/// Everything that one rating of one price depends on, besides its terms.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RatingInputs)]
pub struct Inputs {
    /// One part for each rate of the terms that has usage, cumulative since the start of the segment.
    pub parts: Vec<Part>,
    /// The part of the period, 0 to 1, that the terms were in force.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub share: Ratio,
    pub stage: Stage,
}

/// The usage under one rate of the terms.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PricedPart)]
pub struct Part {
    /// 0 is the general rate, `n` the n-th entry of `rates` (see [`super::terms::Terms::rate_for`]).
    #[serde(default, skip_serializing_if = "is_general")]
    pub rate: u32,
    pub usage: Usage,
}

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PricedUsage)]
pub enum Usage {
    /// Nothing but time.
    Time,
    /// An aggregated quantity in units, and the number of events behind it.
    Total(Total),
    /// Single events, for models that look at each; their order does not matter.
    Events(Vec<EventUnits>),
    /// Seats over stretches of the period.
    Seats(Vec<SeatStretch>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PricedTotal)]
pub struct Total {
    pub units: Ratio,
    pub events: u64,
}

/// One event as a price sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventUnits {
    pub at: Instant,
    pub event: EventId,
    pub units: Quantity,
    /// The amount it carries in the property that a `dynamic` price reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<UnitPrice>,
}

/// A number of seats held for a part of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeatStretch {
    pub seats: Quantity,
    /// The part of the period, 0 to 1; shares by day or second come from [`crate::proration`].
    pub share: Ratio,
}

impl Inputs {
    /// The usage of a whole period under the general rate, at its close.
    pub fn whole_period(usage: Usage) -> Inputs {
        Inputs { parts: vec![Part { rate: 0, usage }], share: Ratio::ONE, stage: Stage::Closing }
    }
}

impl Usage {
    /// An aggregated quantity.
    pub fn total(units: Ratio, events: u64) -> Usage {
        Usage::Total(Total { units, events })
    }

    /// Nothing but time, if that is what was used.
    pub(super) fn time(&self) -> Option<()> {
        matches!(self, Usage::Time).then_some(())
    }

    pub(super) fn events(&self) -> Option<&[EventUnits]> {
        match self {
            Usage::Events(events) => Some(events),
            Usage::Time | Usage::Total(_) | Usage::Seats(_) => None,
        }
    }

    pub(super) fn seats(&self) -> Option<&[SeatStretch]> {
        match self {
            Usage::Seats(stretches) => Some(stretches),
            Usage::Time | Usage::Total(_) | Usage::Events(_) => None,
        }
    }

    /// Quantity and number of events, where the usage has them. Single events are summed.
    ///
    /// # Errors
    /// [`OutOfRange`] when the sum does not fit.
    pub(crate) fn totals(&self) -> Result<Option<Total>, OutOfRange> {
        match self {
            Usage::Total(total) => Ok(Some(*total)),
            Usage::Events(events) => {
                let units = Ratio::sum(events.iter().map(|event| Ratio::from(event.units)))?;
                Ok(Some(Total { units, events: u64::try_from(events.len()).map_err(|_| OutOfRange)? }))
            }
            Usage::Time | Usage::Seats(_) => Ok(None),
        }
    }
}

fn whole() -> Ratio {
    Ratio::ONE
}

// Both take references because serde calls them so.
fn is_whole(share: &Ratio) -> bool {
    *share == Ratio::ONE
}

fn is_general(rate: &u32) -> bool {
    *rate == 0
}
