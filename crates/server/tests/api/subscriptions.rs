//! `/projects/{projectId}/subscriptions`

mod changes;
mod documented;
mod refusals;

use domain::access::{Role, Scope};
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use crate::plans::Shop;
use crate::world::{Project, Reply, World, on_both, text};

/// `team` has a base fee, seats and calls; `business` the same calls; `idle` no calls; `dollar` is in another currency.
const CATALOG: &str = "\
metrics:
  - { key: api_calls, name: API calls, aggregation: sum }
addOns:
  - key: support
    name: Support
    currency: EUR
    prices:
      - { key: hours, name: Hours, interval: { unit: month }, timing: advance, terms: { model: { type: seat, unitPrice: 62 } } }
coupons:
  - { key: spring, name: Spring, discount: { type: percent, percent: 10 }, duration: { type: periods, periods: 3 } }
plans:
  - key: team
    name: Team
    currency: EUR
    addOns: [support]
    prices:
      - { key: base, name: Base, interval: { unit: month }, timing: advance, anchor: anniversary, terms: { model: { type: recurring, amount: 31 } } }
      - { key: seats, name: Seats, interval: { unit: month }, timing: advance, anchor: anniversary, terms: { model: { type: seat, unitPrice: 6.2 } } }
      - { key: calls, name: Calls, metric: api_calls, interval: { unit: month }, timing: arrears, terms: { model: { type: perUnit, unitPrice: 0.01 } } }
  - key: business
    name: Business
    currency: EUR
    trialDays: 14
    prices:
      - { key: base, name: Base, interval: { unit: month }, timing: advance, anchor: anniversary, terms: { model: { type: recurring, amount: 93 } } }
      - { key: calls, name: Calls, metric: api_calls, interval: { unit: month }, timing: arrears, terms: { model: { type: perUnit, unitPrice: 0.005 } } }
  - key: idle
    name: Idle
    currency: EUR
    prices:
      - { key: base, name: Base, interval: { unit: month }, timing: advance, terms: { model: { type: recurring, amount: 5 } } }
  - key: dollar
    name: Dollar
    currency: USD
    prices:
      - { key: base, name: Base, interval: { unit: month }, timing: arrears, terms: { model: { type: recurring, amount: 31 } } }
";

/// A subscription of `acme` to `team` with five seats.
fn team(external_key: &str) -> Value {
    json!({ "externalKey": external_key, "customerKey": "acme", "plan": { "key": "team" }, "quantities": { "seats": "5" } })
}

/// A subscription of `acme` to a plan without seats.
fn plain(external_key: &str, plan: &str) -> Value {
    json!({ "externalKey": external_key, "customerKey": "acme", "plan": { "key": plan } })
}

/// The same with other values for some fields.
fn with(mut body: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The shortcuts of these stories.
struct Desk<'w> {
    shop: Shop<'w>,
}

impl<'w> Desk<'w> {
    /// A project with the catalog above and two customers, one of them in Berlin.
    fn open(world: &'w World) -> Desk<'w> {
        let shop = Shop { world, project: world.project() };
        shop.apply(CATALOG);
        shop.post("/customers", json!({ "externalKey": "acme", "timeZone": "Europe/Berlin" })).expect(201);
        shop.post("/customers", json!({ "externalKey": "globex" })).expect(201);
        Desk { shop }
    }

    fn create(&self, key: &str, body: Value) -> Reply {
        self.shop.request(Method::POST, "/subscriptions").idempotency(key).json(body).send()
    }

    fn change(&self, key: &str, id: &str, body: Value) -> Reply {
        self.shop.request(Method::POST, &changes(id)).idempotency(key).json(body).send()
    }

    fn withdraw(&self, key: &str, id: &str, change: &Value) -> Reply {
        let path = format!("{}/{}", changes(id), text(change));
        self.shop.request(Method::DELETE, &path).idempotency(key).send()
    }

    fn get(&self, id: &str) -> Value {
        self.shop.get(&format!("/subscriptions/{id}"))
    }

    fn history(&self, id: &str) -> Vec<Value> {
        self.shop.get(&changes(id))["data"].as_array().unwrap().clone()
    }

    fn project(&self) -> &Project {
        &self.shop.project
    }
}

fn changes(id: &str) -> String {
    format!("/subscriptions/{id}/changes")
}

on_both! {
    fn a_subscription_begins_with_everything_decided(world) {
        let desk = Desk::open(world);
        let made = desk.create("k1", team("acme-team")).expect(201);
        assert_eq!(made, json!({
            "id": made["id"], "externalKey": "acme-team", "customerId": made["customerId"], "customerKey": "acme",
            "startsAt": "2026-03-17T10:20:00.000Z", "endsAt": null, "phase": "active",
            "state": {
                "startedAt": "2026-03-17T10:20:00.000Z", "plan": { "key": "team", "version": 1 }, "zone": "Europe/Berlin",
                "anchor": "2026-03-17T00:00:00", "usage": "customer", "trialEndsAt": null, "pausedSince": null, "endedAt": null,
                "quantities": { "seats": "5.000000" }, "addOns": {}, "overrides": {}, "coupons": {},
            },
            "upcoming": [], "stateVersion": made["stateVersion"], "createdAt": "2026-03-17T10:20:00.000Z",
        }));
        assert_eq!(desk.get(&text(&made["id"])), made);
        assert_eq!(desk.shop.get("/subscriptions")["data"], json!([made]));
        let audited = desk.shop.get("/audit?action=subscription.created");
        assert_eq!(audited["data"][0]["details"]["after"], made);
        assert_eq!(audited["data"][0]["target"], made["id"]);
    }

    fn whoever_asks_decides_what_is_open(world) {
        let desk = Desk::open(world);
        let body = with(team("acme-team"), &json!({
            "plan": { "key": "team", "version": 1 }, "startsAt": "2026-04-01T02:00:00+02:00", "timeZone": "Asia/Kolkata",
            "anchor": "2026-01-31", "trialDays": 10, "usage": "named", "addOns": [{ "key": "support" }],
            "quantities": { "seats": "5", "support/hours": "2" }, "coupons": ["spring"],
            "overrides": { "base": { "model": { "type": "recurring", "amount": "29" } } },
            "reasonCode": "contract", "reason": "signed",
        }));
        let made = desk.create("k1", body).expect(201);
        // It lies ahead: there is no state yet, and its first change is what comes.
        assert_eq!((&made["phase"], &made["state"]), (&Value::Null, &Value::Null));
        let first = &made["upcoming"][0];
        assert_eq!((&first["effectiveAt"], &first["submittedAt"]), (&json!("2026-04-01T00:00:00.000Z"), &json!("2026-03-17T10:20:00.000Z")));
        assert_eq!((&first["reasonCode"], &first["reason"]), (&json!("contract"), &json!("signed")));
        assert_eq!(first["change"], json!({
            "type": "created", "plan": { "key": "team", "version": 1 }, "zone": "Asia/Kolkata", "anchor": "2026-01-31T00:00:00",
            "trialEndsAt": "2026-04-11T00:00:00.000Z", "usage": "named",
            "quantities": { "seats": "5.000000", "support/hours": "2.000000" }, "addOns": { "support": 1 },
            "overrides": { "base": { "model": { "type": "recurring", "amount": "29.000000" } } }, "coupons": ["spring"],
        }));
    }

    fn the_trial_of_the_plan_ends_at_the_same_local_time(world) {
        let desk = Desk::open(world);
        // The clocks of Berlin go forward in between.
        let made = desk.create("k1", plain("acme", "business")).expect(201);
        assert_eq!((&made["phase"], &made["state"]["trialEndsAt"]), (&json!("trial"), &json!("2026-03-31T09:20:00.000Z")));
        assert_eq!(made["state"]["anchor"], "2026-03-31T00:00:00");
        let body = json!({ "externalKey": "globex", "customerKey": "globex", "plan": { "key": "business" }, "trialDays": 0 });
        let paid = desk.create("k2", body).expect(201);
        assert_eq!((&paid["phase"], &paid["state"]["zone"]), (&json!("active"), &json!("UTC")));
    }

    // checklist 45
    fn a_repeated_request_makes_one_subscription(world) {
        let desk = Desk::open(world);
        let first = desk.create("k1", team("acme-team"));
        first.expect(201);
        let again = desk.create("k1", team("acme-team"));
        assert!(again.is_replay());
        assert_eq!((again.status, &again.text), (201, &first.text));
        desk.create("k1", team("another")).refused(Code::IdempotencyConflict);
        let problem = desk.create("k2", team("acme-team")).refused(Code::ExternalKeyConflict);
        assert_eq!(problem["errors"][0]["field"], "externalKey");
        desk.shop.post("/subscriptions", team("acme-team")).refused(Code::IdempotencyKeyRequired);
        assert_eq!(desk.shop.get("/subscriptions")["data"].as_array().unwrap().len(), 1);
    }

    // checklist 45
    fn a_request_sent_many_times_at_once_makes_one_subscription(world) {
        let desk = Desk::open(world);
        let request = || desk.shop.request(Method::POST, "/subscriptions").idempotency("k1").json(team("acme-team"));
        let replies = world.at_once((0..8).map(|_| request()).collect());
        for reply in &replies {
            assert_eq!((reply.status, &reply.text), (201, &replies[0].text));
        }
        assert_eq!(replies.iter().filter(|reply| !reply.is_replay()).count(), 1);
        assert_eq!(desk.shop.get("/subscriptions")["data"].as_array().unwrap().len(), 1);
        assert_eq!(desk.history(&text(&replies[0].body()["id"])).len(), 1);
    }

    fn subscriptions_that_race_for_one_metric_get_it_once(world) {
        let desk = Desk::open(world);
        let request = |number: usize| {
            let (plan, key) = (["business", "team"][number % 2], format!("k{number}"));
            let body = with(plain(&key, plan), &if plan == "team" { json!({ "quantities": { "seats": "1" } }) } else { json!({}) });
            desk.shop.request(Method::POST, "/subscriptions").idempotency(&key).json(body)
        };
        let replies = world.at_once((0..8).map(request).collect());
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
        for refused in replies.iter().filter(|reply| reply.status != 201) {
            refused.refused(Code::MetricAlreadyPriced);
        }
        assert_eq!(desk.shop.get("/subscriptions")["data"].as_array().unwrap().len(), 1);
    }

    fn lists_are_narrowed_and_come_in_pages(world) {
        let desk = Desk::open(world);
        let keys = ["a", "b", "c"];
        for (number, key) in keys.iter().enumerate() {
            let customer = if number == 1 { "globex" } else { "acme" };
            let body = with(plain(key, "idle"), &json!({ "customerKey": customer }));
            desk.create(key, body).expect(201);
        }
        let found = |query: &str| -> Vec<String> {
            let page = desk.shop.get(&format!("/subscriptions?{query}"));
            page["data"].as_array().unwrap().iter().map(|one| text(&one["externalKey"])).collect()
        };
        assert_eq!(found("customerKey=acme"), ["a", "c"]);
        assert_eq!(found("externalKey=b"), ["b"]);
        assert_eq!(found("externalKey=b&customerKey=acme"), Vec::<String>::new());
        assert_eq!(found("customerKey=nobody"), Vec::<String>::new());
        let first = desk.shop.get("/subscriptions?limit=2");
        assert_eq!(found(&format!("limit=2&cursor={}", text(&first["nextCursor"]))), ["c"]);
        let of_acme = desk.shop.get("/subscriptions?limit=1&customerKey=acme");
        assert_eq!(found(&format!("limit=1&customerKey=acme&cursor={}", text(&of_acme["nextCursor"]))), ["c"]);
    }

    // checklist 12
    fn reading_keys_and_support_see_subscriptions_and_change_none(world) {
        let desk = Desk::open(world);
        let path = |rest: &str| desk.project().path(rest);
        let support = world.member(desk.project(), Role::Support);
        world.post(path("/subscriptions")).bearer(&support.token).idempotency("k").json(team("x")).refused(Code::Forbidden);
        let reader = world.access_key(desk.project(), &[Scope::BillingRead]);
        world.post(path("/subscriptions")).key(&reader).idempotency("k").json(team("x")).refused(Code::MissingScope);
        let writer = world.access_key(desk.project(), &[Scope::SubscriptionsWrite]);
        let made = world.post(path("/subscriptions")).key(&writer).idempotency("k").json(team("x")).expect(201);
        let own = path(&format!("/subscriptions/{}", text(&made["id"])));
        for key in [&reader, &writer] {
            assert_eq!(world.get(&own).key(key).expect(200), made);
        }
        world.get(&own).bearer(&support.token).expect(200);
        let history = world.get(format!("{own}/changes")).key(&reader).expect(200);
        assert_eq!(history["data"][0]["actor"]["kind"], "accessKey");
        let cancel = json!({ "change": { "type": "cancelled" } });
        world.post(format!("{own}/changes")).bearer(&support.token).idempotency("c").json(cancel).refused(Code::Forbidden);
    }
}
