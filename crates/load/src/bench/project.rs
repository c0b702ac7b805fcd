//! A project of the benchmark: the plan in it, usage sent to it, and the server at rest.

use std::time::Duration;

use serde_json::{Value, json};

use super::plan;
use super::usage::Year;
use crate::account::Account;
use crate::client::{Client, Request};
use crate::server_process::ServerProcess;
use crate::{LoadError, clock, requests};

/// How long the server may take to fold what was sent.
const QUIET_WITHIN: Duration = Duration::from_secs(300);
const LOOK_AT_WORK_EVERY: Duration = Duration::from_millis(500);
/// A server that waits for its database rests, too, but never for so many looks.
const QUIET_LOOKS: u32 = 20;

/// A connection to a project.
pub(super) struct Project<'a> {
    pub(super) client: &'a mut Client,
    pub(super) account: &'a Account,
}

impl Project<'_> {
    /// Metrics and a published version of the plan.
    pub(super) fn declare(&mut self) -> Result<(), LoadError> {
        let policies = json!({ "policies": { "unknownCustomer": "autoCreate" } });
        let Account { access_token, project_id, .. } = self.account;
        self.ask(requests::change(access_token, project_id, "", &policies), &[200])?;
        for metric in plan::metrics() {
            self.post("/metrics", &metric, &[200, 201])?;
        }
        self.post("/plans", &plan::version("0.0003"), &[200, 201])?;
        self.post(&format!("/plans/{}/versions/1/publish", plan::PLAN), &json!({}), &[200])?;
        Ok(())
    }

    /// Sends usage; each event must be accepted.
    pub(super) fn send(&mut self, year: Year) -> Result<(), LoadError> {
        for batch in year.batches() {
            let request = Request::post("/ingest/usage/batch")
                .access_key(&self.account.access_key)
                .body("application/json", batch.body.into_bytes());
            let reply = self.client.send_patiently(&request)?.require(&request.name(), &[200])?;
            if reply.json()["accepted"].as_u64() != u64::try_from(batch.events).ok() {
                return Err(LoadError::Unexpected {
                    request: request.name(),
                    status: reply.status,
                    body: reply.quoted(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn read(&mut self, rest: &str) -> Result<Value, LoadError> {
        let Account { access_token, project_id, .. } = self.account;
        self.ask(requests::read(access_token, project_id, rest), &[200])
    }

    pub(super) fn post(&mut self, rest: &str, body: &Value, wanted: &[u16]) -> Result<Value, LoadError> {
        let Account { access_token, project_id, .. } = self.account;
        self.ask(requests::write(access_token, project_id, rest, body), wanted)
    }

    pub(super) fn ask(&mut self, request: Request, wanted: &[u16]) -> Result<Value, LoadError> {
        Ok(self.client.send_patiently(&request)?.require(&request.name(), wanted)?.json())
    }
}

/// Waits until the server rests: everything that was sent is folded.
pub(super) fn wait_until_quiet(server: &ServerProcess) {
    let begun = clock::start();
    let (mut before, mut quiet) = (server.processor_ticks(), 0);
    while begun.elapsed() < QUIET_WITHIN && quiet < QUIET_LOOKS {
        clock::pause(LOOK_AT_WORK_EVERY);
        let now = server.processor_ticks();
        quiet = match (before, now) {
            (Some(earlier), Some(later)) if later > earlier + 2 => 0,
            _ => quiet + 1,
        };
        before = now;
    }
}
