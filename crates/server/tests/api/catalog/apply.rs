//! `POST /projects/{projectId}/catalog/plan` and `…/apply`

use domain::access::{Role, Scope};
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use super::FILE;
use crate::plans::{Shop, team};
use crate::world::on_both;

on_both! {
    fn a_file_is_applied_once_and_then_changes_nothing(world) {
        let shop = Shop { world, project: world.project() };
        assert_eq!(shop.differences(FILE), [
            "added metrics[api_calls]", "added plans[team]", "added taxCategories[saas]", "added taxRates[de-saas]",
        ]);
        assert_eq!(shop.get("/catalog")["plans"], json!([]));
        let applied = shop.apply(FILE);
        assert_eq!(applied["published"], json!([{ "plan": "team", "number": 1 }]));
        assert_eq!(applied["differences"].as_array().unwrap().len(), 4);
        assert_eq!(shop.differences(FILE), Vec::<String>::new());
        let again = shop.apply(FILE);
        assert_eq!((&again["differences"], &again["published"], &again["digest"]), (&json!([]), &json!([]), &applied["digest"]));
        assert_eq!(shop.get("/audit?action=catalog.applied")["data"].as_array().unwrap().len(), 1);
        assert_eq!(shop.get("/plans/team")["versions"].as_array().unwrap().len(), 1);
        // What is exported is what is there, and its numbers are those of the file.
        let export = shop.export();
        assert_eq!(shop.differences(&export), Vec::<String>::new());
        assert!(export.contains("unitPrice: \"0.00000015\""), "{export}");
        assert_eq!(shop.export(), export);
    }

    fn json_and_yaml_say_the_same(world) {
        let shop = Shop { world, project: world.project() };
        shop.apply(FILE);
        let catalog = shop.get("/catalog");
        let planned = shop.post("/catalog/plan", catalog.clone()).expect(200);
        assert_eq!(planned["differences"], json!([]));
        assert_eq!(shop.post("/catalog/apply", catalog).expect(200)["digest"], planned["digest"]);
    }

    // checklist 41, checklist 94
    fn a_changed_price_becomes_a_new_version_and_is_audited(world) {
        let shop = Shop { world, project: world.project() };
        shop.apply(FILE);
        let first = shop.get("/plans/team/versions/1");
        let changed = FILE.replace("unitPrice: 0.0020", "unitPrice: 0.0019");
        assert_eq!(shop.differences(&changed), ["changed plans[team].prices[calls].terms.model.unitPrice"]);
        let applied = shop.apply(&changed);
        assert_eq!(applied["published"], json!([{ "plan": "team", "number": 2 }]));
        assert_eq!(shop.get("/plans/team/versions/1"), first);
        let entries = shop.get("/audit?action=catalog.applied");
        let entries = entries["data"].as_array().unwrap();
        let change = entries.iter().find(|entry| entry["details"]["published"][0]["number"] == 2).unwrap();
        assert_eq!(change["details"]["differences"], json!([{
            "change": "changed", "path": "plans[team].prices[calls].terms.model.unitPrice", "before": "0.002", "after": "0.0019",
        }]));
        assert_eq!(change["details"]["digestAfter"], applied["digest"]);
    }

    fn what_is_not_in_the_file_stays_unless_it_is_pruned(world) {
        let shop = Shop { world, project: world.project() };
        shop.apply(FILE);
        shop.put("/coupons/spring", json!({
            "key": "spring", "name": "Spring", "discount": { "type": "percent", "percent": "20" }, "duration": { "type": "once" },
        })).expect(201);
        let smaller = "taxCategories:\n  - { key: saas, name: SaaS }\n";
        assert_eq!(shop.apply(smaller)["differences"], json!([]));
        let planned = shop.send_file("/catalog/plan?prune=true", smaller).expect(200);
        let removed: Vec<&str> = planned["differences"].as_array().unwrap().iter().map(|difference| difference["path"].as_str().unwrap()).collect();
        // The metric stays: its events are there.
        assert_eq!(removed, ["coupons[spring]", "plans[team]", "taxRates[de-saas]"]);
        shop.send_file("/catalog/apply?prune=true", smaller).expect(200);
        let catalog = shop.get("/catalog");
        assert_eq!((&catalog["plans"], &catalog["coupons"], &catalog["taxRates"]), (&json!([]), &json!([]), &json!([])));
        assert_eq!(catalog["metrics"][0]["key"], "api_calls");
        assert!(shop.get("/plans/team")["archivedAt"].is_string());
        // What comes back in a file is restored, in the version that it had.
        assert_eq!(shop.apply(FILE)["published"], json!([{ "plan": "team", "number": 1 }]));
        assert_eq!(shop.get("/plans/team")["archivedAt"], Value::Null);
    }

    fn plans_can_be_left_as_drafts(world) {
        let shop = Shop { world, project: world.project() };
        let drafted = |file: &str| shop.send_file("/catalog/apply?publish=false", file).expect(200);
        assert_eq!(drafted(FILE)["drafts"], json!([{ "plan": "team", "number": 1 }]));
        assert_eq!(shop.get("/plans/team")["currentVersion"], Value::Null);
        let again = drafted(FILE);
        assert_eq!(again["drafts"], json!([{ "plan": "team", "number": 1 }]));
        assert_eq!(shop.get("/audit?action=catalog.applied")["data"].as_array().unwrap().len(), 1);
        // Published later, by the same file: the draft that waits is the one.
        assert_eq!(shop.apply(FILE)["published"], json!([{ "plan": "team", "number": 1 }]));
    }

    fn a_catalog_that_changed_since_is_refused(world) {
        let shop = Shop { world, project: world.project() };
        let planned = shop.send_file("/catalog/plan", FILE).expect(200);
        let path = format!("/catalog/apply?expectedDigest={}", planned["digest"].as_str().unwrap());
        shop.put("/tax-categories/books", json!({ "key": "books", "name": "Books" })).expect(201);
        shop.send_file(&path, FILE).refused(Code::CatalogChanged);
        assert_eq!(shop.get("/catalog")["plans"], json!([]));
        let planned = shop.send_file("/catalog/plan", FILE).expect(200);
        let path = format!("/catalog/apply?expectedDigest={}", planned["digest"].as_str().unwrap());
        shop.send_file(&path, FILE).expect(200);
    }

    fn two_who_apply_at_once_change_it_once(world) {
        let shop = Shop { world, project: world.project() };
        let requests = (0..6)
            .map(|_| shop.request(Method::POST, "/catalog/apply").typed("application/yaml", FILE.to_owned()))
            .collect();
        let replies = world.at_once(requests);
        let changed = replies.iter().filter(|reply| reply.expect(200)["published"] != json!([])).count();
        assert_eq!(changed, 1);
        assert_eq!(shop.get("/plans/team")["versions"].as_array().unwrap().len(), 1);
        // Two files at once that price the same calls otherwise: one after the other, never half of each.
        let other = FILE.replace("0.0020", "0.0030").replace("percent: 19", "percent: 20");
        let another = FILE.replace("0.0020", "0.0040").replace("percent: 19", "percent: 21");
        let requests = [&other, &another]
            .map(|file| shop.request(Method::POST, "/catalog/apply").typed("application/yaml", file.clone()));
        world.at_once(requests.into_iter().collect()).iter().for_each(|reply| drop(reply.expect(200)));
        let catalog = shop.get("/catalog");
        let (price, tax) = (&catalog["plans"][0]["prices"][1]["terms"]["model"]["unitPrice"], &catalog["taxRates"][0]["percent"]);
        assert!((price == "0.003" && tax == "20") || (price == "0.004" && tax == "21"), "{price} {tax}");
    }

    fn a_repeated_request_with_a_key_gets_its_first_answer(world) {
        let shop = Shop { world, project: world.project() };
        let apply = |file: &str| {
            shop.request(Method::POST, "/catalog/apply").idempotency("k").typed("application/yaml", file.to_owned()).send()
        };
        let first = apply(FILE);
        first.expect(200);
        let again = apply(&format!("# The same, otherwise written.\n{FILE}"));
        assert!(again.is_replay());
        assert_eq!(again.text, first.text);
        apply(&FILE.replace("0.0020", "0.0030")).refused(Code::IdempotencyConflict);
    }

    fn a_metric_that_events_made_is_declared_by_a_file_and_an_archived_one_comes_back(world) {
        let shop = Shop { world, project: world.project() };
        let key = world.access_key(&shop.project, &[Scope::IngestUsage]);
        world.post("/ingest/usage").key(&key).idempotency("k").json(json!({ "metricKey": "api_calls", "units": "7" })).expect(201);
        assert_eq!(shop.get("/catalog")["metrics"], json!([]));
        let plain = "metrics:\n  - { key: api_calls, name: API calls, aggregation: sum }\n";
        assert_eq!(shop.differences(plain), ["added metrics[api_calls]"]);
        shop.apply(plain);
        assert_eq!(shop.get("/metrics/api_calls")["declared"], true);
        let renamed = plain.replace("name: API calls", "name: Calls");
        assert_eq!(shop.differences(&renamed), ["changed metrics[api_calls].name"]);
        shop.apply(&renamed);
        assert_eq!((&shop.get("/metrics/api_calls")["name"], &shop.get("/metrics/api_calls")["version"]), (&json!("Calls"), &json!(1)));
        shop.send(Method::PATCH, "/metrics/api_calls", Some(json!({ "archived": true }))).expect(200);
        assert_eq!(shop.get("/catalog")["metrics"], json!([]));
        shop.post("/plans", team("1")).expect(201);
        assert_eq!(shop.publish(1).refused(Code::InvalidCatalog)["errors"][0]["field"], "definition.prices[1].metric");
        shop.apply(&renamed);
        assert_eq!(shop.get("/metrics/api_calls")["archivedAt"], Value::Null);
        shop.publish(1).expect(200);
    }

    fn a_metric_whose_meaning_a_file_changes_gets_a_new_version(world) {
        let shop = Shop { world, project: world.project() };
        let plain = "metrics:\n  - { key: api_calls, name: API calls, aggregation: sum }\n";
        shop.apply(plain);
        let key = world.access_key(&shop.project, &[Scope::IngestUsage]);
        let usage = json!({ "metricKey": "api_calls", "units": "7", "properties": { "region": "eu" } });
        world.post("/ingest/usage").key(&key).idempotency("k").json(usage).expect(201);
        world.engine.fold_all(shop.project.id.parse().unwrap()).unwrap();
        let largest = plain.replace("aggregation: sum", "aggregation: max");
        shop.apply(&largest);
        assert_eq!(shop.get("/metrics/api_calls")["version"], 2);
        // Dimensions need rows that a job makes; the file is applied all the same, and once.
        let by_region = plain.replace("sum }", "sum, dimensions: [region] }");
        assert_eq!(shop.apply(&by_region)["differences"].as_array().unwrap().len(), 2);
        assert_eq!(shop.differences(&by_region), Vec::<String>::new());
        assert_eq!(shop.apply(&by_region)["differences"], json!([]));
        world.engine.run_jobs_of(shop.project.id.parse().unwrap()).unwrap();
        let metric = shop.get("/metrics/api_calls");
        assert_eq!((&metric["dimensions"], &metric["aggregation"], metric.get("building")), (&json!(["region"]), &json!("sum"), None));
        assert_eq!(shop.differences(&by_region), Vec::<String>::new());
    }

    fn a_metric_keeps_what_a_current_price_reads(world) {
        let shop = Shop { world, project: world.project() };
        shop.apply(FILE);
        let problem = shop.send(Method::PATCH, "/metrics/api_calls", Some(json!({ "archived": true }))).refused(Code::CatalogItemInUse);
        assert_eq!(problem["errors"][0]["field"], "plans[team].prices[calls].metric");
        let problem = shop.post("/metrics/api_calls/versions", json!({ "definition": { "aggregation": "sum" } })).refused(Code::InvalidCatalog);
        assert_eq!(problem["errors"][0]["field"], "plans[team].prices[1].terms.rates[0].when.region");
        shop.post("/metrics/api_calls/versions", json!({ "definition": { "aggregation": "max", "dimensions": ["region"] } })).expect(201);
        shop.send(Method::POST, "/plans/team/archive", None).expect(200);
        shop.send(Method::PATCH, "/metrics/api_calls", Some(json!({ "archived": true }))).expect(200);
    }

    // checklist 12
    fn everybody_sees_the_difference_and_finance_applies_it(world) {
        let shop = Shop { world, project: world.project() };
        let viewer = world.member(&shop.project, Role::Viewer);
        let path = |rest: &str| shop.project.path(rest);
        let send = |token: &str, rest: &str| world.post(path(rest)).bearer(token).typed("application/yaml", FILE).send();
        send(&viewer.token, "/catalog/plan").expect(200);
        send(&viewer.token, "/catalog/apply").refused(Code::Forbidden);
        let finance = world.member(&shop.project, Role::Finance);
        send(&finance.token, "/catalog/apply").expect(200);
    }
}
