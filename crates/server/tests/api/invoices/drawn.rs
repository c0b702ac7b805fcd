//! Issued invoices as HTML and PDF.

use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use super::Desk;
use crate::world::{Reply, on_both, text};

fn path(invoice: &Value, form: &str) -> String {
    format!("/invoices/{}/{form}", text(&invoice["id"]))
}

fn draw(desk: &Desk<'_>, invoice: &Value, form: &str) -> Reply {
    let reply = desk.shop.request(Method::GET, &path(invoice, form)).send();
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply
}

on_both! {
    // checklist 69
    // checklist 115
    fn an_issued_invoice_is_drawn_to_the_same_bytes_whatever_changes_later(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let first = ["html", "pdf"].map(|form| draw(&desk, &issued, form).bytes);
        assert!(first[0].starts_with(b"<!doctype html>") && first[1].starts_with(b"%PDF-"));
        // Another name, another seller, paid in part: none of it is in what was issued.
        let customer = format!("/customers/{}", text(&issued["customerId"]));
        desk.shop.request(Method::PATCH, &customer).json(json!({ "name": "Acme II" })).send().expect(200);
        let settings = json!({ "seller": { "legalName": "Somebody else" } });
        desk.shop.request(Method::PUT, "/billing/settings").json(settings).send().expect(200);
        desk.send("p", &format!("/{}/payments", text(&issued["id"])), json!({ "amount": "19" })).expect(201);
        let again = ["html", "pdf"].map(|form| draw(&desk, &issued, form).bytes);
        assert!(first == again);
    }

    fn the_page_says_what_the_document_says(world) {
        let desk = Desk::open(world);
        let page = draw(&desk, &desk.issued("k"), "html").text;
        for said in ["INV-000001", "Acme", "Workshop", "Materials", "VAT 19% on 100.00", "€119.00"] {
            assert!(page.contains(said), "{said}");
        }
    }

    fn a_page_brings_its_name_its_tag_and_a_policy_that_lets_nothing_run(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let (html, pdf) = (draw(&desk, &issued, "html"), draw(&desk, &issued, "pdf"));
        assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(pdf.header("content-type"), Some("application/pdf"));
        assert_eq!(pdf.header("content-disposition"), Some("inline; filename=\"INV-000001.pdf\""));
        assert_eq!(html.header("content-disposition"), Some("inline; filename=\"INV-000001.html\""));
        for reply in [&html, &pdf] {
            assert_eq!(reply.header("cache-control"), Some("private, max-age=31536000, immutable"));
            assert!(reply.header("etag").unwrap().starts_with(&format!("\"{}-", text(&issued["digest"]))));
        }
        let policy = html.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    }

    fn who_has_it_already_is_told_so(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let tag = draw(&desk, &issued, "pdf").header("etag").unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let reply = desk.shop.request(Method::GET, &path(&issued, "pdf")).header("if-none-match", &known).send();
            assert_eq!((reply.status, reply.header("etag"), reply.bytes.len()), (304, Some(tag.as_str()), 0), "{known}");
        }
        let reply = desk.shop.request(Method::GET, &path(&issued, "pdf")).header("if-none-match", "\"other\"").send();
        assert_eq!(reply.status, 200);
    }

    fn a_draft_is_not_drawn_and_a_void_invoice_still_is(world) {
        let desk = Desk::open(world);
        let draft = desk.draft("d");
        desk.shop.request(Method::GET, &path(&draft, "pdf")).send().refused(Code::InvoiceNotIssued);
        desk.shop.request(Method::GET, &path(&draft, "html")).send().refused(Code::InvoiceNotIssued);
        let issued = desk.issued("k");
        let before = draw(&desk, &issued, "html").bytes;
        let void = json!({ "reasonCode": "billing_error", "replace": false });
        desk.send("v", &format!("/{}/void", text(&issued["id"])), void).expect(200);
        assert!(draw(&desk, &issued, "html").bytes == before);
    }

    fn what_does_not_exist_is_not_found(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let strange = "crn_00000000000000000000000000";
        for form in ["html", "pdf"] {
            desk.shop.request(Method::GET, &format!("/invoices/inv_00000000000000000000000000/{form}")).send().refused(Code::NotFound);
            let note = path(&issued, &format!("credit-notes/{strange}/{form}"));
            desk.shop.request(Method::GET, &note).send().refused(Code::NotFound);
        }
    }
}
