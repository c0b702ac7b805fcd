//! Where windows end, what they rate, and when somebody has to look.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::billing::plan::{Asked, Planned, Unseen};
use crate::subscriptions::change::{Change, Created};
use crate::subscriptions::samples::*;

const BUFFER: Duration = Duration::from_secs(3_600);

fn prepaid(from: &str) -> Windows<'static> {
    Windows { prepaid_from: Some(at(from)), ..Windows::named() }
}

/// `team`, whose calls name windows of their own.
fn with_window(window: RatingWindow) -> Told {
    let mut told = Told::new("team");
    let version = version_ref("team");
    let calls =
        told.offers.plans.get_mut(&version).unwrap().definition.prices.iter_mut().find(|own| own.key == "calls");
    calls.unwrap().window = Some(window);
    told
}

fn ends(told: &Told, price: &str, within: (&str, &str), windows: Windows<'_>) -> Vec<String> {
    let ends = told.subscription().window_ends(&told.price(price), span(within.0, within.1), windows);
    ends.iter().map(|end| end.to_string()[..16].to_owned()).collect()
}

/// `price, the ends of its windows, whether it is open`, item by item, of what is rated in windows.
fn looked_at(told: &Told, asked: &Asked<'_>) -> Vec<String> {
    let line = |planned: Planned| {
        let windows = planned.item.windows?;
        let ends: Vec<String> = windows.ends.iter().map(|end| end.to_string()[5..10].to_owned()).collect();
        Some(format!(
            "{} [{}] {}",
            planned.item.price.price,
            ends.join(" "),
            if windows.is_open { "open" } else { "due" }
        ))
    };
    told.subscription().planned(asked).unwrap().into_iter().filter_map(line).collect()
}

fn asked<'a>(billed_until: Option<&str>, until: &str, windows: Windows<'a>) -> Asked<'a> {
    let billed_until = billed_until.map(at);
    Asked { until: at(until), late_buffer: BUFFER, billed_until, unseen: &[], again: None, windows }
}

#[test]
fn usage_of_who_has_credit_is_rated_by_the_day_from_then_on() {
    // checklist 42
    let told = Told::new("team");
    let until = ("2024-02-01", "2024-02-04");
    assert_eq!(
        ends(&told, "calls", until, prepaid("2024-01-01")),
        ["2024-02-02T00:00", "2024-02-03T00:00"],
        "the end of the span is no window: there the period closes"
    );
    assert_eq!(ends(&told, "calls", until, prepaid("2024-02-02T12:00:00Z")), ["2024-02-03T00:00"]);
    assert_eq!(ends(&told, "calls", until, Windows::named()), Vec::<String>::new());
    assert_eq!(ends(&told, "base", until, prepaid("2024-01-01")), Vec::<String>::new(), "a fee is no usage");
    let latest = BTreeSet::from(["api_calls".to_owned()]);
    let windows = Windows { read_at_end: &latest, ..prepaid("2024-01-01") };
    assert_eq!(ends(&told, "calls", until, windows), Vec::<String>::new(), "the latest reading is known at the end");
}

#[test]
fn a_price_that_names_a_window_is_rated_in_it_whoever_pays() {
    let week = with_window(RatingWindow::Week);
    let february = ("2024-02-01", "2024-03-01");
    let mondays = ["2024-02-05T00:00", "2024-02-12T00:00", "2024-02-19T00:00", "2024-02-26T00:00"];
    assert_eq!(ends(&week, "calls", february, Windows::named()), mondays);
    assert_eq!(ends(&week, "calls", february, prepaid("2024-01-01")), mondays);
    let whole = with_window(RatingWindow::Period);
    assert_eq!(ends(&whole, "calls", february, prepaid("2024-01-01")), Vec::<String>::new());
}

#[test]
fn days_end_at_midnight_of_the_zone_also_where_clocks_change() {
    let berlin = Told::of(Created { zone: "Europe/Berlin".to_owned(), ..created("team") });
    assert_eq!(
        ends(&berlin, "calls", ("2024-03-29T23:00:00Z", "2024-04-01T22:00:00Z"), prepaid("2024-01-01")),
        ["2024-03-30T23:00", "2024-03-31T22:00"]
    );
}

#[test]
fn no_window_ends_in_a_pause_and_one_that_began_before_a_plan_change_ends_as_it_began() {
    let told =
        Told::new("team").then("2024-02-02T12:00:00Z", Change::Paused).then("2024-02-04T12:00:00Z", Change::Resumed);
    let found = ends(&told, "calls", ("2024-02-01", "2024-02-07"), prepaid("2024-01-01"));
    assert_eq!(found, ["2024-02-02T00:00", "2024-02-05T00:00", "2024-02-06T00:00"]);
}

#[test]
fn a_late_look_rates_each_window_that_was_missed_and_no_other() {
    // checklist 39, checklist 54
    let told = Told::new("team");
    let windows = prepaid("2024-01-01");
    let first = asked(Some("2024-02-01T01:00:00Z"), "2024-02-04T00:59:59Z", windows);
    assert_eq!(looked_at(&told, &first), ["calls [02-02 02-03] open"], "the third day has ended, and not waited");
    let same = asked(Some("2024-02-04T00:59:59Z"), "2024-02-04T00:59:59Z", windows);
    assert_eq!(looked_at(&told, &same), Vec::<String>::new());
    let next = asked(Some("2024-02-04T00:59:59Z"), "2024-02-04T01:00:00Z", windows);
    assert_eq!(looked_at(&told, &next), ["calls [02-04] open"]);
    let last = asked(Some("2024-02-28T01:00:00Z"), "2024-03-01T01:00:00Z", windows);
    assert_eq!(looked_at(&told, &last), ["calls [02-29] due"]);
}

#[test]
fn what_is_looked_at_again_is_rated_where_it_was() {
    let told = Told::new("team");
    let again = Some(span("2024-02-02", "2024-02-03"));
    let looked = Asked { again, ..asked(Some("2024-02-10T01:00:00Z"), "2024-02-10T09:00:00Z", prepaid("2024-01-01")) };
    assert_eq!(looked_at(&told, &looked), ["calls [02-10] open"]);
    let unseen = [Unseen { effective_at: at("2024-02-10T08:00:00Z"), submitted_at: at("2024-02-10T08:30:00Z") }];
    let changed = Asked { again: None, unseen: &unseen, ..looked };
    assert_eq!(looked_at(&told, &changed), ["calls [02-10] open"]);
    // A late buffer that has grown is no reason to take back what was charged.
    let patient = Asked { late_buffer: Duration::from_secs(86_400 * 20), ..looked };
    assert_eq!(looked_at(&told, &patient), ["calls [02-10] open"]);
}

proptest! {
    // promise P17
    #[test]
    fn however_often_somebody_looks_each_window_is_rated_once(
        prepaid_day in 1i8..=28,
        pauses in prop::collection::vec(1i8..=28, 0..4),
        window in prop::sample::select(vec![None, Some(RatingWindow::Day), Some(RatingWindow::Week)]),
        skips in prop::collection::vec(0usize..40, 1..20),
    ) {
        let mut told = window.map_or_else(|| Told::new("team"), with_window);
        for (number, day) in pauses.into_iter().enumerate() {
            let change = if number % 2 == 0 { Change::Paused } else { Change::Resumed };
            drop(told.submit(&format!("2024-03-{day:02}T07:00:00Z"), change));
        }
        let from = format!("2024-03-{prepaid_day:02}T11:00:00Z");
        let windows = prepaid(&from);
        let rated = |billed_until: Option<Instant>, until: Instant| -> Vec<Instant> {
            let asked = Asked { until, late_buffer: BUFFER, billed_until, unseen: &[], again: None, windows };
            let planned = told.subscription().planned(&asked).unwrap();
            planned.into_iter().filter_map(|planned| planned.item.windows).flat_map(|windows| windows.ends).collect()
        };
        let end = at("2024-05-15T00:00:00Z");
        let mut once = rated(None, end);
        once.sort();
        // Looks as they are due, some of them left out.
        let (mut found, mut billed_until, mut look, mut skips) = (Vec::new(), None, at("2024-01-31"), skips.into_iter().cycle());
        while let Some(next) = told.subscription().due_again_after(look, BUFFER, windows).filter(|next| *next <= end) {
            look = next;
            if skips.next() == Some(0) || look == end {
                found.extend(rated(billed_until, look));
                billed_until = Some(look);
            }
            let just_before = look.checked_sub(Duration::from_micros(1)).unwrap();
            let open = |until| rated(Some(just_before), until);
            prop_assert_eq!(open(just_before), Vec::<Instant>::new(), "nothing is due between two looks");
        }
        found.extend(rated(billed_until, end));
        found.sort();
        prop_assert_eq!(found, once);
    }
}
