//! Three months of usage events from a seed: office hours, weekends, growth, a launch day. Pure.

use serde_json::{Map, Value, json};

use super::profiles::{PROFILES, Profile};
use crate::keys::KeyMint;
use crate::random::Random;
use crate::{clock, decimal};

/// One event as the demo sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoEvent {
    pub key: String,
    pub metric: &'static str,
    pub units_micros: i64,
    /// Unix time.
    pub at_millis: u64,
    pub customer: Option<&'static str>,
    pub properties: Vec<(&'static str, &'static str)>,
}

const HOUR: u64 = 60 * 60 * 1_000;
const DAY: u64 = 24 * HOUR;
/// How a weekday's events fall on its hours, local time.
const HOURS: [u64; 24] = [2, 1, 1, 1, 1, 2, 4, 8, 12, 14, 15, 13, 11, 13, 15, 14, 12, 9, 6, 5, 4, 4, 3, 2];
const HOURS_SUM: u64 = 172;
const MODELS: [&str; 3] = ["atlas-large", "atlas-small", "atlas-small"];
const DIRECTIONS: [&str; 2] = ["input", "output"];
const ENDPOINTS: [&str; 4] = ["/v1/search", "/v1/documents", "/v1/documents", "/v1/webhooks"];
const REGIONS: [&str; 2] = ["eu-central", "us-east"];
/// One customer launches something: that day counts four times.
const LAUNCH: (&str, u64) = ("quillfox-studio", 58);
const DAY_OF_FIRST_MONDAY: u64 = 4;

/// Every event of the `days` before `now_millis`, oldest first, with increasing keys.
#[must_use]
pub fn events(seed: u64, now_millis: u64, days: u64) -> Vec<DemoEvent> {
    let midnight = now_millis - now_millis % DAY;
    let first_day = midnight.saturating_sub(days * DAY);
    let mut all = Vec::new();
    for (number, profile) in (1..).zip(&PROFILES) {
        let mut random = Random::fork(seed, number);
        let mut hour_start = first_day;
        while hour_start < now_millis {
            one_hour(profile, first_day, hour_start, &mut random, &mut all);
            hour_start += HOUR;
        }
    }
    all.retain(|event| event.at_millis < now_millis);
    all.sort_by_key(|event| event.at_millis);
    let mut mint = KeyMint::new(Random::fork(seed, 0));
    for event in &mut all {
        event.key = mint.next(event.at_millis).to_string();
    }
    all
}

fn one_hour(profile: &Profile, first_day: u64, hour_start: u64, random: &mut Random, all: &mut Vec<DemoEvent>) {
    let day = (hour_start - first_day) / DAY;
    let (first, end) = profile.active_days;
    if day < first || day >= end {
        return;
    }
    let hour = hour_start % DAY / HOUR;
    let level = level_per_mille(profile, day, hour_start);
    let mut add = |metric, units_micros, at_millis, properties| {
        let customer = profile.customer.map(|(key, _)| key);
        all.push(DemoEvent { key: String::new(), metric, units_micros, at_millis, customer, properties });
    };
    for _ in 0..how_many(profile.token_events, level, random) {
        let burst = if random.chance(40) { 8 } else { 1 };
        let tokens = random.between(profile.tokens / 4, profile.tokens * 2) * burst;
        let properties = vec![("model", *random.pick(&MODELS)), ("direction", *random.pick(&DIRECTIONS))];
        add("api_tokens", whole(tokens), hour_start + random.between(0, HOUR - 1), properties);
    }
    for _ in 0..how_many(profile.call_events, level, random) {
        let properties = vec![("endpoint", *random.pick(&ENDPOINTS)), ("region", *random.pick(&REGIONS))];
        add("api_calls", whole(random.between(1, 60)), hour_start + random.between(0, HOUR - 1), properties);
    }
    if hour % 6 == 5 {
        let grown = profile.storage_gb * grown_per_mille(profile, day) / 1_000;
        // The level of the moment; the metric makes GB hours of it.
        let level_micros = grown * 1_000_000 + random.between(0, 999_999);
        let units = i64::try_from(level_micros).unwrap_or(i64::MAX);
        add("storage_gb_hours", units, hour_start + HOUR - 1, vec![("tier", "standard")]);
    }
    if hour == 23 {
        let seats = profile.seats * grown_per_mille(profile, day) / 1_000;
        add("seat_days", whole(seats), hour_start + HOUR - 1_000, Vec::new());
    }
}

/// Events of this hour in thousandths of a whole ordinary day's.
fn level_per_mille(profile: &Profile, day: u64, hour_start: u64) -> u64 {
    let shift = profile.zone_hours.unsigned_abs() * HOUR;
    let local = if profile.zone_hours < 0 { hour_start.saturating_sub(shift) } else { hour_start + shift };
    let hour = usize::try_from(local % DAY / HOUR).unwrap_or(0);
    let is_weekend = (local / DAY + 7 - DAY_OF_FIRST_MONDAY) % 7 >= 5;
    let rhythm = if is_weekend { profile.weekend_per_mille } else { 1_000 };
    let launch = if profile.customer.is_some_and(|(key, _)| key == LAUNCH.0) && day == LAUNCH.1 { 4 } else { 1 };
    HOURS[hour] * rhythm * grown_per_mille(profile, day) * launch / HOURS_SUM / 1_000
}

fn grown_per_mille(profile: &Profile, day: u64) -> u64 {
    let days = i64::try_from(day).unwrap_or(0);
    u64::try_from(1_000 + profile.growth_per_mille * days / 30).unwrap_or(0)
}

/// A whole number whose long-run average is `per_day * level / 1000`.
fn how_many(per_day: u64, level_per_mille: u64, random: &mut Random) -> u64 {
    let thousandths = per_day * level_per_mille * random.between(700, 1_300) / 1_000;
    thousandths / 1_000 + u64::from(random.chance(thousandths % 1_000))
}

fn whole(units: u64) -> i64 {
    i64::try_from(units * 1_000_000).unwrap_or(i64::MAX)
}

impl DemoEvent {
    /// The event as an item of a batch.
    pub(super) fn item(&self) -> Value {
        let mut item = self.body();
        item["idempotencyKey"] = Value::from(self.key.as_str());
        item
    }

    /// The event as the body of a single request.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({
            "metricKey": self.metric,
            "units": decimal::text(self.units_micros),
            "timestamp": clock::rfc3339(self.at_millis),
        });
        if let Some(customer) = self.customer {
            body["customerKey"] = Value::from(customer);
        }
        if !self.properties.is_empty() {
            let named = self.properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
            body["properties"] = Value::Object(named.collect::<Map<_, _>>());
        }
        body
    }
}
