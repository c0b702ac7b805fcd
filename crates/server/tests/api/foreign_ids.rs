//! Ids of one project in the requests of another: in the path, the query and the body of every route. Nothing is found,
//! nothing is told, nothing is changed.
//!
//! promise P35

use std::collections::BTreeMap;

use domain::access::Scope;
use domain::ids::{CreditNoteId, LateUsageId};
use http::Method;
use serde_json::{Map, Value, json};
use server::Guard;
use server::routes::RouteRow;
use uuid::Uuid;

use crate::hostile::fields;
use crate::jobs::queue;
use crate::matrix::path_of;
use crate::world::{Person, Project, World, on_both, text};

/// Stands in every text of the other project.
const CANARY: &str = "canary-of-the-others";

/// A project that has one of everything, and the ids of it all by the names that paths, queries and bodies use.
struct Others {
    project: Project,
    ids: BTreeMap<&'static str, String>,
}

impl Others {
    fn settle(world: &World) -> Others {
        let owner = world.person("others");
        let project = world.project_of(&owner, CANARY);
        let key = world.access_key(&project, Scope::ALL);
        let customer = json!({ "externalKey": CANARY, "name": CANARY });
        let customer = world.post(project.path("/customers")).bearer(&owner.token).json(customer).expect(201);
        let credit = json!({ "amount": "100", "description": CANARY, "customerKey": CANARY });
        let request = world.post(project.path("/transactions/credit")).bearer(&owner.token).idempotency(CANARY);
        let credit = request.json(credit).expect(201);
        let usage = json!({ "metricKey": CANARY, "units": "7", "customerKey": CANARY });
        let event = world.post("/ingest/usage").key(&key).idempotency(CANARY).json(usage).expect(201);
        let refused = json!({ "metricKey": CANARY, "units": "-7", "customerKey": CANARY });
        world.post("/ingest/usage").key(&key).idempotency("canary-refused").json(refused).expect(422);
        let category = json!({ "key": CANARY, "name": CANARY });
        let put = world.request(Method::PUT, &project.path(&format!("/tax-categories/{CANARY}")));
        put.bearer(&owner.token).json(category).expect(201);
        let price = json!({
            "key": "base", "name": CANARY, "interval": { "unit": "month" }, "timing": "advance", "taxCategory": CANARY,
            "terms": { "model": { "type": "recurring", "amount": "7" } },
        });
        let plan = json!({ "key": CANARY, "name": CANARY, "currency": "USD", "prices": [price] });
        world.post(project.path("/plans")).bearer(&owner.token).json(plan).expect(201);
        let backtest = json!({ "plan": { "key": CANARY, "version": 1 }, "from": "2026-01-01T00:00:00Z",
            "to": "2026-02-01T00:00:00Z", "customerKeys": [CANARY] });
        let backtest = world.post(project.path("/backtests")).bearer(&owner.token).json(backtest).expect(202);
        world.engine.run_jobs_of(project.id.parse().unwrap()).unwrap();
        let (subscription, change) = subscribe(world, &project);
        let correction = json!({ "reasonCode": "test", "reason": CANARY, "items": [{ "eventId": event["eventId"], "action": "void" }] });
        let propose =
            world.post(project.path("/usage-corrections")).bearer(&owner.token).idempotency("canary-correction");
        let correction = propose.json(correction).expect(201);
        let invoice = invoice(world, &project);
        let run = world.post(project.path("/billing/runs")).bearer(&owner.token).json(json!({})).expect(202);
        world.engine.run_jobs_of(project.id.parse().unwrap()).unwrap();
        let read = |rest: &str| world.get(project.path(rest)).bearer(&owner.token).expect(200);
        let ids = BTreeMap::from([
            ("userId", owner.id.clone()),
            ("keyId", text(&read("/access-keys")["data"][0]["id"])),
            ("customerId", text(&customer["id"])),
            ("customerKey", CANARY.to_owned()),
            ("externalKey", CANARY.to_owned()),
            ("transactionId", text(&credit["id"])),
            ("entryId", text(&credit["id"])),
            ("eventId", text(&event["eventId"])),
            // Nothing is late for them; that theirs is not found by others is a story of the engine.
            ("lateUsageId", LateUsageId::from_uuid(Uuid::from_u128(8)).to_string()),
            ("correctionId", text(&correction["id"])),
            ("rejectionId", text(&read("/ingest/rejections")["data"][0]["id"])),
            ("jobId", queue(world, &project.id, 1).to_string()),
            ("backtestId", text(&backtest["id"])),
            ("billingRunId", text(&run["id"])),
            ("subscriptionId", subscription),
            ("changeId", change),
            ("invoiceId", invoice),
            // Of an invoice of theirs, but nobody issues credit notes yet: no id there is.
            ("creditNoteId", CreditNoteId::from_uuid(uuid::Uuid::nil()).to_string()),
            ("key", CANARY.to_owned()),
            ("metricKey", CANARY.to_owned()),
            ("email", owner.email.clone()),
        ]);
        Others { project, ids }
    }

    /// What its own people see of it, but for the time at which they look.
    fn seen(&self, world: &World) -> BTreeMap<String, Value> {
        let lists = server::api().rows().into_iter().filter(|row| {
            row.method == "GET" && matches!(row.guard, Guard::Project(_)) && row.path.matches('{').count() == 1
        });
        let look = |row: RouteRow| {
            let path = path_of(&row, |_| self.project.id.clone());
            let reply = world.get(&path).bearer(&self.project.owner.token).send();
            (path, if reply.status == 200 { reply.body() } else { Value::Null })
        };
        lists.map(look).collect()
    }
}

/// A subscription with a change that lies ahead: the ids of both.
fn subscribe(world: &World, project: &Project) -> (String, String) {
    let post = |path: &str, key: &str, body: Value| {
        world.post(project.path(path)).bearer(&project.owner.token).idempotency(key).json(body).send()
    };
    post(&format!("/plans/{CANARY}/versions/1/publish"), "canary-publish", json!({})).expect(200);
    let subscription = json!({ "externalKey": CANARY, "customerKey": CANARY, "plan": { "key": CANARY } });
    let subscription = text(&post("/subscriptions", "canary-subscription", subscription).expect(201)["id"]);
    let ahead = json!({ "change": { "type": "cancelled" }, "effectiveAt": "2030-01-01T00:00:00Z" });
    let changed = post(&format!("/subscriptions/{subscription}/changes"), "canary-change", ahead).expect(201);
    (subscription, text(&changed["change"]["id"]))
}

/// An issued invoice.
fn invoice(world: &World, project: &Project) -> String {
    let item = json!({ "description": CANARY, "unitPrice": "7" });
    let new = json!({ "customerKey": CANARY, "items": [item], "finalize": true });
    let request = world.post(project.path("/invoices")).bearer(&project.owner.token).idempotency("canary-invoice");
    text(&request.json(new).expect(201)["id"])
}

/// One request of a stranger to one of their own routes, with the ids of the others wherever one fits.
fn try_everywhere(world: &World, row: &RouteRow, own: &Project, visitor: &Person, others: &Others) {
    let method: Method = row.method.parse().unwrap();
    let path = path_of(row, |name| match name {
        "projectId" => own.id.clone(),
        "number" => "1".to_owned(),
        name => others.ids.get(name).unwrap_or_else(|| panic!("{}: the others have no {name}", row.path)).clone(),
    });
    let known = row.query.iter().filter_map(|name| Some(format!("{name}={}", others.ids.get(name.as_str())?)));
    let query = known.collect::<Vec<_>>().join("&");
    let names_something =
        !makes_its_own(row) && (path.contains(CANARY) || others.ids.values().any(|id| path.contains(id)));
    let request = world.request(method.clone(), &format!("{path}?{query}")).idempotency("mine").bearer(&visitor.token);
    let reply = if method == Method::GET {
        request.send()
    } else {
        let value = |name: &String| others.ids.get(name.as_str()).map_or(json!("1"), |id| json!(id));
        let body: Map<String, Value> = fields(row).iter().map(|name| (name.clone(), value(name))).collect();
        request.json(Value::Object(body)).send()
    };
    let place = format!("{} {path}?{query}: {} {}", row.method, reply.status, reply.text);
    assert!(!names_something || (400..500).contains(&reply.status), "{place}");
    // An own thing may well have the name of a foreign one, and a refusal may repeat what was sent; ids are nobody's choice.
    let told = others.ids.iter().filter(|(name, _)| name.ends_with("Id") && !reply.text.is_empty());
    for (name, id) in told {
        assert!(reply.status >= 400 || !reply.text.contains(id.as_str()), "{name} is told: {place}");
    }
}

on_both! {
    // checklist 7
    fn the_ids_of_others_open_nothing(world) {
        let others = Others::settle(world);
        let visitor = world.owner();
        let own = world.project_of(&visitor, "own");
        let before = others.seen(world);
        let mut rows = server::api().rows();
        rows.sort_by_key(makes_its_own);
        for row in rows.into_iter().filter(|row| matches!(row.guard, Guard::Project(_))) {
            try_everywhere(world, &row, &own, &visitor, &others);
        }
        let after = others.seen(world);
        for (path, seen) in &before {
            let [seen, after] = [seen, &after[path]].map(without_time);
            assert_eq!(seen, after, "{path}");
        }
    }
}

/// Whoever puts something at a key of their choice makes a thing of their own: these come last.
fn makes_its_own(row: &RouteRow) -> bool {
    row.method == "PUT" && row.path.ends_with("{key}")
}

/// The overview says when it was asked.
fn without_time(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("asOf");
    }
    value
}
