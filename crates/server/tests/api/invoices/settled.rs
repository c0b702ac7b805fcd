//! Payments, write-offs and void invoices.

use domain::refusal::Code;
use serde_json::{Value, json};

use super::{Desk, workshop};
use crate::world::{Reply, on_both, text};

fn pay(desk: &Desk<'_>, key: &str, invoice: &Value, amount: &str) -> Reply {
    desk.send(key, &format!("/{}/payments", text(&invoice["id"])), json!({ "amount": amount, "reference": "Transfer" }))
}

fn void(desk: &Desk<'_>, key: &str, invoice: &Value, replace: bool) -> Reply {
    let body = json!({ "reasonCode": "billing_error", "reason": "Wrong customer", "replace": replace });
    desk.send(key, &format!("/{}/void", text(&invoice["id"])), body)
}

fn write_off(desk: &Desk<'_>, key: &str, invoice: &Value) -> Reply {
    desk.send(
        key,
        &format!("/{}/write-off", text(&invoice["id"])),
        json!({ "reasonCode": "other", "reason": "Insolvent" }),
    )
}

on_both! {
    fn payments_settle_an_invoice_and_what_exceeds_it_is_the_customers(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let part = pay(&desk, "p1", &issued, "19").expect(201);
        assert_eq!((&part["state"], &part["partiallyPaid"], &part["outstanding"]), (&json!("issued"), &json!(true), &json!("100.000000")));
        let paid = pay(&desk, "p2", &issued, "130").expect(201);
        assert_eq!((&paid["state"], &paid["paid"]), (&json!("paid"), &json!("119.000000")));
        assert_eq!((&paid["payments"][1]["amount"], &paid["payments"][1]["settled"]), (&json!("130.000000"), &json!("100.000000")));
        assert_eq!((desk.balance("bank").as_str(), desk.balance("customer_balance").as_str()), ("149.000000", "30.000000"));
        assert_eq!(desk.balance("receivable"), "0.000000");
        // Sent again, it is one payment.
        assert!(pay(&desk, "p2", &issued, "130").is_replay());
        assert_eq!(desk.get(&issued)["payments"].as_array().unwrap().len(), 2);
        assert_eq!(desk.get(&issued)["document"], issued["document"]);
        world.verify();
    }

    fn a_payment_says_when_it_came_and_never_ahead(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let path = format!("/{}/payments", text(&issued["id"]));
        let ahead = json!({ "amount": "1", "paidAt": "2026-03-18T00:00:00Z" });
        desk.send("p1", &path, ahead).refused(Code::TimestampInFuture);
        let before = json!({ "amount": "1", "paidAt": "2026-03-16T00:00:00Z" });
        let paid = desk.send("p2", &path, before).expect(201);
        assert_eq!(paid["payments"][0]["paidAt"], "2026-03-16T00:00:00.000Z");
        let entry = desk.shop.get(&format!("/ledger/entries/{}", text(&paid["payments"][0]["entry"])));
        assert_eq!((&entry["effectiveAt"], &entry["cause"]["id"]), (&json!("2026-03-16T00:00:00.000Z"), &issued["id"]));
    }

    fn what_was_given_up_is_recovered_by_a_late_payment(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        pay(&desk, "p1", &issued, "19").expect(201);
        let given_up = write_off(&desk, "w", &issued).expect(200);
        assert_eq!((&given_up["state"], &given_up["givenUp"]), (&json!("uncollectible"), &json!("100.000000")));
        assert_eq!(desk.balance("bad_debt"), "100.000000");
        write_off(&desk, "w2", &issued).refused(Code::InvoicePaid);
        let recovered = pay(&desk, "p2", &issued, "110").expect(201);
        assert_eq!((&recovered["state"], &recovered["payments"][1]["recovered"]), (&json!("paid"), &json!("100.000000")));
        assert_eq!((desk.balance("bad_debt").as_str(), desk.balance("customer_balance").as_str()), ("0.000000", "10.000000"));
        world.verify();
    }

    // checklist 120
    fn a_void_invoice_keeps_its_number_and_a_draft_replaces_it(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let gone = void(&desk, "v", &issued, true).expect(200);
        assert_eq!((&gone["state"], &gone["number"], &gone["outstanding"]), (&json!("void"), &json!("INV-000001"), &json!("0.000000")));
        assert_eq!(gone["document"], issued["document"]);
        // As before it was issued: what was charged is still charged.
        assert_eq!((desk.balance("receivable").as_str(), desk.balance("unbilled").as_str()), ("0.000000", "100.000000"));
        assert_eq!(desk.balance("tax_payable:DE"), "0.000000");
        let draft = &desk.list("?state=draft")[0];
        assert_eq!((&draft["kind"], &draft["replaces"], &draft["due"]), (&json!("replacement"), &issued["id"], &json!("119.000000")));
        let again = desk.finalize("f", draft).expect(200);
        assert_eq!((&again["number"], &again["document"]["kind"]["replaces"]["number"]), (&json!("INV-000002"), &json!("INV-000001")));
        pay(&desk, "p", &issued, "1").refused(Code::InvoiceVoid);
        assert_eq!(void(&desk, "v2", &issued, true).expect(200)["state"], "void");
        assert_eq!(desk.list("").len(), 2);
        world.verify();
    }

    fn a_void_invoice_may_leave_nothing_behind(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        void(&desk, "v", &issued, false).expect(200);
        assert_eq!(desk.list("?state=draft"), Vec::<Value>::new());
    }

    // checklist 92
    fn what_is_settled_or_a_draft_is_not_void_and_a_reason_is_needed(world) {
        let desk = Desk::open(world);
        let draft = desk.draft("d");
        void(&desk, "v1", &draft, true).refused(Code::InvoiceNotIssued);
        pay(&desk, "p0", &draft, "1").refused(Code::InvoiceNotIssued);
        let issued = desk.issued("k");
        pay(&desk, "p", &issued, "1").expect(201);
        void(&desk, "v2", &issued, true).refused(Code::InvoicePaid);
        for path in ["void", "write-off"] {
            desk.send("r", &format!("/{}/{path}", text(&issued["id"])), json!({})).refused(Code::ReasonRequired);
        }
        assert_eq!(desk.outstanding(&issued), ("issued".to_owned(), "118.000000".to_owned()));
    }

    fn an_invoice_whose_balance_was_used_is_not_void(world) {
        let desk = Desk::open(world);
        let mut rebate = workshop();
        rebate["items"] = json!([{ "description": "Rebate", "unitPrice": "-50" }]);
        rebate["finalize"] = json!(true);
        let rebate = desk.send("k", "", rebate).expect(201);
        desk.issued("k2");
        void(&desk, "v", &rebate, false).refused(Code::InvoicePaid);
    }

    // checklist 93
    fn each_action_is_in_the_trail_and_announced(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        pay(&desk, "p", &issued, "19").expect(201);
        write_off(&desk, "w", &issued).expect(200);
        let trail = desk.shop.get(&format!("/audit?target={}", text(&issued["id"])));
        let actions: Vec<String> = trail["data"].as_array().unwrap().iter().map(|entry| text(&entry["action"])).collect();
        assert_eq!(actions, ["invoice.written_off", "invoice.payment_recorded", "invoice.created", "invoice.issued"]);
        assert_eq!(trail["data"][0]["reasonCode"], "other");
    }
}
