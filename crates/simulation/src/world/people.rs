//! Who lives in the world, what they subscribed to, and what they change in February.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::customer_tax::CustomerTax;
use domain::customers::NewCustomer;
use domain::idempotency::IdempotencyKey;
use domain::ids::SubscriptionId;
use domain::invoices::parties::BillingDetails;
use domain::quantity::Quantity;
use domain::subscriptions::change::QuantityChanged;
use domain::subscriptions::request::When;
use domain::subscriptions::wish::{ChangeRequest, ChangeWish, ItemWish, NewSubscription, PlanWish};
use domain::time::Instant;
use engine::transactions::GrantCredit;
use serde_json::{Value, json};

use super::catalog::CURRENCIES;
use super::{BEGINNING, Writer, after, at};

const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "America/Los_Angeles",
    "America/St_Johns",
    "Asia/Kathmandu",
];

/// Customers of one family: the first of them pays for the second.
const FAMILY: u32 = 20;

pub(super) fn customer_key(number: u32) -> String {
    format!("customer-{number:04}")
}

/// `team`, `growth` or `meter`.
pub(super) fn plan_of(number: u32) -> &'static str {
    ["team", "team", "growth", "meter"][place(number / 4, 4)]
}

pub(super) fn write(writer: &Writer<'_>) {
    let pays_for_itself = |number: &u32| payer(*number).is_none();
    let (payers, paid_for): (Vec<u32>, Vec<u32>) = writer.customers().partition(pays_for_itself);
    for number in writer.ordered(payers).into_iter().chain(writer.ordered(paid_for)) {
        create_customer(writer, number);
    }
    // Never shuffled: the first of a currency opens the accounts that all share, and with them takes ids.
    for number in writer.customers().filter(|number| number % 5 == 1) {
        grant_credit(writer, number);
    }
    for number in writer.ordered(writer.customers()) {
        subscribe(writer, number);
    }
}

/// Plans are changed, seats come and go, some pause and some leave.
pub(super) fn change_their_minds(writer: &Writer<'_>) {
    for number in writer.ordered(writer.customers().filter(|number| change_of(*number).is_some())) {
        let (change, effective) = change_of(number).unwrap();
        let when = after("2026-02-10T09:30:00Z", number);
        let ctx = writer.installation.deed(writer.project, &format!("change {number}"), when);
        let (id, key) = (subscription_id(writer, number), key(&format!("change-{number}")));
        let request = ChangeRequest { change, effective, state_version: None, reason: None };
        writer.installation.engine.change_subscription(&ctx, key, id, &request).unwrap();
    }
}

fn change_of(number: u32) -> Option<(ChangeWish, Option<When>)> {
    let (currency, _) = currency(number);
    let seats = |count: u32| {
        let quantity = Quantity::parse(&count.to_string()).unwrap();
        ChangeWish::QuantityChanged(QuantityChanged { price: "seats".parse().unwrap(), quantity })
    };
    match (number % 10, plan_of(number)) {
        (2, "team") => {
            let plan = ItemWish { key: format!("growth-{}", currency.to_lowercase()), version: None };
            let quantities = [("seats".parse().unwrap(), Quantity::parse("4").unwrap())].into();
            Some((ChangeWish::PlanChanged(PlanWish { plan, quantities, overrides: BTreeMap::new() }), None))
        }
        (3 | 6, "team" | "growth") => Some((seats(number % 3 + 7), Some(When::At { at: at("2026-02-08T00:00:00Z") }))),
        (4, "team" | "growth") => Some((seats(9), None)),
        (5, _) => Some((ChangeWish::Paused, None)),
        (8, _) => Some((ChangeWish::Cancelled, Some(When::PeriodEnd))),
        _ => None,
    }
}

fn create_customer(writer: &Writer<'_>, number: u32) {
    let ctx = writer.installation.deed(writer.project, &format!("customer {number}"), after(BEGINNING, 100 + number));
    let tax: CustomerTax = serde_json::from_value(tax(number)).unwrap();
    let billing: BillingDetails = serde_json::from_value(billing(number)).unwrap();
    let new = NewCustomer {
        name: Some(format!("Customer {number}")),
        time_zone: Some(ZONES[place(number, 8)].to_owned()),
        tax: Some(tax),
        billing: Some(billing),
        payer_key: payer(number).map(customer_key),
        ..NewCustomer::with_key(customer_key(number))
    };
    writer.installation.engine.create_customer(&ctx, None, &new).unwrap();
}

/// Who pays for a customer, if it is not the customer.
fn payer(number: u32) -> Option<u32> {
    (number % FAMILY == 1).then(|| number - 1)
}

fn tax(number: u32) -> Value {
    match number % 6 {
        0 => json!({ "country": "DE", "taxIds": ["DE987654321"] }),
        1 => json!({ "country": "US", "region": "NY" }),
        2 => json!({ "country": "FR", "taxIds": ["FR12345678901"], "treatment": "reverseCharge" }),
        3 => json!({ "country": "FR" }),
        4 => json!({ "treatment": "exempt", "exemptionReason": "An agency of the state" }),
        _ => json!({ "country": "JP" }),
    }
}

fn billing(number: u32) -> Value {
    let locale =
        [json!(null), json!("de-DE"), json!("ja-JP"), json!("fr-FR"), json!("en-US")][place(number, 5)].clone();
    json!({ "legalName": format!("Kunde № {number} GmbH & Co. “{number}”"), "email": format!("c{number}@example.com"), "locale": locale })
}

/// Credit that somebody paid for, and some that was granted; of some it ends.
fn grant_credit(writer: &Writer<'_>, number: u32) {
    let (currency, factor) = currency(number);
    for (place, (paid, amount)) in (0..).zip([(true, number % 7 + 2), (false, 1)]) {
        let name = format!("credit {number} {paid}");
        let ctx = writer.installation.deed(writer.project, &name, after(BEGINNING, 10_000 + 2 * number + place));
        // With February, when the run that is looked at may draw on it.
        let ends = (number % 10 == 1).then(|| at("2026-02-28T12:00:00Z"));
        let credit = GrantCredit {
            amount: Amount::parse(&(amount * factor).to_string()).unwrap(),
            currency: Some(Currency::parse(currency).unwrap()),
            customer_key: Some(customer_key(payer(number).unwrap_or(number))),
            description: name.clone(),
            paid: Some(paid),
            expires_at: ends,
            priority: None,
            reason: None,
        };
        writer.installation.engine.grant_credit(&ctx, key(&name.replace(' ', "-")), &credit).unwrap();
    }
}

fn subscribe(writer: &Writer<'_>, number: u32) {
    let ctx =
        writer.installation.deed(writer.project, &format!("subscription {number}"), after(BEGINNING, 20_000 + number));
    let (currency, _) = currency(number);
    let named = |name: &str| ItemWish { key: format!("{name}-{}", currency.to_lowercase()), version: None };
    let plan = plan_of(number);
    let has_seats = plan != "meter";
    let seats = has_seats.then(|| ("seats".parse().unwrap(), Quantity::parse(&(number % 5 + 1).to_string()).unwrap()));
    let coupon = [None, Some("launch"), None, (currency == "USD").then_some("welcome")][place(number / 3, 4)];
    let new = NewSubscription {
        external_key: format!("subscription-{number:04}"),
        customer_key: customer_key(number),
        plan: named(plan),
        starts_at: Some(starts_at(number)),
        time_zone: None,
        anchor: None,
        trial_days: number.is_multiple_of(9).then_some(14),
        trial_ends_at: None,
        usage: None,
        quantities: seats.into_iter().collect(),
        add_ons: (has_seats && number.is_multiple_of(7)).then(|| named("support")).into_iter().collect(),
        overrides: BTreeMap::new(),
        coupons: coupon.map(str::to_owned).into_iter().collect(),
        reason: None,
    };
    let answer = writer.installation.engine.create_subscription(&ctx, key(&new.external_key), &new).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// Some moment of the first three weeks.
pub(super) fn starts_at(number: u32) -> Instant {
    let minutes = u64::from(number * 7_919 % 30_000);
    at("2026-01-05T01:00:00Z").checked_add(Duration::from_secs(60 * minutes)).unwrap()
}

fn subscription_id(writer: &Writer<'_>, number: u32) -> SubscriptionId {
    let found = writer.installation.engine.read(writer.project, "find", |tx| {
        Ok::<_, engine::Error>(storage::subscriptions::find_by_key(tx, &format!("subscription-{number:04}"))?)
    });
    found.unwrap().unwrap().id
}

fn currency(number: u32) -> (&'static str, u32) {
    CURRENCIES[place(payer(number).unwrap_or(number), 4)]
}

pub(super) fn place(number: u32, of: u32) -> usize {
    usize::try_from(number % of).unwrap()
}

pub(super) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}
