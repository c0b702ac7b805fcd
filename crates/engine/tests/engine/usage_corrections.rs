//! Corrections of usage: whatever reads usage agrees with them, what was counted before stays countable, and everything can be taken back.

mod counted;
mod invoiced;
mod refused;

use domain::ids::UsageCorrectionId;
use domain::ingest::correction::{Amendment, EventChange};
use domain::ledger::reason::{Reason, ReasonCode};
use domain::quantity::Quantity;
use engine::Error;
use engine::usage_corrections::{ProposeCorrection, ProposedItem};

use crate::world::{World, key};

pub fn reason() -> Reason {
    Reason { code: ReasonCode::BillingError, text: Some("the meter was broken".to_owned()) }
}

pub fn void(event: &str) -> ProposedItem {
    ProposedItem { event: event.to_owned(), change: EventChange::Void }
}

pub fn amend(event: &str, units: &str) -> ProposedItem {
    let amendment = Amendment { units: Some(Quantity::parse(units).unwrap()), ..Amendment::default() };
    ProposedItem { event: event.to_owned(), change: EventChange::Amend(amendment) }
}

/// Proposes a correction, each time with another key.
pub fn propose(world: &World, items: Vec<ProposedItem>) -> Result<UsageCorrectionId, Error> {
    let command = ProposeCorrection { items, reason: reason() };
    let name = key(format!("correction-{}", world.random.below(u64::MAX)));
    let answer = world.engine.propose_usage_correction(&world.owner(), name, &command)?;
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    Ok(body["id"].as_str().unwrap().parse().unwrap())
}

pub fn apply(world: &World, items: Vec<ProposedItem>) -> UsageCorrectionId {
    let id = propose(world, items).unwrap();
    world.engine.apply_usage_correction(&world.owner(), id).unwrap();
    id
}
