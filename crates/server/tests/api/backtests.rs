//! `/projects/{projectId}/backtests`.

use domain::access::{Role, Scope};
use domain::ids::{BacktestId, ProjectId};
use domain::refusal::Code;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::plans::{Shop, team};
use crate::world::{World, on_both, text};

/// A shop with a published plan, a draft that halves the price of calls, and three customers that called in January.
fn shop(world: &World) -> Shop<'_> {
    let shop = Shop::open(world);
    shop.post("/plans", team("0.02")).expect(201);
    shop.publish(1).expect(200);
    shop.post("/plans/team/versions", team("0.01")).expect(201);
    let key = world.access_key(&shop.project, &[Scope::IngestUsage]);
    let mut events = Vec::new();
    for (customer, units) in [("acme", "300"), ("beta", "100"), ("gamma", "200")] {
        shop.post("/customers", json!({ "externalKey": customer })).expect(201);
        events.push(json!({ "idempotencyKey": customer, "metricKey": "api_calls", "units": units,
            "timestamp": "2026-01-10T00:00:00Z", "customerKey": customer }));
    }
    world.post("/ingest/usage/batch").key(key).json(json!({ "events": events })).expect(200);
    shop
}

fn january(version: u32) -> Value {
    json!({ "plan": { "key": "team", "version": version }, "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" })
}

impl Shop<'_> {
    /// Starts a backtest and runs its job.
    fn backtest(&self, body: Value) -> String {
        let begun = self.post("/backtests", body).expect(202);
        let project: ProjectId = self.project.id.parse().unwrap();
        self.world.engine.run_jobs_of(project).unwrap();
        format!("/backtests/{}", text(&begun["id"]))
    }
}

on_both! {
    fn a_draft_is_compared_with_what_is_published(world) {
        let shop = shop(world);
        let begun = shop.post("/backtests", january(2)).expect(202);
        assert_eq!((&begun["state"], &begun["progress"]), (&json!("queued"), &json!({ "done": 0, "total": 0 })));
        assert_eq!(shop.get(&format!("/jobs/{}", text(&begun["jobId"])))["subject"], json!({ "backtestId": begun["id"] }));
        world.engine.run_jobs_of(shop.project.id.parse().unwrap()).unwrap();
        let path = format!("/backtests/{}", text(&begun["id"]));
        let done = shop.get(&path);
        assert_eq!(done, json!({
            "id": begun["id"], "state": "done", "progress": { "done": 4, "total": 4 }, "error": null,
            "plan": { "key": "team", "version": 2 }, "baseline": { "key": "team", "version": 1 }, "currency": "EUR",
            "from": "2026-01-01T00:00:00.000Z", "to": "2026-02-01T00:00:00.000Z", "customerKeys": null,
            "totals": { "before": "159.000000", "after": "153.000000", "difference": "-6.000000" },
            "customers": { "counted": 3, "up": 0, "down": 3, "same": 0 },
            "jobId": begun["jobId"], "createdBy": begun["createdBy"], "createdAt": "2026-03-17T10:20:00.000Z",
            "startedAt": "2026-03-17T10:20:00.000Z", "endedAt": "2026-03-17T10:20:00.000Z",
        }));
        let results = shop.get(&format!("{path}/results"));
        let acme = &results["data"][2];
        assert_eq!(acme, &json!({ "customerId": acme["customerId"], "customerKey": "acme",
            "before": "55.000000", "after": "52.000000", "difference": "-3.000000" }));
        assert_eq!(shop.get("/backtests")["data"], json!([done]));
        // The same figures as the estimate of one of them.
        let estimate = json!({ "plan": { "key": "team", "version": 2 }, "customerKey": "acme",
            "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" });
        assert_eq!(shop.post("/estimate", estimate).expect(200)["subtotal"], acme["after"]);
    }

    fn the_request_of_the_documentation_starts_one(world) {
        let page = include_str!("../../../../docs/concepts/pricing.md");
        let (_, section) = page.split_once("## Backtests").unwrap();
        let body = section.split("```json").nth(1).unwrap().split("```").next().unwrap();
        let shop = shop(world);
        let path = shop.backtest(serde_json::from_str(body).unwrap());
        assert_eq!(shop.get(&path)["state"], json!("done"));
    }

    fn results_come_in_pages_in_the_order_that_was_asked_for(world) {
        let shop = shop(world);
        let path = shop.backtest(january(2));
        let keys = |order: &str| {
            let first = shop.get(&format!("{path}/results?order={order}&limit=2"));
            let second = shop.get(&format!("{path}/results?order={order}&limit=2&cursor={}", text(&first["nextCursor"])));
            assert_eq!(second["nextCursor"], Value::Null);
            let rows = [&first, &second].map(|page| page["data"].as_array().unwrap().clone()).concat();
            rows.iter().map(|row| text(&row["customerKey"])).collect::<Vec<_>>()
        };
        assert_eq!(keys("increase"), ["beta", "gamma", "acme"]);
        assert_eq!(keys("decrease"), ["acme", "gamma", "beta"]);
        assert_eq!(keys("customer"), ["acme", "beta", "gamma"]);
        shop.request(http::Method::GET, &format!("{path}/results?order=size")).refused(Code::InvalidQuery);
        shop.request(http::Method::GET, &format!("{path}/results?cursor=x")).refused(Code::InvalidCursor);
    }

    fn customers_can_be_named_and_versions_chosen(world) {
        let shop = shop(world);
        let mut body = january(1);
        body["baseline"] = json!({ "key": "team", "version": 2 });
        body["customerKeys"] = json!(["gamma"]);
        let path = shop.backtest(body);
        let done = shop.get(&path);
        assert_eq!((&done["customerKeys"], &done["totals"]["difference"]), (&json!(["gamma"]), &json!("2.000000")));
        assert_eq!(done["customers"], json!({ "counted": 1, "up": 1, "down": 0, "same": 0 }));
    }

    fn a_backtest_needs_a_version_that_is_there_a_past_and_the_permission(world) {
        let shop = shop(world);
        shop.post("/backtests", january(7)).refused(Code::UnknownPlan);
        let mut future = january(2);
        future["to"] = json!("2027-01-01T00:00:00Z");
        shop.post("/backtests", future).refused(Code::InvalidValue);
        let mut vague = january(2);
        vague["from"] = json!("last year");
        shop.post("/backtests", vague).refused(Code::InvalidTimestamp);
        let support = world.member(&shop.project, Role::Support);
        let request = world.post(shop.project.path("/backtests")).bearer(&support.token);
        request.json(january(2)).refused(Code::Forbidden);
        let nothing = BacktestId::from_uuid(Uuid::from_u128(7));
        for path in [format!("/backtests/{nothing}"), format!("/backtests/{nothing}/results")] {
            shop.request(http::Method::GET, &path).refused(Code::NotFound);
        }
    }

    fn a_backtest_that_is_sent_again_is_the_same_one(world) {
        let shop = shop(world);
        let send = |body: Value| {
            shop.request(http::Method::POST, "/backtests").idempotency("b1").json(body).send()
        };
        let (first, again) = (send(january(2)), send(january(2)));
        assert_eq!((first.expect(202), again.is_replay()), (again.expect(202), true));
        send(january(1)).refused(Code::IdempotencyConflict);
    }
}
