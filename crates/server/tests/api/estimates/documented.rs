//! The example of `docs/concepts/pricing.md`, sent as it stands there.

use serde_json::{Value, json};

use super::quantities::estimate;
use crate::world::on_both;

/// The JSON block that begins with this line.
fn block(kind: &str) -> Value {
    let page = include_str!("../../../../../docs/concepts/pricing.md");
    let (_, rest) = page.split_once(&format!("```json {kind}\n")).unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

/// Everything that is shown is there; what is left out may be anything.
fn assert_shows(shown: &Value, reply: &Value, path: &str) {
    match (shown, reply) {
        (Value::Object(shown), Value::Object(reply)) => {
            for (name, value) in shown {
                assert_shows(value, reply.get(name).unwrap_or(&Value::Null), &format!("{path}.{name}"));
            }
        }
        (Value::Array(shown), Value::Array(reply)) => {
            assert_eq!(shown.len(), reply.len(), "{path}");
            for (index, (shown, reply)) in shown.iter().zip(reply).enumerate() {
                assert_shows(shown, reply, &format!("{path}[{index}]"));
            }
        }
        (_, _) => assert_eq!(shown, reply, "{path}"),
    }
}

on_both! {
    fn the_example_of_the_page_on_prices_is_answered_as_it_says(world) {
        let project = world.project();
        let metric = json!({ "key": "api_calls", "name": "API calls", "aggregation": "count", "unitLabel": "calls" });
        world.post(project.path("/metrics")).bearer(&project.owner.token).json(metric).expect(201);
        let reply = estimate(world, &project, block("request"));
        assert_shows(&block("reply"), &reply, "reply");
    }
}
