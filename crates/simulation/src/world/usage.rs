//! What they use: a batch of each customer for each month, and some that comes after its month was billed.

use std::time::Duration;

use domain::ingest::{Door, Item, batch};
use domain::time::Instant;
use engine::ingest::{Submission, Verdict, commit};
use serde_json::{Value, json};

use super::people::{customer_key, starts_at};
use super::{Writer, after, at};

/// Measurements of one customer in one month.
const EVENTS: u32 = 12;

pub(super) fn january(writer: &Writer<'_>) {
    for number in writer.ordered(writer.customers()) {
        let first = starts_at(number);
        send(
            writer,
            number,
            Month { name: "january", first, until: at("2026-01-31T20:00:00Z"), sent: "2026-01-31T23:00:00Z" },
        );
    }
}

pub(super) fn february(writer: &Writer<'_>) {
    for number in writer.ordered(writer.customers()) {
        let (first, until) = (at("2026-02-01T13:00:00Z"), at("2026-02-28T20:00:00Z"));
        send(writer, number, Month { name: "february", first, until, sent: "2026-02-28T23:00:00Z" });
    }
}

/// For invoices that are issued already.
pub(super) fn late_january(writer: &Writer<'_>) {
    for number in writer.ordered(writer.customers().filter(|number| number % 25 == 3)) {
        let until = at("2026-01-31T10:00:00Z");
        send(writer, number, Month { name: "late", first: starts_at(number), until, sent: "2026-02-12T00:00:00Z" });
    }
}

struct Month {
    name: &'static str,
    first: Instant,
    until: Instant,
    /// When it is sent, some milliseconds more for each customer.
    sent: &'static str,
}

fn send(writer: &Writer<'_>, number: u32, month: Month) {
    let whole = u64::try_from(month.until.micros() - month.first.micros()).unwrap();
    let events: Vec<Value> = (0..EVENTS)
        .map(|count| {
            let part = Duration::from_micros(whole / u64::from(EVENTS) * u64::from(count));
            let timestamp = month.first.checked_add(part).unwrap();
            let region = if (number + count).is_multiple_of(3) { "eu" } else { "us" };
            let (metric, units) = match count % 6 {
                0..=2 => ("calls", format!("{}.{}", (number * 31 + count * 17) % 40 + 1, count % 10)),
                3 => ("tokens", ((number * 7_919 + count) % 90_000 + 1_000).to_string()),
                4 => ("people", "1".to_owned()),
                _ => ("storage", ((number + count) % 30).to_string()),
            };
            json!({ "idempotencyKey": format!("{}-{number}-{count}", month.name), "metricKey": metric, "units": units,
                "timestamp": timestamp, "customerKey": customer_key(number),
                "properties": { "region": region, "person": format!("p{}", (number + count) % 5) } })
        })
        .collect();
    let ctx =
        writer.installation.deed(writer.project, &format!("usage {} {number}", month.name), after(month.sent, number));
    let items: Vec<Item> = batch::parse_json(json!({ "events": events }).to_string().as_bytes()).unwrap();
    let submission = Submission::new(&ctx, Door::Batch, items).unwrap();
    let answered = commit(&writer.installation.engine, vec![submission]).unwrap().remove(0).unwrap();
    for verdict in &answered.verdicts {
        assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
    }
}
