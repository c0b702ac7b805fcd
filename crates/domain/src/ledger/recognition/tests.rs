//! Entries by day: the same whenever and in whatever steps they are booked.

use jiff::civil::date;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::ids::SubscriptionId;
use crate::ledger::account::Account;
use crate::ledger::deferral::{Days, tests::march};
use crate::window::zone;

fn of(number: u128, micros: i64) -> Deferral {
    let subscription = SubscriptionId::from_uuid(Uuid::from_u128(number / 2));
    Deferral { id: DeferralId::from_uuid(Uuid::from_u128(number)), subscription, ..march(micros) }
}

/// `day earned lines`, entry by entry.
fn told(entries: &[DayEntry]) -> Vec<String> {
    let told = |entry: &DayEntry| {
        format!("{} {} {}", entry.day, entry.recognized.earned, entry.recognized.lines.as_slice().len())
    };
    entries.iter().map(told).collect()
}

#[test]
fn a_day_has_one_entry_over_all_subscriptions() {
    let open = [Progress::new(of(2, 31_000_000)), Progress::new(of(3, 3_100_000)), Progress::new(of(4, 62_000_000))];
    let (entries, after) = recognize(&open, date(2026, 3, 2)).unwrap();
    // Two lines of the same subscription, one of another, and income.
    assert_eq!(told(&entries), ["2026-03-01 3.100000 3", "2026-03-02 3.100000 3"]);
    assert!(after.iter().all(|progress| progress.next_on == Some(date(2026, 3, 3))));
    let (entries, after) = recognize(&after, date(2026, 4, 20)).unwrap();
    assert_eq!((entries.len(), entries.last().unwrap().day), (29, date(2026, 3, 31)));
    assert!(after.iter().all(|progress| progress.next_on.is_none() && progress.recognized == progress.deferral.amount));
    assert_eq!(recognize(&after, date(2027, 1, 1)).unwrap().0, []);
}

#[test]
fn the_entry_of_a_day_counts_in_its_last_moment_and_has_one_name() {
    let (entries, _) = recognize(&[Progress::new(of(2, 31_000_000))], date(2026, 3, 1)).unwrap();
    let berlin = zone("Europe/Berlin");
    assert_eq!(entries[0].happened_at(&berlin).unwrap().to_string(), "2026-03-01T22:59:59.999Z");
    let project = ProjectId::from_uuid(Uuid::from_u128(7));
    assert_eq!(entries[0].id(project, &berlin), entries[0].id(project, &berlin));
    let (later, _) = recognize(&[Progress::new(of(2, 31_000_000))], date(2026, 3, 2)).unwrap();
    assert_eq!(later[0].id(project, &berlin), entries[0].id(project, &berlin));
    assert_ne!(later[1].id(project, &berlin), entries[0].id(project, &berlin));
}

#[test]
fn a_day_of_the_books_is_over_at_midnight_there() {
    let (berlin, last) =
        (zone("Europe/Berlin"), |text, zone| last_day_over(Instant::parse(text).unwrap(), zone).unwrap());
    assert_eq!(last("2026-03-31T21:59:59Z", &berlin), date(2026, 3, 30));
    assert_eq!(last("2026-03-31T22:00:00Z", &berlin), date(2026, 3, 31));
    assert_eq!(end_of(date(2026, 3, 31), &berlin).unwrap().to_string(), "2026-03-31T22:00:00.000Z");
}

proptest! {
    // promise P20
    #[test]
    fn booked_in_whatever_steps_the_entries_are_the_same(
        fees in prop::collection::vec((-1_000_000i64..10_000_000, 0i64..40, 1i64..60, 0i64..70), 1..12),
        mut stops in prop::collection::vec(0i64..150, 0..6),
    ) {
        let day = |days: i64| date(2026, 3, 1).checked_add(jiff::Span::new().days(days)).unwrap();
        let open = (2u128..).zip(&fees).map(|(number, (micros, first, length, late))| {
            let days = Days { first: day(*first), end: day(first + length) };
            Progress::new(Deferral { days, starts_on: day(*first.max(late)), ..of(number, *micros) })
        });
        let open: Vec<Progress> = open.collect();
        let (at_once, after) = recognize(&open, day(150)).unwrap();
        stops.push(150);
        let (mut steps, mut entries) = (open.clone(), Vec::new());
        // In any order: a day that is over already is left alone.
        for stop in stops {
            let (more, after) = recognize(&steps, day(stop)).unwrap();
            steps = after;
            entries.extend(more);
        }
        prop_assert_eq!(&entries, &at_once);
        prop_assert_eq!(&steps, &after);
        let deferred: i128 = fees.iter().map(|(micros, ..)| i128::from(*micros)).sum();
        let income = (Account::RevenueSubscription, Currency::USD);
        let booked: i128 = entries.iter().filter_map(|entry| entry.recognized.lines.net().get(&income).copied()).sum();
        prop_assert_eq!(booked, deferred);
        prop_assert!(after.iter().all(|progress| progress.next_on.is_none()));
    }
}
