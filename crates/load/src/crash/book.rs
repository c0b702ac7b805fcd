//! What was acknowledged, written down when the answer was read; answers to repeated requests are judged against it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::compare::Findings;
use super::operation::{Event, Money, Operation};
use crate::client::Reply;

/// Whether an operation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Settled,
    /// Not acknowledged, nothing wrong: send it again with the same key.
    SendAgain,
    /// The user's token is not known any more.
    LogInAgain,
}

#[derive(Debug, Clone)]
pub(super) struct EventRecord {
    pub(super) id: String,
    pub(super) event: Event,
    /// Of the reply's body; none for items of a batch, whose verdict changes from accepted to replay.
    reply: Option<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct MoneyRecord {
    pub(super) id: String,
    pub(super) money: Money,
    reply: u64,
}

/// The acknowledgements of a run, and what was found wrong while it went on.
#[derive(Debug, Default)]
pub struct Book {
    pub(super) event_records: BTreeMap<String, EventRecord>,
    pub(super) money_records: BTreeMap<String, MoneyRecord>,
    pub findings: Findings,
    /// Requests sent again because no answer had come.
    pub retried: u64,
    /// Acknowledged requests that were sent again on purpose.
    pub repeated: u64,
}

impl Book {
    /// Distinct acknowledged events and transactions.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.events() + self.transactions()
    }

    #[must_use]
    pub fn events(&self) -> usize {
        self.event_records.len()
    }

    #[must_use]
    pub fn transactions(&self) -> usize {
        self.money_records.len()
    }

    /// Writes down what one answer says.
    pub fn judge(&mut self, operation: &Operation, reply: &Reply) -> Verdict {
        match (operation, reply.status) {
            (_, 429 | 500..=599) => Verdict::SendAgain,
            (Operation::Money(_), 401) => Verdict::LogInAgain,
            (Operation::Usage(event), 201) => self.judge_usage(event, reply),
            (Operation::Batch(events), 200) => self.judge_batch(operation, events, reply),
            (Operation::Money(money), 201) => self.judge_money(money, reply),
            (_, status) => {
                self.findings.unexpected.push(format!("{}: {status} {}", operation.name(), reply.quoted()));
                Verdict::Settled
            }
        }
    }

    fn judge_usage(&mut self, event: &Event, reply: &Reply) -> Verdict {
        let Some(id) = text(&reply.json(), "eventId") else {
            self.findings.unexpected.push(format!("usage {}: no eventId in {}", event.key, reply.quoted()));
            return Verdict::Settled;
        };
        let name = format!("usage {}", event.key);
        let known = self.event_records.get(&event.key).map(|record| (record.id.clone(), record.reply));
        match known {
            Some((known_id, known_reply)) => {
                let same = known_reply.is_none_or(|known| known == digest(&reply.body));
                self.judge_repetition(&name, &known_id, &id, reply.is_replay(), same);
            }
            None => {
                let record = EventRecord { id, event: event.clone(), reply: Some(digest(&reply.body)) };
                self.event_records.insert(event.key.clone(), record);
            }
        }
        Verdict::Settled
    }

    fn judge_money(&mut self, money: &Money, reply: &Reply) -> Verdict {
        let name = format!("{} {}", money.kind.word(), money.key);
        let Some(id) = text(&reply.json(), "id") else {
            self.findings.unexpected.push(format!("{name}: no id in {}", reply.quoted()));
            return Verdict::Settled;
        };
        let known = self.money_records.get(&money.key).map(|record| (record.id.clone(), record.reply));
        match known {
            Some((known_id, known_reply)) => {
                let same = known_reply == digest(&reply.body);
                self.judge_repetition(&name, &known_id, &id, reply.is_replay(), same);
            }
            None => {
                let record = MoneyRecord { id, money: money.clone(), reply: digest(&reply.body) };
                self.money_records.insert(money.key.clone(), record);
            }
        }
        Verdict::Settled
    }

    /// A batch is atomic on disk (promise P7): its items are all new or all known.
    fn judge_batch(&mut self, operation: &Operation, events: &[Event], reply: &Reply) -> Verdict {
        let answer = reply.json();
        let results = answer["results"].as_array().cloned().unwrap_or_default();
        if results.len() != events.len() {
            self.findings.unexpected.push(format!("{}: {} results", operation.name(), results.len()));
            return Verdict::Settled;
        }
        let accepted = results.iter().filter(|result| result["outcome"] == "accepted").count();
        if accepted != 0 && accepted != results.len() {
            self.findings.torn.push(format!("{}: {accepted} accepted, the others not", operation.name()));
        }
        for (event, result) in events.iter().zip(&results) {
            self.judge_item(event, result);
        }
        Verdict::Settled
    }

    fn judge_item(&mut self, event: &Event, result: &Value) {
        let replayed = result["outcome"] == "replay";
        let id = text(result, "eventId").filter(|_| replayed || result["outcome"] == "accepted");
        let Some(id) = id else {
            self.findings.unexpected.push(format!("item {}: {result}", event.key));
            return;
        };
        let known_id = self.event_records.get(&event.key).map(|record| record.id.clone());
        match known_id {
            Some(known_id) => self.judge_repetition(&format!("item {}", event.key), &known_id, &id, replayed, true),
            None => {
                let record = EventRecord { id, event: event.clone(), reply: None };
                self.event_records.insert(event.key.clone(), record);
            }
        }
    }

    /// What was acknowledged once must come back as it was; accepted anew means it had been forgotten.
    fn judge_repetition(&mut self, name: &str, known_id: &str, id: &str, replayed: bool, same_body: bool) {
        if !replayed {
            self.findings.lost.push(format!("{name}: acknowledged as {known_id}, accepted again as {id}"));
        } else if known_id != id || !same_body {
            self.findings.changed.push(format!("{name}: the replay of {known_id} is another answer ({id})"));
        }
    }
}

fn text(value: &Value, field: &str) -> Option<String> {
    value[field].as_str().map(str::to_owned)
}

fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}
