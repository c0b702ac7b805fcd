//! What happens in a story, line by line, as requests.

use domain::access::Scope;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Person, Project, Request, World, text};

/// A sandbox in which a story happens.
pub struct Story<'w> {
    world: &'w World,
    project: Project,
    access_key: String,
    /// Requests that were sent, for keys that differ.
    sent: u32,
}

/// The rest of a line, word by word.
struct Words<'t> {
    rest: &'t str,
}

impl<'w> Story<'w> {
    pub fn open(world: &'w World) -> Story<'w> {
        let owner: Person = world.owner();
        let body = json!({ "name": "A story", "externalKey": "story", "mode": "sandbox" });
        let made = world.post("/projects").bearer(&owner.token).json(body).send();
        let project = Project { id: text(&made.body()["id"]), owner };
        let access_key = world.access_key(&project, &[Scope::IngestUsage]);
        Story { world, project, access_key, sent: 0 }
    }

    /// Does what a line says.
    pub fn hear(&mut self, line: &str, block: &[&str]) {
        let mut words = Words { rest: line };
        match words.next() {
            "policies" => {
                let body = json!({ "policies": words.json() });
                self.world.patch(self.project.path("")).bearer(&self.project.owner.token).json(body).expect(200);
            }
            "catalog" => self.apply(block),
            "customer" => self.customer(&mut words),
            "grant" => self.grant(&mut words),
            "subscribe" => self.subscribe(&mut words),
            "use" => self.usage(&mut words),
            "clock" => {
                let body = json!({ "to": words.instant() });
                self.post("/clock/advance").json(body).expect(200);
            }
            "change" => self.change(&mut words),
            "credit" => self.correct(&mut words, "credit-notes", "amount"),
            "pay" => self.correct(&mut words, "payments", "amount"),
            "void" => self.correct(&mut words, "void", "replace"),
            "resolve" => self.resolve(&mut words),
            other => panic!("nothing is called `{other}` in: {line}"),
        }
        assert_eq!(words.rest, "", "the end of: {line}");
    }

    pub fn get(&self, rest: &str) -> Value {
        self.world.get(self.project.path(rest)).bearer(&self.project.owner.token).expect(200)
    }

    /// The id of an invoice by its number.
    pub fn invoice(&self, number: &str) -> String {
        let page = self.get("/invoices?limit=200");
        let rows = page["data"].as_array().unwrap();
        let found = rows.iter().find(|row| row["number"] == number);
        text(&found.unwrap_or_else(|| panic!("there is no {number}: {page}"))["id"])
    }

    fn post(&self, rest: &str) -> Request<'w> {
        self.world.request(Method::POST, &self.project.path(rest)).bearer(&self.project.owner.token)
    }

    fn key(&mut self) -> String {
        self.sent += 1;
        format!("story-{}", self.sent)
    }

    fn apply(&self, block: &[&str]) {
        let file = format!("{}\n", block.join("\n"));
        self.post("/catalog/apply").typed("application/yaml", file).expect(200);
    }

    fn customer(&self, words: &mut Words<'_>) {
        let key = words.next();
        let mut body = words.json();
        (body["externalKey"], body["name"]) = (json!(key), json!(key));
        self.post("/customers").json(body).expect(201);
    }

    fn grant(&mut self, words: &mut Words<'_>) {
        let (customer, amount, currency) = (words.next(), words.next(), words.next());
        let body = json!({ "customerKey": customer, "amount": amount, "currency": currency, "description": "Credit" });
        let key = self.key();
        self.post("/transactions/credit").idempotency(key).json(body).expect(201);
    }

    fn subscribe(&mut self, words: &mut Words<'_>) {
        let (customer, plan) = (words.next(), words.next());
        assert_eq!(words.next(), "from");
        let starts_at = words.instant();
        let mut body = words.json();
        (body["externalKey"], body["customerKey"]) = (json!(customer), json!(customer));
        (body["plan"], body["startsAt"]) = (json!({ "key": plan }), json!(starts_at));
        let key = self.key();
        self.post("/subscriptions").idempotency(key).json(body).expect(201);
    }

    fn usage(&mut self, words: &mut Words<'_>) {
        let (customer, metric, units) = (words.next(), words.next(), words.next());
        assert_eq!(words.next(), "at");
        let body = json!({ "customerKey": customer, "metricKey": metric, "units": units, "timestamp": words.instant(),
            "properties": words.json() });
        let key = self.key();
        self.world.post("/ingest/usage").key(&self.access_key).idempotency(key).json(body).expect(201);
    }

    fn change(&mut self, words: &mut Words<'_>) {
        let customer = words.next();
        let at = words.instant();
        let body = json!({ "effectiveAt": at, "change": words.json() });
        let found = self.get(&format!("/subscriptions?customerKey={customer}"));
        let (id, key) = (text(&found["data"][0]["id"]), self.key());
        self.post(&format!("/subscriptions/{id}/changes")).idempotency(key).json(body).expect(201);
    }

    /// Something that is done to an issued invoice, with or without an amount.
    fn correct(&mut self, words: &mut Words<'_>, what: &str, field: &str) {
        let (number, value) = (words.next(), words.next());
        let mut body = match what {
            "payments" => json!({}),
            _ => json!({ "reasonCode": "service_issue", "reason": "As the story has it" }),
        };
        body[field] = match value {
            "" => json!(true),
            value => json!(value),
        };
        let (id, key) = (self.invoice(number), self.key());
        let reply = self.post(&format!("/invoices/{id}/{what}")).idempotency(key).json(body).send();
        assert!([200, 201].contains(&reply.status), "{}", reply.text);
    }

    /// Decides about the oldest late usage that waits.
    fn resolve(&mut self, words: &mut Words<'_>) {
        let late = self.get("/late-usage?state=held");
        let id = text(&late["data"][0]["id"]);
        let body = json!({ "policy": words.next(), "reasonCode": "contract", "reason": "As the story has it" });
        let key = self.key();
        self.post(&format!("/late-usage/{id}/resolve")).idempotency(key).json(body).expect(200);
    }
}

impl<'t> Words<'t> {
    /// The next word; empty at the end.
    fn next(&mut self) -> &'t str {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        word
    }

    /// A date, or a date and a time.
    fn instant(&mut self) -> String {
        let date = self.next();
        let has_time = self.rest.get(2..3) == Some(":");
        let time = if has_time { self.next() } else { "00:00" };
        format!("{date}T{time}:00Z")
    }

    /// An object at the end of the line; an empty one where there is none.
    fn json(&mut self) -> Value {
        match std::mem::take(&mut self.rest) {
            "" => json!({}),
            rest => serde_json::from_str(rest).unwrap_or_else(|error| panic!("{error}: {rest}")),
        }
    }
}
