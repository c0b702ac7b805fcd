//! Reads back over the API what the server has after the last restart: pages, single reads, totals, traces.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::{Findings, Observed, ObservedEvent, ObservedTransaction};
use super::operation::{BATCH_METRIC, SINGLE_METRIC};
use super::worker::Shared;
use crate::client::{Client, Reply};
use crate::{LoadError, account, decimal, requests};

/// Single reads are made for so many events; all of them are read by pages.
const SINGLE_READS_MAX: usize = 2_000;
const TRACES_MAX: usize = 100;
const PAGE: usize = 200;

/// What is there, and what single reads and traces found wrong.
pub(super) fn observe(shared: &Shared) -> Result<(Observed, Findings), LoadError> {
    let mut reader = Reader::new(shared)?;
    let mut observed =
        Observed { events: reader.events()?, transactions: reader.transactions()?, ..Observed::default() };
    for metric in [SINGLE_METRIC, BATCH_METRIC] {
        observed.totals.insert(metric.to_owned(), reader.total(metric)?);
    }
    observed.balance_micros = reader.balance()?;
    let mut findings = Findings::default();
    reader.read_one_by_one(&observed, &mut findings)?;
    reader.trace_some(&mut findings)?;
    Ok((observed, findings))
}

struct Reader<'a> {
    client: Client,
    token: String,
    shared: &'a Shared,
}

impl Reader<'_> {
    fn new(shared: &Shared) -> Result<Reader<'_>, LoadError> {
        let mut client = Client::new(&shared.base_url)?;
        let token = account::login(&mut client, &shared.owner)?;
        Ok(Reader { client, token, shared })
    }

    /// Reads below the project; a long run outlives its token, so a 401 means to log in once more.
    fn get(&mut self, rest: &str) -> Result<Reply, LoadError> {
        let project = &self.shared.account.project_id;
        let reply = self.client.send_patiently(&requests::read(&self.token, project, rest))?;
        if reply.status != 401 {
            return Ok(reply);
        }
        self.token = account::login(&mut self.client, &self.shared.owner)?;
        self.client.send_patiently(&requests::read(&self.token, project, rest))
    }

    fn get_ok(&mut self, rest: &str) -> Result<Value, LoadError> {
        Ok(self.get(rest)?.require(&format!("GET {rest}"), &[200])?.json())
    }

    /// Every row of a list.
    fn pages(&mut self, rest: &str) -> Result<Vec<Value>, LoadError> {
        let mut rows = Vec::new();
        let mut query = format!("?limit={PAGE}");
        loop {
            let page = self.get_ok(&format!("{rest}{query}"))?;
            rows.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["nextCursor"].as_str() {
                Some(cursor) => query = format!("?limit={PAGE}&cursor={}", requests::escaped(cursor)),
                None => return Ok(rows),
            }
        }
    }

    fn events(&mut self) -> Result<Vec<ObservedEvent>, LoadError> {
        let rows = self.pages("/ingest/events")?;
        let event =
            |row: &Value| ObservedEvent { key: text(row, "idempotencyKey"), id: text_of(row, &["eventId", "id"]) };
        Ok(rows.iter().map(event).collect())
    }

    fn transactions(&mut self) -> Result<Vec<ObservedTransaction>, LoadError> {
        let rows = self.pages("/transactions")?;
        let transaction = |row: &Value| ObservedTransaction {
            key: text(row, "idempotencyKey"),
            id: text(row, "id"),
            amount_micros: decimal::parse(&text(row, "amount")).unwrap_or_default(),
        };
        Ok(rows.iter().map(transaction).collect())
    }

    /// Units and events of one metric over all time, whatever windows the answer is cut into.
    fn total(&mut self, metric: &str) -> Result<(i128, u64), LoadError> {
        let usage = self.get_ok(&format!("/metrics/{metric}/usage"))?;
        let windows = usage["data"].as_array().or(usage["windows"].as_array()).cloned();
        let windows = windows.unwrap_or_else(|| vec![usage]);
        Ok(windows.iter().fold((0, 0), |(units, events), window| {
            let more = decimal::parse(&text(window, "units")).unwrap_or_default();
            (units + more, events + window["events"].as_u64().unwrap_or_default())
        }))
    }

    fn balance(&mut self) -> Result<i128, LoadError> {
        let overview = self.get_ok("/billing/overview")?;
        Ok(decimal::parse(&text(&overview["wallet"], "balance")).unwrap_or_default())
    }

    /// `GET …/ingest/events/{eventId}` for what the pages lack, and for a part of what they have.
    fn read_one_by_one(&mut self, observed: &Observed, findings: &mut Findings) -> Result<(), LoadError> {
        let listed: BTreeMap<&str, &str> =
            observed.events.iter().map(|event| (event.id.as_str(), event.key.as_str())).collect();
        let acknowledged: Vec<(String, String)> =
            self.shared.book().event_records.iter().map(|(key, record)| (key.clone(), record.id.clone())).collect();
        let every = acknowledged.len().div_ceil(SINGLE_READS_MAX).max(1);
        for (number, (key, id)) in acknowledged.iter().enumerate() {
            let is_listed = listed.contains_key(id.as_str());
            if is_listed && number % every != 0 {
                continue;
            }
            let reply = self.get(&format!("/ingest/events/{}", requests::escaped(id)))?;
            let is_found = reply.status == 200 && text(&reply.json(), "idempotencyKey") == *key;
            if is_found != is_listed {
                findings.unexpected.push(format!("event {id}: in the list: {is_listed}, by itself: {}", reply.status));
            }
        }
        Ok(())
    }

    fn trace_some(&mut self, findings: &mut Findings) -> Result<(), LoadError> {
        let book = self.shared.book();
        let events = book.event_records.iter().map(|(key, record)| (key.clone(), record.id.clone()));
        let money = book.money_records.iter().map(|(key, record)| (key.clone(), record.id.clone()));
        let every = book.acknowledged().div_ceil(TRACES_MAX).max(1);
        let chosen: Vec<(String, String)> = events.chain(money).step_by(every).collect();
        drop(book);
        for (key, id) in chosen {
            let reply = self.get(&format!("/trace?key={}", requests::escaped(&key)))?;
            if reply.status != 200 || !String::from_utf8_lossy(&reply.body).contains(&id) {
                findings.figures.push(format!("the trace of {key} does not lead to {id} ({})", reply.status));
            }
        }
        Ok(())
    }
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap_or_default().to_owned()
}

/// The first of several names that is there.
fn text_of(row: &Value, fields: &[&str]) -> String {
    fields.iter().map(|field| text(row, field)).find(|text| !text.is_empty()).unwrap_or_default()
}
