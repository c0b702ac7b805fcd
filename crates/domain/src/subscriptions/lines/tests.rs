//! Charges and credits by example, and that their parts sum to the whole.

use super::*;
use crate::catalog::price::DatedTerms;
use crate::pricing::model::Model;
use crate::proration::TimeBasis;
use crate::subscriptions::change::{Change, Created, Overridden};
use crate::subscriptions::price_ref::PriceRef;
use crate::subscriptions::samples::*;
use proptest::prelude::*;

/// `at kind amount start..end causes`, line by line.
fn written(told: &Told, price: &str, period: Span) -> Vec<String> {
    let lines = told.subscription().lines(&told.price(price), period);
    let day = |at: Instant| at.to_string()[5..10].to_owned();
    let line = |line: &Line<'_>| {
        let causes: Vec<&str> = line.causes.iter().map(|cause| cause.as_str()).collect();
        let (start, end) = (day(line.span.start), day(line.span.end));
        format!("{} {} {} {start}..{end} {}", day(line.at), line.kind, line.amount, causes.join("+"))
    };
    lines.unwrap().iter().map(line).collect()
}

fn total(told: &Told, price: &str, period: Span) -> Amount {
    let subscription = told.subscription();
    sum_until(&subscription.lines(&told.price(price), period).unwrap(), period.end).unwrap()
}

/// 31 days, so that a day of the team's base is 1.00, of the business's 3.00, of a seat 0.20.
fn period() -> Span {
    span("2024-02-29", "2024-03-31")
}

#[test]
fn an_upgrade_credits_the_rest_and_charges_it_anew() {
    // checklist 47
    let told = Told::new("team").then("2024-03-10T15:00:00Z", to_plan("business"));
    let expected = [
        "02-29 charge 31.000000 02-29..03-31 periodBegan",
        "03-10 credit -21.000000 03-10..03-31 planChanged",
        "03-10 charge 63.000000 03-10..03-31 planChanged",
    ];
    assert_eq!(written(&told, "base", period()), expected);
    let subscription = told.subscription();
    let lines = subscription.lines(&told.price("base"), period()).unwrap();
    let charge = &lines[2];
    assert_eq!((charge.share.to_string().as_str(), charge.whole.to_string().as_str()), ("21/31", "93.000000"));
    let snapshot = charge.snapshot("EUR");
    assert_eq!((snapshot.plan.as_str(), snapshot.price.as_str(), &snapshot.terms), ("business", "base", charge.terms));
}

#[test]
fn an_upgrade_and_a_downgrade_on_one_day_net_to_nothing_by_days() {
    // checklist 48
    let told = Told::new("team")
        .then("2024-03-10T09:00:00Z", to_plan("business"))
        .then("2024-03-10T17:00:00Z", to_plan("team"));
    assert_eq!(written(&told, "base", period()).len(), 5);
    assert_eq!(total(&told, "base", period()).to_string(), "31.000000");
}

#[test]
fn by_seconds_the_hours_of_the_higher_plan_are_paid() {
    // checklist 48
    let mut told = Told::new("team")
        .then("2024-03-10T09:00:00Z", to_plan("business"))
        .then("2024-03-10T17:00:00Z", to_plan("team"));
    told.policy.basis = TimeBasis::Second;
    // 8 of 24 hours at 2.00 more a day.
    assert_eq!(total(&told, "base", period()).to_string(), "31.666667");
}

#[test]
fn unused_time_that_is_kept_pays_for_what_replaces_it() {
    // checklist 48
    let mut told = Told::new("team").then("2024-03-10", to_plan("business"));
    told.policy.unused = UnusedTime::Kept;
    assert_eq!(total(&told, "base", period()).to_string(), "73.000000");
    // Back again: nothing comes back, and up once more costs nothing that was paid before.
    let mut told = told.then("2024-03-12", to_plan("team"));
    assert_eq!(total(&told, "base", period()).to_string(), "73.000000");
    told = told.then("2024-03-14", to_plan("business"));
    assert_eq!(total(&told, "base", period()).to_string(), "73.000000");
    // The next period begins with what is there then.
    let next = span("2024-03-31", "2024-04-30");
    assert_eq!(total(&told.clone(), "base", next).to_string(), "93.000000");
    let ended = Told { policy: told.policy, ..Told::new("team").then("2024-03-10", Change::Cancelled) };
    assert_eq!(written(&ended, "base", period()), ["02-29 charge 31.000000 02-29..03-31 periodBegan"]);
}

#[test]
fn seats_are_charged_for_the_days_they_are_there() {
    let told = Told::new("team").then("2024-03-10", seats("7")).then("2024-03-20", seats("4"));
    let expected = [
        "02-29 charge 31.000000 02-29..03-31 periodBegan",
        "03-10 credit -21.000000 03-10..03-31 quantityChanged",
        "03-10 charge 29.400000 03-10..03-31 quantityChanged",
        "03-20 credit -15.400000 03-20..03-31 quantityChanged",
        "03-20 charge 8.800000 03-20..03-31 quantityChanged",
    ];
    assert_eq!(written(&told, "seats", period()), expected);
}

#[test]
fn the_end_and_a_pause_credit_what_is_left() {
    let told = Told::new("team")
        .then("2024-03-10", Change::Paused)
        .then("2024-03-21", Change::Resumed)
        .then("2024-03-28", Change::Cancelled);
    let expected = [
        "02-29 charge 31.000000 02-29..03-31 periodBegan",
        "03-10 credit -21.000000 03-10..03-31 paused",
        "03-21 charge 10.000000 03-21..03-31 resumed",
        "03-28 credit -3.000000 03-28..03-31 cancelled",
    ];
    assert_eq!(written(&told, "base", period()), expected);
    let undone = told.then("2024-03-28", Change::Uncancelled);
    assert_eq!(written(&undone, "base", period()), expected[..3]);
}

#[test]
fn a_trial_becomes_paid_once_and_at_its_end() {
    // checklist 50
    let told = Told::of(Created { trial_ends_at: Some(at("2024-03-20")), ..created("team") });
    assert_eq!(written(&told, "base", period()), ["03-20 charge 11.000000 03-20..03-31 trialEnded"]);
    assert_eq!(written(&told, "base", span("2024-01-31", "2024-02-29")), Vec::<String>::new());
}

#[test]
fn terms_of_the_catalog_that_change_in_the_period_are_known_at_its_start() {
    // checklist 41
    let mut told = Told::new("team");
    let team = told.offers.plans.get_mut(&version_ref("team")).unwrap();
    team.definition.prices[0].changes = vec![DatedTerms { effective_from: at("2024-03-21"), terms: base_terms("62") }];
    let expected = [
        "02-29 charge 21.000000 02-29..03-31".replace("03-31", "03-21") + " periodBegan",
        "02-29 charge 20.000000 03-21..03-31 termsChanged".to_owned(),
    ];
    assert_eq!(written(&told, "base", period()), expected);
    // Agreed terms know nothing of the catalog's.
    let agreed = Overridden { price: PriceRef::of_plan("base"), terms: Some(base_terms("20")) };
    let told = told.then("2024-02-29", Change::Overridden(agreed));
    assert_eq!(written(&told, "base", period()), ["02-29 charge 20.000000 02-29..03-31 overridden"]);
}

#[test]
fn in_arrears_each_stretch_is_charged_at_the_close() {
    let told = Told::new("dollar").then("2024-03-10", Change::Paused).then("2024-03-21", Change::Resumed);
    let march = span("2024-03-01", "2024-04-01");
    let expected = ["04-01 charge 9.000000 03-01..03-10 periodBegan", "04-01 charge 11.000000 03-21..04-01 resumed"];
    assert_eq!(written(&told, "base", march), expected);
    let ended = told.then("2024-03-28", Change::Cancelled);
    assert_eq!(written(&ended, "base", march)[1], "03-28 charge 7.000000 03-21..03-28 resumed");
}

#[test]
fn what_comes_up_later_is_not_due_yet() {
    let told = Told::new("team").then("2024-03-10", to_plan("business"));
    let subscription = told.subscription();
    let lines = subscription.lines(&told.price("base"), period()).unwrap();
    let until = |text| sum_until(&lines, at(text)).unwrap().to_string();
    assert_eq!(until("2024-03-09"), "31.000000");
    assert_eq!(until("2024-03-10"), "73.000000");
}

proptest! {
    // checklist 48, promise P20
    #[test]
    fn credited_lines_sum_to_what_each_stretch_used(
        hours in prop::collection::btree_set(1i64..1_400, 0..10),
        kinds in prop::collection::vec(0u8..6, 10),
        cents in 1i64..10_000_000,
        basis in prop::sample::select(TimeBasis::ALL),
    ) {
        let mut told = Told::new("team");
        told.policy.basis = basis;
        for (hour, kind) in hours.into_iter().zip(kinds) {
            let odd = base_terms(&Amount::from_micros(cents * 10_000 + hour).to_string());
            let change = match kind {
                0 => Change::Overridden(Overridden { price: PriceRef::of_plan("base"), terms: Some(odd) }),
                1 => Change::Paused,
                2 => Change::Resumed,
                3 => to_plan("business"),
                4 => Change::Cancelled,
                _ => to_plan("team"),
            };
            let moment = Instant::from_micros(at("2024-01-31").micros() + hour * 3_600_000_000).unwrap();
            drop(told.submit(&moment.to_string(), change));
        }
        let subscription = told.subscription();
        let price = told.price("base");
        for (_, period) in subscription.schedule(&price).periods_in(span("2024-01-31", "2024-04-30")) {
            let lines = subscription.lines(&price, period).unwrap();
            let cutting = Cutting { period, basis, zone: subscription.zone() };
            let used = subscription.stretches(&price, period).unwrap().into_iter().map(|stretch| match stretch.content {
                Ok(billed) => {
                    let Model::Recurring(recurring) = &billed.terms_at(stretch.span.start).model else { unreachable!() };
                    cutting.within(recurring.amount, stretch.span).unwrap()
                }
                Err(_) => Amount::ZERO,
            });
            prop_assert_eq!(sum_until(&lines, period.end).ok(), Amount::checked_sum(used));
            // Kept time never comes back: the sum only grows.
            let kept = Subscription { policy: crate::subscriptions::policy::ProrationPolicy { unused: UnusedTime::Kept, ..told.policy }, ..subscription };
            let lines = kept.lines(&price, period).unwrap();
            let mut before = Amount::ZERO;
            for line in &lines {
                let now = sum_until(&lines, line.at).unwrap();
                prop_assert!(now >= before);
                before = now;
            }
        }
    }

    // checklist 48
    #[test]
    fn a_change_that_is_undone_on_the_same_day_nets_to_nothing_by_days(
        micros in 1i64..1_000_000_000, day in 1i8..=29, first in 0i8..12, second in 12i8..24,
    ) {
        let odd = base_terms(&Amount::from_micros(micros).to_string());
        let agreed = Overridden { price: PriceRef::of_plan("base"), terms: Some(odd) };
        let plain = Told::new("team").then("2024-01-31", Change::Overridden(agreed.clone()));
        let told = plain
            .clone()
            .then(&format!("2024-03-{day:02}T{first:02}:00:00Z"), to_plan("business"))
            .then(&format!("2024-03-{day:02}T{second:02}:00:00Z"), to_plan("team"))
            .then(&format!("2024-03-{day:02}T{second:02}:00:00Z"), Change::Overridden(agreed));
        prop_assert_eq!(total(&told, "base", period()), total(&plain, "base", period()));
    }
}
