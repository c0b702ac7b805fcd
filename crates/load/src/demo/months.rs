//! Three months of invoices in a sandbox whose clock is moved: a mid-cycle upgrade, an event that comes too late, a credit note. All of it
//! through the HTTP API, as anybody would try out a plan before it is sold.

use serde::Serialize;
use serde_json::{Value, json};

use super::catalog::{self, PAY_AS_YOU_GO, TEAM};
use super::usage::{DemoEvent, events};
use super::{DemoOptions, profiles, send};
use crate::account::Account;
use crate::client::{Client, Request};
use crate::{LoadError, clock, requests};

/// What the sandbox came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoMonths {
    pub project_id: String,
    /// In the order of their numbers.
    pub invoices: Vec<DemoInvoice>,
    /// The upgrade in words: who, when, from and to which plan.
    pub upgrade: String,
    /// The event that came too late, and what its correction came to.
    pub late: DemoLate,
    pub credit_note: DemoCreditNote,
}

/// One issued invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoInvoice {
    pub id: String,
    pub number: String,
    pub customer_key: String,
    /// The civil day that it bills.
    pub bills_on: String,
    pub due: String,
    pub currency: String,
    pub state: String,
}

/// Usage that came after its invoice was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoLate {
    pub customer_key: String,
    /// Number of the invoice that stays as it is, and of the one that has the difference.
    pub of_invoice: String,
    pub on_invoice: String,
    /// Before tax.
    pub effect: String,
}

/// What was taken back, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoCreditNote {
    pub number: String,
    pub of_invoice: String,
    pub total: String,
    pub reason: String,
}

const PROJECT_NAME: &str = "Acme Sandbox";
const PROJECT_KEY: &str = "acme-sandbox";
/// Pays for seats and usage, has tax, and is credited for an outage.
const ON_TEAM: &str = "lumen-health";
/// Begins with usage alone and is upgraded in the middle of the second month.
const UPGRADED: &str = "quillfox-studio";
/// Pays for usage alone; an event of its second month comes in the third.
const ON_USAGE: &str = "tessera-robotics";
const SUBSCRIBED: [(&str, &str); 3] = [(ON_TEAM, TEAM), (UPGRADED, PAY_AS_YOU_GO), (ON_USAGE, PAY_AS_YOU_GO)];
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// Lives through three months; `None` when the sandbox is there already.
pub(super) fn live(
    options: &DemoOptions,
    client: &mut Client,
    progress: &mut impl FnMut(&str),
) -> Result<Option<DemoMonths>, LoadError> {
    let account = Account::open_sandbox(client, &options.owner, PROJECT_NAME, PROJECT_KEY)?;
    if account.existed {
        return Ok(None);
    }
    let mut sandbox = Sandbox { client, account, base_url: &options.base_url };
    let starts: Vec<u64> = (1..=4).map(|month| clock::month_start(options.now_millis, -month)).collect();
    let usage = usage_of(options.seed, starts[0], starts[3]);
    catalog::apply(sandbox.client, &sandbox.account)?;
    sandbox.subscribe(starts[0])?;

    sandbox.use_until(&usage, starts[0], starts[1])?;
    sandbox.advance(starts[1] + 3 * HOUR)?;

    let middle = starts[1] + 14 * DAY + 10 * HOUR;
    sandbox.use_until(&usage, starts[1], middle)?;
    sandbox.upgrade()?;
    sandbox.use_until(&usage, middle, starts[2])?;
    sandbox.advance(starts[2] + 3 * HOUR)?;
    let second = sandbox.invoices()?;

    sandbox.send_late(starts[2] - 9 * DAY)?;
    let credited = newest(&second, ON_TEAM)?;
    let credit_note = sandbox.credit(&credited)?;
    sandbox.use_until(&usage, starts[2], starts[3])?;
    sandbox.advance(starts[3] + 3 * HOUR)?;

    let invoices = sandbox.invoices()?;
    progress(&format!("{} invoices in a sandbox that lived through three months", invoices.len()));
    let late = sandbox.late(&invoices)?;
    let upgrade = format!("{UPGRADED} from {PAY_AS_YOU_GO} to {TEAM} on {}", &clock::rfc3339(middle)[..10]);
    let project_id = sandbox.account.project_id;
    Ok(Some(DemoMonths { project_id, invoices, upgrade, late, credit_note }))
}

/// What the subscribed customers use, the oldest first.
fn usage_of(seed: u64, from_millis: u64, to_millis: u64) -> Vec<DemoEvent> {
    let all = events(seed, to_millis, (to_millis - from_millis) / DAY);
    let of_subscribed =
        |event: &DemoEvent| event.customer.is_some_and(|own| SUBSCRIBED.iter().any(|(customer, _)| *customer == own));
    all.into_iter().filter(of_subscribed).collect()
}

struct Sandbox<'a> {
    client: &'a mut Client,
    account: Account,
    base_url: &'a str,
}

impl Sandbox<'_> {
    fn subscribe(&mut self, starts_at: u64) -> Result<(), LoadError> {
        let named: Vec<_> = profiles::customers().collect();
        for (customer, plan) in SUBSCRIBED {
            let name = named.iter().find(|(key, _)| *key == customer).map_or(customer, |(_, name)| name);
            let body = json!({ "externalKey": customer, "name": name, "tax": profiles::tax(customer) });
            self.post("/customers", None, &body)?;
            let mut body = json!({
                "externalKey": format!("{customer}-main"), "customerKey": customer,
                "plan": { "key": plan }, "startsAt": clock::rfc3339(starts_at),
            });
            if plan == TEAM {
                body["trialDays"] = json!(0);
                body["quantities"] = json!({ "seats": "12" });
            }
            self.post("/subscriptions", Some(&format!("subscribe-{customer}")), &body)?;
        }
        Ok(())
    }

    /// Lets the clock go to just before the end, and sends what was used until then.
    fn use_until(&mut self, usage: &[DemoEvent], from: u64, to: u64) -> Result<(), LoadError> {
        self.advance(to - 1_000)?;
        let own: Vec<DemoEvent> =
            usage.iter().filter(|event| (from..to - 1_000).contains(&event.at_millis)).cloned().collect();
        send::batches(self.base_url, &self.account, &own, &mut |_: &str| {})
    }

    fn upgrade(&mut self) -> Result<(), LoadError> {
        let found = self.read(&format!("/subscriptions?customerKey={UPGRADED}"))?;
        let id = text(&found, "/data/0/id", "the subscription that is upgraded")?;
        let body = json!({ "change": { "type": "planChanged", "plan": { "key": TEAM }, "quantities": { "seats": "5" } }, "effectiveAt": "now" });
        self.post(&format!("/subscriptions/{id}/changes"), Some("upgrade"), &body)?;
        Ok(())
    }

    /// One event of a month whose invoice is issued.
    fn send_late(&mut self, at_millis: u64) -> Result<(), LoadError> {
        let body = json!({
            "metricKey": "api_calls", "units": "250000", "timestamp": clock::rfc3339(at_millis), "customerKey": ON_USAGE,
            "properties": { "region": "us-east" },
        });
        let request = requests::usage(&self.account.access_key, "late-event", &body);
        self.client.send_patiently(&request)?.require(&request.name(), &[201])?;
        Ok(())
    }

    fn credit(&mut self, invoice: &DemoInvoice) -> Result<DemoCreditNote, LoadError> {
        let reason = "No answers from the API on the evening of the 14th";
        let body = json!({ "amount": "25.00", "reasonCode": "service_issue", "reason": reason });
        let made = self.post(&format!("/invoices/{}/credit-notes", invoice.id), Some("credit-note"), &body)?;
        Ok(DemoCreditNote {
            number: text(&made, "/creditNotes/0/number", "a credit note")?,
            of_invoice: invoice.number.clone(),
            total: text(&made, "/creditNotes/0/total", "a credit note")?,
            reason: reason.to_owned(),
        })
    }

    /// Every invoice that is issued, in the order of numbers.
    fn invoices(&mut self) -> Result<Vec<DemoInvoice>, LoadError> {
        let page = self.read("/invoices?limit=200")?;
        let rows = page["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut invoices = Vec::new();
        for row in rows.iter().filter(|row| row["number"].is_string()) {
            let value = |pointer: &str| text(row, pointer, "an invoice");
            invoices.push(DemoInvoice {
                id: value("/id")?,
                number: value("/number")?,
                customer_key: value("/customerKey")?,
                bills_on: value("/billsOn")?,
                due: value("/due")?,
                currency: value("/currency")?,
                state: value("/state")?,
            });
        }
        invoices.sort_by(|left, right| left.number.cmp(&right.number));
        Ok(invoices)
    }

    fn late(&mut self, invoices: &[DemoInvoice]) -> Result<DemoLate, LoadError> {
        let found = self.read("/late-usage")?;
        let value = |pointer: &str| text(&found, pointer, "late usage");
        let number_of = |id: String| {
            let known = invoices.iter().find(|invoice| invoice.id == id);
            known.map_or(id.clone(), |invoice| invoice.number.clone())
        };
        Ok(DemoLate {
            customer_key: value("/data/0/customerKey")?,
            of_invoice: number_of(value("/data/0/invoiceId")?),
            on_invoice: number_of(value("/data/0/correctionId")?),
            effect: value("/data/0/effect")?,
        })
    }

    fn advance(&mut self, to_millis: u64) -> Result<(), LoadError> {
        self.post("/clock/advance", None, &json!({ "to": clock::rfc3339(to_millis) }))?;
        Ok(())
    }

    fn read(&mut self, rest: &str) -> Result<Value, LoadError> {
        let request = requests::read(&self.account.access_token, &self.account.project_id, rest);
        Ok(self.client.send_patiently(&request)?.require(&request.name(), &[200])?.json())
    }

    fn post(&mut self, rest: &str, key: Option<&str>, body: &Value) -> Result<Value, LoadError> {
        let request = requests::write(&self.account.access_token, &self.account.project_id, rest, body);
        let request: Request = match key {
            Some(key) => request.idempotency_key(key),
            None => request,
        };
        Ok(self.client.send_patiently(&request)?.require(&request.name(), &[200, 201])?.json())
    }
}

fn newest(invoices: &[DemoInvoice], customer: &str) -> Result<DemoInvoice, LoadError> {
    let own = invoices.iter().rfind(|invoice| invoice.customer_key == customer);
    own.cloned().ok_or_else(|| missing("invoices", customer, "[]"))
}

fn text(value: &Value, pointer: &str, what: &str) -> Result<String, LoadError> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| missing(what, pointer, &value.to_string()))
}

fn missing(request: &str, field: &str, body: &str) -> LoadError {
    LoadError::MissingField { request: request.to_owned(), field: field.to_owned(), body: body.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_subscribed_customers_use_anything_and_only_in_the_three_months() {
        let (from, to) = (1_796_083_200_000, 1_803_859_200_000);
        let usage = usage_of(1, from, to);
        assert!(usage.iter().all(|event| (from..to).contains(&event.at_millis)));
        for (customer, _) in SUBSCRIBED {
            assert!(usage.iter().any(|event| event.customer == Some(customer)), "{customer}");
        }
        assert!(usage.iter().all(|event| event.customer != Some("northwind-labs")));
    }

    #[test]
    fn the_newest_invoice_of_a_customer_is_the_last_one() {
        let invoice = |number: &str, customer: &str| DemoInvoice {
            id: number.to_owned(),
            number: number.to_owned(),
            customer_key: customer.to_owned(),
            bills_on: "2027-01-01".to_owned(),
            due: "1.00".to_owned(),
            currency: "USD".to_owned(),
            state: "issued".to_owned(),
        };
        let invoices = [invoice("1", "a"), invoice("2", "b"), invoice("3", "a")];
        assert_eq!(newest(&invoices, "a").unwrap().number, "3");
        assert!(newest(&invoices, "c").is_err());
    }
}
