//! What is missing, done again, changed or taken back.

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::billing::plan::{Asked, Unseen};
use crate::billing::wanted::Billable;
use crate::subscriptions::change::Change;
use crate::subscriptions::samples::*;
use crate::subscriptions::windows::Windows;

fn charged() -> Charged {
    Charged {
        project: ProjectId::from_uuid(Uuid::from_u128(1)),
        customer: CustomerId::from_uuid(Uuid::from_u128(2)),
        payer: CustomerId::from_uuid(Uuid::from_u128(2)),
        subscription: SubscriptionId::from_uuid(Uuid::from_u128(5)),
        cut: Some(3),
        as_of: at("2024-03-31"),
        run: None,
        revises: Revises::Amounts,
    }
}

/// Everything that is due until an instant, in advance.
fn wanted(told: &Told, until: &str, unseen: &[Unseen]) -> Vec<Wanted> {
    let billable = Billable {
        id: charged().subscription,
        key: "acme-team",
        customer_key: "acme",
        subscription: told.subscription(),
        assets: &[],
    };
    let asked = Asked {
        until: at(until),
        late_buffer: Duration::ZERO,
        billed_until: None,
        unseen,
        again: None,
        windows: Windows::named(),
    };
    let planned = told.subscription().planned(&asked).unwrap();
    planned.iter().flat_map(|planned| billable.fees(planned).unwrap()).collect()
}

fn bill(before: &mut BTreeMap<String, Before>, wanted: Vec<Wanted>) -> Vec<NewCharge> {
    let new = missing(wanted, before, &charged(), at("2024-03-20")).unwrap();
    for NewCharge { charge, .. } in &new {
        let known = before.remove(&charge.key);
        let revisions = known.as_ref().map_or(0, |known| known.billed.revisions);
        assert_eq!(revisions, charge.revision, "revisions are counted without a gap");
        before.insert(charge.key.clone(), Before::with(known, charge.clone(), None).unwrap());
    }
    new
}

fn total(before: &BTreeMap<String, Before>) -> Amount {
    Amount::checked_sum(before.values().map(|before| before.billed.amount)).unwrap()
}

#[test]
fn done_again_nothing_is_left_to_do() {
    // checklist 54
    let told = Told::new("team");
    let mut before = BTreeMap::new();
    assert_eq!(bill(&mut before, wanted(&told, "2024-03-10", &[])).len(), 4);
    assert_eq!(bill(&mut before, wanted(&told, "2024-03-10", &[])), []);
}

#[test]
fn what_counts_something_else_is_told_anew_until_it_is_issued() {
    // checklist 56
    let told = Told::new("team");
    let mut before = BTreeMap::new();
    bill(&mut before, wanted(&told, "2024-02-01", &[]));
    let mut counted = wanted(&told, "2024-02-01", &[]);
    counted[0].line.text.push_str("One more event, included.");
    let tell = Charged { revises: Revises::Contents, ..charged() };
    let missing_of = |before: &BTreeMap<String, Before>, charged: &Charged| {
        missing(counted.clone(), before, charged, at("2024-03-20")).unwrap()
    };
    assert_eq!(missing_of(&before, &charged()), []);
    let anew = missing_of(&before, &tell);
    assert_eq!(anew.len(), 1);
    assert_eq!((anew[0].charge.amount, anew[0].charge.revision), (Amount::ZERO, 1));
    assert_eq!(missing(wanted(&told, "2024-02-01", &[]), &before, &tell, at("2024-03-20")).unwrap(), []);
    // What was issued stays as it is.
    let issued = Some(InvoiceId::from_uuid(Uuid::from_u128(9)));
    let on_invoice = before.into_iter().map(|(key, before)| (key, Before::with(None, before.newest, issued).unwrap()));
    assert_eq!(missing_of(&on_invoice.collect(), &tell), []);
}

#[test]
fn what_nobody_wants_any_more_goes_back_on_the_day_that_was_known() {
    let ended = Told::new("team").then("2024-03-10", Change::Cancelled);
    let mut before = BTreeMap::new();
    bill(&mut before, wanted(&ended, "2024-03-15", &[]));
    let undone = bill(&mut before, wanted(&Told::new("team"), "2024-03-15", &[]));
    let back: Vec<String> =
        undone.iter().map(|new| format!("{} {} {}", new.charge.kind, new.charge.amount, new.charge.revision)).collect();
    assert_eq!(back, ["advanceCredit 21.000000 1", "advanceCredit 21.000000 1"]);
    assert!(undone.iter().all(|new| new.falls_on == at("2024-03-20")));
}

#[test]
fn a_revision_of_what_was_issued_names_the_invoice_that_it_corrects() {
    // checklist 74
    let told = Told::new("team");
    let mut before = BTreeMap::new();
    bill(&mut before, wanted(&told, "2024-02-01", &[]));
    let invoice = InvoiceId::from_uuid(Uuid::from_u128(77));
    before.values_mut().for_each(|before| before.issued_on = Some(invoice));
    let fewer = Told::of(crate::subscriptions::change::Created {
        quantities: [(crate::subscriptions::price_ref::PriceRef::of_plan("seats"), quantity("4"))].into(),
        ..created("team")
    });
    let new = bill(&mut before, wanted(&fewer, "2024-02-01", &[]));
    let found: Vec<_> = new.iter().map(|new| (new.charge.price.as_str(), new.charge.corrects)).collect();
    assert_eq!(found, [("seats", Some(invoice))]);
}

proptest! {
    // promise P17, promise P19, checklist 48
    #[test]
    fn however_often_it_was_billed_in_between_the_sum_is_what_is_wanted(
        changes in prop::collection::vec((1i8..=30, 0u8..5), 1..7),
    ) {
        let mut told = Told::new("team");
        let mut before = BTreeMap::new();
        for (day, kind) in changes {
            let change = match kind {
                0 => Change::Paused,
                1 => Change::Resumed,
                2 => to_plan("business"),
                3 => seats("9"),
                _ => Change::Cancelled,
            };
            drop(told.submit(&format!("2024-03-{day:02}"), change));
            bill(&mut before, wanted(&told, "2024-04-05", &[]));
        }
        let mut fresh = BTreeMap::new();
        bill(&mut fresh, wanted(&told, "2024-04-05", &[]));
        prop_assert_eq!(total(&before), total(&fresh));
        prop_assert_eq!(bill(&mut before, wanted(&told, "2024-04-05", &[])), []);
    }
}

/// The usage of a period that comes to these amounts at the ends of its windows, the last of which closes it.
fn in_windows(amounts: &[i64]) -> Vec<Wanted> {
    let told = Told::new("team");
    let mut one = wanted(&told, "2024-02-01", &[]).remove(0);
    (one.kind, one.key) = (ChargeKind::Usage, "calls/usage".to_owned());
    let (part, last) = (one.part, amounts.len() - 1);
    let stage = |(number, micros): (usize, &i64)| {
        let is_open = number < last;
        let day = Duration::from_secs(86_400 * (u64::try_from(number).unwrap() + 1));
        let until = if is_open { part.start.checked_add(day).unwrap() } else { part.end };
        let mut line = one.line.clone();
        line.events = Some(crate::charges::events::EventsQuery {
            metric_key: "api_calls".to_owned(),
            customer_key: "acme".to_owned(),
            naming: Default::default(),
            from: part.start,
            to: until,
            dimensions: Default::default(),
        });
        Wanted { amount: Amount::from_micros(*micros), is_open, draws_at: until, line, ..one.clone() }
    };
    amounts.iter().enumerate().map(stage).collect()
}

#[test]
fn usage_in_windows_is_charged_window_by_window_and_told_whole_in_the_end() {
    let mut before = BTreeMap::new();
    let told: Vec<String> = bill(&mut before, in_windows(&[0, 5, 5, 3, 3]))
        .iter()
        .map(|new| format!("{} {} {:?}", new.charge.revision, new.charge.amount, new.windowed))
        .collect();
    let expected = ["0 0.000005 First", "1 -0.000002 Further", "2 0.000000 Further"];
    assert_eq!(told, expected, "nothing is charged before anything costs, or where nothing is added, but at the end");
    assert!(!before["calls/usage"].newest.is_open());
    // Done again, each by itself, nothing is left to do.
    let closed = in_windows(&[0, 5, 5, 3, 3]).pop().unwrap();
    assert_eq!(bill(&mut before, vec![closed]), []);
}

proptest! {
    // promise P19
    #[test]
    fn windows_sum_to_the_same_however_they_are_grouped(
        amounts in prop::collection::vec(-50i64..50, 1..12),
        looks in prop::collection::vec(any::<bool>(), 12),
    ) {
        let (mut before, mut since) = (BTreeMap::new(), Vec::new());
        let wanted = in_windows(&amounts);
        let last = wanted.len() - 1;
        for (number, wanted) in wanted.into_iter().enumerate() {
            since.push(wanted);
            if looks[number] || number == last {
                bill(&mut before, std::mem::take(&mut since));
            }
        }
        prop_assert_eq!(total(&before), Amount::from_micros(amounts[last]));
        let mut at_once = BTreeMap::new();
        bill(&mut at_once, in_windows(&amounts));
        prop_assert_eq!(&before["calls/usage"].newest, &at_once["calls/usage"].newest);
    }
}
