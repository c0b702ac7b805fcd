//! Corrections of usage: events that are taken out of the count, or counted as something else. What was accepted stays as it was; a
//! correction is a record beside it, which can be taken back.

use crate::ids::EventId;
use crate::named::named;
use crate::quantity::Quantity;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

use super::event::UsageEvent;

/// The most events of one correction.
pub const ITEMS_MAX: usize = 1_000;

named! {
    /// How far a correction has come.
    CorrectionState {
        /// It can be looked at; nothing counts otherwise yet.
        Proposed = "proposed",
        Applied = "applied",
        /// It was applied and taken back.
        Reverted = "reverted",
    }
}

named! {
    /// What is done to an event.
    CorrectionAction {
        /// It does not count.
        Void = "void",
        /// Another event counts in its place.
        Amend = "amend",
    }
}

/// What is to become of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionItem {
    pub event: EventId,
    pub change: EventChange,
}

/// The correction of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventChange {
    Void,
    Amend(Amendment),
}

/// What is different in the event that takes the place of another. Whatever is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amendment {
    pub units: Option<Quantity>,
    pub at: Option<Instant>,
    /// A JSON object in canonical form, in the place of the whole object before.
    pub properties: Option<String>,
}

/// An event as it should have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    pub units: Quantity,
    pub at: Instant,
    pub properties: Option<String>,
}

impl EventChange {
    pub fn action(&self) -> CorrectionAction {
        match self {
            EventChange::Void => CorrectionAction::Void,
            EventChange::Amend(_) => CorrectionAction::Amend,
        }
    }
}

impl Amendment {
    /// The event that takes the place of `original`.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] when nothing would be different.
    pub fn of(&self, original: &UsageEvent) -> Result<Amended, Refusal> {
        let amended = Amended {
            units: self.units.unwrap_or(original.units),
            at: self.at.unwrap_or(original.at),
            properties: self.properties.clone().or_else(|| original.properties.clone()),
        };
        let same = amended.units == original.units
            && amended.at == original.at
            && amended.properties.as_deref().unwrap_or("{}") == original.properties.as_deref().unwrap_or("{}");
        if same {
            return Err(Refusal::new(Code::InvalidValue, "The amendment changes nothing of the event."));
        }
        Ok(amended)
    }
}

impl CorrectionState {
    /// # Errors
    /// [`Code::CorrectionState`] unless it waits to be applied.
    pub fn check_applies(self) -> Result<(), Refusal> {
        match self {
            CorrectionState::Proposed => Ok(()),
            CorrectionState::Applied | CorrectionState::Reverted => {
                let detail = format!("The correction is {self}; it is applied once. Propose another one.");
                Err(Refusal::new(Code::CorrectionState, detail))
            }
        }
    }

    /// # Errors
    /// [`Code::CorrectionState`] unless it is applied.
    pub fn check_reverts(self) -> Result<(), Refusal> {
        match self {
            CorrectionState::Applied => Ok(()),
            CorrectionState::Proposed | CorrectionState::Reverted => {
                let detail = format!("The correction is {self}; only one that is applied can be taken back.");
                Err(Refusal::new(Code::CorrectionState, detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TypedId;
    use crate::ingest::Door;

    fn original() -> UsageEvent {
        UsageEvent {
            id: EventId::from_uuid(uuid::Uuid::from_u128(1)),
            batch: TypedId::from_uuid(uuid::Uuid::from_u128(2)),
            metric: TypedId::from_uuid(uuid::Uuid::from_u128(3)),
            metric_key: "calls".to_owned(),
            customer: TypedId::from_uuid(uuid::Uuid::from_u128(4)),
            customer_key: "acme".to_owned(),
            subscription_key: None,
            external_id: None,
            idempotency_key: "k1".to_owned(),
            units: Quantity::parse("7").unwrap(),
            at: Instant::parse("2026-03-01T00:00:00Z").unwrap(),
            received_at: Instant::parse("2026-03-01T00:00:01Z").unwrap(),
            late: false,
            door: Door::Single,
            access_key: None,
            request_id: "req".to_owned(),
            properties: None,
            payload: "{}".to_owned(),
        }
    }

    #[test]
    fn an_amendment_changes_what_it_names_and_nothing_else() {
        let units = Some(Quantity::parse("9").unwrap());
        let amended = Amendment { units, ..Amendment::default() }.of(&original()).unwrap();
        assert_eq!(
            (amended.units.to_string(), amended.at, amended.properties),
            ("9.000000".into(), original().at, None)
        );
    }

    #[test]
    fn an_amendment_that_changes_nothing_is_refused() {
        let same = Amendment { units: Some(original().units), at: None, properties: Some("{}".to_owned()) };
        assert_eq!(same.of(&original()).unwrap_err().code, Code::InvalidValue);
        assert_eq!(Amendment::default().of(&original()).unwrap_err().code, Code::InvalidValue);
    }

    #[rstest::rstest]
    #[case(CorrectionState::Proposed, true, false)]
    #[case(CorrectionState::Applied, false, true)]
    #[case(CorrectionState::Reverted, false, false)]
    fn a_correction_is_applied_once_and_taken_back_once(
        #[case] state: CorrectionState,
        #[case] applies: bool,
        #[case] reverts: bool,
    ) {
        assert_eq!((state.check_applies().is_ok(), state.check_reverts().is_ok()), (applies, reverts));
    }
}
