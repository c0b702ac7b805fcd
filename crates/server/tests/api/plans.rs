//! `/projects/{projectId}/plans`

mod versions;

use domain::access::{Role, Scope};
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Project, Reply, Request, World, on_both};

/// A flat fee and the price of one call.
pub fn team(unit_price: &str) -> Value {
    json!({
        "key": "team", "name": "Team", "currency": "EUR",
        "prices": [
            { "key": "base", "name": "Base fee", "interval": { "unit": "month" }, "timing": "advance",
              "terms": { "model": { "type": "recurring", "amount": "49" } } },
            { "key": "calls", "name": "Calls", "metric": "api_calls", "interval": { "unit": "month" }, "timing": "arrears",
              "terms": { "model": { "type": "perUnit", "unitPrice": unit_price } } },
        ],
    })
}

/// The shortcuts of these stories.
pub struct Shop<'w> {
    pub world: &'w World,
    pub project: Project,
}

impl<'w> Shop<'w> {
    /// A project in which `api_calls` is declared.
    pub fn open(world: &'w World) -> Shop<'w> {
        let shop = Shop { world, project: world.project() };
        shop.send(Method::POST, "/metrics", Some(json!({ "key": "api_calls", "aggregation": "sum" }))).expect(201);
        shop
    }

    pub fn request(&self, method: Method, path: &str) -> Request<'w> {
        self.world.request(method, &self.project.path(path)).bearer(&self.project.owner.token)
    }

    pub fn send(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let request = self.request(method, path);
        match body {
            Some(body) => request.json(body).send(),
            None => request.send(),
        }
    }

    pub fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).expect(200)
    }

    pub fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(body))
    }

    pub fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(body))
    }

    pub fn publish(&self, number: u32) -> Reply {
        self.send(Method::POST, &format!("/plans/team/versions/{number}/publish"), None)
    }
}

on_both! {
    fn a_plan_begins_as_a_draft_and_is_made_once(world) {
        let shop = Shop::open(world);
        let made = shop.post("/plans", team("0.002")).expect(201);
        assert_eq!((&made["plan"], &made["number"], &made["state"]), (&json!("team"), &json!(1), &json!("draft")));
        assert_eq!(made["definition"]["prices"][1]["terms"]["model"]["unitPrice"], "0.002");
        assert_eq!(made.get("problems"), None);
        assert_eq!(shop.post("/plans", team("0.002")).expect(200), made);
        shop.post("/plans", team("0.003")).refused(Code::PlanConflict);
        let plan = shop.get("/plans/team");
        assert_eq!(plan, json!({
            "id": plan["id"], "key": "team", "name": "Team", "currency": "EUR", "currentVersion": null,
            "versions": [{ "number": 1, "state": "draft", "publishedAt": null }],
            "createdAt": "2026-03-17T10:20:00.000Z", "archivedAt": null,
        }));
        assert_eq!(shop.get("/plans")["data"], json!([plan]));
        shop.send(Method::GET, "/plans/nothing", None).refused(Code::NotFound);
    }

    fn a_repeated_request_with_a_key_gets_its_first_answer(world) {
        let shop = Shop::open(world);
        let create = |body: Value| shop.request(Method::POST, "/plans").idempotency("k1").json(body).send();
        let first = create(team("0.002"));
        first.expect(201);
        let publish = || shop.request(Method::POST, "/plans/team/versions/1/publish").idempotency("k2").send();
        let published = publish();
        published.expect(200);
        let (again, published_again) = (create(team("0.002")), publish());
        assert!(again.is_replay() && published_again.is_replay());
        assert_eq!((again.status, again.text), (201, first.text));
        assert_eq!((published_again.status, published_again.text), (200, published.text));
        create(team("0.003")).refused(Code::IdempotencyConflict);
    }

    fn an_archived_plan_leaves_the_catalog_until_it_is_restored(world) {
        let shop = Shop::open(world);
        shop.post("/plans", team("0.002")).expect(201);
        shop.publish(1).expect(200);
        assert_eq!(shop.get("/catalog")["plans"][0]["key"], "team");
        let archived = shop.send(Method::POST, "/plans/team/archive", None).expect(200);
        assert_eq!(archived["archivedAt"], "2026-03-17T10:20:00.000Z");
        assert_eq!(shop.send(Method::POST, "/plans/team/archive", None).expect(200), archived);
        assert_eq!(shop.get("/catalog")["plans"], json!([]));
        assert_eq!(shop.get("/plans/team/versions/1")["state"], "published");
        shop.post("/plans/team/versions", team("0.003")).expect(201);
        shop.publish(2).refused(Code::PlanArchived);
        let restored = shop.send(Method::POST, "/plans/team/restore", None).expect(200);
        assert_eq!((&restored["archivedAt"], &restored["currentVersion"]), (&Value::Null, &json!(1)));
        shop.publish(2).expect(200);
        shop.send(Method::POST, "/plans/nothing/archive", None).refused(Code::NotFound);
    }

    fn plans_come_in_pages_in_the_order_of_their_keys(world) {
        let shop = Shop::open(world);
        for key in ["b", "A", "a-1", "B"] {
            let mut plan = team("1");
            plan["key"] = json!(key);
            shop.post("/plans", plan).expect(201);
        }
        let first = shop.get("/plans?limit=3");
        let second = shop.get(&format!("/plans?limit=3&cursor={}", first["nextCursor"].as_str().unwrap()));
        let keys: Vec<&Value> =
            [&first, &second].iter().flat_map(|page| page["data"].as_array().unwrap()).map(|plan| &plan["key"]).collect();
        assert_eq!(keys, [&json!("A"), &json!("B"), &json!("a-1"), &json!("b")]);
    }

    fn a_key_nobody_could_use_in_a_path_is_refused(world) {
        let shop = Shop::open(world);
        let mut plan = team("1");
        plan["key"] = json!("a b");
        let problem = shop.post("/plans", plan).refused(Code::InvalidCatalog);
        assert_eq!(problem["errors"][0]["field"], "key");
    }

    // checklist 12
    fn a_viewer_and_a_reading_key_see_plans_and_change_none(world) {
        let shop = Shop::open(world);
        shop.post("/plans", team("0.002")).expect(201);
        let developer = world.member(&shop.project, Role::Developer);
        let path = |rest: &str| shop.project.path(rest);
        world.get(path("/plans/team")).bearer(&developer.token).expect(200);
        world.post(path("/plans/team/versions/1/publish")).bearer(&developer.token).refused(Code::Forbidden);
        let key = world.access_key(&shop.project, &[Scope::BillingRead]);
        world.get(path("/catalog")).key(&key).expect(200);
        world.post(path("/plans")).key(&key).json(team("1")).refused(Code::MissingScope);
        let finance = world.member(&shop.project, Role::Finance);
        world.post(path("/plans/team/versions/1/publish")).bearer(&finance.token).expect(200);
    }
}
