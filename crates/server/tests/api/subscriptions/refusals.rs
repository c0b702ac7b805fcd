//! Every way in which a subscription or a change is refused, each once; nothing is stored.

use domain::refusal::Code;
use serde_json::{Value, json};

use super::{Desk, changes, plain, team, with};
use crate::world::{on_both, text};

fn seats(price: &str, quantity: &str) -> Value {
    json!({ "type": "quantityChanged", "price": price, "quantity": quantity })
}

fn support() -> Value {
    json!({ "type": "addOnAdded", "addOn": { "key": "support" }, "quantities": { "support/hours": "1" } })
}

fn to_plan(key: &str) -> Value {
    json!({ "type": "planChanged", "plan": { "key": key } })
}

on_both! {
    fn a_subscription_that_cannot_be_is_refused(world) {
        let desk = Desk::open(world);
        let mut draft = desk.shop.get("/plans/idle/versions/1")["definition"].clone();
        draft["name"] = json!("Idle again");
        desk.shop.post("/plans/idle/versions", draft.clone()).expect(201);
        draft["key"] = json!("never");
        desk.shop.post("/plans", draft).expect(201);
        let cases = [
            (json!({ "customerKey": "nobody" }), Code::UnknownCustomer),
            (json!({ "plan": { "key": "nothing" } }), Code::UnknownPlan),
            (json!({ "plan": { "key": "team", "version": 9 } }), Code::UnknownPlan),
            (json!({ "plan": { "key": "idle", "version": 2 } }), Code::PlanNotPublished),
            (json!({ "plan": { "key": "never" } }), Code::PlanNotPublished),
            (json!({ "quantities": {} }), Code::QuantityRequired),
            (json!({ "quantities": { "seats": "-1" } }), Code::OutOfRange),
            (json!({ "quantities": { "seats": "1", "nothing": "1" } }), Code::UnknownPrice),
            (json!({ "quantities": { "seats": "1", "base": "1" } }), Code::UnknownPrice),
            (json!({ "addOns": [{ "key": "nothing" }] }), Code::UnknownAddOn),
            (json!({ "addOns": [{ "key": "support", "version": 9 }] }), Code::UnknownAddOn),
            (json!({ "addOns": [{ "key": "support" }, { "key": "support" }] }), Code::InvalidValue),
            (json!({ "plan": { "key": "idle" }, "quantities": { "support/hours": "1" }, "addOns": [{ "key": "support" }] }), Code::AddOnNotOffered),
            (json!({ "coupons": ["nothing"] }), Code::UnknownCoupon),
            (json!({ "overrides": { "base": { "model": { "type": "recurring", "amount": "-1" } } } }), Code::InvalidCatalog),
            (json!({ "overrides": { "base": { "model": { "type": "seat", "unitPrice": "1" } } } }), Code::InvalidValue),
            (json!({ "timeZone": "Mars/Olympus" }), Code::InvalidValue),
            (json!({ "startsAt": "tomorrow" }), Code::InvalidTimestamp),
            (json!({ "trialEndsAt": "2026-03-01T00:00:00Z" }), Code::InvalidValue),
            (json!({ "trialEndsAt": "2026-05-01T00:00:00Z", "trialDays": 3 }), Code::InvalidValue),
            (json!({ "trialDays": 1001 }), Code::OutOfRange),
            (json!({ "startsAt": "9999-12-20T00:00:00Z", "trialDays": 1000 }), Code::OutOfRange),
            (json!({ "reason": "words alone" }), Code::ReasonRequired),
            (json!({ "seats": 5 }), Code::UnknownField),
        ];
        for (number, (fields, code)) in cases.into_iter().enumerate() {
            desk.create(&format!("k{number}"), with(team("acme-team"), &fields)).refused(code);
        }
        assert_eq!(desk.shop.get("/subscriptions")["data"], json!([]));
        // A refusal leaves its key free.
        desk.create("k0", team("acme-team")).expect(201);
        desk.create("k1", plain("second", "business")).refused(Code::MetricAlreadyPriced);
        // One that prices only the events that name it may stand beside it.
        desk.create("k1", with(plain("second", "business"), &json!({ "usage": "named" }))).expect(201);
    }

    fn what_left_the_catalog_is_kept_by_whoever_has_it_and_sold_to_nobody_new(world) {
        let desk = Desk::open(world);
        let body = with(team("acme-team"), &json!({
            "addOns": [{ "key": "support" }], "quantities": { "seats": "5", "support/hours": "1" }, "coupons": ["spring"],
        }));
        let id = text(&desk.create("k1", body.clone()).expect(201)["id"]);
        let other = text(&desk.create("k2", plain("idle", "idle")).expect(201)["id"]);
        let mut free = desk.shop.get("/plans/team/versions/1")["definition"].clone();
        free.as_object_mut().unwrap().remove("addOns");
        desk.shop.post("/plans/team/versions", free).expect(201);
        desk.shop.publish(2).expect(200);
        desk.shop.send(http::Method::DELETE, "/add-ons/support", None).expect(204);
        desk.shop.send(http::Method::DELETE, "/coupons/spring", None).expect(204);
        desk.shop.send(http::Method::POST, "/plans/team/archive", None).expect(200);
        desk.change("k3", &id, json!({ "change": seats("support/hours", "2") })).expect(201);
        desk.change("k4", &other, json!({ "change": to_plan("team") })).refused(Code::PlanArchived);
        desk.change("k5", &other, json!({ "change": support() })).refused(Code::UnknownAddOn);
        desk.change("k6", &other, json!({ "change": { "type": "couponRedeemed", "coupon": "spring" } })).refused(Code::UnknownCoupon);
        let of_globex = with(body, &json!({ "externalKey": "globex-team", "customerKey": "globex" }));
        desk.create("k7", of_globex).refused(Code::PlanArchived);
    }

    fn a_change_that_is_not_possible_is_refused(world) {
        let desk = Desk::open(world);
        let id = text(&desk.create("k1", with(team("acme-team"), &json!({ "coupons": ["spring"] }))).expect(201)["id"]);
        let spring = json!({ "type": "couponRedeemed", "coupon": "spring" });
        let extended = json!({ "type": "trialExtended", "trialEndsAt": "2026-06-01T00:00:00Z" });
        let cases = [
            (seats("seats", "5"), Code::NothingChanges),
            (seats("seats", "-1"), Code::OutOfRange),
            (seats("calls", "5"), Code::UnknownPrice),
            (json!({ "type": "resumed" }), Code::NotPaused),
            (json!({ "type": "uncancelled" }), Code::NotCancelled),
            (json!({ "type": "addOnRemoved", "addOn": "support" }), Code::AddOnNotBooked),
            (extended, Code::TrialOver),
            (spring, Code::CouponRedeemed),
            (to_plan("dollar"), Code::CurrencyChange),
            (to_plan("nothing"), Code::UnknownPlan),
            (json!({ "type": "addOnAdded", "addOn": { "key": "support" } }), Code::QuantityRequired),
            (json!({ "type": "created" }), Code::InvalidValue),
            (json!({ "type": "paused", "until": "friday" }), Code::UnknownField),
        ];
        for (number, (change, code)) in cases.into_iter().enumerate() {
            desk.change(&format!("c{number}"), &id, json!({ "change": change })).refused(code);
        }
        let early = json!({ "change": { "type": "paused" }, "effectiveAt": "2026-03-01T00:00:00Z" });
        desk.change("c20", &id, early).refused(Code::BeforeStart);
        let someday = json!({ "change": { "type": "paused" }, "effectiveAt": "someday" });
        desk.change("c21", &id, someday).refused(Code::InvalidTimestamp);
        desk.shop.post(&changes(&id), json!({ "change": { "type": "paused" } })).refused(Code::IdempotencyKeyRequired);
        assert_eq!(desk.history(&id).len(), 1);
    }

    fn a_change_that_does_not_fit_the_ones_before_and_after_it_is_refused(world) {
        let desk = Desk::open(world);
        let id = text(&desk.create("k1", team("acme-team")).expect(201)["id"]);
        let first = text(&desk.history(&id)[0]["id"]);
        let made = |key: &str, body: Value| desk.change(key, &id, body).expect(201)["change"]["id"].clone();
        made("k2", json!({ "change": support() }));
        desk.change("k3", &id, json!({ "change": support() })).refused(Code::AddOnBooked);
        desk.change("k4", &id, json!({ "change": to_plan("business") })).refused(Code::AddOnNotOffered);
        let paused = made("k5", json!({ "change": { "type": "paused" }, "effectiveAt": "2026-04-01T00:00:00Z" }));
        made("k6", json!({ "change": { "type": "resumed" }, "effectiveAt": "2026-05-01T00:00:00Z" }));
        let again = json!({ "change": { "type": "paused" }, "effectiveAt": "2026-04-02T00:00:00Z" });
        desk.change("k7", &id, again).refused(Code::AlreadyPaused);
        desk.change("k8", &id, json!({ "change": { "type": "paused" } })).refused(Code::LaterChangeConflict);
        desk.withdraw("k9", &id, &paused).refused(Code::LaterChangeConflict);
        desk.withdraw("k10", &id, &json!(first)).refused(Code::FirstChange);
        let support = desk.history(&id)[1]["id"].clone();
        desk.withdraw("k14", &id, &support).refused(Code::AlreadyEffective);
        desk.withdraw("k11", &id, &json!("sch_00000000000000000000000007")).refused(Code::NotFound);
        made("k12", json!({ "change": { "type": "cancelled" }, "effectiveAt": "2026-06-01T00:00:00Z" }));
        let late = json!({ "change": { "type": "paused" }, "effectiveAt": "2026-06-02T00:00:00Z" });
        desk.change("k13", &id, late).refused(Code::SubscriptionEnded);
        assert_eq!(desk.history(&id).len(), 5);
    }
}
