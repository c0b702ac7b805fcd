//! Sending usage as machines do.

use domain::access::Scope;
use serde_json::{Value, json};

use crate::world::{Project, Reply, Request, World};

/// A project with a key that may send usage.
pub struct Meter<'w> {
    pub world: &'w World,
    pub project: Project,
    pub key: String,
}

/// The body of the published request.
pub fn tokens(units: &str) -> Value {
    json!({ "metricKey": "api_tokens", "units": units, "timestamp": "2026-03-17T10:15:00.000Z" })
}

impl World {
    pub fn meter(&self) -> Meter<'_> {
        let project = self.project();
        let key = self.access_key(&project, &[Scope::IngestUsage]);
        Meter { world: self, project, key }
    }
}

impl<'w> Meter<'w> {
    pub fn post(&self, path: &str) -> Request<'w> {
        self.world.post(path).key(&self.key)
    }

    pub fn usage(&self, key: &str, body: &Value) -> Reply {
        self.post("/ingest/usage").idempotency(key).json(body.clone()).send()
    }

    pub fn batch(&self, events: &[Value]) -> Reply {
        self.post("/ingest/usage/batch").json(json!({ "events": events })).send()
    }

    /// Reads something of the project as its owner.
    pub fn read(&self, path: &str) -> Value {
        self.world.get(self.project.path(path)).bearer(&self.project.owner.token).expect(200)
    }

    /// The units and the number of events of a metric in the current month.
    pub fn used(&self, metric: &str) -> (String, i64) {
        let usage = self.read(&format!("/metrics/{metric}/usage"));
        let row = &usage["data"][0];
        (row["units"].as_str().unwrap_or("0.000000").to_owned(), row["events"].as_i64().unwrap_or_default())
    }
}
