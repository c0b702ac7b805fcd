//! Credit notes, and why an invoice is what it is.

use domain::invoices::document::Document;
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use super::{Desk, workshop};
use crate::world::{Reply, on_both, text};

fn credit(desk: &Desk<'_>, key: &str, invoice: &Value, wish: &Value) -> Reply {
    let mut body = json!({ "reasonCode": "service_issue", "reason": "It did not work" });
    for (name, value) in wish.as_object().unwrap() {
        body[name] = value.clone();
    }
    desk.send(key, &format!("/{}/credit-notes", text(&invoice["id"])), body)
}

fn pay(desk: &Desk<'_>, key: &str, invoice: &Value, amount: &str) {
    desk.send(key, &format!("/{}/payments", text(&invoice["id"])), json!({ "amount": amount })).expect(201);
}

on_both! {
    // checklist 120
    fn a_credit_note_takes_from_what_is_open_with_its_tax(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let credited = credit(&desk, "c1", &issued, &json!({ "lines": [{ "line": 2 }] })).expect(201);
        assert_eq!((&credited["state"], &credited["outstanding"], &credited["credited"]), (&json!("issued"), &json!("107.100000"), &json!("11.900000")));
        let note = &credited["creditNotes"][0];
        assert_eq!((&note["number"], &note["total"], &note["settled"]), (&json!("CN-000001"), &json!("11.900000"), &json!("11.900000")));
        let document = &note["document"];
        assert_eq!((&document["subtotal"], &document["tax"], &document["amountDue"]), (&json!("10.000000"), &json!("1.900000"), &json!("11.900000")));
        assert_eq!(document["kind"], json!({ "type": "creditNote", "corrects": { "id": issued["id"], "number": "INV-000001" },
            "reasonCode": "service_issue", "reason": "It did not work" }));
        Document::from_json(&serde_json::to_string(document).unwrap()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(desk.balance("contra:credit_note"), "10.000000");
        assert_eq!((desk.balance("tax_payable:DE").as_str(), desk.balance("receivable").as_str()), ("17.100000", "107.100000"));
        // The invoice itself stays what it was.
        assert_eq!(credited["document"], issued["document"]);
        let rest = credit(&desk, "c2", &issued, &json!({ "amount": "107.10" })).expect(201);
        assert_eq!((&rest["state"], &rest["outstanding"]), (&json!("paid"), &json!("0.000000")));
        assert_eq!((desk.balance("tax_payable:DE").as_str(), desk.balance("receivable").as_str()), ("0.000000", "0.000000"));
        world.verify();
    }

    fn what_was_paid_goes_where_it_is_wanted(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        pay(&desk, "p", &issued, "119");
        let kept = credit(&desk, "c1", &issued, &json!({ "amount": "19" })).expect(201);
        assert_eq!((&kept["creditNotes"][0]["overpaid"], &kept["state"]), (&json!("customerBalance"), &json!("paid")));
        credit(&desk, "c2", &issued, &json!({ "amount": "50", "overpaid": "refund" })).expect(201);
        assert_eq!((desk.balance("customer_balance").as_str(), desk.balance("refund_payable").as_str()), ("19.000000", "50.000000"));
        world.verify();
    }

    // checklist 92
    fn what_cannot_be_credited_is_refused(world) {
        let desk = Desk::open(world);
        let draft = desk.draft("d");
        credit(&desk, "c1", &draft, &json!({ "amount": "1" })).refused(Code::InvoiceNotIssued);
        let issued = desk.issued("k");
        credit(&desk, "c2", &issued, &json!({ "amount": "119.01" })).refused(Code::CreditNoteTooLarge);
        credit(&desk, "c3", &issued, &json!({ "amount": "0.001" })).refused(Code::TooPrecise);
        credit(&desk, "c4", &issued, &json!({})).refused(Code::InvalidValue);
        credit(&desk, "c5", &issued, &json!({ "lines": [{ "line": 3 }] })).refused(Code::InvalidValue);
        let path = format!("/{}/credit-notes", text(&issued["id"]));
        desk.send("c6", &path, json!({ "amount": "1" })).refused(Code::ReasonRequired);
        // What is refused spends no number.
        assert_eq!(credit(&desk, "c7", &issued, &json!({ "amount": "1" })).expect(201)["creditNotes"][0]["number"], "CN-000001");
        assert!(credit(&desk, "c7", &issued, &json!({ "amount": "1" })).is_replay());
    }

    // checklist 75
    // checklist 123
    fn every_amount_is_explained_from_what_was_frozen(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let explained = desk.shop.get(&format!("/invoices/{}/explain", text(&issued["id"])));
        let line = &explained["lines"][0];
        assert_eq!(line["text"], json!(["0.5 × 180 = 90.000000", "Tax de (19 %, exclusive): 17.100000 EUR, its part of the tax of the rate."]));
        assert_eq!(line["content"], json!({ "name": "Workshop", "quantity": "0.5", "unitPrice": "180", "exact": "90", "amount": "90.000000",
            "text": "0.5 × 180 = 90.000000" }));
        assert_eq!((&line["charges"][0]["amount"], &line["charges"][0]["digest"]), (&json!("90.000000"), &line["digest"]));
        let entry = desk.shop.get(&format!("/ledger/entries/{}", text(&line["charges"][0]["entry"])));
        assert_eq!(entry["amount"], "90.000000");
        assert_eq!(explained["text"], json!(["The lines sum to 100.000000 EUR.", "VAT 19 % of 100.000000 EUR, rounded once: 19.000000 EUR.",
            "Rounded half-even to what can be paid (perInvoice): 0.000000 EUR.", "Total: 119.000000 EUR.", "To be paid: 119.000000 EUR."]));
        let draft = desk.send("k2", "", workshop()).expect(201);
        let of_draft = desk.shop.get(&format!("/invoices/{}/explain", text(&draft["id"])));
        assert_eq!((&of_draft["number"], &of_draft["lines"][0]["text"]), (&json!("draft"), &line["text"]));
        let events = desk.shop.get(&format!("/invoices/{}/events?line=1", text(&issued["id"])));
        assert_eq!(events["data"], json!([]));
        desk.shop.request(Method::GET, &format!("/invoices/{}/events?line=7", text(&issued["id"]))).send().refused(Code::NotFound);
    }

    // checklist 59
    fn what_is_issued_is_reconciled_and_a_draft_is_not(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let made = desk.shop.get(&format!("/invoices/{}/reconciliation", text(&issued["id"])));
        let found = &made["reconciliation"];
        assert_eq!((&found["agrees"], &found["document"]), (&json!(true), &issued["digest"]));
        assert_eq!((&found["charged"], &found["due"], &found["booked"]), (&json!("100.000000"), &json!("119.000000"), &json!("119.000000")));
        let draft = desk.draft("d");
        desk.shop.request(Method::GET, &format!("/invoices/{}/reconciliation", text(&draft["id"]))).send().refused(Code::NotFound);
        desk.finalize("f", &draft).expect(200);
        assert_eq!(desk.shop.get(&format!("/invoices/{}/reconciliation", text(&draft["id"])))["reconciliation"]["agrees"], true);
    }

    // checklist 68
    fn the_overview_counts_drafts_and_what_is_open(world) {
        let desk = Desk::open(world);
        let mut dollars = workshop();
        dollars["currency"] = json!("USD");
        desk.send("d", "", dollars).expect(201);
        let issued = desk.issued("k");
        let overview = || desk.shop.get("/billing/overview?customerKey=acme");
        assert_eq!(overview()["invoices"], json!({ "draft": 1, "open": 1, "overdue": 0 }));
        // What is charged on drafts, in the currency of the project.
        assert_eq!(overview()["currentPeriod"]["unbilledCharges"], "100.000000");
        pay(&desk, "p", &issued, "119");
        assert_eq!(overview()["invoices"], json!({ "draft": 1, "open": 0, "overdue": 0 }));
    }
}
