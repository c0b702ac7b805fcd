//! `/projects/{projectId}/customers`: who is billed.

mod billing;

use domain::access::{Role, Scope};
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Project, Reply, World, on_both, text};

fn create(world: &World, project: &Project, body: Value) -> Reply {
    world.post(project.path("/customers")).bearer(&project.owner.token).json(body).send()
}

fn list(world: &World, project: &Project, query: &str) -> Value {
    world.get(project.path(&format!("/customers{query}"))).bearer(&project.owner.token).expect(200)
}

fn keys(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|customer| text(&customer["externalKey"])).collect()
}

/// The tax profile of a customer who was given none.
fn not_known() -> Value {
    json!({ "country": null, "region": null, "taxIds": [], "treatment": "taxed", "exemptionReason": null })
}

on_both! {
    fn a_customer_is_made_found_and_listed(world) {
        let project = world.project();
        let body = json!({ "externalKey": "acme", "name": "Acme Inc", "timeZone": "Europe/Berlin" });
        let made = create(world, &project, body).expect(201);
        let expected = json!({
            "id": made["id"], "externalKey": "acme", "name": "Acme Inc", "timeZone": "Europe/Berlin", "builtIn": false,
            "createdAt": "2026-03-17T10:20:00.000Z", "tax": not_known(), "payerKey": null,
            "billing": {
                "legalName": null, "email": null, "locale": null,
                "address": { "lines": [], "postalCode": null, "city": null, "region": null, "country": null },
            },
        });
        assert_eq!(made, expected);
        assert!(text(&made["id"]).starts_with("cus_"));
        let path = project.path(&format!("/customers/{}", text(&made["id"])));
        assert_eq!(world.get(path).bearer(&project.owner.token).expect(200), expected);
        assert_eq!(keys(&list(world, &project, "")), ["self", "acme"]);
        assert_eq!(keys(&list(world, &project, "?externalKey=acme")), ["acme"]);
        assert_eq!(keys(&list(world, &project, "?externalKey=nobody")), Vec::<String>::new());
        let first = list(world, &project, "?limit=1");
        assert_eq!(keys(&list(world, &project, &format!("?limit=1&cursor={}", text(&first["nextCursor"])))), ["acme"]);
    }

    fn the_same_body_again_finds_the_customer_another_one_is_refused(world) {
        let project = world.project();
        let made = create(world, &project, json!({ "externalKey": "acme" })).expect(201);
        assert_eq!(made["name"], "acme");
        assert_eq!(create(world, &project, json!({ "externalKey": "acme" })).expect(200), made);
        create(world, &project, json!({ "externalKey": "acme", "name": "Other" })).refused(Code::ExternalKeyConflict);
        create(world, &project, json!({ "externalKey": "self" })).refused(Code::ExternalKeyConflict);
        assert_eq!(keys(&list(world, &project, "")), ["self", "acme"]);
    }

    fn an_idempotency_key_may_be_used(world) {
        let project = world.project();
        let send = |body: Value| {
            world.post(project.path("/customers")).bearer(&project.owner.token).idempotency("k").json(body).send()
        };
        let first = send(json!({ "externalKey": "acme" }));
        let again = send(json!({ "externalKey": "acme" }));
        assert_eq!((again.status, &again.text, again.is_replay()), (201, &first.text, true));
        send(json!({ "externalKey": "other" })).refused(Code::IdempotencyConflict);
    }

    fn many_at_once_make_one_customer(world) {
        let project = world.project();
        let send = || {
            let request = world.post(project.path("/customers")).bearer(&project.owner.token);
            request.json(json!({ "externalKey": "acme" }))
        };
        let replies = world.at_once((0..16).map(|_| send()).collect());
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
        assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 201)));
        assert!(replies.iter().all(|reply| reply.body() == replies[0].body()));
    }

    // checklist 93
    fn a_change_is_in_the_trail(world) {
        let project = world.project();
        let made = create(world, &project, json!({ "externalKey": "acme", "timeZone": "Europe/Berlin" })).expect(201);
        let path = project.path(&format!("/customers/{}", text(&made["id"])));
        let patch = |body: Value| world.patch(&path).bearer(&project.owner.token).json(body).send();
        assert_eq!(patch(json!({ "name": "Acme Inc" })).expect(200)["timeZone"], "Europe/Berlin");
        assert_eq!(patch(json!({ "timeZone": null })).expect(200)["timeZone"], Value::Null);
        patch(json!({ "externalKey": "x" })).refused(Code::UnknownField);
        patch(json!({ "timeZone": "Mars/Base" })).refused(Code::InvalidValue);
        let trail = world.get(project.path("/audit?action=customer.updated")).bearer(&project.owner.token).expect(200);
        assert_eq!(trail["data"][1]["details"], json!({ "before": { "name": "acme" }, "after": { "name": "Acme Inc" } }));
    }

    fn a_tax_profile_is_given_replaced_and_forgotten(world) {
        let project = world.project();
        let tax = json!({ "country": "FR", "taxIds": ["FR12345678901"], "treatment": "reverseCharge" });
        let made = create(world, &project, json!({ "externalKey": "acme", "tax": tax })).expect(201);
        assert_eq!(create(world, &project, json!({ "externalKey": "acme", "tax": tax })).expect(200), made);
        create(world, &project, json!({ "externalKey": "acme" })).refused(Code::ExternalKeyConflict);
        assert_eq!(made["tax"], json!({
            "country": "FR", "region": null, "taxIds": ["FR12345678901"], "treatment": "reverseCharge", "exemptionReason": null,
        }));
        let path = project.path(&format!("/customers/{}", text(&made["id"])));
        let patch = |body: Value| world.patch(&path).bearer(&project.owner.token).json(body).send();
        assert_eq!(patch(json!({ "name": "Acme" })).expect(200)["tax"], made["tax"]);
        let exempt = json!({ "country": "US", "region": "CA", "treatment": "exempt", "exemptionReason": "Charity" });
        let changed = patch(json!({ "tax": exempt })).expect(200)["tax"].clone();
        assert_eq!((&changed["region"], &changed["taxIds"]), (&json!("CA"), &json!([])));
        assert_eq!(world.get(&path).bearer(&project.owner.token).expect(200)["tax"], changed);
        assert_eq!(list(world, &project, "?externalKey=acme")["data"][0]["tax"], changed);
        assert_eq!(list(world, &project, "")["data"][1]["tax"], changed);
        assert_eq!(patch(json!({ "tax": null })).expect(200)["tax"], not_known());
        let trail = world.get(project.path("/audit?action=customer.updated")).bearer(&project.owner.token).expect(200);
        assert_eq!(trail["data"][1]["details"]["after"]["tax"]["exemptionReason"], "Charity");
    }

    fn a_tax_profile_that_makes_no_sense_is_refused_by_name(world) {
        let project = world.project();
        for (tax, code, field) in [
            (json!({ "country": "de" }), Code::InvalidValue, "tax.country"),
            (json!({ "region": "CA" }), Code::InvalidValue, "tax.country"),
            (json!({ "treatment": "reverseCharge" }), Code::InvalidValue, "tax.taxIds"),
            (json!({ "treatment": "exempt" }), Code::InvalidValue, "tax.exemptionReason"),
            (json!({ "treatment": "none" }), Code::InvalidValue, "tax.treatment"),
            (json!({ "vat": "DE1" }), Code::UnknownField, "tax.vat"),
        ] {
            let body = json!({ "externalKey": "acme", "tax": tax });
            assert_eq!(create(world, &project, body).refused(code)["errors"][0]["field"], field);
        }
    }

    fn a_body_that_makes_no_sense_is_refused_by_name(world) {
        let project = world.project();
        for (body, code, field) in [
            (json!({}), Code::MissingField, "externalKey"),
            (json!({ "externalKey": "" }), Code::InvalidValue, "externalKey"),
            (json!({ "externalKey": " x" }), Code::InvalidValue, "externalKey"),
            (json!({ "externalKey": "x", "name": "" }), Code::InvalidValue, "name"),
            (json!({ "externalKey": "x", "timeZone": "CET+1" }), Code::InvalidValue, "timeZone"),
            (json!({ "externalKey": "x", "key": "y" }), Code::UnknownField, "key"),
        ] {
            assert_eq!(create(world, &project, body).refused(code)["errors"][0]["field"], field);
        }
    }

    fn machines_with_the_scope_and_people_with_the_role_write_customers(world) {
        let project = world.project();
        let writer = world.access_key(&project, &[Scope::CustomersWrite]);
        world.post(project.path("/customers")).key(&writer).json(json!({ "externalKey": "acme" })).expect(201);
        let reader = world.access_key(&project, &[Scope::CustomersRead]);
        world.get(project.path("/customers")).key(&reader).expect(200);
        world.post(project.path("/customers")).key(&reader).json(json!({ "externalKey": "x" })).refused(Code::MissingScope);
        let viewer = world.member(&project, Role::Viewer);
        world.post(project.path("/customers")).bearer(&viewer.token).json(json!({ "externalKey": "x" })).refused(Code::Forbidden);
    }

    // checklist 11
    fn a_stranger_finds_no_customer(world) {
        let project = world.project();
        let made = create(world, &project, json!({ "externalKey": "acme" })).expect(201);
        let stranger = world.person("stranger");
        let path = project.path(&format!("/customers/{}", text(&made["id"])));
        world.get(&path).bearer(&stranger.token).refused(Code::NotFound);
        let other = world.project_of(&stranger, "other");
        let path = other.path(&format!("/customers/{}", text(&made["id"])));
        world.get(path).bearer(&stranger.token).refused(Code::NotFound);
    }
}
