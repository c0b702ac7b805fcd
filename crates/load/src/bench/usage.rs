//! A year of usage of many customers from a seed, as batches in the order of time. Pure.

use std::fmt::Write;

use jiff::civil::Date;

use crate::keys::KeyMint;
use crate::random::Random;
use crate::{clock, decimal};

/// The metrics of the plan; every customer uses each of them in every month.
const METRICS: [&str; 3] = ["rated_calls", "rated_tokens", "rated_gigabytes"];
const MODELS: [&str; 3] = ["small", "medium", "large"];
const BATCH: usize = 2_000;

/// How much usage there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Year {
    /// The first day of a month.
    pub(super) first_day: Date,
    pub(super) customers: u64,
    pub(super) months: u64,
    /// Of one customer, metric and month.
    pub(super) events: u64,
    pub(super) seed: u64,
}

impl Year {
    pub(super) fn from(self) -> String {
        self.month_start(0).to_string()
    }

    /// Exclusive.
    pub(super) fn to(self) -> String {
        self.month_start(self.months).to_string()
    }

    pub(super) fn event_count(self) -> u64 {
        self.customers * self.months * self.events * count(METRICS.len())
    }

    /// Every body of `POST /ingest/usage/batch`, the oldest events first.
    pub(super) fn batches(self) -> impl Iterator<Item = Batch> {
        let mut random = Random::fork(self.seed, 77);
        let mut mint = KeyMint::new(Random::fork(self.seed, 78));
        let mut events = (0..self.months).flat_map(move |month| {
            let turns =
                (0..self.events).flat_map(move |turn| (0..self.customers).map(move |customer| (turn, customer)));
            turns.map(move |(turn, customer)| (month, turn, customer))
        });
        std::iter::from_fn(move || {
            let mut batch = Batch { body: String::from("{\"events\":["), events: 0 };
            while batch.events < BATCH {
                let Some((month, turn, customer)) = events.next() else { break };
                let at_millis = self.instant(month, turn, customer);
                for metric in METRICS {
                    batch.push(metric, customer, at_millis, &mut random, &mut mint);
                }
            }
            batch.body.push_str("]}");
            (batch.events > 0).then_some(batch)
        })
    }

    /// The turns of a month stand at equal distances, the customers of a turn a second apart.
    fn instant(self, month: u64, turn: u64, customer: u64) -> u64 {
        let (start, end) = (millis(self.month_start(month)), millis(self.month_start(month + 1)));
        let stretch = (end - start) / self.events;
        start + turn * stretch + customer * 1_000 % stretch
    }

    /// The first moment of a month, in UTC.
    fn month_start(self, number: u64) -> jiff::Timestamp {
        let months = jiff::Span::new().months(i64::try_from(number).unwrap_or(0));
        let date = self.first_day.saturating_add(months);
        date.to_zoned(jiff::tz::TimeZone::UTC).map_or(jiff::Timestamp::MAX, |start| start.timestamp())
    }
}

/// One request's body.
pub(super) struct Batch {
    pub(super) body: String,
    pub(super) events: usize,
}

impl Batch {
    fn push(&mut self, metric: &str, customer: u64, at_millis: u64, random: &mut Random, mint: &mut KeyMint) {
        let separator = if self.events == 0 { "" } else { "," };
        let units = decimal::text(i64::try_from(random.between(1, 900_000_000_000)).unwrap_or(1));
        let (key, at) = (mint.next(at_millis), clock::rfc3339(at_millis));
        // Cannot fail: a string takes whatever is written to it.
        write!(
            self.body,
            "{separator}{{\"idempotencyKey\":\"{key}\",\"metricKey\":\"{metric}\",\"units\":\"{units}\",\"timestamp\":\"{at}\",\
             \"customerKey\":\"{}\",\"properties\":{{\"model\":\"{}\"}}}}",
            customer_key(customer),
            random.pick(&MODELS),
        )
        .expect("a string can be written to");
        self.events += 1;
    }
}

pub(super) fn customer_key(number: u64) -> String {
    format!("rated-{number:06}")
}

fn millis(at: jiff::Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_DAY: Date = jiff::civil::date(2025, 1, 1);

    #[test]
    fn every_customer_uses_every_metric_in_every_month() {
        let year = Year { first_day: FIRST_DAY, customers: 700, months: 2, events: 2, seed: 1 };
        let bodies: Vec<Batch> = year.batches().collect();
        let all: Vec<serde_json::Value> = bodies
            .iter()
            .flat_map(|batch| {
                let body: serde_json::Value = serde_json::from_str(&batch.body).unwrap();
                body["events"].as_array().unwrap().clone()
            })
            .collect();
        assert_eq!(count(all.len()), year.event_count());
        assert_eq!(bodies.iter().map(|batch| batch.events).sum::<usize>(), all.len());
        let of_one = |month: &str| {
            let names = |event: &&serde_json::Value| {
                event["customerKey"] == customer_key(699)
                    && event["timestamp"].as_str().is_some_and(|at| at.starts_with(month))
            };
            all.iter().filter(names).count()
        };
        assert_eq!((of_one("2025-01"), of_one("2025-02"), of_one("2025-03")), (6, 6, 0));
        assert_eq!((year.from(), year.to()), ("2025-01-01T00:00:00Z".to_owned(), "2025-03-01T00:00:00Z".to_owned()));
    }

    #[test]
    fn events_come_in_the_order_of_time() {
        let year = Year { first_day: FIRST_DAY, customers: 50, months: 3, events: 4, seed: 1 };
        let mut last = String::new();
        for batch in year.batches() {
            let body: serde_json::Value = serde_json::from_str(&batch.body).unwrap();
            for event in body["events"].as_array().unwrap() {
                let at = event["timestamp"].as_str().unwrap().to_owned();
                assert!(at >= last, "{at} follows {last}");
                last = at;
            }
        }
    }
}
