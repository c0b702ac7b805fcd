//! To whom invoices of a customer are addressed, and who pays them.

use domain::refusal::Code;
use serde_json::{Value, json};

use super::{create, list};
use crate::world::{Project, Reply, World, on_both, text};

fn patch(world: &World, project: &Project, customer: &Value, body: Value) -> Reply {
    let path = project.path(&format!("/customers/{}", text(&customer["id"])));
    world.patch(path).bearer(&project.owner.token).json(body).send()
}

on_both! {
    fn billing_details_are_given_replaced_and_forgotten(world) {
        let project = world.project();
        let billing = json!({
            "legalName": "Acme Incorporated", "email": "Invoices@Example.com", "locale": "fr-FR",
            "address": { "lines": ["1 Main Street"], "city": "Lyon", "postalCode": "69001", "country": "FR" },
        });
        let body = json!({ "externalKey": "acme", "billing": billing });
        let made = create(world, &project, body.clone()).expect(201);
        assert_eq!(create(world, &project, body).expect(200), made);
        create(world, &project, json!({ "externalKey": "acme" })).refused(Code::ExternalKeyConflict);
        assert_eq!(made["billing"], json!({
            "legalName": "Acme Incorporated", "email": "invoices@example.com", "locale": "fr-FR",
            "address": { "lines": ["1 Main Street"], "city": "Lyon", "postalCode": "69001", "region": null, "country": "FR" },
        }));
        assert_eq!(patch(world, &project, &made, json!({ "name": "Acme" })).expect(200)["billing"], made["billing"]);
        let changed = patch(world, &project, &made, json!({ "billing": { "locale": "ja-JP" } })).expect(200)["billing"].clone();
        assert_eq!((&changed["locale"], &changed["legalName"]), (&json!("ja-JP"), &Value::Null));
        assert_eq!(list(world, &project, "?externalKey=acme")["data"][0]["billing"], changed);
        let forgotten = patch(world, &project, &made, json!({ "billing": null })).expect(200);
        assert_eq!(forgotten["billing"], list(world, &project, "")["data"][0]["billing"]);
    }

    fn details_that_cannot_be_printed_are_refused_by_name(world) {
        let project = world.project();
        for (billing, code, field) in [
            (json!({ "legalName": "" }), Code::InvalidValue, "billing.legalName"),
            (json!({ "address": { "country": "fr" } }), Code::InvalidValue, "billing.address.country"),
            (json!({ "locale": "tlh" }), Code::InvalidValue, "billing.locale"),
            (json!({ "phone": "1" }), Code::UnknownField, "billing.phone"),
        ] {
            let body = json!({ "externalKey": "acme", "billing": billing });
            assert_eq!(create(world, &project, body).refused(code)["errors"][0]["field"], field);
        }
    }

    fn another_customer_pays_until_it_does_not(world) {
        let project = world.project();
        let holding = create(world, &project, json!({ "externalKey": "holding" })).expect(201);
        let body = json!({ "externalKey": "shop", "payerKey": "holding" });
        let shop = create(world, &project, body.clone()).expect(201);
        assert_eq!((&shop["payerKey"], &holding["payerKey"]), (&json!("holding"), &Value::Null));
        assert_eq!(create(world, &project, body).expect(200), shop);
        create(world, &project, json!({ "externalKey": "shop" })).refused(Code::ExternalKeyConflict);
        assert_eq!(patch(world, &project, &shop, json!({ "name": "Shop" })).expect(200)["payerKey"], "holding");
        assert_eq!(list(world, &project, "?externalKey=shop")["data"][0]["payerKey"], "holding");
        assert_eq!(patch(world, &project, &shop, json!({ "payerKey": null })).expect(200)["payerKey"], Value::Null);
        let again = patch(world, &project, &shop, json!({ "payerKey": "holding" })).expect(200);
        assert_eq!(again["payerKey"], "holding");
        let trail = world.get(project.path("/audit?action=customer.updated")).bearer(&project.owner.token).expect(200);
        let details: Vec<&Value> = trail["data"].as_array().unwrap().iter().map(|entry| &entry["details"]).collect();
        assert!(details.contains(&&json!({ "before": { "payerKey": null }, "after": { "payerKey": "holding" } })));
    }

    fn nobody_pays_for_itself_and_payers_do_not_chain(world) {
        let project = world.project();
        let top = create(world, &project, json!({ "externalKey": "top" })).expect(201);
        let holding = create(world, &project, json!({ "externalKey": "holding" })).expect(201);
        let shop = create(world, &project, json!({ "externalKey": "shop", "payerKey": "holding" })).expect(201);
        for (customer, payer, code) in [
            (&shop, "shop", Code::InvalidValue),
            (&shop, "nobody", Code::UnknownCustomer),
            // A payer that has a payer, a customer that pays for others, and a circle of two.
            (&top, "shop", Code::PayerChain),
            (&holding, "top", Code::PayerChain),
            (&holding, "shop", Code::PayerChain),
        ] {
            let problem = patch(world, &project, customer, json!({ "payerKey": payer })).refused(code);
            assert_eq!(problem["errors"][0]["field"], "payerKey", "{payer}");
        }
        create(world, &project, json!({ "externalKey": "new", "payerKey": "shop" })).refused(Code::PayerChain);
        create(world, &project, json!({ "externalKey": "new", "payerKey": "new" })).refused(Code::UnknownCustomer);
        assert_eq!(patch(world, &project, &shop, json!({ "payerKey": "top" })).expect(200)["payerKey"], "top");
        assert_eq!(patch(world, &project, &holding, json!({ "payerKey": "top" })).expect(200)["payerKey"], "top");
    }

    fn two_requests_at_once_make_no_circle(world) {
        let project = world.project();
        let made: Vec<Value> = ["one", "two"].iter()
            .map(|key| create(world, &project, json!({ "externalKey": key })).expect(201)).collect();
        let request = |customer: &Value, payer: &str| {
            let path = project.path(&format!("/customers/{}", text(&customer["id"])));
            world.patch(path).bearer(&project.owner.token).json(json!({ "payerKey": payer }))
        };
        let replies = world.at_once(vec![request(&made[0], "two"), request(&made[1], "one")]);
        let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
}
