//! Requests made before the clock runs: only keys and timestamps are written anew for each sending, in place.

use serde_json::{Value, json};

use crate::account::Account;
use crate::client::wire;
use crate::keys::{KEY_LENGTH, KeyMint};
use crate::random::Random;
use crate::{clock, decimal, requests};

/// Stands where a key will stand.
const PLACE: [u8; KEY_LENGTH] = [b'k'; KEY_LENGTH];
const METRICS: [&str; 4] = ["api_tokens", "api_calls", "storage_gb_hours", "images"];
/// Stands where a timestamp will stand: events happen when they are sent, as those of a live system do.
const TIME: &[u8] = b"2000-01-01T00:00:00.000Z";

/// The whole bytes of one request and where its keys and its timestamps stand.
pub(super) struct Template {
    bytes: Vec<u8>,
    key_places: Vec<usize>,
    time_places: Vec<usize>,
}

impl Template {
    /// One usage event, its key in the header.
    pub(super) fn single(host: &str, account: &Account, random: &mut Random) -> Template {
        let key = String::from_utf8_lossy(&PLACE);
        let request = requests::usage(&account.access_key, &key, &event(random));
        let mut bytes = Vec::new();
        wire::write_request(host, "", &request, &mut bytes);
        Template::new(bytes)
    }

    /// A batch of `events`, each with its key in its item.
    pub(super) fn batch(host: &str, account: &Account, random: &mut Random, events: usize) -> Template {
        let key = String::from_utf8_lossy(&PLACE);
        let items: Vec<Value> = std::iter::repeat_with(|| {
            let mut item = event(random);
            item["idempotencyKey"] = Value::from(key.as_ref());
            item
        })
        .take(events)
        .collect();
        let request = requests::usage_batch(&account.access_key, &json!({ "events": items }));
        let mut bytes = Vec::new();
        wire::write_request(host, "", &request, &mut bytes);
        Template::new(bytes)
    }

    fn new(bytes: Vec<u8>) -> Template {
        let (key_places, time_places) = (places(&bytes, &PLACE), places(&bytes, TIME));
        Template { bytes, key_places, time_places }
    }

    /// Gives every event of the request a new key and the time of its sending.
    pub(super) fn stamp(&mut self, mint: &mut KeyMint, now_millis: u64) {
        for place in &self.key_places {
            mint.write_next(now_millis, &mut self.bytes[*place..*place + KEY_LENGTH]);
        }
        let time = clock::rfc3339(now_millis);
        for place in &self.time_places {
            self.bytes[*place..*place + TIME.len()].copy_from_slice(time.as_bytes());
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Events one sending carries.
    pub(super) fn events(&self) -> usize {
        self.key_places.len()
    }
}

fn event(random: &mut Random) -> Value {
    let units = i64::try_from(random.between(1, 5_000_000_000)).unwrap_or(1);
    let timestamp = String::from_utf8_lossy(TIME);
    json!({ "metricKey": random.pick(&METRICS), "units": decimal::text(units), "timestamp": timestamp })
}

/// Where `wanted` stands, without overlaps.
fn places(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + wanted.len() <= bytes.len() {
        if bytes[at..].starts_with(wanted) {
            found.push(at);
            at += wanted.len();
        } else {
            at += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Template;
    use crate::account::Account;
    use crate::keys::KeyMint;
    use crate::random::Random;

    fn account() -> Account {
        Account {
            access_token: String::new(),
            project_id: "prj_1".to_owned(),
            access_key: "nrb_a_b".to_owned(),
            existed: false,
        }
    }

    #[test]
    fn stamping_gives_new_keys_and_the_time_of_sending() {
        let mut template = Template::batch("h:1", &account(), &mut Random::new(1), 3);
        assert_eq!(template.events(), 3);
        let mut mint = KeyMint::new(Random::new(2));
        template.stamp(&mut mint, 1_700_000_000_000);
        let first = template.bytes().to_vec();
        template.stamp(&mut mint, 1_700_000_000_000);
        let second = template.bytes().to_vec();
        assert_ne!(first, second);
        assert_eq!(first.len(), second.len());
        let body = String::from_utf8(second).unwrap();
        let json: serde_json::Value = serde_json::from_str(body.split_once("\r\n\r\n").unwrap().1).unwrap();
        let keys: Vec<&str> =
            json["events"].as_array().unwrap().iter().map(|e| e["idempotencyKey"].as_str().unwrap()).collect();
        assert!(keys.is_sorted() && keys[0] != keys[1], "{keys:?}");
        assert_eq!(json["events"][2]["timestamp"], "2023-11-14T22:13:20.000Z");
    }

    #[test]
    fn a_single_request_carries_one_key_in_its_header() {
        let template = Template::single("h:1", &account(), &mut Random::new(1));
        assert_eq!(template.events(), 1);
    }
}
