//! `/projects/{projectId}/billing/runs`.

use domain::access::{Role, Scope};
use domain::ids::ProjectId;
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
