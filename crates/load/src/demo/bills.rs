//! What each customer's last whole month would cost under their plan: the estimates that the demo prints.

use serde::Serialize;
use serde_json::{Value, json};

use super::catalog::{self, PAY_AS_YOU_GO, TEAM};
use super::profiles::{PROFILES, Profile};
use crate::account::Account;
use crate::client::Client;
use crate::{LoadError, clock};

/// One customer's month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoBill {
    pub customer: &'static str,
    pub plan: &'static str,
    /// Decimal texts in the currency of the plan.
    pub tax: String,
    pub total: String,
    pub currency: String,
    /// Used in AI credits.
    pub credits: String,
    /// What was asked, to ask it again.
    pub request: Value,
}

/// Asks for the estimate of every customer but the project itself.
pub(super) fn ask(client: &mut Client, account: &Account, now_millis: u64) -> Result<Vec<DemoBill>, LoadError> {
    let mut bills = Vec::new();
    for profile in &PROFILES {
        let Some((key, name)) = profile.customer else { continue };
        let (plan, body) = question(profile, key, now_millis);
        let request = catalog::estimate(account, &body);
        let reply = client.send_patiently(&request)?.require(&request.name(), &[200])?;
        let text = |pointer: &str| reply.text_at(&request.name(), pointer);
        bills.push(DemoBill {
            customer: name,
            plan,
            tax: text("/tax")?,
            total: text("/total")?,
            currency: text("/currency")?,
            credits: credits(&reply.json()),
            request: body,
        });
    }
    Ok(bills)
}

/// Large teams have the plan with seats, the others pay for what they use.
fn question(profile: &Profile, key: &str, now_millis: u64) -> (&'static str, Value) {
    let plan = if profile.seats >= 20 { TEAM } else { PAY_AS_YOU_GO };
    let mut body = json!({
        "plan": { "key": plan },
        "customerKey": key,
        "from": clock::rfc3339(clock::month_start(now_millis, 1)),
        "to": clock::rfc3339(clock::month_start(now_millis, 0)),
    });
    if plan == TEAM {
        body["seats"] = json!([{ "price": "seats", "seats": profile.seats.to_string() }]);
    }
    (plan, body)
}

/// The sum of what is charged in credits; lines in money have none.
fn credits(estimate: &Value) -> String {
    let lines = estimate["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    let in_credits = lines.iter().filter(|line| line["asset"] == "CREDITS");
    let amounts = in_credits.filter_map(|line| crate::decimal::parse(line["amount"].as_str()?));
    crate::decimal::text(i64::try_from(amounts.sum::<i128>()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_before_is_asked_for_as_a_whole() {
        let (plan, body) = question(&PROFILES[1], "northwind-labs", 1_795_339_800_000);
        assert_eq!(
            (plan, &body["from"], &body["to"]),
            (TEAM, &json!("2026-10-01T00:00:00.000Z"), &json!("2026-11-01T00:00:00.000Z"))
        );
        assert_eq!(body["seats"], json!([{ "price": "seats", "seats": "48" }]));
        assert_eq!(question(&PROFILES[4], "quillfox-studio", 1_795_339_800_000).0, PAY_AS_YOU_GO);
    }

    #[test]
    fn credits_are_the_lines_in_credits() {
        let estimate = json!({ "lines": [
            { "asset": "USD", "amount": "5.000000" },
            { "asset": "CREDITS", "amount": "12.500000" },
            { "asset": "CREDITS", "amount": "0.250000" },
        ] });
        assert_eq!(credits(&estimate), "12.750000");
    }
}
