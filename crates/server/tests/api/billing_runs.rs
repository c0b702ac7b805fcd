//! `/projects/{projectId}/billing/runs`.

use domain::access::{Role, Scope};
use domain::ids::{BillingRunId, ProjectId};
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use crate::plans::{Shop, team};
use crate::world::{World, on_both, text};

/// A shop with a published plan and a subscription of `acme`.
fn shop(world: &World) -> Shop<'_> {
    let shop = Shop::open(world);
    shop.post("/plans", team("0.02")).expect(201);
    shop.publish(1).expect(200);
    shop.post("/customers", json!({ "externalKey": "acme" })).expect(201);
    let body = json!({ "externalKey": "acme-team", "customerKey": "acme", "plan": { "key": "team" } });
    shop.request(Method::POST, "/subscriptions").idempotency("acme-team").json(body).expect(201);
    shop
}

impl Shop<'_> {
    /// Starts a run and works it off.
    fn run(&self, body: Value) -> Value {
        let begun = self.post("/billing/runs", body).expect(202);
        let project: ProjectId = self.project.id.parse().unwrap();
        self.world.engine.run_jobs_of(project).unwrap();
        self.get(&format!("/billing/runs/{}", text(&begun["id"])))
    }
}

on_both! {
    fn a_run_accounts_for_every_item_and_done_again_changes_nothing(world) {
        // checklist 54, checklist 57
        let shop = shop(world);
        let run = shop.run(json!({}));
        assert_eq!((&run["phase"], &run["trigger"], &run["mode"]), (&json!("done"), &json!("manual"), &json!("bill")));
        let planned = run["counts"]["planned"].as_i64().unwrap();
        assert!(planned > 0, "{run}");
        assert_eq!(run["counts"]["charged"], json!(planned));
        let items = shop.get(&format!("/billing/runs/{}/items", text(&run["id"])));
        assert_eq!(items["data"].as_array().unwrap().len(), usize::try_from(planned).unwrap());
        assert_eq!(items["data"][0]["state"], json!("charged"));
        let failed = shop.get(&format!("/billing/runs/{}/items?state=failed", text(&run["id"])));
        assert_eq!(failed["data"], json!([]));
        let again = shop.run(json!({ "asOf": run["asOf"] }));
        assert_eq!((&again["counts"]["charged"], &again["counts"]["unchanged"]), (&json!(0), &json!(planned)));
        assert_eq!(shop.get("/billing/runs")["data"], json!([again, run]));
    }

    fn what_is_missing_to_a_minimum_commitment_is_a_line_that_explains_itself(world) {
        // checklist 43, checklist 75
        let shop = Shop::open(world);
        let mut plan = team("0.02");
        plan["minimumCommitment"] = json!({ "amount": "310", "interval": { "unit": "month" } });
        shop.post("/plans", plan).expect(201);
        shop.publish(1).expect(200);
        shop.post("/customers", json!({ "externalKey": "acme" })).expect(201);
        let body = json!({ "externalKey": "acme-team", "customerKey": "acme", "plan": { "key": "team" },
            "startsAt": "2026-02-16T00:00:00Z" });
        shop.request(Method::POST, "/subscriptions").idempotency("acme-team").json(body).expect(201);
        let run = shop.run(json!({}));
        let items = shop.get(&format!("/billing/runs/{}/items", text(&run["id"])));
        let item = items["data"].as_array().unwrap().iter().find(|item| item["price"] == "minimumCommitment").unwrap();
        assert_eq!((&item["state"], &item["at"]), (&json!("charged"), &json!("2026-03-16T00:00:00.000Z")));
        let explained = shop.get(&format!("/invoices/{}/explain", text(&item["invoiceId"])));
        let lines = explained["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["kind"] == "commitment").unwrap();
        // Fees of 13 of 28 days, and of March.
        assert_eq!((&line["name"], &line["amount"]), (&json!("Minimum commitment"), &json!("238.250000")));
        let inputs = &line["content"]["commitment"];
        assert_eq!((&inputs["amount"], &inputs["fees"]), (&json!("310.000000"), &json!("71.750000")));
        assert_eq!(line["text"][0], json!("Formula: max(0, committed amount × share − charged)."));
    }

    fn a_run_that_cannot_be_is_refused_for_a_reason(world) {
        let shop = shop(world);
        shop.post("/billing/runs", json!({ "customerKey": "nobody" })).refused(Code::UnknownCustomer);
        shop.post("/billing/runs", json!({ "asOf": "2126-01-01T00:00:00Z" })).refused(Code::OutOfRange);
        shop.post("/billing/runs", json!({ "asOf": "yesterday" })).refused(Code::InvalidTimestamp);
        let window = json!({ "start": "2026-03-01T00:00:00Z", "end": "2026-03-01T00:00:00Z" });
        shop.post("/billing/runs", json!({ "window": window })).refused(Code::InvalidValue);
        shop.post("/billing/runs", json!({})).expect(202);
        // checklist 52
        shop.post("/billing/runs", json!({})).refused(Code::RunInProgress);
    }

    fn a_dry_run_is_told_by_its_report_and_done_by_the_run_that_follows(world) {
        // checklist 121
        let shop = shop(world);
        shop.post("/customers", json!({ "externalKey": "zenith" })).expect(201);
        let body = json!({ "externalKey": "zenith-team", "customerKey": "zenith", "plan": { "key": "team" } });
        shop.request(Method::POST, "/subscriptions").idempotency("zenith-team").json(body).expect(201);
        let dry = shop.run(json!({ "dryRun": true }));
        assert_eq!((&dry["phase"], &dry["mode"]), (&json!("done"), &json!("dryRun")));
        assert_eq!(shop.get("/invoices")["data"], json!([]));
        let of = |run: &Value, what: &str| shop.get(&format!("/billing/runs/{}{what}", text(&run["id"])));
        let report = of(&dry, "/report");
        assert_eq!(report["run"], dry);
        let invoices = of(&dry, "/report/invoices");
        assert_eq!(invoices["data"][0]["customerKey"], json!("acme"));
        assert_eq!(invoices["data"][0]["flags"][0], json!("first"));
        assert_eq!(of(&dry, "/report/invoices?flag=outlier&outcome=issued")["data"], json!([]));
        assert_eq!(of(&dry, "/report/missing-customers")["data"], json!([]));
        let real = shop.run(json!({ "asOf": dry["asOf"] }));
        assert_eq!(real["counts"], dry["counts"]);
        for what in ["/report/lines", "/report/invoices", "/items"] {
            assert_eq!(of(&real, what), of(&dry, what), "{what}");
            assert!(!of(&real, what)["data"].as_array().unwrap().is_empty());
        }
        assert_eq!(of(&real, "/report")["plans"], report["plans"]);
        let with = |what: &str| of(&dry, &format!("/{what}?with={}", text(&real["id"])));
        assert_eq!(with("compare")["data"], json!([]));
        assert_eq!(with("difference/customers")["data"], json!([]));
        let difference = &with("difference")["currencies"][0];
        assert_eq!((&difference["difference"], &difference["causes"]), (&json!("0.000000"), &json!([])));
        // Page by page.
        let first = of(&dry, "/report/lines?limit=1");
        let next = of(&dry, &format!("/report/lines?limit=1&cursor={}", text(&first["nextCursor"])));
        assert_eq!(json!([first["data"][0], next["data"][0]]), of(&dry, "/report/lines?limit=2")["data"]);
        // Only a dry run may look ahead.
        let ahead = shop.run(json!({ "dryRun": true, "asOf": "2026-05-01T12:00:00Z" }));
        assert_eq!(ahead["phase"], json!("done"));
        let farther = json!({ "dryRun": true, "asOf": "2126-01-01T00:00:00Z" });
        shop.post("/billing/runs", farther).refused(Code::OutOfRange);
    }

    fn a_report_that_is_not_there_or_badly_asked_for_is_refused(world) {
        let shop = shop(world);
        let run = text(&shop.run(json!({}))["id"]);
        let get = |path: &str| shop.request(Method::GET, &format!("/billing/runs/{path}")).send();
        get(&format!("{run}/report/invoices?flag=odd")).refused(Code::InvalidQuery);
        get(&format!("{run}/report/lines?cursor=odd")).refused(Code::InvalidCursor);
        get(&format!("{run}/compare")).refused(Code::InvalidQuery);
        get(&format!("{run}/difference?with=odd")).refused(Code::InvalidQuery);
        let nobody = BillingRunId::from_uuid(uuid::Uuid::from_u128(7));
        for what in ["report", "report/lines", "report/invoices", "report/missing-customers"] {
            get(&format!("{nobody}/{what}")).refused(Code::NotFound);
        }
        for what in ["compare", "difference", "difference/customers"] {
            get(&format!("{run}/{what}?with={nobody}")).refused(Code::NotFound);
        }
    }

    fn the_same_request_starts_one_run(world) {
        let shop = shop(world);
        let request = || shop.request(Method::POST, "/billing/runs").idempotency("k").json(json!({}));
        let first = request().expect(202);
        assert_eq!(request().expect(202), first);
        assert_eq!(shop.get("/billing/runs")["data"].as_array().unwrap().len(), 1);
    }

    fn a_change_is_previewed_and_the_next_invoice_told(world) {
        // checklist 46, checklist 77
        let shop = shop(world);
        let told = shop.get("/billing/upcoming?customerKey=acme");
        let first = &told["invoice"];
        assert_eq!(first["state"], json!("draft"));
        assert_eq!(shop.get("/invoices")["data"], json!([]));
        let id = text(&shop.get("/subscriptions")["data"][0]["id"]);
        let change = json!({ "change": { "type": "cancelled" }, "effectiveAt": "now" });
        let preview = shop.post(&format!("/subscriptions/{id}/preview"), change.clone()).expect(200);
        assert_eq!(preview["subscription"]["phase"], json!("ended"), "{preview}");
        assert!(preview["stateVersion"].is_string());
        assert_eq!(shop.get(&format!("/subscriptions/{id}"))["phase"], json!("active"));
        assert_eq!(shop.get("/invoices")["data"], json!([]));
        let refused = json!({ "change": { "type": "resumed" } });
        shop.post(&format!("/subscriptions/{id}/preview"), refused).refused(Code::NotPaused);
        world.get(shop.project.path("/billing/upcoming?customerKey=nobody")).bearer(&shop.project.owner.token)
            .refused(Code::UnknownCustomer);
    }

    fn only_those_who_answer_for_money_start_runs(world) {
        // checklist 12
        let shop = shop(world);
        let path = shop.project.path("/billing/runs");
        for role in [Role::Support, Role::Developer, Role::Viewer] {
            let person = world.member(&shop.project, role);
            world.post(&path).bearer(&person.token).json(json!({})).refused(Code::Forbidden);
            world.get(&path).bearer(&person.token).expect(200);
        }
        let key = world.access_key(&shop.project, &[Scope::BillingRead, Scope::SubscriptionsWrite]);
        world.post(&path).key(key).json(json!({})).refused(Code::MissingScope);
    }
}
