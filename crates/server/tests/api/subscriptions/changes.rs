//! `/projects/{projectId}/subscriptions/{subscriptionId}/changes`

use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use super::{Desk, changes, plain, team, with};
use crate::world::{on_both, text};

/// A change that takes effect at a time.
fn at(effective_at: &str, change: Value) -> Value {
    json!({ "change": change, "effectiveAt": effective_at })
}

on_both! {
    // checklist 44
    fn every_change_is_a_dated_event_that_stays_readable(world) {
        let desk = Desk::open(world);
        let id = text(&desk.create("k1", team("acme-team")).expect(201)["id"]);
        let seats = json!({
            "change": { "type": "quantityChanged", "price": "seats", "quantity": "7" }, "effectiveAt": "2026-03-20T00:00:00Z",
            "reasonCode": "contract", "reason": "two more",
        });
        let changed = desk.change("k2", &id, seats).expect(201);
        let change = &changed["change"];
        assert_eq!(change, &json!({
            "id": change["id"], "sequence": 2, "effectiveAt": "2026-03-20T00:00:00.000Z", "submittedAt": "2026-03-17T10:20:00.000Z",
            "change": { "type": "quantityChanged", "price": "seats", "quantity": "7.000000" },
            "actor": change["actor"], "reasonCode": "contract", "reason": "two more", "idempotencyKey": "k2", "withdrawn": null,
        }));
        assert_eq!((&change["actor"]["kind"], &change["actor"]["id"]), (&json!("user"), &json!(desk.project().owner.id)));
        // It lies ahead: the state is as it was.
        assert_eq!(changed["subscription"]["state"]["quantities"]["seats"], "5.000000");
        assert_eq!(changed["subscription"]["upcoming"], json!([change]));
        world.clock.set("2026-03-20T00:00:00Z");
        let token = world.log_in(&desk.project().owner.email).token;
        let read = |rest: &str| world.get(desk.project().path(&format!("/subscriptions/{id}{rest}"))).bearer(&token).expect(200);
        let now = read("");
        assert_eq!((&now["state"]["quantities"]["seats"], &now["upcoming"]), (&json!("7.000000"), &json!([])));
        assert_eq!(now["stateVersion"], changed["subscription"]["stateVersion"]);
        let history = read("/changes");
        assert_eq!((&history["data"][1], history["data"].as_array().unwrap().len()), (change, 2));
        let first = read("/changes?limit=1");
        let rest = read(&format!("/changes?limit=1&cursor={}", text(&first["nextCursor"])));
        assert_eq!((&rest["data"][0], &rest["nextCursor"]), (change, &Value::Null));
    }

    // checklist 44
    fn a_change_may_have_taken_effect_before_it_was_submitted(world) {
        let desk = Desk::open(world);
        let mut body = team("acme-team");
        body["startsAt"] = json!("2026-01-31T00:00:00Z");
        let id = text(&desk.create("k1", body).expect(201)["id"]);
        let moved = json!({ "type": "planChanged", "plan": { "key": "business" } });
        let changed = desk.change("k2", &id, at("2026-02-11T00:00:00+01:00", moved)).expect(201);
        assert_eq!(changed["change"]["effectiveAt"], "2026-02-10T23:00:00.000Z");
        assert_eq!(changed["change"]["change"]["plan"], json!({ "key": "business", "version": 1 }));
        assert_eq!(changed["subscription"]["state"]["plan"]["key"], "business");
        let audited = desk.shop.get("/audit?action=subscription.changed");
        let details = &audited["data"][0]["details"];
        assert_eq!((&details["before"]["state"]["plan"]["key"], &details["after"]["state"]["plan"]["key"]), (&json!("team"), &json!("business")));
        assert_eq!(details["change"], changed["change"]);
    }

    fn every_kind_of_change_is_taken(world) {
        let desk = Desk::open(world);
        let id = text(&desk.create("k1", with(team("acme-team"), &json!({ "trialDays": 5 }))).expect(201)["id"]);
        let terms = json!({ "model": { "type": "recurring", "amount": "29" } });
        let wishes = [
            json!({ "type": "trialExtended", "trialEndsAt": "2026-03-25T00:00:00Z" }),
            json!({ "type": "quantityChanged", "price": "seats", "quantity": "7" }),
            json!({ "type": "addOnAdded", "addOn": { "key": "support" }, "quantities": { "support/hours": "1" } }),
            json!({ "type": "addOnRemoved", "addOn": "support" }),
            json!({ "type": "overridden", "price": "base", "terms": terms }),
            json!({ "type": "overridden", "price": "base" }),
            json!({ "type": "couponRedeemed", "coupon": "spring" }),
            json!({ "type": "paused" }),
            json!({ "type": "resumed" }),
            json!({ "type": "cancelled" }),
            json!({ "type": "uncancelled" }),
            json!({ "type": "planChanged", "plan": { "key": "business", "version": 1 } }),
        ];
        for (number, wish) in wishes.into_iter().enumerate() {
            let kind = wish["type"].clone();
            let changed = desk.change(&format!("c{number}"), &id, json!({ "change": wish })).expect(201);
            assert_eq!((&changed["change"]["change"]["type"], &changed["change"]["sequence"]), (&kind, &json!(number + 2)));
        }
        let state = &desk.get(&id)["state"];
        assert_eq!((&state["plan"]["key"], &state["trialEndsAt"]), (&json!("business"), &json!("2026-03-25T00:00:00.000Z")));
        assert_eq!(state["coupons"]["spring"], "2026-03-17T10:20:00.000Z");
    }

    fn a_cancellation_at_the_end_of_what_is_paid_is_undone_without_a_gap(world) {
        let desk = Desk::open(world);
        let before = desk.create("k1", team("acme-team")).expect(201);
        let id = text(&before["id"]);
        let cancelled = desk.change("k2", &id, at("periodEnd", json!({ "type": "cancelled" }))).expect(201);
        // A month after the anchor, at midnight in Berlin.
        assert_eq!(cancelled["subscription"]["endsAt"], "2026-04-16T22:00:00.000Z");
        assert_eq!(cancelled["subscription"]["phase"], "active");
        let undone = desk.change("k3", &id, json!({ "change": { "type": "uncancelled" } })).expect(201);
        assert_eq!(undone["change"]["effectiveAt"], "2026-04-16T22:00:00.000Z");
        assert_eq!((&undone["subscription"]["endsAt"], &undone["subscription"]["state"]), (&Value::Null, &before["state"]));
    }

    // checklist 45
    fn a_change_sent_many_times_at_once_is_made_once(world) {
        let desk = Desk::open(world);
        let id = text(&desk.create("k1", team("acme-team")).expect(201)["id"]);
        let body = json!({ "change": { "type": "quantityChanged", "price": "seats", "quantity": "7" } });
        let request = || desk.shop.request(Method::POST, &changes(&id)).idempotency("k2").json(body.clone());
        let replies = world.at_once((0..8).map(|_| request()).collect());
        for reply in &replies {
            assert_eq!((reply.status, &reply.text), (201, &replies[0].text));
        }
        let again = request().send();
        assert!(again.is_replay());
        assert_eq!(desk.history(&id).len(), 2);
        let other = json!({ "change": { "type": "quantityChanged", "price": "seats", "quantity": "8" } });
        desk.change("k2", &id, other).refused(Code::IdempotencyConflict);
        assert_eq!(desk.history(&id).len(), 2);
    }

    fn changes_that_race_are_judged_one_after_the_other(world) {
        let desk = Desk::open(world);
        let id = text(&desk.create("k1", team("acme-team")).expect(201)["id"]);
        let request = |number: usize| {
            let request = desk.shop.request(Method::POST, &changes(&id)).idempotency(format!("c{number}"));
            request.json(json!({ "change": { "type": "paused" } }))
        };
        let replies = world.at_once((0..6).map(request).collect());
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
        for refused in replies.iter().filter(|reply| reply.status != 201) {
            refused.refused(Code::AlreadyPaused);
        }
        let sequences: Vec<Value> = desk.history(&id).iter().map(|change| change["sequence"].clone()).collect();
        assert_eq!(sequences, [json!(1), json!(2)]);
    }

    fn a_change_that_lies_ahead_is_taken_back_and_stays_in_the_history(world) {
        let desk = Desk::open(world);
        let before = desk.create("k1", team("acme-team")).expect(201);
        let id = text(&before["id"]);
        let change = desk.change("k2", &id, at("2026-05-01T00:00:00Z", json!({ "type": "paused" }))).expect(201)["change"].clone();
        let path = format!("{}/{}?reasonCode=other&reason=they+stay", changes(&id), text(&change["id"]));
        let withdraw = || desk.shop.request(Method::DELETE, &path).idempotency("k3").send();
        let first = withdraw();
        let withdrawn = first.expect(200);
        // As if it had never been: the version of the state is that of before.
        assert_eq!(withdrawn["subscription"], before);
        let how = &withdrawn["change"]["withdrawn"];
        assert_eq!((&how["sequence"], &how["reasonCode"], &how["reason"]), (&json!(3), &json!("other"), &json!("they stay")));
        let again = withdraw();
        assert!(again.is_replay());
        assert_eq!(again.text, first.text);
        assert_eq!(desk.history(&id)[1], withdrawn["change"]);
        desk.withdraw("k4", &id, &change["id"]).refused(Code::AlreadyWithdrawn);
        let audited = desk.shop.get("/audit?action=subscription.changeWithdrawn");
        assert_eq!((audited["data"].as_array().unwrap().len(), &audited["data"][0]["reasonCode"]), (1, &json!("other")));
    }

    fn a_previewed_state_must_still_be_there(world) {
        let desk = Desk::open(world);
        let made = desk.create("k1", team("acme-team")).expect(201);
        let id = text(&made["id"]);
        let seats = |count: &str| {
            let change = json!({ "type": "quantityChanged", "price": "seats", "quantity": count });
            json!({ "change": change, "stateVersion": made["stateVersion"] })
        };
        let changed = desk.change("k2", &id, seats("7")).expect(201);
        assert_ne!(changed["subscription"]["stateVersion"], made["stateVersion"]);
        desk.change("k3", &id, seats("8")).refused(Code::PreviewStale);
        assert_eq!(desk.get(&id)["stateVersion"], changed["subscription"]["stateVersion"]);
    }

    fn a_withdrawal_makes_no_room_for_two_prices(world) {
        let desk = Desk::open(world);
        let id = text(&desk.create("k1", team("acme-team")).expect(201)["id"]);
        let ending = desk.change("k2", &id, at("2026-05-01T00:00:00Z", json!({ "type": "cancelled" }))).expect(201)["change"]["id"].clone();
        let mut next = plain("acme-business", "business");
        next["startsAt"] = json!("2026-05-01T00:00:00Z");
        desk.create("k3", next).expect(201);
        desk.withdraw("k4", &id, &ending).refused(Code::MetricAlreadyPriced);
        desk.change("k5", &id, at("2026-05-01T00:00:00Z", json!({ "type": "uncancelled" }))).refused(Code::MetricAlreadyPriced);
        assert_eq!(desk.get(&id)["endsAt"], "2026-05-01T00:00:00.000Z");
    }

    fn a_subscription_that_lies_ahead_is_cancelled_at_its_beginning(world) {
        let desk = Desk::open(world);
        let body = with(team("acme-team"), &json!({ "startsAt": "2026-05-01T00:00:00Z" }));
        let made = desk.create("k1", body).expect(201);
        let id = text(&made["id"]);
        desk.withdraw("k2", &id, &made["upcoming"][0]["id"]).refused(Code::FirstChange);
        let changed = desk.change("k3", &id, at("2026-05-01T00:00:00Z", json!({ "type": "cancelled" }))).expect(201);
        assert_eq!(changed["subscription"]["endsAt"], changed["subscription"]["startsAt"]);
        desk.create("k4", plain("acme-business", "business")).expect(201);
    }
}
