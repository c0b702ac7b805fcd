//! Items as charges: what they name, and that they are known by what they are.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::billing::plan::Asked;
use crate::charges::usage::Metered;
use crate::subscriptions::change::Created;
use crate::subscriptions::samples::*;
use crate::subscriptions::windows::Windows;

fn billable(told: &Told) -> Billable<'_> {
    Billable {
        id: SubscriptionId::from_uuid(Uuid::from_u128(5)),
        key: "acme-team",
        customer_key: "acme",
        subscription: told.subscription(),
        assets: &[],
    }
}

fn planned(told: &Told, price: &str, until: &str) -> Vec<Planned> {
    let asked = Asked {
        until: at(until),
        late_buffer: Duration::from_secs(3_600),
        billed_until: None,
        unseen: &[],
        again: None,
        windows: Windows::named(),
    };
    let planned = told.subscription().planned(&asked).unwrap();
    planned.into_iter().filter(|planned| planned.item.price.price.to_string() == price).collect()
}

/// `kind part amount`, charge by charge.
fn fees(told: &Told, price: &str, until: &str) -> Vec<String> {
    let items = planned(told, price, until);
    let wanted = items.iter().flat_map(|planned| billable(told).fees(planned).unwrap());
    wanted
        .map(|wanted| {
            let part = [wanted.part.start, wanted.part.end].map(|at| at.to_string()[..10].to_owned());
            format!("{} {} to {} {}", wanted.kind, part[0], part[1], wanted.amount)
        })
        .collect()
}

#[test]
fn each_item_brings_the_lines_that_came_up_with_it() {
    // checklist 47
    let told = Told::new("team").then("2024-03-10", to_plan("business"));
    let lines = fees(&told, "base", "2024-03-10");
    assert_eq!(
        lines,
        [
            "advanceFee 2024-01-31 to 2024-02-29 31.000000",
            "advanceFee 2024-02-29 to 2024-03-31 31.000000",
            "advanceCredit 2024-03-10 to 2024-03-31 -21.000000",
            "advanceFee 2024-03-10 to 2024-03-31 63.000000",
        ]
    );
}

#[test]
fn a_charge_names_its_subscription_its_plan_and_its_coupons() {
    let told = Told::of(Created { coupons: ["spring".to_owned()].into(), ..created("team") });
    let items = planned(&told, "base", "2024-01-31");
    let wanted = billable(&told).fees(&items[0]).unwrap().remove(0);
    assert_eq!(wanted.source, version_ref("team"));
    assert_eq!((wanted.currency.code(), wanted.tax_behaviour), ("EUR", TaxBehaviour::Exclusive));
    assert_eq!((wanted.coupons[0].coupon.key.as_str(), wanted.coupons[0].period), ("spring", 0));
    assert!(wanted.key.starts_with(&format!("{}/base/team@1/2024-01-31", billable(&told).id)), "{}", wanted.key);
    assert!(wanted.line.id.starts_with("acme-team/team/base/"), "{}", wanted.line.id);
}

#[test]
fn usage_is_rated_segment_by_segment_and_says_which_events() {
    // checklist 75
    let told = Told::new("team").then("2024-02-10", to_plan("business"));
    let items = planned(&told, "calls", "2024-03-01T01:00:00Z");
    let february = &items[1];
    let parts = billable(&told).usage_parts(&february.item).unwrap();
    assert_eq!(parts.len(), 2);
    let metric = MetricDefinition::plain("api_calls");
    let nothing = PriceUsage::Metered(Metered { metric: &metric, groups: &[], events: &[] });
    let wanted: Vec<Wanted> = parts
        .iter()
        .map(|part| billable(&told).usage(february, (part, part.stages[0]), &metric, &nothing).unwrap())
        .collect();
    let events: Vec<&EventsQuery> = wanted.iter().filter_map(|wanted| wanted.line.events.as_ref()).collect();
    assert_eq!((events[0].from, events[0].to, events[1].to), (at("2024-02-01"), at("2024-02-10"), at("2024-03-01")));
    assert_ne!(wanted[0].key, wanted[1].key);
    assert_eq!((wanted[0].kind, wanted[0].amount), (ChargeKind::Usage, Amount::ZERO));
}

#[test]
fn an_event_that_names_another_subscription_belongs_to_that_one_alone() {
    let told = Told::new("team");
    let all = billable(&told);
    assert_eq!([None, Some("acme-team"), Some("other")].map(|key| all.counts(key)), [true, true, false]);
    let told = Told::of(Created { usage: UsageScope::Named, ..created("team") });
    let named = billable(&told);
    assert_eq!([None, Some("acme-team"), Some("other")].map(|key| named.counts(key)), [false, true, false]);
}
