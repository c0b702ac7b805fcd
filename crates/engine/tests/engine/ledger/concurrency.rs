//! Many at once: nothing is spent twice, one key has one effect, and a reader never sees half an entry.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use domain::idempotency::IdempotencyKey;
use domain::ingest::charge::ChargeItem;
use domain::ledger::account::{Class, Direction};
use domain::refusal::Code;

use super::money::{Seen, amount, debit, grant, paid, seen};
use crate::world::{World, key, on_both};

/// Runs the same work on many threads and collects what each saw.
fn at_once(count: usize, work: impl Fn(usize) -> Seen + Sync) -> Vec<Seen> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Lets the reader end, also when the writers fail.
struct StopReader<'a>(&'a AtomicBool);

impl Drop for StopReader<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn count(seen: &[Seen], status: u16, replayed: bool) -> usize {
    seen.iter().filter(|seen| seen.status == status && seen.replayed == replayed).count()
}

/// Σ debits − Σ credits over all accounts of the project, in one snapshot.
fn imbalance(world: &World) -> i128 {
    let accounts = world.engine.list_accounts(&world.owner(), None, None, 1_000).unwrap();
    let side = |class: Class| if class.normal_side() == Direction::Debit { 1 } else { -1 };
    accounts.iter().map(|account| side(account.class) * account.balance.micros()).sum()
}

on_both! {
    // promise P13
    // checklist 65
    fn of_256_charges_of_a_hundredth_exactly_100_succeed(world) {
        world.credit("c1", &grant("30"));
        world.credit("c2", &paid("70"));
        let charges = at_once(256, |number| world.charge(&format!("k{number}"), "1"));
        assert_eq!(count(&charges, 201, false), 100);
        assert_eq!(count(&charges, Code::InsufficientCredit.status(), false), 156);
        // Each took from what the one before it had left.
        let accepted = charges.iter().filter(|charge| charge.status == 201);
        let mut left: Vec<i64> = accepted.map(|charge| amount(charge.balance_after()).micros()).collect();
        left.sort_unstable();
        let expected: Vec<i64> = (0..100).map(|dollars| dollars * 1_000_000).collect();
        assert_eq!(left, expected);
        assert_eq!(world.balance(), "0.000000");
    }

    // promise P13
    fn debits_and_charges_together_stay_within_the_overdraft(world) {
        world.credit("c", &paid("10"));
        world.allow_overdraft("10").unwrap();
        let moved = at_once(64, |number| match number % 2 {
            0 => world.charge(&format!("k{number}"), "1"),
            _ => world.debit(&format!("k{number}"), &debit("1")),
        });
        assert_eq!(count(&moved, 201, false), 20);
        assert_eq!(world.balance(), "-10.000000");
    }

    // promise P3
    // checklist 89
    fn of_64_equal_requests_one_is_accepted_and_the_others_get_its_answer(world) {
        world.credit("c", &paid("10"));
        let charges = at_once(64, |_| world.charge("k", "1"));
        assert_eq!((count(&charges, 201, false), count(&charges, 201, true)), (1, 63));
        assert!(charges.iter().all(|charge| charge.body == charges[0].body));
        assert_eq!(world.balance(), "9.000000");
    }

    // promise P4
    fn of_different_requests_with_one_key_one_wins_and_the_others_conflict(world) {
        world.credit("c", &paid("100"));
        let charges = at_once(32, |number| world.charge("k", &format!("{}", 1 + number % 4)));
        let won: Vec<&Seen> = charges.iter().filter(|charge| charge.status == 201).collect();
        assert_eq!(won.iter().filter(|charge| !charge.replayed).count(), 1);
        assert!(won.iter().all(|charge| charge.body == won[0].body));
        assert_eq!(won.len(), 8);
        assert_eq!(charges.iter().filter(|charge| charge.status == 409).count(), 24);
        assert_eq!(world.transactions().len(), 2);
    }

    // promise P5
    fn a_final_refusal_is_the_same_for_all_who_ask_at_once(world) {
        world.credit("c", &paid("1"));
        let charges = at_once(32, |_| world.charge("k", "2"));
        assert_eq!((count(&charges, 402, false), count(&charges, 402, true)), (1, 31));
        assert!(charges.iter().all(|charge| charge.body == charges[0].body));
    }

    fn refunds_at_once_never_exceed_their_charge(world) {
        world.credit("c", &paid("10"));
        let charge = world.charge("k", "10").id();
        let refunds = at_once(32, |number| world.refund(&format!("r{number}"), charge, Some("1")));
        assert_eq!(count(&refunds, 201, false), 10);
        assert_eq!(world.balance(), "10.000000");
    }

    fn a_transaction_is_reversed_once_even_when_many_try(world) {
        world.credit("c", &paid("10"));
        let charge = world.charge("k", "10").id();
        let reversals = at_once(16, |number| world.reverse(&format!("r{number}"), charge));
        assert_eq!((count(&reversals, 201, false), count(&reversals, 409, false)), (1, 15));
    }

    fn the_first_credits_of_a_wallet_may_come_at_once(world) {
        let credits = at_once(32, |number| world.credit(&format!("c{number}"), &paid("1")));
        assert_eq!(count(&credits, 201, false), 32);
        assert_eq!(world.balance(), "32.000000");
    }

    // promise P10
    fn whoever_reads_meanwhile_sees_debits_equal_to_credits(world) {
        world.credit("c1", &grant("30"));
        world.credit("c2", &paid("30"));
        let done = AtomicBool::new(false);
        let readings = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut readings = vec![imbalance(world)];
                while !done.load(Ordering::SeqCst) {
                    readings.push(imbalance(world));
                }
                readings
            });
            let stop = StopReader(&done);
            at_once(48, |number| world.charge(&format!("k{number}"), "1"));
            drop(stop);
            reader.join().unwrap()
        });
        assert!(readings.iter().all(|sum| *sum == 0), "{readings:?}");
    }

    fn two_projects_do_not_share_keys_or_money(world) {
        let other = world.another_project("other");
        let in_other = engine::Ctx { project: other.id, ..world.owner() };
        world.credit("k", &paid("5"));
        assert_eq!(seen(world.engine.grant_credit(&in_other, key("k"), &paid("7"))).status, 201);
        let system = world.engine.system_ctx("test", other.id);
        let item = ChargeItem::read(Some("c"), br#"{"amount":"6"}"#);
        assert_eq!(seen(world.engine.charge(&system, &item)).balance_after(), "1.000000");
        let charge = world.charge("c", "5").id();
        let refund = engine::transactions::RefundCharge {
            transaction: charge,
            amount: None,
            description: None,
            reason: crate::ledger::money::reason(domain::ledger::reason::ReasonCode::Other),
        };
        let name: IdempotencyKey = key("r");
        seen(world.engine.refund_charge(&in_other, name, &refund)).refused(Code::NotFound);
    }
}
