//! `/projects/{projectId}/clock`: the time of a project.

use std::time::Duration;

use domain::access::{Role, Scope};
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World, on_both, text};

fn sandbox(world: &World, owner: &Person) -> String {
    let body = json!({ "name": "Sandbox", "externalKey": "sandbox", "mode": "sandbox" });
    text(&world.post("/projects").bearer(&owner.token).json(body).expect(201)["id"])
}

fn advance(world: &World, owner: &Person, project: &str, body: Value) -> Reply {
    world.post(format!("/projects/{project}/clock/advance")).bearer(&owner.token).json(body).send()
}

on_both! {
    fn a_sandbox_is_moved_a_year_and_everything_in_it_follows(world) {
        let owner = world.owner();
        let project = sandbox(world, &owner);
        let clock = advance(world, &owner, &project, json!({ "by": "P1Y" })).expect(200);
        assert_eq!(clock, json!({
            "mode": "sandbox", "now": "2027-03-17T10:20:00.000Z", "worldNow": "2026-03-17T10:20:00.000Z",
        }));
        world.clock.advance(Duration::from_secs(60));
        let path = format!("/projects/{project}/clock");
        assert_eq!(world.get(&path).bearer(&owner.token).expect(200)["now"], "2027-03-17T10:21:00.000Z");
        // Keys work by the world's clock, events are received by the project's.
        let body = json!({ "name": "k", "scopes": [Scope::IngestUsage.as_str()], "expiresAt": "2026-03-18T00:00:00Z" });
        let key = world.post(format!("/projects/{project}/access-keys")).bearer(&owner.token).json(body).expect(201);
        let key = text(&key["accessKey"]);
        let usage = |name: &str, body: Value| world.post("/ingest/usage").key(&key).idempotency(name).json(body).send();
        let event = usage("now", json!({ "metricKey": "calls", "units": "1" })).expect(201);
        assert_eq!(event["timestamp"], "2027-03-17T10:21:00.000Z");
        assert_eq!(event["receivedAt"], "2027-03-17T10:21:00.000Z");
        usage("ahead", json!({ "metricKey": "calls", "units": "1", "timestamp": "2027-03-17T10:26:00Z" })).expect(201);
        usage("far", json!({ "metricKey": "calls", "units": "1", "timestamp": "2027-03-17T10:26:01Z" })).refused(Code::TimestampInFuture);
    }

    fn a_clock_that_cannot_be_moved_so_says_why(world) {
        let owner = world.owner();
        let project = sandbox(world, &owner);
        for (body, code, field) in [
            (json!({}), Code::InvalidValue, "to"),
            (json!({ "to": "2026-03-17T10:19:00Z" }), Code::OutOfRange, "to"),
            (json!({ "to": "noon" }), Code::InvalidTimestamp, "to"),
            (json!({ "by": "a year" }), Code::InvalidValue, "by"),
            (json!({ "by": "P200Y" }), Code::OutOfRange, "by"),
        ] {
            assert_eq!(advance(world, &owner, &project, body).refused(code)["errors"][0]["field"], field);
        }
        let live = world.project();
        advance(world, &live.owner, &live.id, json!({ "by": "P1D" })).refused(Code::LiveClock);
        let viewer = world.member(&live, Role::Viewer);
        advance(world, &viewer, &live.id, json!({ "by": "P1D" })).refused(Code::Forbidden);
        assert_eq!(world.get(live.path("/clock")).bearer(&viewer.token).expect(200)["mode"], "live");
    }
}
