//! Sending usage without a server: items from JSON, committed at once.

use domain::access::Scope;
use domain::ids::ProjectId;
use domain::ingest::{Door, Item, Outcome, batch};
use domain::refusal::Code;
use engine::ctx::Held;
use engine::ingest::{Answered, Submission, Verdict, commit};
use engine::{Actor, Answer, Ctx, Engine};
use serde_json::{Value, json};

use crate::world::World;

/// A machine with the scope to send usage into a project.
pub fn machine(engine: &Engine, project: ProjectId) -> Ctx {
    let caller = engine.caller("req_machine").with_actor(Actor::System { name: "machine" });
    Ctx { caller, project, held: Held::Scopes(vec![Scope::IngestUsage]) }
}

/// The item of a single request.
pub fn item(key: &str, body: &Value) -> Item {
    Item::single(Some(key), body.to_string().as_bytes())
}

/// A measurement of `api_tokens` at the beginning of the story.
pub fn tokens(units: &str) -> Value {
    json!({ "metricKey": "api_tokens", "units": units, "timestamp": "2026-03-17T10:15:00.000Z" })
}

/// The items of a batch.
pub fn items(events: &[Value]) -> Vec<Item> {
    batch::parse_json(json!({ "events": events }).to_string().as_bytes()).unwrap()
}

/// An event of a batch.
pub fn event(key: &str, body: &Value) -> Value {
    let mut event = body.clone();
    event["idempotencyKey"] = json!(key);
    event
}

/// Commits one request of a project.
pub fn submit(engine: &Engine, project: ProjectId, door: Door, items: Vec<Item>) -> Answered {
    let submission = Submission::new(&machine(engine, project), door, items).unwrap();
    commit(engine, vec![submission]).unwrap().remove(0).unwrap()
}

impl World {
    /// Sends one event and demands an answer.
    #[track_caller]
    pub fn send(&self, key: &str, body: &Value) -> Answer {
        let answered = submit(&self.engine, self.project.id, Door::Single, vec![item(key, body)]);
        answered.single().unwrap()
    }

    /// Sends one event and demands a refusal.
    #[track_caller]
    pub fn send_refused(&self, key: &str, body: &Value) -> (Outcome, Code, Option<String>) {
        let answered = submit(&self.engine, self.project.id, Door::Single, vec![item(key, body)]);
        match answered.verdicts.into_iter().next().unwrap() {
            verdict @ (Verdict::Conflict(_) | Verdict::Failed(_)) => {
                let outcome = verdict.outcome();
                let (Verdict::Conflict(refusal) | Verdict::Failed(refusal)) = verdict else { unreachable!() };
                (outcome, refusal.code, refusal.first_field().map(str::to_owned))
            }
            verdict => panic!("{key} was not refused: {verdict:?}"),
        }
    }

    /// Sends a batch; the outcomes in the order of the events.
    pub fn send_batch(&self, events: &[Value]) -> Vec<Outcome> {
        let answered = submit(&self.engine, self.project.id, Door::Batch, items(events));
        answered.verdicts.iter().map(Verdict::outcome).collect()
    }

    /// The units and the number of events of a metric, over all time.
    pub fn used(&self, metric: &str) -> (String, u64) {
        let query = engine::metering::usage::UsageQuery {
            from: Some(domain::time::Instant::parse("2020-01-01T00:00:00Z").unwrap()),
            to: Some(domain::time::Instant::parse("2030-01-01T00:00:00Z").unwrap()),
            ..Default::default()
        };
        let usage = self.engine.metric_usage(&self.owner(), metric, &query).unwrap();
        usage.data.first().map_or(("0.000000".to_owned(), 0), |row| (row.units.to_string(), row.events))
    }
}
