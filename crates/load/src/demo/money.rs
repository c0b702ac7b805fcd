//! Credits and charges of the demo: prepayments, top-ups, support plans, workshops.

use serde_json::{Value, json};

use super::profiles;
use crate::account::Account;
use crate::client::Request;
use crate::{clock, decimal, requests};

/// One credit or charge with its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Movement {
    is_credit: bool,
    key: String,
    customer: Option<&'static str>,
    amount_micros: i64,
    description: String,
}

const UNIT: i64 = 1_000_000;
/// Support plan per month, by the order of the customers; 0: none.
const SUPPORT: [i64; 8] = [490, 1_200, 290, 0, 490, 99, 190, 290];

/// Every movement in its order: first the credits of a customer, then what is paid from them.
pub(super) fn movements(now_millis: u64) -> Vec<Movement> {
    let months = last_three_months(now_millis);
    let mut plan = Plan { movements: Vec::new() };
    plan.credit(None, "launch", 250 * UNIT, "Launch credit".to_owned());
    plan.charge(None, "dns", 18 * UNIT + 400_000, "Custom domain, one year".to_owned());
    for ((number, (customer, _)), support) in (1_i64..).zip(profiles::customers()).zip(SUPPORT) {
        let customer = Some(customer);
        let size = support.max(150);
        plan.credit(customer, "prepayment", size * 6 * UNIT, format!("Prepayment, contract 2026-{:03}", 40 + number));
        for month in &months {
            if support > 0 {
                plan.charge(customer, &format!("support-{month}"), support * UNIT, format!("Support plan, {month}"));
            }
            if number % 3 == 0 {
                let amount = 200 * UNIT + number * 25 * UNIT;
                plan.credit(customer, &format!("top-up-{month}"), amount, format!("Top-up by bank transfer, {month}"));
            }
        }
        if number % 2 == 0 {
            plan.charge(customer, "workshop", 350 * UNIT, "Onboarding workshop, half a day".to_owned());
        }
        if number % 4 == 1 {
            plan.charge(customer, "export", 74 * UNIT + 125_000, "Data export, 1.2 TB".to_owned());
            plan.credit(customer, "apology", 50 * UNIT, "Goodwill for the outage on the 14th".to_owned());
        }
    }
    plan.movements
}

struct Plan {
    movements: Vec<Movement>,
}

impl Plan {
    fn credit(&mut self, customer: Option<&'static str>, name: &str, amount_micros: i64, description: String) {
        self.add(true, customer, name, amount_micros, description);
    }

    fn charge(&mut self, customer: Option<&'static str>, name: &str, amount_micros: i64, description: String) {
        self.add(false, customer, name, amount_micros, description);
    }

    fn add(&mut self, is_credit: bool, customer: Option<&'static str>, name: &str, amount: i64, description: String) {
        let word = if is_credit { "credit" } else { "charge" };
        let name = name.to_lowercase().replace(' ', "-");
        let key = format!("demo-{word}-{}-{name}", customer.unwrap_or("acme"));
        self.movements.push(Movement { is_credit, key, customer, amount_micros: amount, description });
    }
}

impl Movement {
    pub(super) fn request(&self, account: &Account) -> Request {
        let mut body = json!({ "amount": decimal::text(self.amount_micros), "description": self.description });
        if let Some(customer) = self.customer {
            body["customerKey"] = Value::from(customer);
        }
        if self.is_credit {
            requests::credit(&account.access_token, &account.project_id, &self.key, &body)
        } else {
            requests::charge(&account.access_key, &self.key, &body)
        }
    }
}

/// `September 2026`, oldest first.
fn last_three_months(now_millis: u64) -> [String; 3] {
    [2, 1, 0].map(|back| clock::month_name(now_millis, back))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::movements;

    #[test]
    fn every_charge_is_covered_by_credits_before_it() {
        let mut balances: BTreeMap<Option<&str>, i64> = BTreeMap::new();
        for movement in movements(1_795_000_000_000) {
            let balance = balances.entry(movement.customer).or_default();
            *balance += if movement.is_credit { movement.amount_micros } else { -movement.amount_micros };
            assert!(*balance >= 0, "{movement:?}");
        }
        assert_eq!(balances.len(), 9);
    }

    #[test]
    fn keys_are_unique() {
        let all = movements(1_795_000_000_000);
        let keys: BTreeSet<&str> = all.iter().map(|movement| movement.key.as_str()).collect();
        assert_eq!(keys.len(), all.len());
    }
}
