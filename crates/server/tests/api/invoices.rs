//! `/projects/{projectId}/invoices`: one-off invoices from the draft to the last cent, on both databases.

mod credited;
mod drawn;
mod settled;

use domain::access::{Role, Scope};
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use crate::plans::Shop;
use crate::world::{Reply, World, on_both, text};

/// German tax, in a project that sells in euros.
const CATALOG: &str = "\
taxRates:
  - { key: de, name: VAT, country: DE, percent: 19 }
";

/// The shortcuts of these stories.
struct Desk<'w> {
    shop: Shop<'w>,
}

impl<'w> Desk<'w> {
    /// A project with German tax and a customer in Berlin.
    fn open(world: &'w World) -> Desk<'w> {
        let shop = Shop { world, project: world.project() };
        shop.apply(CATALOG);
        let acme =
            json!({ "externalKey": "acme", "name": "Acme", "timeZone": "Europe/Berlin", "tax": { "country": "DE" } });
        shop.post("/customers", acme).expect(201);
        Desk { shop }
    }

    fn send(&self, key: &str, path: &str, body: Value) -> Reply {
        self.shop.request(Method::POST, &format!("/invoices{path}")).idempotency(key).json(body).send()
    }

    /// A draft of a workshop and its materials: 119.00 with tax.
    fn draft(&self, key: &str) -> Value {
        self.send(key, "", workshop()).expect(201)
    }

    /// The same, issued.
    fn issued(&self, key: &str) -> Value {
        let mut body = workshop();
        body["finalize"] = json!(true);
        self.send(key, "", body).expect(201)
    }

    fn finalize(&self, key: &str, invoice: &Value) -> Reply {
        self.send(key, &format!("/{}/finalize", text(&invoice["id"])), json!({}))
    }

    fn get(&self, invoice: &Value) -> Value {
        self.shop.get(&format!("/invoices/{}", text(&invoice["id"])))
    }

    fn list(&self, query: &str) -> Vec<Value> {
        self.shop.get(&format!("/invoices{query}"))["data"].as_array().unwrap().clone()
    }

    /// The balance of an account; zero for one that was never posted to.
    fn balance(&self, account: &str) -> String {
        let accounts = self.shop.get("/ledger/accounts?limit=200");
        let accounts = accounts["data"].as_array().unwrap();
        let found = accounts.iter().find(|found| text(&found["name"]).starts_with(account));
        found.map_or("0.000000".to_owned(), |found| text(&found["balance"]))
    }

    fn outstanding(&self, invoice: &Value) -> (String, String) {
        let now = self.get(invoice);
        (text(&now["state"]), text(&now["outstanding"]))
    }
}

fn workshop() -> Value {
    json!({ "customerKey": "acme", "currency": "EUR", "items": [
        { "description": "Workshop", "quantity": "0.5", "unitPrice": "180" },
        { "description": "Materials", "unitPrice": "10" },
    ] })
}

on_both! {
    fn a_draft_is_what_the_invoice_would_be(world) {
        let desk = Desk::open(world);
        let draft = desk.draft("k");
        assert_eq!(draft["number"], Value::Null);
        assert_eq!((&draft["state"], &draft["kind"], &draft["billsOn"]), (&json!("draft"), &json!("oneOff"), &json!("2026-03-17")));
        assert_eq!((&draft["due"], &draft["outstanding"], &draft["digest"]), (&json!("119.000000"), &json!("0.000000"), &Value::Null));
        let document = &draft["document"];
        assert_eq!((&document["subtotal"], &document["tax"], &document["total"]), (&json!("100.000000"), &json!("19.000000"), &json!("119.000000")));
        assert_eq!(document["lines"][0]["name"], "Workshop");
        assert_eq!(document["lines"][0]["units"], json!({ "quantity": "0.5", "label": "units" }));
        assert_eq!(document["lines"][0]["text"], "0.5 × 180 = 90.000000");
        // What is charged is posted, and nothing is owed yet.
        assert_eq!((desk.balance("unbilled").as_str(), desk.balance("receivable").as_str()), ("100.000000", "0.000000"));
        // A draft follows the customer until it is issued.
        let path = format!("/customers/{}", text(&draft["customerId"]));
        desk.shop.request(Method::PATCH, &path).json(json!({ "tax": { "country": "FR" } })).send().expect(200);
        assert_eq!(desk.get(&draft)["due"], "100.000000");
    }

    // checklist 70
    // checklist 76
    // promise P22
    fn a_draft_is_finalized_once_and_then_never_changes(world) {
        let desk = Desk::open(world);
        let draft = desk.draft("k");
        let issued = desk.finalize("f1", &draft).expect(200);
        assert_eq!((&issued["state"], &issued["number"]), (&json!("issued"), &json!("INV-000001")));
        assert_eq!((&issued["due"], &issued["outstanding"]), (&json!("119.000000"), &json!("119.000000")));
        assert_eq!((&issued["document"]["issuedOn"], &issued["document"]["dueOn"]), (&json!("2026-03-17"), &json!("2026-03-31")));
        assert_eq!(issued["dueAt"], "2026-03-31T22:00:00.000Z");
        assert_eq!((desk.balance("unbilled").as_str(), desk.balance("receivable").as_str()), ("0.000000", "119.000000"));
        assert_eq!(desk.balance("tax_payable:DE"), "19.000000");
        // Neither another request nor another name of the customer changes it.
        assert_eq!(desk.finalize("f2", &draft).expect(200)["document"], issued["document"]);
        let path = format!("/customers/{}", text(&draft["customerId"]));
        desk.shop.request(Method::PATCH, &path).json(json!({ "name": "Acme II", "tax": { "country": "FR" } })).send().expect(200);
        assert_eq!(desk.get(&draft), issued);
        assert_eq!(desk.list("")[0]["number"], "INV-000001");
        world.verify();
    }

    // checklist 69
    fn the_bytes_of_an_issued_invoice_are_those_that_were_hashed(world) {
        let desk = Desk::open(world);
        let issued = desk.issued("k");
        let path = format!("/invoices/{}", text(&issued["id"]));
        let read = || desk.shop.request(Method::GET, &path).send();
        let (first, again) = (read(), read());
        assert_eq!(first.text, again.text);
        let (_, rest) = first.text.split_once("\"document\":").unwrap();
        let (document, _) = rest.rsplit_once(",\"payments\":").unwrap();
        assert_eq!(domain::invoices::freeze::hex(&domain::invoices::document::Document::digest_of(document)), text(&issued["digest"]));
    }

    // checklist 120
    fn numbers_follow_each_other_without_gaps(world) {
        let desk = Desk::open(world);
        let numbers: Vec<String> = (0..3).map(|index| text(&desk.issued(&format!("k{index}"))["number"])).collect();
        assert_eq!(numbers, ["INV-000001", "INV-000002", "INV-000003"]);
        // A request that is refused spends none.
        let nobody = json!({ "customerKey": "nobody", "items": [{ "description": "x", "unitPrice": "1" }], "finalize": true });
        desk.send("k4", "", nobody).refused(Code::UnknownCustomer);
        let mut dollars = workshop();
        dollars["currency"] = json!("USD");
        dollars["finalize"] = json!(true);
        assert_eq!(desk.send("k5", "", dollars).expect(201)["number"], "INV-000004");
    }

    fn many_finalize_one_draft_and_it_gets_one_number(world) {
        // checklist 76
        let desk = Desk::open(world);
        let draft = desk.draft("k");
        let path = desk.shop.project.path(&format!("/invoices/{}/finalize", text(&draft["id"])));
        let requests = (0..8).map(|index| {
            world.post(&path).bearer(&desk.shop.project.owner.token).idempotency(format!("f{index}")).json(json!({}))
        });
        let replies = world.at_once(requests.collect());
        assert!(replies.iter().all(|reply| reply.body()["number"] == "INV-000001"), "{replies:?}");
        assert_eq!(text(&desk.issued("next")["number"]), "INV-000002");
        assert_eq!(desk.balance("receivable"), "238.000000");
    }

    fn a_request_that_is_sent_again_makes_one_invoice(world) {
        let desk = Desk::open(world);
        let first = desk.send("k", "", workshop());
        let again = desk.send("k", "", workshop());
        assert_eq!((again.status, &again.text, again.is_replay()), (201, &first.text, true));
        assert_eq!(desk.list("").len(), 1);
        let mut other = workshop();
        other["items"][0]["quantity"] = json!("2");
        desk.send("k", "", other).refused(Code::IdempotencyConflict);
        // Two of one day are two.
        assert_ne!(desk.draft("k2")["id"], desk.draft("k3")["id"]);
    }

    fn an_invoice_of_nothing_to_pay_is_paid_at_once(world) {
        let desk = Desk::open(world);
        let free = json!({ "customerKey": "acme", "finalize": true, "items": [{ "description": "Trial", "unitPrice": "0" }] });
        let issued = desk.send("k", "", free).expect(201);
        assert_eq!((&issued["state"], &issued["number"], &issued["entry"]), (&json!("paid"), &json!("INV-000001"), &Value::Null));
        world.verify();
    }

    fn a_negative_total_becomes_the_balance_that_pays_the_next_invoice(world) {
        let desk = Desk::open(world);
        let rebate = json!({ "customerKey": "acme", "currency": "EUR", "finalize": true,
            "items": [{ "description": "Rebate", "unitPrice": "-50" }] });
        let issued = desk.send("k", "", rebate).expect(201);
        assert_eq!((&issued["state"], &issued["due"]), (&json!("paid"), &json!("-59.500000")));
        let document = &issued["document"];
        assert_eq!((&document["balanceApplied"], &document["amountDue"]), (&json!("-59.500000"), &json!("0.000000")));
        assert_eq!(desk.balance("customer_balance"), "59.500000");
        let next = desk.issued("k2");
        assert_eq!((&next["state"], &next["outstanding"], &next["paid"]), (&json!("issued"), &json!("59.500000"), &json!("59.500000")));
        assert_eq!((&next["document"]["balanceApplied"], &next["payments"][0]["source"]), (&json!("59.500000"), &json!("balance")));
        assert_eq!((desk.balance("customer_balance").as_str(), desk.balance("receivable").as_str()), ("0.000000", "59.500000"));
        world.verify();
    }

    fn another_customer_pays_and_the_line_says_whose_it_is(world) {
        let desk = Desk::open(world);
        desk.shop.post("/customers", json!({ "externalKey": "branch", "payerKey": "acme" })).expect(201);
        let items = json!([{ "description": "Setup", "unitPrice": "20" }]);
        let issued = desk.send("k", "", json!({ "customerKey": "branch", "items": items, "finalize": true })).expect(201);
        assert_eq!((&issued["customerKey"], &issued["document"]["customer"]["name"]), (&json!("acme"), &json!("Acme")));
        assert_eq!(issued["document"]["lines"][0]["customerKey"], "branch");
        assert_eq!(issued["due"], "23.800000");
    }

    fn lists_are_narrowed_and_go_page_by_page(world) {
        let desk = Desk::open(world);
        desk.draft("d");
        for index in 0..3 {
            desk.issued(&format!("k{index}"));
        }
        assert_eq!((desk.list("?state=draft").len(), desk.list("?state=issued").len()), (1, 3));
        assert_eq!((desk.list("?customerKey=acme").len(), desk.list("?customerKey=nobody").len()), (4, 0));
        assert_eq!(desk.list("?overdue=true").len(), 0);
        let first = desk.shop.get("/invoices?limit=3");
        let rest = desk.shop.get(&format!("/invoices?limit=3&cursor={}", text(&first["nextCursor"])));
        assert_eq!((first["data"].as_array().unwrap().len(), rest["data"].as_array().unwrap().len()), (3, 1));
        desk.shop.request(Method::GET, "/invoices?state=open").send().refused(Code::InvalidQuery);
        let key = world.access_key(&desk.shop.project, &[Scope::BillingRead]);
        let overdue = || world.get(desk.shop.project.path("/invoices?overdue=true")).key(&key).expect(200);
        world.clock.set("2026-03-31T21:59:59Z");
        assert_eq!(overdue()["data"], json!([]));
        world.clock.set("2026-03-31T22:00:00Z");
        assert_eq!(overdue()["data"].as_array().unwrap().len(), 3);
    }

    fn what_cannot_be_on_an_invoice_is_refused_with_its_field(world) {
        let desk = Desk::open(world);
        let items = |items: Value| json!({ "customerKey": "acme", "items": items });
        let field = |body: Value, code: Code| desk.send("k", "", body).refused(code)["errors"][0]["field"].clone();
        assert_eq!(field(items(json!([])), Code::InvalidValue), "items");
        assert_eq!(field(items(json!([{ "description": " ", "unitPrice": "1" }])), Code::InvalidValue), "items[0].description");
        let zero = json!([{ "description": "x", "unitPrice": "1", "quantity": "0" }]);
        assert_eq!(field(items(zero), Code::NotPositive), "items[0].quantity");
    }

    // checklist 12
    fn who_reads_does_not_issue(world) {
        let desk = Desk::open(world);
        let draft = desk.draft("k");
        let project = &desk.shop.project;
        let path = project.path(&format!("/invoices/{}/finalize", text(&draft["id"])));
        for role in [Role::Viewer, Role::Support, Role::Developer] {
            let person = world.member(project, role);
            world.post(&path).bearer(&person.token).idempotency("f").json(json!({})).refused(Code::Forbidden);
        }
        let key = world.access_key(project, &[Scope::BillingRead]);
        world.post(&path).key(&key).idempotency("f").json(json!({})).refused(Code::MissingScope);
        let read = world.get(project.path("/invoices")).key(&key).expect(200);
        assert_eq!(read["data"][0]["id"], draft["id"]);
    }
}
