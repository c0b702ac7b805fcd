//! Days, what they earn, and what a credit note takes back: by example, and as sums over random fees.

use jiff::civil::date;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::window::zone;

/// A fee of March, billed on its first day.
pub(in crate::ledger) fn march(micros: i64) -> Deferral {
    Deferral {
        id: DeferralId::from_uuid(Uuid::from_u128(9)),
        invoice: InvoiceId::from_uuid(Uuid::from_u128(8)),
        line: 1,
        credit_note: None,
        customer: CustomerId::from_uuid(Uuid::from_u128(1)),
        subscription: SubscriptionId::from_uuid(Uuid::from_u128(3)),
        currency: Currency::USD,
        amount: Amount::from_micros(micros),
        days: Days { first: date(2026, 3, 1), end: date(2026, 4, 1) },
        starts_on: date(2026, 3, 1),
    }
}

fn days(start: &str, end: &str, name: &str) -> (String, String) {
    let span = Span { start: Instant::parse(start).unwrap(), end: Instant::parse(end).unwrap() };
    let days = Days::of(span, &zone(name)).unwrap();
    (days.first.to_string(), days.end.to_string())
}

fn note(net: i64, left: i64, through: Date) -> Credited {
    Credited {
        credit_note: CreditNoteId::from_uuid(Uuid::from_u128(5)),
        id: DeferralId::from_uuid(Uuid::from_u128(10)),
        net: Amount::from_micros(net),
        left: Amount::from_micros(left),
        earned_through: through,
    }
}

#[rstest::rstest]
#[case("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "UTC", "2026-03-01", "2026-04-01")]
#[case("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", "Europe/Berlin", "2026-03-01", "2026-04-01")]
// From one local time of day to the same a month later: the last day belongs to the next period.
#[case("2026-03-17T10:20:00Z", "2026-04-17T10:20:00Z", "UTC", "2026-03-17", "2026-04-17")]
#[case("2026-03-17T10:20:00Z", "2026-03-17T18:00:00Z", "UTC", "2026-03-17", "2026-03-18")]
fn a_stretch_has_the_days_in_which_it_begins(
    #[case] start: &str,
    #[case] end: &str,
    #[case] name: &str,
    #[case] first: &str,
    #[case] until: &str,
) {
    assert_eq!(days(start, end, name), (first.to_owned(), until.to_owned()));
}

#[test]
fn each_day_earns_its_share_and_the_last_one_all_that_is_left() {
    let fee = march(31_000_000);
    let earned = |day: i8| fee.earned_through(date(2026, 3, day)).unwrap().to_string();
    assert_eq!((earned(1).as_str(), earned(2).as_str(), earned(31).as_str()), ("1.000000", "2.000000", "31.000000"));
    assert_eq!(fee.earned_through(date(2026, 2, 28)), Ok(Amount::ZERO));
    assert_eq!(fee.earned_through(date(2030, 1, 1)), Ok(fee.amount));
    assert_eq!(fee.ends_on(), date(2026, 3, 31));
    // 10.000000 / 31 = 0.322580645…: the third day is at 0.967741935…
    let uneven = march(10_000_000);
    assert_eq!(uneven.earned_through(date(2026, 3, 3)), Ok(Amount::from_micros(967_742)));
    let returned = march(-10_000_000);
    assert_eq!(returned.earned_through(date(2026, 3, 3)), Ok(Amount::from_micros(-967_742)));
}

#[test]
fn what_is_billed_late_earns_what_passed_with_its_first_entry() {
    let late = Deferral { starts_on: date(2026, 3, 11), ..march(31_000_000) };
    assert_eq!(late.earned_through(date(2026, 3, 10)), Ok(Amount::ZERO));
    assert_eq!(late.earned_through(date(2026, 3, 11)), Ok(Amount::from_micros(11_000_000)));
    let after_all = Deferral { starts_on: date(2026, 5, 2), ..march(31_000_000) };
    assert_eq!(
        (after_all.ends_on(), after_all.earned_through(date(2026, 5, 2)).unwrap()),
        (date(2026, 5, 2), after_all.amount)
    );
}

#[test]
fn a_credit_note_takes_the_same_share_of_every_day_that_is_left() {
    let fee = march(31_000_000);
    // Half of the fee, when 10 of 31 days are over: 10.50 of the 21.00 that are left.
    let back = take_back(&[fee], &note(15_500_000, 31_000_000, date(2026, 3, 10))).unwrap().unwrap();
    assert_eq!((back.amount.micros(), back.starts_on), (-10_500_000, date(2026, 3, 11)));
    assert_eq!((back.days.first, back.days.end), (date(2026, 3, 11), date(2026, 4, 1)));
    assert_eq!(back.earned_through(date(2026, 3, 11)), Ok(Amount::from_micros(-500_000)));
    // The rest of it on the 20th: all that is left, 0.50 for each of 11 days.
    let rest = take_back(&[fee, back], &note(15_500_000, 15_500_000, date(2026, 3, 20))).unwrap().unwrap();
    assert_eq!((rest.amount.micros(), rest.starts_on), (-5_500_000, date(2026, 3, 21)));
    // Earned whole: nothing is taken back of it.
    assert_eq!(take_back(&[fee], &note(15_500_000, 31_000_000, date(2026, 3, 31))), Ok(None));
    assert_eq!(take_back(&[], &note(1, 1, date(2026, 3, 1))), Ok(None));
}

#[test]
fn what_is_credited_before_anything_is_earned_is_never_earned() {
    let late = Deferral { starts_on: date(2026, 3, 11), ..march(31_000_000) };
    let back = take_back(&[late], &note(31_000_000, 31_000_000, date(2026, 3, 10))).unwrap().unwrap();
    assert_eq!((back.amount.micros(), back.days, back.starts_on), (-31_000_000, late.days, late.starts_on));
}

/// A fee over random days in a random zone, billed on some day.
fn any_fee() -> impl Strategy<Value = Deferral> {
    let amount = prop_oneof![-1_000_000_000_000i64..1_000_000_000_000, -100i64..100];
    let zones = prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kolkata"]);
    (amount, 0i64..2_000_000_000, 1i64..40_000_000, zones, -3i64..400).prop_map(
        |(micros, start, length, name, late)| {
            let at = |second: i64| Instant::from_micros(second * 1_000_000).unwrap();
            let days = Days::of(Span { start: at(start), end: at(start + length) }, &zone(name)).unwrap();
            let billed = days.first.checked_add(jiff::Span::new().days(late)).unwrap();
            Deferral { days, starts_on: days.first.max(billed), ..march(micros) }
        },
    )
}

proptest! {
    // promise P20
    #[test]
    fn days_in_any_grouping_sum_to_what_was_deferred(fee in any_fee(), mut cuts in prop::collection::vec(-10i64..900, 0..20)) {
        cuts.extend([-10, 1_000]);
        cuts.sort_unstable();
        let earned = cuts.iter().map(|days| fee.earned_through(fee.days.first.checked_add(jiff::Span::new().days(*days)).unwrap()).unwrap());
        let earned: Vec<Amount> = earned.collect();
        let parts = earned.windows(2).map(|pair| pair[1].checked_sub(pair[0]).unwrap());
        let parts: Vec<Amount> = parts.collect();
        prop_assert!(parts.iter().all(|part| part.is_zero() || part.is_negative() == fee.amount.is_negative()));
        prop_assert_eq!(Amount::checked_sum(parts), Some(fee.amount));
    }

    #[test]
    fn what_is_earned_and_what_credit_notes_take_back_is_what_was_deferred(
        fee in any_fee(), credits in prop::collection::vec((0i64..500, 1i64..100), 0..5),
    ) {
        prop_assume!(fee.amount.is_positive());
        let mut of_line = vec![fee];
        let mut left = fee.amount.micros();
        let mut days: Vec<(i64, i64)> = credits;
        days.sort_unstable();
        for (day, percent) in days {
            let net = left * percent / 100;
            let through = fee.days.first.checked_add(jiff::Span::new().days(day)).unwrap();
            let unearned: i64 = of_line.iter().map(|part| part.unearned_after(through).unwrap().micros()).sum();
            let back = take_back(&of_line, &note(net, left, through)).unwrap();
            let taken = back.map_or(0, |back| -back.amount.micros());
            // Never more than what is not earned, never more than what is credited, to the millionth.
            prop_assert!((-1..=unearned.max(0)).contains(&taken) && taken <= net + 1, "{taken} of {unearned}, {net}");
            of_line.extend(back);
            left -= net;
        }
        let end = date(2100, 1, 1);
        let earned: i64 = of_line.iter().map(|part| part.earned_through(end).unwrap().micros()).sum();
        let taken: i64 = of_line[1..].iter().map(|part| part.amount.micros()).sum();
        prop_assert_eq!(earned, fee.amount.micros() + taken);
    }
}
