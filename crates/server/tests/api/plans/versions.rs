//! `/projects/{projectId}/plans/{key}/versions`

use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use super::{Shop, team};
use crate::world::on_both;

on_both! {
    fn a_published_version_never_changes(world) {
        let shop = Shop::open(world);
        shop.post("/plans", team("0.002")).expect(201);
        let published = shop.publish(1).expect(200);
        assert_eq!((&published["state"], &published["publishedAt"]), (&json!("published"), &json!("2026-03-17T10:20:00.000Z")));
        shop.put("/plans/team/versions/1", team("0.001")).refused(Code::PlanVersionPublished);
        shop.put("/plans/team/versions/1", team("0.002")).refused(Code::PlanVersionPublished);
        shop.send(Method::DELETE, "/plans/team/versions/1", None).refused(Code::PlanVersionPublished);
        shop.publish(1).refused(Code::PlanVersionPublished);
        assert_eq!(shop.get("/plans/team/versions/1"), published);
    }

    fn a_draft_changes_and_goes_away_and_its_number_is_not_used_again(world) {
        let shop = Shop::open(world);
        shop.post("/plans", team("0.002")).expect(201);
        shop.publish(1).expect(200);
        let draft = shop.post("/plans/team/versions", team("0.003")).expect(201);
        assert_eq!(draft["number"], 2);
        assert_eq!(shop.post("/plans/team/versions", team("0.003")).expect(200), draft);
        let changed = shop.put("/plans/team/versions/2", team("0.004")).expect(200);
        assert_eq!(changed["definition"]["prices"][1]["terms"]["model"]["unitPrice"], "0.004");
        assert_eq!(shop.put("/plans/team/versions/2", team("0.004")).expect(200), changed);
        shop.send(Method::DELETE, "/plans/team/versions/2", None).expect(204);
        shop.send(Method::DELETE, "/plans/team/versions/2", None).refused(Code::NotFound);
        assert_eq!(shop.post("/plans/team/versions", team("0.004")).expect(201)["number"], 3);
        let mut of_another = team("1");
        of_another["key"] = json!("enterprise");
        assert_eq!(shop.put("/plans/team/versions/3", of_another.clone()).refused(Code::InvalidValue)["errors"][0]["field"], "key");
        shop.post("/plans/team/versions", of_another).refused(Code::InvalidValue);
        shop.post("/plans/nothing/versions", team("1")).refused(Code::NotFound);
        shop.send(Method::GET, "/plans/team/versions/99", None).refused(Code::NotFound);
        shop.send(Method::GET, "/plans/team/versions/latest", None).refused(Code::NotFound);
    }

    fn every_mistake_is_named_before_and_when_it_is_published(world) {
        let shop = Shop::open(world);
        let mut plan = team("-1");
        plan["addOns"] = json!(["sso"]);
        plan["prices"][0]["taxCategory"] = json!("saas");
        plan["prices"][1]["metric"] = json!("calls");
        let draft = shop.post("/plans", plan).expect(201);
        let problem = shop.publish(1).refused(Code::InvalidCatalog);
        assert_eq!(problem["errors"], draft["problems"]);
        let fields: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, [
            "definition.prices[0].taxCategory", "definition.prices[1].terms.model.unitPrice", "definition.prices[1].metric",
            "definition.addOns[0]",
        ]);
        shop.put("/tax-categories/saas", json!({ "key": "saas", "name": "SaaS" })).expect(201);
        assert_eq!(shop.get("/plans/team/versions/1")["problems"].as_array().unwrap().len(), 3);
    }

    fn a_metric_that_nobody_declared_cannot_be_priced(world) {
        let shop = Shop::open(world);
        let key = world.access_key(&shop.project, &[domain::access::Scope::IngestUsage]);
        world.post("/ingest/usage").key(&key).idempotency("k").json(json!({ "metricKey": "seen", "units": "1" })).expect(201);
        let mut plan = team("1");
        plan["prices"][1]["metric"] = json!("seen");
        shop.post("/plans", plan).expect(201);
        let problem = shop.publish(1).refused(Code::InvalidCatalog);
        assert_eq!(problem["errors"][0]["detail"], "names `seen`, which is not among the metrics. Declare it, or correct the key.");
    }

    fn versions_are_published_in_the_order_of_their_numbers(world) {
        let shop = Shop::open(world);
        shop.post("/plans", team("0.001")).expect(201);
        shop.post("/plans/team/versions", team("0.002")).expect(201);
        shop.publish(2).expect(200);
        shop.publish(1).refused(Code::PlanVersionSuperseded);
        assert_eq!(shop.get("/plans/team")["currentVersion"], 2);
    }

    fn publishing_a_draft_many_times_at_once_makes_one_version(world) {
        let shop = Shop::open(world);
        shop.post("/plans", team("0.002")).expect(201);
        let requests = (0..8).map(|_| shop.request(Method::POST, "/plans/team/versions/1/publish")).collect();
        let replies = world.at_once(requests);
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        for refused in replies.iter().filter(|reply| reply.status != 200) {
            refused.refused(Code::PlanVersionPublished);
        }
        let versions = shop.get("/plans/team")["versions"].clone();
        assert_eq!(versions.as_array().unwrap().len(), 1);
        let audited = shop.get("/audit?action=planVersion.published");
        assert_eq!(audited["data"].as_array().unwrap().len(), 1);
    }

    // checklist 41
    fn a_price_change_with_an_effective_date_leaves_the_earlier_price_in_force(world) {
        let shop = Shop::open(world);
        shop.post("/plans", team("0.002")).expect(201);
        let first = shop.publish(1).expect(200);
        let mut changed = team("0.002");
        changed["prices"][1]["changes"] = json!([{
            "effectiveFrom": "2026-07-01T00:00:00Z", "terms": { "model": { "type": "perUnit", "unitPrice": "0.003" } },
        }]);
        shop.post("/plans/team/versions", changed).expect(201);
        let second = shop.publish(2).expect(200);
        // The version that was sold stays as it is, and the new one still holds the old price until its date.
        assert_eq!(shop.get("/plans/team/versions/1"), first);
        let plan: domain::catalog::plan::PlanDefinition = serde_json::from_value(second["definition"].clone()).unwrap();
        let unit_price_at = |at: &str| {
            let terms = plan.prices[1].terms_at(domain::time::Instant::parse(at).unwrap());
            serde_json::to_value(terms).unwrap()["model"]["unitPrice"].clone()
        };
        assert_eq!(unit_price_at("2026-06-30T23:59:59Z"), "0.002");
        assert_eq!(unit_price_at("2026-07-01T00:00:00Z"), "0.003");
    }

    // checklist 94
    fn a_price_change_is_in_the_audit_trail_as_it_was_and_as_it_is(world) {
        let shop = Shop::open(world);
        shop.post("/plans", team("0.002")).expect(201);
        shop.publish(1).expect(200);
        shop.post("/plans/team/versions", team("0.0019")).expect(201);
        shop.publish(2).expect(200);
        let entries = shop.get("/audit?action=planVersion.published");
        let entries: &Vec<Value> = entries["data"].as_array().unwrap();
        let change = entries.iter().find(|entry| entry["details"]["number"] == 2).unwrap();
        assert_eq!(change["details"]["differences"], json!([{
            "change": "changed", "path": "prices[calls].terms.model.unitPrice", "before": "0.002", "after": "0.0019",
        }]));
        let unit_price = |side: &str| change["details"][side]["prices"][1]["terms"]["model"]["unitPrice"].clone();
        assert_eq!((unit_price("before"), unit_price("after")), (json!("0.002"), json!("0.0019")));
        assert_eq!(change["actor"]["kind"], "user");
    }
}
