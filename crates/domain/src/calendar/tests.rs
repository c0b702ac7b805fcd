//! Stories of anchors, and the property that periods tile time.

use super::*;
use crate::window::zone;
use jiff::civil::date;
use proptest::prelude::*;

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// The local dates on which the first periods begin.
fn starts(anchor: Date, interval: Interval, count: i64) -> Vec<String> {
    let schedule = Schedule::new(Anchor::on(anchor), interval, TimeZone::UTC);
    (0..count).map(|number| schedule.period(number).unwrap().start.to_string()[..10].to_owned()).collect()
}

#[test]
fn the_thirty_first_comes_back_after_a_short_month() {
    let monthly = starts(date(2024, 1, 31), Interval::of(IntervalUnit::Month), 5);
    assert_eq!(monthly, ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]);
}

#[test]
fn the_leap_day_comes_back_every_four_years() {
    let yearly = starts(date(2024, 2, 29), Interval::of(IntervalUnit::Year), 5);
    assert_eq!(yearly, ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]);
}

#[test]
fn quarters_weeks_and_multiples_count_from_the_anchor() {
    let quarterly = starts(date(2025, 11, 30), Interval::of(IntervalUnit::Quarter), 3);
    assert_eq!(quarterly, ["2025-11-30", "2026-02-28", "2026-05-30"]);
    let fortnightly = starts(date(2025, 12, 29), Interval { unit: IntervalUnit::Week, every: 2 }, 3);
    assert_eq!(fortnightly, ["2025-12-29", "2026-01-12", "2026-01-26"]);
}

#[test]
fn the_calendar_begins_weeks_on_monday_and_quarters_in_january() {
    let of = |unit| Schedule::new(Anchor::calendar(unit), Interval::of(unit), TimeZone::UTC);
    let start = |unit| of(unit).period_at(at("2026-03-18T10:00:00Z")).unwrap().start.to_string()[..10].to_owned();
    let found: Vec<String> = IntervalUnit::ALL.iter().map(|unit| start(*unit)).collect();
    assert_eq!(found, ["2026-03-18", "2026-03-16", "2026-03-01", "2026-01-01", "2026-01-01"]);
}

#[test]
fn a_time_of_day_that_is_skipped_is_later_and_one_that_repeats_is_the_first() {
    let local = jiff::civil::datetime(2026, 3, 28, 2, 30, 0, 0);
    let daily = Schedule::new(Anchor::at(local), Interval::of(IntervalUnit::Day), zone("Europe/Berlin"));
    assert_eq!(daily.period(1).unwrap().start.to_string(), "2026-03-29T01:30:00.000Z");
    let autumn = daily.number_at(at("2026-10-25T00:30:00Z")).unwrap();
    assert_eq!(daily.period(autumn).unwrap().start.to_string(), "2026-10-25T00:30:00.000Z");
}

#[test]
fn a_day_that_a_zone_skipped_is_a_period_without_a_moment() {
    let apia = zone("Pacific/Apia");
    let daily = Schedule::new(Anchor::on(date(2011, 12, 29)), Interval::of(IntervalUnit::Day), apia.clone());
    let skipped = daily.period(1).unwrap();
    assert_eq!(skipped.start, skipped.end);
    assert_eq!(daily.number_at(skipped.start), Some(2));
    let around = Span { start: at("2011-12-29T20:00:00Z"), end: at("2011-12-31T20:00:00Z") };
    assert_eq!(daily.periods_in(around).map(|(number, _)| number).collect::<Vec<_>>(), [0, 2, 3]);
}

#[test]
fn a_trial_ends_at_the_same_local_time() {
    let end = days_later(at("2026-03-20T09:00:00+01:00"), 14, &zone("Europe/Berlin")).unwrap();
    assert_eq!(end, at("2026-04-03T09:00:00+02:00"));
}

#[test]
fn rating_windows_tile_the_period() {
    let period = Span { start: at("2026-03-10T00:00:00Z"), end: at("2026-04-10T00:00:00Z") };
    let count = |window| rating_windows(period, window, &TimeZone::UTC).unwrap().len();
    assert_eq!(RatingWindow::ALL.iter().map(|window| count(*window)).collect::<Vec<_>>(), [31, 5, 2, 1]);
}

#[test]
fn beyond_the_calendar_there_is_no_period() {
    let yearly = Schedule::new(Anchor::on(date(2024, 1, 1)), Interval::of(IntervalUnit::Year), TimeZone::UTC);
    assert_eq!(yearly.period(i64::MAX), None);
    assert_eq!(yearly.period(8_000), None);
    assert_eq!(yearly.period(-20_000), None);
}

const ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Moscow",
    "Europe/Lisbon",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Santiago",
    "America/Caracas",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kwajalein",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
];

proptest! {
    // promise P23
    #[test]
    fn periods_tile_time(
        anchor in (1970i16..2100, 1i8..=12, 1i8..=31, prop_oneof![Just(0i8), 0i8..24], 0i8..60),
        unit in prop::sample::select(IntervalUnit::ALL),
        every in prop_oneof![Just(1u16), 1u16..13],
        name in prop::sample::select(ZONES),
        micros in 0i64..4_102_444_800_000_000,
    ) {
        let (year, month, day, hour, minute) = anchor;
        let last = date(year, month, 1).days_in_month();
        let local = date(year, month, day.min(last)).at(hour, minute, 0, 0);
        let schedule = Schedule::new(Anchor::at(local), Interval { unit, every }, zone(name));
        let instant = Instant::from_micros(micros).unwrap();
        let number = schedule.number_at(instant).unwrap();
        let period = schedule.period(number).unwrap();
        prop_assert!(period.contains(instant));
        let (before, after) = (schedule.period(number - 1).unwrap(), schedule.period(number + 1).unwrap());
        prop_assert_eq!((before.end, period.end), (period.start, after.start));
        prop_assert!(before.start <= before.end && after.start <= after.end);
        prop_assert_eq!(schedule.number_at(period.start), Some(number));
        let last_moment = Instant::from_micros(period.end.micros() - 1).unwrap();
        prop_assert_eq!(schedule.number_at(last_moment), Some(number));
    }
}
