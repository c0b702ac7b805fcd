//! A sandbox lives through a year, told through the API with every invoice worked out by hand: 2028, which has a 29th of February.

use domain::access::Scope;
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Person, Project, Request, World, on_both, text};

/// 899 is 31 × 29: a day costs a whole amount in the long months, and in this February.
const CATALOG: &str = "\
metrics:
  - { key: calls, name: Calls, aggregation: sum }
plans:
  - key: team
    name: Team
    currency: USD
    prices:
      - { key: base, name: Base fee, interval: { unit: month }, timing: advance,
          terms: { model: { type: recurring, amount: 899 } } }
      - { key: calls, name: Calls, metric: calls, interval: { unit: month }, timing: arrears,
          terms: { model: { type: perUnit, unitPrice: 0.10 } } }
  - key: business
    name: Business
    currency: USD
    prices:
      - { key: base, name: Base fee, interval: { unit: month }, timing: advance,
          terms: { model: { type: recurring, amount: 1798 } } }
      - { key: calls, name: Calls, metric: calls, interval: { unit: month }, timing: arrears,
          terms: { model: { type: perUnit, unitPrice: 0.05 } } }
coupons:
  - { key: welcome, name: 10 % off for three months, discount: { type: percent, percent: 10 },
      duration: { type: periods, periods: 3 } }
";

/// A sandbox on the first of January 2028, and its customer `acme`.
struct Year<'w> {
    world: &'w World,
    project: Project,
    access_key: String,
}

impl<'w> Year<'w> {
    fn begin(world: &'w World) -> Year<'w> {
        let owner: Person = world.owner();
        let body = json!({ "name": "2028", "externalKey": "year", "mode": "sandbox" });
        let made = world.post("/projects").bearer(&owner.token).json(body).expect(201);
        let project = Project { id: text(&made["id"]), owner };
        let access_key = world.access_key(&project, &[Scope::IngestUsage]);
        let year = Year { world, project, access_key };
        year.clock("2028-01-01T00:00:00Z");
        year.post("/catalog/apply").typed("application/yaml", CATALOG).expect(200);
        year.post("/customers").json(json!({ "externalKey": "acme", "name": "Acme" })).expect(201);
        year
    }

    fn get(&self, rest: &str) -> Value {
        self.world.get(self.project.path(rest)).bearer(&self.project.owner.token).expect(200)
    }

    fn post(&self, rest: &str) -> Request<'w> {
        self.world.request(Method::POST, &self.project.path(rest)).bearer(&self.project.owner.token)
    }

    fn clock(&self, to: &str) {
        self.post("/clock/advance").json(json!({ "to": to })).expect(200);
    }

    /// Two weeks of trial, then paid, with the coupon.
    fn subscribe(&self) -> String {
        let body = json!({ "externalKey": "acme", "customerKey": "acme", "plan": { "key": "team" }, "trialDays": 14,
            "coupons": ["welcome"] });
        text(&self.post("/subscriptions").idempotency("acme").json(body).expect(201)["id"])
    }

    fn change(&self, subscription: &str, key: &str, effective: &str, change: Value) {
        let body = json!({ "change": change, "effectiveAt": effective });
        self.post(&format!("/subscriptions/{subscription}/changes")).idempotency(key).json(body).expect(201);
    }

    fn to(&self, subscription: &str, plan: &str, effective: &str) {
        self.change(subscription, plan, effective, json!({ "type": "planChanged", "plan": { "key": plan } }));
    }

    fn calls(&self, key: &str, units: &str, at: &str) {
        let body = json!({ "customerKey": "acme", "metricKey": "calls", "units": units, "timestamp": at });
        self.world.post("/ingest/usage").key(&self.access_key).idempotency(key).json(body).expect(201);
    }

    fn rows(&self) -> Vec<Value> {
        let page = self.get("/invoices?limit=200");
        let rows = page["data"].as_array().unwrap().iter().filter(|row| row["number"].is_string()).cloned();
        let mut rows: Vec<Value> = rows.collect();
        rows.sort_by_key(|row| text(&row["number"]));
        rows
    }

    /// `number day due outstanding state`, by number.
    fn invoices(&self) -> Vec<String> {
        let told = |row: &Value| {
            let amount = |name: &str| text(&row[name]).trim_end_matches('0').trim_end_matches('.').to_owned();
            let (number, day, state) = (text(&row["number"]), text(&row["billsOn"]), text(&row["state"]));
            format!("{number} {day} {} {} {state}", amount("due"), amount("outstanding"))
        };
        self.rows().iter().map(told).collect()
    }

    fn invoice(&self, number: &str) -> Value {
        let found = self.rows().into_iter().find(|row| row["number"] == number);
        self.get(&format!("/invoices/{}", text(&found.unwrap()["id"])))
    }

    /// `price amount` and the discount, line by line.
    fn lines(&self, number: &str) -> Vec<String> {
        let lines = self.invoice(number)["document"]["lines"].as_array().unwrap().clone();
        let told =
            |line: &Value| format!("{} {} {}", text(&line["price"]), text(&line["amount"]), text(&line["discount"]));
        lines.iter().map(told).collect()
    }

    fn settle(&self, key: &str, number: &str, what: &str, body: Value) -> Value {
        let path = format!("/invoices/{}/{what}", text(&self.invoice(number)["id"]));
        self.post(&path).idempotency(key).json(body).expect(201)
    }

    fn pay(&self, number: &str) {
        let outstanding = text(&self.invoice(number)["outstanding"]);
        let paid = self.settle(&format!("pay-{number}"), number, "payments", json!({ "amount": outstanding }));
        assert_eq!(paid["state"], "paid");
    }

    /// `number/line deferred earned left`, fee by fee, at the end of a day.
    fn fees(&self, day: &str) -> Vec<String> {
        let page = self.get(&format!("/ledger/deferred?asOf={day}&customerKey=acme"));
        assert_eq!(page["asOf"], day);
        let told = |fee: &Value| {
            let (deferred, earned, left) = (text(&fee["deferred"]), text(&fee["earned"]), text(&fee["left"]));
            format!("{}/{} {deferred} {earned} {left}", text(&fee["number"]), fee["line"])
        };
        page["data"].as_array().unwrap().iter().map(told).collect()
    }

    /// What the accounts with this name hold together, by when entries count.
    fn held(&self, account: &str, as_of: &str) -> String {
        let page = self.get(&format!("/ledger/balances?asOf={as_of}&axis=effective&limit=200"));
        let found = page["data"].as_array().unwrap().iter().filter(|row| text(&row["account"]).starts_with(account));
        let amounts = found.map(|row| domain::amount::Amount::parse(&text(&row["balance"])).unwrap());
        domain::amount::Amount::checked_sum(amounts).unwrap().to_string()
    }
}

on_both! {
    // checklist 122, promise P24
    fn a_sandbox_lives_through_a_year(world) {
        let year = Year::begin(world);
        let subscription = year.subscribe();
        trial_to_paid(&year);
        upgrade_and_leap_day(&year, &subscription);
        late_usage_and_credit_note(&year);
        overdue(&year);
        rest_of_the_year(&year, &subscription);
        world.verify();
    }

    // checklist 122, promise P24
    fn a_year_that_was_asked_for_ahead_passes_in_one_request(world) {
        let year = Year::begin(world);
        let subscription = year.subscribe();
        year.to(&subscription, "business", "2028-02-15T00:00:00Z");
        year.to(&subscription, "team", "2028-07-11T00:00:00Z");
        let cancel = json!({ "type": "cancelled" });
        year.change(&subscription, "cancel", "2028-12-01T00:00:00Z", cancel);
        year.clock("2029-01-01T00:00:00Z");
        assert_eq!(year.invoices(), [
            "INV-000001 2028-01-15 443.7 443.7 issued",
            "INV-000002 2028-02-01 809.1 809.1 issued",
            "INV-000003 2028-02-15 418.5 418.5 issued",
            "INV-000004 2028-03-01 1618.2 1618.2 issued",
            "INV-000005 2028-04-01 1798 1798 issued",
            "INV-000006 2028-05-01 1798 1798 issued",
            "INV-000007 2028-06-01 1798 1798 issued",
            "INV-000008 2028-07-01 1798 1798 issued",
            "INV-000009 2028-07-11 -609 0 paid",
            "INV-000010 2028-08-01 899 290 issued",
            "INV-000011 2028-09-01 899 899 issued",
            "INV-000012 2028-10-01 899 899 issued",
            "INV-000013 2028-11-01 899 899 issued",
            // What was used in November: nothing.
            "INV-000014 2028-12-01 0 0 paid",
        ]);
        assert_eq!((recognized(&year).len(), year.held("deferred", "2028-12-01T00:00:00Z")), (321, "0.000000".to_owned()));
        world.verify();
    }
}

/// January, which begins with a trial, and what was used of it.
fn trial_to_paid(year: &Year<'_>) {
    // The trial costs nothing and uses up nothing of the coupon; what is used in it is not billed.
    year.calls("in-trial", "70", "2028-01-01T00:00:00Z");
    year.clock("2028-01-14T23:59:59Z");
    assert_eq!(year.invoices(), Vec::<String>::new());

    // From the 15th on it is paid: 17 of 31 days of 899.00 are 493.00, less 10 %.
    year.clock("2028-01-25T00:00:00Z");
    assert_eq!(year.invoices(), ["INV-000001 2028-01-15 443.7 443.7 issued"]);
    year.pay("INV-000001");
    year.calls("january", "100", "2028-01-20T12:00:00Z");

    // February in advance, and 100 calls of January for 0.10 each: (899.00 + 10.00) less 10 %.
    year.clock("2028-02-05T00:00:00Z");
    assert_eq!(year.lines("INV-000002"), ["calls 10.000000 1.000000", "base 899.000000 89.900000"]);
    year.pay("INV-000002");
    year.calls("february-team", "50", "2028-02-03T12:00:00Z");
}

/// February, with an upgrade and a leap day.
fn upgrade_and_leap_day(year: &Year<'_>, subscription: &str) {
    // The upgrade on the 15th: of 29 days, 15 come back for 31.00 each, and cost 62.00 each instead.
    year.to(subscription, "business", "2028-02-15T00:00:00Z");
    year.clock("2028-02-29T12:00:00Z");
    assert_eq!(year.lines("INV-000003"), ["base 930.000000 93.000000", "base -465.000000 -46.500000"]);
    year.pay("INV-000003");
    year.calls("leap-day", "220", "2028-02-29T12:00:00Z");

    // March, and what was used in February: 50 calls for 0.10, 220 for 0.05. The third and last period of the coupon.
    year.clock("2028-03-10T00:00:00Z");
    let lines = ["calls 5.000000 0.500000", "calls 11.000000 1.100000", "base 1798.000000 179.800000"];
    assert_eq!(year.lines("INV-000004"), lines);
    // The leap day earned 1/29 of February and 1/15 of the difference: 27.90 each.
    assert_eq!(year.held("deferred", "2028-02-28T23:59:59.999Z"), "55.800000");
    assert_eq!(year.held("deferred", "2028-02-29T23:59:59.999Z"), "0.000000");
    year.pay("INV-000004");
}

/// March and April: what came late, and what an outage cost.
fn late_usage_and_credit_note(year: &Year<'_>) {
    // 400 calls of March in time, and 30 of February that are late: 3.00 less 10 %, on the next invoice.
    year.calls("march", "400", "2028-03-05T00:00:00Z");
    year.calls("late", "30", "2028-02-10T00:00:00Z");
    year.clock("2028-04-10T00:00:00Z");
    let lines = ["calls 3.000000 0.300000", "calls 20.000000 2.000000", "base 1798.000000 0.000000"];
    assert_eq!(year.lines("INV-000005"), lines);
    let late = year.get("/late-usage")["data"].clone();
    assert_eq!(
        (&late[0]["state"], &late[0]["effect"], &late[0]["settledBy"]),
        (&json!("settled"), &json!("3.000000"), &json!("nextInvoice"))
    );

    // A credit note for 300.00 of April's fee, when 10 of 30 days are over: 100.00 were earned, 200.00 will not be.
    year.clock("2028-04-11T00:00:00Z");
    let base = u64::try_from(lines.len()).unwrap();
    let credited = year.settle(
        "credit",
        "INV-000005",
        "credit-notes",
        json!({ "lines": [{ "line": base, "amount": "300" }], "reasonCode": "service_issue", "reason": "An outage" }),
    );
    assert_eq!(
        (&credited["outstanding"], &credited["creditNotes"][0]["number"]),
        (&json!("1518.700000"), &json!("CN-000001"))
    );
    assert_eq!(year.held("contra:credit_note", "2028-04-11T00:00:00Z"), "100.000000");
    assert_eq!(year.held("deferred", "2028-04-11T00:00:00Z"), "998.666667");

    // Line by line, at the end of the 10th, and what will be left at the end of the 11th: a 20th of what was taken back is gone, too.
    assert_eq!(year.fees("2028-04-10"), ["INV-000005/3 1798.000000 599.333333 1198.666667"]);
    assert_eq!(year.held("deferred", "2028-04-10T23:59:59.999Z"), "1198.666667");
    let ahead = ["INV-000005/3 1798.000000 659.266667 1138.733333", "INV-000005/3 -200.000000 -10.000000 -190.000000"];
    assert_eq!(year.fees("2028-04-11"), ahead);
    let path = year.project.path("/ledger/deferred?asOf=soon");
    let problem = year.world.get(path).bearer(&year.project.owner.token).refused(Code::InvalidValue);
    assert_eq!(problem["errors"][0]["field"], "asOf");
    assert_eq!(year.get("/ledger/deferred?customerKey=nobody")["data"], json!([]));
}

/// An invoice that nobody pays in time.
fn overdue(year: &Year<'_>) {
    // Nobody pays in time. Payments by a provider, which could fail, do not exist yet: what fails here is the customer, whose invoice
    // is overdue 14 days after it was issued, until a payment is recorded by hand.
    year.clock("2028-04-20T00:00:00Z");
    let overdue = year.get("/invoices?overdue=true")["data"].clone();
    assert_eq!((overdue.as_array().unwrap().len(), &overdue[0]["number"]), (1, &json!("INV-000005")));
    year.pay("INV-000005");
    assert_eq!(year.get("/invoices?overdue=true")["data"], json!([]));
}

/// From April on: everything that lies ahead is asked for now.
fn rest_of_the_year(year: &Year<'_>, subscription: &str) {
    // Cancelled for the end of April, and undone; a downgrade in July, asked for now.
    year.change(subscription, "cancel", "periodEnd", json!({ "type": "cancelled" }));
    let body = json!({ "change": { "type": "uncancelled" } });
    year.post(&format!("/subscriptions/{subscription}/changes")).idempotency("undo").json(body).expect(201);
    year.to(subscription, "team", "2028-07-11T00:00:00Z");

    // The rest of the year in one request. July: 21 of 31 days come back for 58.00 each and cost 29.00 each, so 609.00 become the
    // customer's balance, which pays a part of August.
    year.clock("2029-01-01T12:00:00Z");
    assert_eq!(
        year.invoices(),
        [
            "INV-000001 2028-01-15 443.7 0 paid",
            "INV-000002 2028-02-01 818.1 0 paid",
            "INV-000003 2028-02-15 418.5 0 paid",
            "INV-000004 2028-03-01 1632.6 0 paid",
            "INV-000005 2028-04-01 1818.7 0 paid",
            "INV-000006 2028-05-01 1798 1798 issued",
            "INV-000007 2028-06-01 1798 1798 issued",
            "INV-000008 2028-07-01 1798 1798 issued",
            "INV-000009 2028-07-11 -609 0 paid",
            "INV-000010 2028-08-01 899 290 issued",
            "INV-000011 2028-09-01 899 899 issued",
            "INV-000012 2028-10-01 899 899 issued",
            "INV-000013 2028-11-01 899 899 issued",
            "INV-000014 2028-12-01 899 899 issued",
            "INV-000015 2029-01-01 899 899 issued",
        ]
    );
    // Every fee of the year is earned at its end: 443.70 + 809.10 + 418.50 + 1618.20 + 1598.00 + 2 × 1798.00 + 1189.00 + 5 × 899.00.
    assert_eq!(year.held("revenue:subscription", "2028-12-31T23:59:59.999Z"), "14167.500000");
    assert_eq!(year.held("deferred", "2028-12-31T23:59:59.999Z"), "0.000000");
    assert_eq!(year.held("deferred", "2029-01-01T12:00:00Z"), "899.000000");
    // Each of the 352 paid days has an entry of its own.
    let entries = recognized(year);
    assert_eq!(
        (entries.len(), entries.first().unwrap().as_str(), entries.last().unwrap().as_str()),
        (352, "2028-01-15", "2028-12-31")
    );
}

/// The days that were recognized, the first one first.
fn recognized(year: &Year<'_>) -> Vec<String> {
    let (mut days, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = year.get(&format!("/ledger/entries?type=recognition&limit=200{cursor}"));
        let of_page = page["data"].as_array().unwrap().iter().map(|entry| text(&entry["usageAt"])[..10].to_owned());
        days.extend(of_page);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    days.sort();
    days
}
