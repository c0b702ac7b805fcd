//! An imitation of the published API, just large enough for smoke check and demo, with faults that can be planted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::fake_server::{Answer, Received, serve};

/// A promise the imitation breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    AnyPassword,
    SecondProject,
    NoReplayHeader,
    NoConflict,
    CreditTwice,
    RevokedKeyWorks,
}

const SANDBOX_KEY: &str = "nrb_two_secret";

pub struct FakeApi {
    pub base: String,
}

impl FakeApi {
    pub fn start() -> FakeApi {
        FakeApi::begin(None)
    }

    pub fn with_fault(fault: Fault) -> FakeApi {
        FakeApi::begin(Some(fault))
    }

    fn begin(fault: Option<Fault>) -> FakeApi {
        let state = Mutex::new(State { fault, ..State::default() });
        let base = serve(move |received| state.lock().unwrap_or_else(PoisonError::into_inner).answer(received));
        FakeApi { base }
    }
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    projects: u64,
    revoked: bool,
    /// By key: body as sent, answer.
    remembered: BTreeMap<String, (Value, Vec<u8>)>,
    event_ids: BTreeMap<String, Value>,
    customers: Vec<String>,
    tokens_micros: i64,
    /// By customer; the empty name is the project's own.
    balances: BTreeMap<String, i64>,
    transactions: Vec<Value>,
    /// Of the sandbox; empty until it is moved.
    clock: String,
    subscriptions: Vec<Value>,
    /// accepted, replayed, duplicates, conflicts, failed
    counts: [u64; 5],
}

impl State {
    fn answer(&mut self, received: &Received) -> Answer {
        let path = received.path.split('?').next().unwrap();
        let last = path.rsplit('/').next().unwrap();
        if let Some(answer) = self.answer_sandbox(received, path, last) {
            return answer;
        }
        match (received.method.as_str(), last) {
            ("POST", "login") => self.login(&received.json()),
            ("POST", "projects") => self.create_project(),
            ("POST", "access-keys") => answer(201, &json!({ "id": "key_1", "accessKey": "nrb_one_secret" })),
            ("GET", "access-keys") => answer(200, &json!({ "data": [{ "id": "key_1" }], "nextCursor": null })),
            ("DELETE", _) => {
                self.revoked = true;
                Answer::raw("HTTP/1.1 204 No Content\r\n\r\n")
            }
            ("POST", "customers") => {
                self.customers.push(received.json()["externalKey"].as_str().unwrap().to_owned());
                answer(201, &json!({ "id": "cus_1" }))
            }
            ("POST", "usage" | "charge") if self.revoked && self.fault != Some(Fault::RevokedKeyWorks) => {
                problem(401, "invalid_access_key")
            }
            ("POST", "usage") => {
                let key = received.header("Idempotency-Key").unwrap().to_owned();
                self.usage(&key, &received.json()).0
            }
            ("POST", "apply") => {
                assert_eq!(received.header("Content-Type"), Some("application/yaml"));
                answer(200, &json!({ "changes": [] }))
            }
            ("POST", "estimate") => {
                assert!(self.customers.iter().any(|known| received.json()["customerKey"] == known.as_str()));
                answer(
                    200,
                    &json!({ "currency": "USD", "tax": "1.900000", "total": "11.900000",
                    "lines": [{ "asset": "CREDITS", "amount": "250.000000" }] }),
                )
            }
            ("POST", "batch") => self.batch(&received.json()),
            ("POST", "charge" | "credit") => self.money(last, received),
            ("GET", "overview") => self.overview(),
            ("GET", "outcomes") => answer(200, &json!({ "data": [] })),
            ("GET", "trace") => {
                let key = received.path.split_once("key=").unwrap().1;
                answer(200, &serde_json::from_slice(&self.remembered[key].1).unwrap())
            }
            other => panic!("the imitation has no {other:?}"),
        }
    }

    fn login(&self, body: &Value) -> Answer {
        if body["password"] != "strong-password" && self.fault != Some(Fault::AnyPassword) {
            return problem(401, "invalid_credentials");
        }
        answer(200, &json!({ "accessToken": "jwt", "user": { "email": body["email"] } }))
    }

    /// What only the project with a clock of its own is asked for.
    fn answer_sandbox(&mut self, received: &Received, path: &str, last: &str) -> Option<Answer> {
        Some(match (received.method.as_str(), last) {
            ("POST", "projects") if received.json()["mode"] == "sandbox" => self.create_sandbox(),
            ("POST", "access-keys") if path.contains("prj_2") => {
                answer(201, &json!({ "id": "key_2", "accessKey": SANDBOX_KEY }))
            }
            // What is used in the sandbox is counted there.
            ("POST", "batch") if received.header("x-api-key") == Some(SANDBOX_KEY) => {
                answer(200, &json!({ "accepted": received.json()["events"].as_array().unwrap().len() }))
            }
            ("POST", "usage") if received.header("x-api-key") == Some(SANDBOX_KEY) => {
                assert!(received.json()["timestamp"].as_str().unwrap() < self.clock.as_str(), "it comes late");
                answer(201, &json!({}))
            }
            ("POST", "advance") => {
                let to = received.json()["to"].as_str().unwrap().to_owned();
                assert!(to > self.clock, "a clock does not go back: {to}");
                self.clock = to;
                answer(200, &json!({ "now": self.clock }))
            }
            ("POST", "subscriptions") => {
                self.subscriptions.push(received.json());
                answer(201, &json!({ "id": "sub_1" }))
            }
            ("GET", "subscriptions") => answer(200, &json!({ "data": [{ "id": "sub_1" }] })),
            ("POST", "changes") => answer(201, &json!({})),
            ("GET", "invoices") => answer(200, &json!({ "data": self.invoices() })),
            ("GET", "late-usage") => answer(
                200,
                &json!({ "data": [{ "customerKey": "tessera-robotics", "invoiceId": "inv_0", "correctionId": "inv_1",
                    "effect": "150.000000" }] }),
            ),
            ("POST", "credit-notes") => {
                answer(201, &json!({ "creditNotes": [{ "number": "CN-000001", "total": received.json()["amount"] }] }))
            }
            _ => return None,
        })
    }

    fn create_sandbox(&mut self) -> Answer {
        let status = if self.clock.is_empty() { 201 } else { 200 };
        answer(status, &json!({ "id": "prj_2" }))
    }

    /// One for each subscription, the newest first.
    fn invoices(&self) -> Vec<Value> {
        let issued = self.subscriptions.iter().enumerate().map(|(number, subscription)| {
            json!({ "id": format!("inv_{number}"), "number": format!("INV-{number}"), "state": "issued", "currency": "USD",
                "customerKey": subscription["customerKey"], "billsOn": "2027-01-01", "due": "10.00" })
        });
        let draft = json!({ "id": "inv_draft", "number": null });
        std::iter::once(draft).chain(issued.rev()).collect()
    }

    fn create_project(&mut self) -> Answer {
        self.projects += 1;
        match (self.projects, self.fault) {
            (1, _) => answer(201, &json!({ "id": "prj_1" })),
            (number, Some(Fault::SecondProject)) => answer(200, &json!({ "id": format!("prj_{number}") })),
            _ => answer(200, &json!({ "id": "prj_1" })),
        }
    }

    fn usage(&mut self, key: &str, body: &Value) -> (Answer, &'static str) {
        if let Some((first, reply)) = self.remembered.get(key) {
            if first == body || self.fault == Some(Fault::NoConflict) {
                self.counts[1] += 1;
                let replayed = [("Idempotent-Replayed", "true")];
                let marks: &[_] = if self.fault == Some(Fault::NoReplayHeader) { &[] } else { &replayed };
                return (Answer::json(201, marks, reply), "replay");
            }
            self.counts[3] += 1;
            return (problem(409, "idempotency_conflict"), "conflict");
        }
        if let Some(id) = body["eventId"].as_str()
            && self.event_ids.insert(id.to_owned(), body.clone()).is_some_and(|known| known == *body)
        {
            self.counts[2] += 1;
            return (answer(200, &json!({ "outcome": "duplicate", "eventId": id })), "duplicate");
        }
        let units = micros(body["units"].as_str().unwrap_or("x"));
        let customer = body["customerKey"].as_str();
        let is_known = customer.is_none_or(|key| self.customers.iter().any(|known| known == key));
        // The imitation has no clock: the one event of the demo that lies ahead has a telling key.
        let is_ahead = key == "demo-tomorrow";
        let (Some(units), true, false, Some(metric)) = (units, is_known, is_ahead, body["metricKey"].as_str()) else {
            self.counts[4] += 1;
            return (problem(422, "too_precise"), "failed");
        };
        self.counts[0] += 1;
        if metric == "api_tokens" && customer.is_none() {
            self.tokens_micros += units;
        }
        let id = format!("evt_{}", self.remembered.len());
        let reply = serde_json::to_vec(&json!({ "eventId": id, "outcome": "accepted" })).unwrap();
        self.remembered.insert(key.to_owned(), (body.clone(), reply.clone()));
        (Answer::json(201, &[], &reply), "accepted")
    }

    fn batch(&mut self, body: &Value) -> Answer {
        let mut accepted = 0;
        for item in body["events"].as_array().unwrap() {
            let mut event = item.clone();
            let key = event.as_object_mut().unwrap().remove("idempotencyKey").unwrap();
            accepted += u64::from(self.usage(key.as_str().unwrap(), &event).1 == "accepted");
        }
        answer(200, &json!({ "accepted": accepted }))
    }

    fn money(&mut self, kind: &str, received: &Received) -> Answer {
        let key = received.header("Idempotency-Key").unwrap();
        let known = self.remembered.get(key).filter(|_| self.fault != Some(Fault::CreditTwice));
        if let Some((_, reply)) = known {
            return Answer::json(201, &[("Idempotent-Replayed", "true")], reply);
        }
        let body = received.json();
        let amount = micros(body["amount"].as_str().unwrap()).unwrap();
        let change = if kind == "credit" { amount } else { -amount };
        let balance = self.balances.entry(body["customerKey"].as_str().unwrap_or_default().to_owned()).or_default();
        if *balance + change < 0 {
            return problem(402, "insufficient_credit");
        }
        *balance += change;
        let after = text(*balance);
        let id = format!("txn_{}", self.transactions.len());
        let reply = json!({ "id": id, "type": kind, "balanceAfter": after });
        self.transactions.push(reply.clone());
        let bytes = serde_json::to_vec(&reply).unwrap();
        self.remembered.insert(key.to_owned(), (body, bytes.clone()));
        Answer::json(201, &[], &bytes)
    }

    fn overview(&self) -> Answer {
        let [accepted, replayed, duplicates, conflicts, failed] = self.counts;
        answer(
            200,
            &json!({
                "wallet": { "balance": text(self.balances.get("").copied().unwrap_or(0)) },
                "currentPeriod": { "usage": [{ "metricKey": "api_tokens", "units": text(self.tokens_micros), "events": 1 }] },
                "recentTransactions": self.transactions,
                "ingest": {
                    "accepted": accepted, "replayed": replayed, "duplicates": duplicates,
                    "conflicts": conflicts, "failed": failed,
                },
            }),
        )
    }
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer::json(status, &[], &serde_json::to_vec(body).unwrap())
}

fn problem(status: u16, code: &str) -> Answer {
    answer(status, &json!({ "status": status, "code": code }))
}

/// Positive decimals with at most six places; anything else is refused.
fn micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 6 || text.starts_with('-') {
        return None;
    }
    format!("{whole}{fraction:0<6}").parse().ok()
}

fn text(micros: i64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
