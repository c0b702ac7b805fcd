//! Many entries at once come to what they come to one by one.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::customers::NewCustomer;
use domain::ids::{CustomerId, EntryId, ProjectId, TypedId, derived};
use domain::ledger::account::Account;
use domain::ledger::entry::{Cause, CauseType, EntryKind};
use domain::ledger::lines::{Draft, Lines};
use domain::time::Instant;
use engine::ledger::{NewEntry, post_many};
use engine::{Ctx, Error};
use storage::{ProjectTx, StorageError, accounts, balances, customers, journal};
use uuid::Uuid;

use crate::world::{World, on_both};

/// A few customers that owe, pay, and are credited.
const CUSTOMERS: [u128; 3] = [11, 12, 13];

fn customer(number: u128) -> CustomerId {
    TypedId::from_uuid(Uuid::from_u128(number))
}

/// The same customers in each project, under the same ids.
fn settle(world: &World, project: ProjectId) -> Ctx {
    let ctx = world.engine.system_ctx("test", project);
    write(world, project, |tx| {
        for number in CUSTOMERS {
            let new = NewCustomer::with_key(format!("customer-{number}"));
            assert!(customers::insert(tx, &new.into_customer(customer(number), ctx.now()))?);
        }
        Ok(())
    });
    ctx
}

fn write<T>(world: &World, project: ProjectId, body: impl FnMut(&mut ProjectTx<'_>) -> Result<T, Error>) -> T {
    world.db.write("test", project, body).unwrap()
}

/// A random history: what is owed only falls by what is owed. Numbers of a linear congruential generator (Knuth's MMIX).
fn history(seed: u64, length: usize) -> Vec<(CustomerId, Lines)> {
    let mut state = seed;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut owed: BTreeMap<CustomerId, i64> = BTreeMap::new();
    let mut made = Vec::new();
    for _ in 0..length {
        let customer = customer(CUSTOMERS[usize::try_from(next(3)).unwrap()]);
        let (receivable, unbilled) = (Account::Receivable { customer }, Account::Unbilled { customer });
        let owed = owed.entry(customer).or_default();
        let size = i64::try_from(next(1_000) + 1).unwrap();
        let mut draft = Draft::new(Currency::USD);
        if next(2) == 0 || *owed < size {
            draft.transfer(unbilled, Account::RevenueUsage, Amount::from_micros(size));
            draft.transfer(receivable, unbilled, Amount::from_micros(size));
            *owed += size;
        } else {
            draft.transfer(Account::Bank, receivable, Amount::from_micros(size));
            *owed -= size;
        }
        made.push((customer, draft.finish().unwrap()));
    }
    made
}

fn entries(history: &[(CustomerId, Lines)]) -> Vec<NewEntry<'_>> {
    history.iter().map(|(customer, lines)| rated(*customer, lines)).collect()
}

fn rated(customer: CustomerId, lines: &Lines) -> NewEntry<'_> {
    let amount = lines.as_slice()[0].amount;
    NewEntry { customer: Some(customer), ..NewEntry::of(EntryKind::RatedCharge, amount, Currency::USD, lines) }
}

/// The stored balance of an account, and its sums by direction.
type Holding = (Option<Amount>, Vec<(String, i128)>);

/// What every account holds, as it is stored and as the postings say.
fn held(world: &World, project: ProjectId) -> BTreeMap<String, Holding> {
    world
        .db
        .read("test", project, |tx| -> Result<_, StorageError> {
            let mut held = BTreeMap::new();
            for row in accounts::page(tx, None, None, 200)? {
                let stored = balances::of_accounts(tx, &[(row.account, row.currency)])?;
                let mut sums: Vec<(String, i128)> = balances::sums(tx, &[row.id])?
                    .into_iter()
                    .map(|sum| (sum.direction.to_string(), sum.micros))
                    .collect();
                sums.sort();
                held.insert(row.account.to_string(), (stored.first().map(|stored| stored.balance), sums));
            }
            Ok(held)
        })
        .unwrap()
}

on_both! {
    fn posting_many_entries_is_posting_each(world) {
        for seed in [1, 7, 2_026] {
            let together = world.another_project(&format!("together-{seed}")).id;
            let apart = world.another_project(&format!("apart-{seed}")).id;
            let history = history(seed, 120);
            let ctx = settle(world, together);
            let posted = write(world, together, |tx| post_many(tx, &ctx, &entries(&history)));
            assert_eq!(posted.entries.len(), history.len());
            let ctx = settle(world, apart);
            for entry in &history {
                write(world, apart, |tx| post_many(tx, &ctx, &entries(std::slice::from_ref(entry))));
            }
            assert_eq!(held(world, together), held(world, apart), "seed {seed}");
        }
    }

    fn an_entry_of_a_run_has_the_id_and_the_cause_that_it_was_given(world) {
        let ctx = settle(world, world.project.id);
        let history = history(3, 2);
        let happened = Instant::parse("2026-03-01T00:00:00Z").unwrap();
        let id = |name| EntryId::from_uuid(derived(happened, world.project.id, "entry", name));
        let cause = Cause { kind: CauseType::BillingRun, id: "run_1".to_owned() };
        let given = |name, place: usize| NewEntry {
            id: Some(id(name)),
            cause: Some(cause.clone()),
            usage_at: Some(happened),
            ..rated(history[place].0, &history[place].1)
        };
        let posted = write(world, world.project.id, |tx| post_many(tx, &ctx, &[given("a", 0), given("b", 1)]));
        assert_eq!([posted.entries[0].id, posted.entries[1].id], [id("a"), id("b")]);
        let stored = world.db.read("test", world.project.id, |tx| journal::get(tx, id("b"))).unwrap().unwrap();
        assert_eq!((stored.cause, stored.effective_at, stored.idempotency_key), (cause.clone(), happened, None));
        assert_eq!(stored.recorded_at, ctx.now());
        // What was posted under an id is not posted again.
        let again = world.db.write("test", world.project.id, |tx| post_many(tx, &ctx, &[given("b", 1)]));
        let error = again.unwrap_err();
        assert!(matches!(&error, Error::Storage(StorageError::UniqueViolation { constraint }) if constraint == "journal_entries_pk"), "{error:?}");
    }

    fn nothing_of_many_is_posted_when_one_would_owe_less_than_nothing(world) {
        let ctx = settle(world, world.project.id);
        let customer = customer(CUSTOMERS[0]);
        let line = |debit, credit| {
            let mut draft = Draft::new(Currency::USD);
            draft.transfer(debit, credit, Amount::from_micros(5));
            draft.finish().unwrap()
        };
        let receivable = Account::Receivable { customer };
        let (owed, paid) = (line(receivable, Account::RevenueUsage), line(Account::Bank, receivable));
        let many = [rated(customer, &owed), rated(customer, &paid), rated(customer, &paid)];
        let refused = world.db.write("test", world.project.id, |tx| post_many(tx, &ctx, &many));
        assert!(matches!(refused.unwrap_err(), Error::Bug(_)));
        assert_eq!(held(world, world.project.id), BTreeMap::new());
    }

    fn nothing_to_post_posts_nothing(world) {
        let ctx = world.system();
        assert!(write(world, world.project.id, |tx| post_many(tx, &ctx, &[])).entries.is_empty());
    }
}
