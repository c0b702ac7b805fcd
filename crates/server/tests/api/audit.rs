//! `/projects/{projectId}/audit`: the trail of a project, and of no other.

use std::time::Duration;

use domain::access::Role;
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Project, World, on_both, text};

/// Changes the project's name that often.
fn rename(world: &World, project: &Project, times: usize) {
    for time in 0..times {
        // The order of the trail is that of its times.
        world.clock.advance(Duration::from_millis(1));
        let body = json!({ "name": format!("Name {time}") });
        world.patch(project.path("")).bearer(&project.owner.token).json(body).expect(200);
    }
}

on_both! {
    // checklist 93
    fn an_entry_says_who_did_what_when_and_in_which_request(world) {
        let project = world.project();
        world.clock.advance(Duration::from_millis(1));
        world.patch(project.path("")).bearer(&project.owner.token).header("x-request-id", "req-77").json(json!({ "name": "New" })).expect(200);
        let trail = world.get(project.path("/audit")).bearer(&project.owner.token).expect(200);
        let entry = &trail["data"][0];
        let expected = json!({
            "id": entry["id"], "happenedAt": "2026-03-17T10:20:00.001Z",
            "actor": { "kind": "user", "id": project.owner.id, "name": "owner" },
            "action": "project.updated", "target": project.id, "reasonCode": null, "reason": null, "requestId": "req-77",
            "details": { "before": { "name": "Project acme" }, "after": { "name": "New" } },
        });
        assert_eq!(*entry, expected);
        assert_eq!(trail["data"][1]["action"], "project.created");
        assert_eq!(trail["data"][1]["details"]["after"]["externalKey"], "acme");
        assert_eq!(trail["nextCursor"], Value::Null);
    }

    fn pages_show_each_entry_once_the_newest_first(world) {
        let project = world.project();
        rename(world, &project, 6);
        let whole = world.get(project.path("/audit")).bearer(&project.owner.token).expect(200);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.get(project.path(&format!("/audit?limit=3{cursor}"))).bearer(&project.owner.token).expect(200);
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(json!(seen), whole["data"]);
        assert_eq!(seen.len(), 7);
        let names: Vec<String> = seen[..6].iter().map(|entry| text(&entry["details"]["after"]["name"])).collect();
        assert_eq!(names, ["Name 5", "Name 4", "Name 3", "Name 2", "Name 1", "Name 0"]);
    }

    fn filters_narrow_the_trail(world) {
        let project = world.project();
        rename(world, &project, 2);
        let member = world.member(&project, Role::Viewer);
        let count = |query: &str| {
            let page = world.get(project.path(&format!("/audit?{query}"))).bearer(&project.owner.token).expect(200);
            page["data"].as_array().unwrap().len()
        };
        assert_eq!(count("action=project.updated"), 2);
        assert_eq!(count(&format!("target={}", member.id)), 1);
        assert_eq!(count(&format!("action=project.updated&target={}", member.id)), 0);
        world.get(project.path("/audit?actions=x")).bearer(&project.owner.token).refused(Code::InvalidQuery);
        world.get(project.path("/audit?format=csv")).bearer(&project.owner.token).refused(Code::InvalidQuery);
        world.get(project.path("/audit?cursor=x")).bearer(&project.owner.token).refused(Code::InvalidCursor);
        world.get(project.path("/audit?limit=201")).bearer(&project.owner.token).refused(Code::InvalidQuery);
    }

    // checklist 96
    fn an_export_holds_the_whole_trail_and_nothing_of_another_project(world) {
        let project = world.project();
        let other = world.project_of(&project.owner, "other");
        rename(world, &project, 3);
        rename(world, &other, 5);
        let export = world.get(project.path("/audit?format=ndjson")).bearer(&project.owner.token).send();
        assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
        let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let listed = world.get(project.path("/audit")).bearer(&project.owner.token).expect(200);
        assert_eq!(json!(lines), listed["data"]);
        assert_eq!(lines.len(), 4);
        assert!(!export.text.contains(&other.id));
    }

    // checklist 96
    fn a_long_trail_is_exported_to_the_end(world) {
        let project = world.project();
        rename(world, &project, 501);
        let export = world.get(project.path("/audit?format=ndjson&action=project.updated")).bearer(&project.owner.token).send();
        assert_eq!(export.text.lines().count(), 501);
    }

    // checklist 11
    fn every_member_reads_the_trail_and_nobody_else(world) {
        let project = world.project();
        for role in Role::ALL {
            let member = if *role == Role::Owner { project.owner.clone() } else { world.member(&project, *role) };
            world.get(project.path("/audit")).bearer(&member.token).expect(200);
        }
        let stranger = world.person("stranger");
        world.get(project.path("/audit")).bearer(&stranger.token).refused(Code::NotFound);
        world.get(project.path("/audit?format=ndjson")).bearer(&stranger.token).refused(Code::NotFound);
        world.get(project.path("/audit")).refused(Code::Unauthenticated);
    }
}
