//! What the crash driver sends. Every operation can be sent again with the same keys and the same body.

use serde_json::{Value, json};

use crate::account::Account;
use crate::client::Request;
use crate::random::Random;
use crate::{decimal, requests};

/// One usage event; without a timestamp, so that a later sending has the same body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub key: String,
    pub metric: String,
    pub units_micros: i64,
}

/// One movement on the project's own wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    pub key: String,
    pub kind: MoneyKind,
    pub amount_micros: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyKind {
    Credit,
    Charge,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Usage(Event),
    Batch(Vec<Event>),
    Money(Money),
}

pub(super) const SINGLE_METRIC: &str = "crash_single";
pub(super) const BATCH_METRIC: &str = "crash_batch";
const BATCH_EVENTS: (u64, u64) = (2, 40);
/// The key of the credit that is there so that no charge finds too little. It is drawn last: the small ones must be used.
pub(super) const FIRST_CREDIT: &str = "crash-first-credit";
const DRAWN_LAST: u8 = 100;

impl Operation {
    /// The next operation of one worker; the worker's number decides its kind.
    pub(super) fn next(worker: usize, count: u64, random: &mut Random) -> Operation {
        let key = format!("crash-{worker}-{count}");
        match worker % 4 {
            0 => Operation::Usage(event(key, SINGLE_METRIC, random)),
            1 => {
                let events = random.between(BATCH_EVENTS.0, BATCH_EVENTS.1);
                let event = |item: u64| event(format!("{key}-{item}"), BATCH_METRIC, random);
                Operation::Batch((0..events).map(event).collect())
            }
            2 => Operation::Money(money(key, MoneyKind::Charge, random)),
            _ => Operation::Money(money(key, MoneyKind::Credit, random)),
        }
    }

    pub(super) fn request(&self, account: &Account, token: &str) -> Request {
        match self {
            Operation::Usage(event) => requests::usage(&account.access_key, &event.key, &event.body()),
            Operation::Batch(events) => {
                let items: Vec<Value> = events.iter().map(Event::item).collect();
                requests::usage_batch(&account.access_key, &json!({ "events": items }))
            }
            Operation::Money(money) => {
                let mut body = json!({ "amount": decimal::text(money.amount_micros), "description": "Crash test" });
                if money.key == FIRST_CREDIT {
                    body["priority"] = json!(DRAWN_LAST);
                }
                match money.kind {
                    MoneyKind::Charge => requests::charge(&account.access_key, &money.key, &body),
                    MoneyKind::Credit => requests::credit(token, &account.project_id, &money.key, &body),
                }
            }
        }
    }

    /// How findings name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Operation::Usage(event) => format!("usage {}", event.key),
            Operation::Batch(events) => {
                let first = events.first().map_or("", |event| event.key.as_str());
                format!("batch of {} from {first}", events.len())
            }
            Operation::Money(money) => format!("{} {}", money.kind.word(), money.key),
        }
    }
}

impl MoneyKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            MoneyKind::Credit => "credit",
            MoneyKind::Charge => "charge",
        }
    }
}

impl Event {
    fn body(&self) -> Value {
        json!({ "metricKey": self.metric, "units": decimal::text(self.units_micros) })
    }

    fn item(&self) -> Value {
        let mut item = self.body();
        item["idempotencyKey"] = Value::from(self.key.as_str());
        item
    }
}

fn event(key: String, metric: &str, random: &mut Random) -> Event {
    Event { key, metric: metric.to_owned(), units_micros: micros(random, 1, 50_000_000) }
}

/// Charges are larger than credits, so that they empty the lots that credits make.
fn money(key: String, kind: MoneyKind, random: &mut Random) -> Money {
    let highest = match kind {
        MoneyKind::Credit => 5_000_000,
        MoneyKind::Charge => 15_000_000,
    };
    Money { key, kind, amount_micros: micros(random, 1, highest) }
}

fn micros(random: &mut Random, low: u64, high: u64) -> i64 {
    i64::try_from(random.between(low, high)).unwrap_or(1)
}
