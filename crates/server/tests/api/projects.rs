//! `/projects`: making, finding and changing projects, and who gets to see them.

use std::time::Duration;

use domain::access::Role;
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World, on_both, text};

fn create(world: &World, person: &Person, body: Value) -> Reply {
    world.post("/projects").bearer(&person.token).json(body).send()
}

fn acme() -> Value {
    json!({ "name": "Acme Production", "externalKey": "acme-prod" })
}

on_both! {
    // checklist 2
    fn the_published_request_creates_a_project(world) {
        let owner = world.owner();
        let project = create(world, &owner, acme()).expect(201);
        assert!(text(&project["id"]).starts_with("prj_"));
        let expected = json!({
            "id": project["id"], "name": "Acme Production", "externalKey": "acme-prod", "mode": "live", "currency": "USD",
            "timeZone": "UTC", "createdAt": "2026-03-17T10:20:00.000Z",
            "policies": {
                "unknownMetric": "autoCreate", "unknownCustomer": "reject", "requireCustomerKey": false,
                "supportLimit": "100.000000", "eventHorizonDays": null, "invoiceRounding": "perInvoice",
                "prorationBasis": "day", "prorationUnused": "credited", "prorationBilling": "now", "lateBufferMinutes": 60,
                "latePolicy": "nextInvoice", "lateLimitDays": 90, "invoiceFinalization": "automatic",
                "invoiceGraceMinutes": 0, "paymentTermDays": 14, "recomputeLimitDays": 90,
            },
        });
        assert_eq!(project, expected);
        let path = format!("/projects/{}", text(&project["id"]));
        assert_eq!(world.get(&path).bearer(&owner.token).expect(200), project);
    }

    // checklist 2
    fn without_a_token_nothing_is_created(world) {
        world.post("/projects").json(acme()).refused(Code::Unauthenticated);
        world.get("/projects").refused(Code::Unauthenticated);
    }

    // checklist 10
    fn an_access_key_creates_no_project(world) {
        let key = world.access_key(&world.project(), domain::access::Scope::ALL);
        world.post("/projects").key(&key).json(acme()).refused(Code::Forbidden);
    }

    // checklist 3
    fn the_same_request_again_finds_the_project_it_made(world) {
        let owner = world.owner();
        let first = create(world, &owner, acme()).expect(201);
        let again = json!({ "externalKey": "acme-prod",   "name": "Acme Production" });
        assert_eq!(create(world, &owner, again).expect(200), first);
        assert_eq!(world.get("/projects").bearer(&owner.token).expect(200)["data"], json!([first]));
    }

    // checklist 3
    fn another_request_with_the_same_external_key_is_refused(world) {
        let owner = world.owner();
        create(world, &owner, acme()).expect(201);
        for (field, value) in [("name", "Acme"), ("currency", "USD"), ("timeZone", "UTC"), ("mode", "live")] {
            let mut other = acme();
            other[field] = json!(value);
            create(world, &owner, other).refused(Code::ExternalKeyConflict);
        }
        assert_eq!(world.get("/projects").bearer(&owner.token).expect(200)["data"].as_array().unwrap().len(), 1);
    }

    // checklist 3
    fn parallel_requests_make_one_project(world) {
        let owner = world.owner();
        let replies = world.at_once((0..8).map(|_| world.post("/projects").bearer(&owner.token).json(acme())).collect());
        let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
        assert!(replies.iter().all(|reply| reply.body()["id"] == replies[0].body()["id"]));
    }

    fn two_people_may_use_the_same_external_key(world) {
        let (one, two) = (world.person("one"), world.person("two"));
        let first = create(world, &one, acme()).expect(201);
        let second = create(world, &two, acme()).expect(201);
        assert_ne!(first["id"], second["id"]);
    }

    fn a_creator_who_was_removed_does_not_find_the_project_again(world) {
        let project = world.project();
        let heir = world.member(&project, Role::Admin);
        let promote = json!({ "role": "owner" });
        world.patch(project.path(&format!("/members/{}", heir.id))).bearer(&project.owner.token).json(promote).expect(200);
        world.delete(project.path(&format!("/members/{}", project.owner.id))).bearer(&heir.token).expect(204);
        let body = json!({ "name": "Project acme", "externalKey": "acme" });
        create(world, &project.owner, body).refused(Code::ExternalKeyConflict);
    }

    fn what_a_project_cannot_be_is_refused_with_the_field(world) {
        let owner = world.owner();
        for (field, value) in [
            ("name", json!(" ")),
            ("name", json!("x".repeat(201))),
            ("externalKey", json!("")),
            ("externalKey", json!(" padded ")),
            ("mode", json!("test")),
            ("currency", json!("ZZZ")),
            ("currency", json!("usd")),
            ("timeZone", json!("Mars/Olympus")),
        ] {
            let mut body = acme();
            body[field] = value;
            let problem = create(world, &owner, body).refused(Code::InvalidValue);
            assert_eq!(problem["errors"][0]["field"], field);
        }
        create(world, &owner, json!({ "name": "Acme" })).refused(Code::MissingField);
        create(world, &owner, json!({ "name": "Acme", "externalKey": "a", "plan": 1 })).refused(Code::UnknownField);
    }

    // checklist 11
    fn a_stranger_cannot_tell_a_project_from_one_that_never_existed(world) {
        let project = world.project();
        let stranger = world.person("stranger");
        let never = "/projects/prj_00000000000000000000000000";
        let mut seen = Vec::new();
        for path in [project.path(""), never.to_owned(), "/projects/nonsense".to_owned()] {
            let mut problem = world.get(&path).bearer(&stranger.token).refused(Code::NotFound);
            problem.as_object_mut().unwrap().remove("requestId");
            seen.push(problem);
            world.patch(&path).bearer(&stranger.token).json(json!({ "name": "Mine" })).refused(Code::NotFound);
        }
        assert!(seen.iter().all(|problem| *problem == seen[0]));
        assert_eq!(world.get("/projects").bearer(&stranger.token).expect(200)["data"], json!([]));
    }

    fn a_list_shows_the_projects_one_is_a_member_of_page_by_page(world) {
        let owner = world.owner();
        let mut made = Vec::new();
        for number in 0..5 {
            // The order of the list is that of their times.
            world.clock.advance(Duration::from_millis(1));
            made.push(world.project_of(&owner, &format!("acme-{number}")).id);
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.get(format!("/projects?limit=2{cursor}")).bearer(&owner.token).expect(200);
            seen.extend(page["data"].as_array().unwrap().iter().map(|project| text(&project["id"])));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, made);
        let member = world.person("viewer");
        let body = json!({ "email": member.email, "role": "viewer" });
        world.post(format!("/projects/{}/members", made[1])).bearer(&owner.token).json(body).expect(201);
        let page = world.get("/projects").bearer(&member.token).expect(200);
        assert_eq!(page["data"][0]["id"], made[1]);
        assert_eq!(page["data"].as_array().unwrap().len(), 1);
    }

    // checklist 93
    fn a_change_leaves_the_rest_alone_and_is_in_the_trail_with_before_and_after(world) {
        let project = world.project();
        let body = json!({
            "name": "Acme 2", "timeZone": "Europe/Berlin",
            "policies": { "unknownCustomer": "autoCreate", "supportLimit": "25.5", "eventHorizonDays": 30 },
        });
        let changed = world.patch(project.path("")).bearer(&project.owner.token).json(body).expect(200);
        assert_eq!(changed["name"], "Acme 2");
        assert_eq!(changed["timeZone"], "Europe/Berlin");
        assert_eq!(changed["policies"], json!({
            "unknownMetric": "autoCreate", "unknownCustomer": "autoCreate", "requireCustomerKey": false,
            "supportLimit": "25.500000", "eventHorizonDays": 30, "invoiceRounding": "perInvoice", "prorationBasis": "day",
            "prorationUnused": "credited", "prorationBilling": "now", "lateBufferMinutes": 60, "latePolicy": "nextInvoice",
            "lateLimitDays": 90, "invoiceFinalization": "automatic", "invoiceGraceMinutes": 0, "paymentTermDays": 14,
            "recomputeLimitDays": 90,
        }));
        let body = json!({ "policies": { "eventHorizonDays": null } });
        world.clock.advance(Duration::from_millis(1));
        let changed = world.patch(project.path("")).bearer(&project.owner.token).json(body).expect(200);
        assert_eq!(changed["policies"]["eventHorizonDays"], Value::Null);
        assert_eq!(changed["policies"]["supportLimit"], "25.500000");
        let trail = world.get(project.path("/audit?action=project.updated")).bearer(&project.owner.token).expect(200);
        assert_eq!(trail["data"][1]["details"]["before"]["name"], "Project acme");
        assert_eq!(trail["data"][1]["details"]["after"]["name"], "Acme 2");
        assert_eq!(trail["data"][0]["details"]["before"]["policies"]["eventHorizonDays"], 30);
        assert!(trail["data"][0]["details"]["after"].get("name").is_none());
    }

    fn the_policies_of_billing_are_changed_one_by_one(world) {
        let project = world.project();
        let patch = |policies: Value| {
            let body = json!({ "policies": policies });
            world.patch(project.path("")).bearer(&project.owner.token).json(body).expect(200)["policies"].clone()
        };
        patch(json!({ "invoiceRounding": "perLine", "lateBufferMinutes": 0 }));
        patch(json!({ "prorationBasis": "second", "recomputeLimitDays": 0 }));
        patch(json!({ "prorationUnused": "kept", "latePolicy": "hold", "invoiceFinalization": "manual" }));
        patch(json!({ "prorationBilling": "periodEnd", "lateLimitDays": 7 }));
        patch(json!({ "invoiceGraceMinutes": 1_440, "paymentTermDays": 30 }));
        let policies = world.get(project.path("")).bearer(&project.owner.token).expect(200)["policies"].clone();
        for (field, value) in [
            ("prorationUnused", json!("kept")), ("prorationBilling", json!("periodEnd")), ("latePolicy", json!("hold")),
            ("lateLimitDays", json!(7)), ("invoiceFinalization", json!("manual")), ("invoiceGraceMinutes", json!(1_440)),
            ("paymentTermDays", json!(30)),
            ("invoiceRounding", json!("perLine")), ("prorationBasis", json!("second")), ("lateBufferMinutes", json!(0)),
            ("recomputeLimitDays", json!(0)), ("unknownMetric", json!("autoCreate")),
        ] {
            assert_eq!(policies[field], value, "{field}");
        }
    }

    fn what_a_project_cannot_become_is_refused_with_the_field(world) {
        let project = world.project();
        for (body, code, field) in [
            (json!({ "currency": "EUR" }), Code::UnknownField, "currency"),
            (json!({ "policies": { "unknownMetric": "ignore" } }), Code::InvalidValue, "policies.unknownMetric"),
            (json!({ "policies": { "supportLimit": "-1" } }), Code::OutOfRange, "policies.supportLimit"),
            (json!({ "policies": { "eventHorizonDays": 0 } }), Code::OutOfRange, "policies.eventHorizonDays"),
            (json!({ "policies": { "requireCustomerKey": "yes" } }), Code::InvalidType, "policies.requireCustomerKey"),
            (json!({ "policies": { "invoiceRounding": "up" } }), Code::InvalidValue, "policies.invoiceRounding"),
            (json!({ "policies": { "prorationBasis": "hour" } }), Code::InvalidValue, "policies.prorationBasis"),
            (json!({ "policies": { "lateBufferMinutes": 43_201 } }), Code::OutOfRange, "policies.lateBufferMinutes"),
            (json!({ "policies": { "prorationUnused": "lost" } }), Code::InvalidValue, "policies.prorationUnused"),
            (json!({ "policies": { "prorationBilling": "never" } }), Code::InvalidValue, "policies.prorationBilling"),
            (json!({ "policies": { "latePolicy": "ignore" } }), Code::InvalidValue, "policies.latePolicy"),
            (json!({ "policies": { "lateLimitDays": 36_501 } }), Code::OutOfRange, "policies.lateLimitDays"),
            (json!({ "policies": { "invoiceFinalization": "never" } }), Code::InvalidValue, "policies.invoiceFinalization"),
            (json!({ "policies": { "invoiceGraceMinutes": 43_201 } }), Code::OutOfRange, "policies.invoiceGraceMinutes"),
            (json!({ "policies": { "paymentTermDays": 366 } }), Code::OutOfRange, "policies.paymentTermDays"),
            (json!({ "policies": { "recomputeLimitDays": 36_501 } }), Code::OutOfRange, "policies.recomputeLimitDays"),
        ] {
            let problem = world.patch(project.path("")).bearer(&project.owner.token).json(body).refused(code);
            assert_eq!(problem["errors"][0]["field"], field);
        }
    }

    // checklist 12
    fn only_owners_and_admins_change_a_project(world) {
        let project = world.project();
        for role in Role::ALL {
            let member = if *role == Role::Owner { project.owner.clone() } else { world.member(&project, *role) };
            world.get(project.path("")).bearer(&member.token).expect(200);
            let reply = world.patch(project.path("")).bearer(&member.token).json(json!({ "name": role.as_str() })).send();
            if matches!(role, Role::Owner | Role::Admin) {
                reply.expect(200);
            } else {
                reply.refused(Code::Forbidden);
            }
        }
    }
}
