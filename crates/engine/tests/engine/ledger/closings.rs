//! A closed period never changes, whoever posts meanwhile.

use std::sync::Barrier;
use std::thread;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::AccountId;
use domain::ledger::account::Account;
use domain::ledger::balance::{Axis, Balance};
use domain::ledger::entry::EntryKind;
use domain::ledger::lines::Draft;
use domain::ledger::reason::ReasonCode;
use domain::refusal::Code;
use domain::time::Instant;
use engine::Error;
use engine::ledger::{BalancesAsOf, BooksClosed, CloseBooks, ClosingView, NewEntry, post_many};
use engine::transactions::TransactionFilter;

use super::money::{grant, reason};
use crate::world::{World, on_both};

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn close(world: &World, until: &str) -> Result<BooksClosed, Error> {
    let command = CloseBooks { until: until.to_owned(), reason: reason(ReasonCode::Other) };
    world.engine.close_books(&world.owner(), &command)
}

fn closed(world: &World, until: &str) -> ClosingView {
    match close(world, until).unwrap() {
        BooksClosed::Now(closing) => closing,
        BooksClosed::Before(closing) => panic!("was closed before: {closing:?}"),
    }
}

/// What every account held at the end of the closed period.
fn held(world: &World, instant: Instant) -> Vec<(AccountId, Balance)> {
    let asked = BalancesAsOf { at: instant, axis: Axis::Effective, customer_key: None };
    let found = world.engine.balances_as_of(&world.owner(), &asked, None, 200).unwrap();
    found.into_iter().map(|balance| (balance.id, balance.balance)).filter(|(_, held)| held.micros() != 0).collect()
}

/// When the newest entry counts and when it happened.
fn newest(world: &World) -> (Instant, Option<Instant>) {
    let entry = world.engine.list_entries(&world.owner(), &TransactionFilter::default(), None, 1).unwrap().remove(0);
    (entry.effective_at, entry.usage_at)
}

fn charge_at(world: &World, key: &str, when: Instant) {
    world.charge_body(key, &format!("{{\"amount\":\"1\",\"timestamp\":\"{when}\"}}")).accepted();
}

/// Posts an entry about something that happened then, as a billing run does.
fn rate_at(world: &World, when: Instant) {
    let mut draft = Draft::new(Currency::USD);
    draft.transfer(Account::Bank, Account::RevenueUsage, Amount::from_micros(1));
    let lines = draft.finish().unwrap();
    let ctx = world.system();
    let entry = NewEntry {
        usage_at: Some(when),
        ..NewEntry::of(EntryKind::RatedCharge, Amount::from_micros(1), Currency::USD, &lines)
    };
    world.db.write("test", ctx.project, |tx| post_many(tx, &ctx, std::slice::from_ref(&entry))).unwrap();
}

on_both! {
    fn what_happened_in_a_closed_period_counts_from_the_first_open_day_on(world) {
        world.credit("launch", &grant("100"));
        let happened = at("2026-03-16T12:00:00Z");
        charge_at(world, "before", happened);
        assert_eq!(newest(world), (happened, Some(happened)));
        let open_from = closed(world, "2026-03-17").open_from;
        assert_eq!(open_from, at("2026-03-17T00:00:00Z"));
        let end = at("2026-03-16T23:59:59.999Z");
        let before = held(world, end);
        assert!(!before.is_empty());
        charge_at(world, "late", happened);
        assert_eq!(newest(world), (open_from, Some(happened)));
        charge_at(world, "today", at("2026-03-17T10:00:00Z"));
        assert_eq!(newest(world).0, at("2026-03-17T10:00:00Z"));
        assert_eq!(held(world, end), before);
        assert_ne!(held(world, open_from), before);
    }

    // The lock of the close and the one of each entry exclude each other: without either, an entry slips behind the close.
    fn nothing_slips_into_a_period_while_it_closes(world) {
        let happened = at("2026-03-16T12:00:00Z");
        let end = at("2026-03-16T23:59:59.999Z");
        let (posters, entries) = (4, 40);
        let begin = Barrier::new(posters + 1);
        let before = thread::scope(|scope| {
            for _ in 0..posters {
                scope.spawn(|| {
                    begin.wait();
                    for _ in 0..entries {
                        rate_at(world, happened);
                    }
                });
            }
            begin.wait();
            rate_at(world, happened);
            closed(world, "2026-03-17");
            held(world, end)
        });
        assert!(!before.is_empty());
        assert_eq!(held(world, end), before);
        let all = held(world, world.owner().now());
        let total: i128 = all.iter().map(|(_, held)| held.micros()).sum();
        // Each is on both of its accounts.
        assert_eq!(total, 2 * i128::try_from(posters * entries + 1).unwrap());
    }

    fn a_close_is_kept_with_its_reason_and_never_goes_back(world) {
        let first = closed(world, "2026-03-01");
        assert_eq!(first.reason_code, ReasonCode::Other);
        assert_eq!(first.actor.name, "Olivia Owner");
        for earlier in ["2026-03-01", "2026-02-01"] {
            let BooksClosed::Before(found) = close(world, earlier).unwrap() else { panic!("{earlier} was closed again") };
            assert_eq!((found.id, found.open_from), (first.id, first.open_from));
        }
        world.clock.advance(std::time::Duration::from_millis(1));
        let second = closed(world, "2026-03-17");
        let listed = world.engine.list_closings(&world.owner(), None, 10).unwrap();
        assert_eq!(listed.iter().map(|closing| closing.id).collect::<Vec<_>>(), [second.id, first.id]);
        let rest = world.engine.list_closings(&world.owner(), Some(second.id), 10).unwrap();
        assert_eq!(rest.len(), 1);
    }

    fn a_day_that_is_not_over_stays_open(world) {
        for (until, code) in [("2026-03-18", Code::OutOfRange), ("soon", Code::InvalidValue)] {
            let Err(Error::Refused(refusal)) = close(world, until) else { panic!("{until} was closed") };
            assert_eq!((refusal.code, refusal.first_field()), (code, Some("until")));
        }
        assert!(world.engine.list_closings(&world.owner(), None, 10).unwrap().is_empty());
    }
}
