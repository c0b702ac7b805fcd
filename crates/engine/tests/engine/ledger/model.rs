//! An auditor's own idea of a wallet, coin by coin and knowing nothing of the code it checks: slow, and easy to believe.
//! Random histories are played against both, and compared after each step.

use std::time::Duration;

use domain::ids::EntryId;
use domain::ledger::balance::Axis;
use domain::refusal::Code;
use domain::time::Instant;
use domain::wallets::LotKind;
use engine::ledger::BalancesAsOf;
use engine::transactions::{DebitWallet, GrantCredit, TransactionFilter};

use super::money::{Seen, debit, grant};
use crate::world::{World, on_both};

const SEEDS: [u64; 4] = [1, 7, 42, 2026];
const STEPS: usize = 60;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// One coin is a millionth of a dollar.
fn coins(count: usize) -> String {
    format!("0.{count:06}")
}

struct Lot {
    paid: bool,
    priority: u64,
    /// The hour from which on it cannot be spent.
    expires: Option<u64>,
    age: usize,
    coins: usize,
    /// Coins it gave to settle an overdraft and did not get back.
    repaid: usize,
}

/// Where a coin came from.
#[derive(Clone, Copy)]
enum Coin {
    Lot(usize),
    Overdraft,
}

struct Charge {
    id: EntryId,
    is_debit: bool,
    /// Coins not given back yet, in the order in which they were taken.
    coins: Vec<Coin>,
    size: usize,
}

#[derive(Default)]
struct Auditor {
    lots: Vec<Lot>,
    overdrawn: usize,
    limit: usize,
    charges: Vec<Charge>,
    usage_income: i128,
    other_income: i128,
    breakage: i128,
    bank: i128,
}

impl Auditor {
    fn spendable(&self, hour: u64) -> Vec<usize> {
        let mut open: Vec<usize> = (0..self.lots.len())
            .filter(|lot| self.lots[*lot].coins > 0 && self.lots[*lot].expires.is_none_or(|expiry| hour < expiry))
            .collect();
        open.sort_by_key(|lot| {
            let lot = &self.lots[*lot];
            (lot.priority, lot.expires.unwrap_or(u64::MAX), lot.paid, lot.age)
        });
        open
    }

    fn grant(&mut self, paid: bool, priority: u64, expires: Option<u64>, size: usize) {
        let repaid = size.min(self.overdrawn);
        self.overdrawn -= repaid;
        self.bank += if paid { i128::try_from(size).unwrap() } else { 0 };
        let age = self.lots.len();
        self.lots.push(Lot { paid, priority, expires, age, coins: size - repaid, repaid });
    }

    /// The coins a charge takes, or none when it cannot be paid.
    fn take(&mut self, size: usize, hour: u64) -> Option<Vec<Coin>> {
        let mut taken = Vec::new();
        let open = self.spendable(hour);
        let held: usize = open.iter().map(|lot| self.lots[*lot].coins).sum();
        if size > held + self.limit - self.overdrawn {
            return None;
        }
        for lot in open {
            while taken.len() < size && self.lots[lot].coins > 0 {
                self.lots[lot].coins -= 1;
                taken.push(Coin::Lot(lot));
            }
        }
        while taken.len() < size {
            self.overdrawn += 1;
            taken.push(Coin::Overdraft);
        }
        Some(taken)
    }

    /// Gives the last `size` coins of a charge back.
    fn give_back(&mut self, charge: usize, size: usize, hour: u64) {
        for _ in 0..size {
            let coin = self.charges[charge].coins.pop().unwrap();
            let lot = match coin {
                Coin::Lot(lot) => lot,
                Coin::Overdraft if self.overdrawn > 0 => {
                    self.overdrawn -= 1;
                    continue;
                }
                Coin::Overdraft => {
                    let lot = (0..self.lots.len()).rev().find(|lot| self.lots[*lot].repaid > 0).unwrap();
                    self.lots[lot].repaid -= 1;
                    lot
                }
            };
            if self.lots[lot].expires.is_some_and(|expiry| expiry <= hour) {
                self.breakage += i128::from(self.lots[lot].paid);
            } else {
                self.lots[lot].coins += 1;
            }
        }
        let size = i128::try_from(size).unwrap();
        if self.charges[charge].is_debit { self.other_income -= size } else { self.usage_income -= size }
    }

    fn balance(&self) -> i128 {
        let coins: usize = self.lots.iter().map(|lot| lot.coins).sum();
        i128::try_from(coins).unwrap() - i128::try_from(self.overdrawn).unwrap()
    }
}

/// One random history on one world.
struct Game<'a> {
    world: &'a World,
    seed: u64,
    auditor: Auditor,
    hour: u64,
    step: usize,
}

impl Game<'_> {
    fn below(&self, bound: u64) -> u64 {
        self.world.random.below(bound)
    }

    fn size(&self) -> usize {
        usize::try_from(1 + self.below(60)).unwrap()
    }

    fn name(&self) -> String {
        format!("seed-{}-step-{}", self.seed, self.step)
    }

    fn play(&mut self) {
        match self.below(10) {
            0..=2 => self.grant(),
            3..=5 => self.charge(false),
            6 => self.charge(true),
            7 | 8 => self.give_back(),
            _ => {
                self.hour += 1;
                self.world.clock.advance(HOUR);
            }
        }
    }

    fn grant(&mut self) {
        let (size, paid, priority) = (self.size(), self.below(2) == 1, self.below(3));
        // Lots end at midnight: the story begins at 10:20, so the next one is 14 hours away.
        let day = (self.below(3) == 0).then(|| 1 + self.below(2));
        let expires = day.map(|day| day * 24 - 10);
        let expires = expires.filter(|expiry| *expiry > self.hour);
        let expires_at = expires.map(|_| {
            let midnight = Instant::parse("2026-03-17T00:00:00Z").unwrap();
            midnight.checked_add(Duration::from_secs(day.unwrap() * 24 * 60 * 60)).unwrap()
        });
        let credit = GrantCredit {
            paid: Some(paid),
            priority: Some(i64::try_from(priority).unwrap()),
            expires_at,
            ..grant(&coins(size))
        };
        self.world.credit(&self.name(), &credit).accepted();
        self.auditor.grant(paid, priority, expires, size);
    }

    fn charge(&mut self, is_debit: bool) {
        let size = self.size();
        let answer: Seen = match is_debit {
            false => self.world.charge(&self.name(), &coins(size)),
            true => self.world.debit(&self.name(), &DebitWallet { ..debit(&coins(size)) }),
        };
        match self.auditor.take(size, self.hour) {
            Some(coins) => {
                let id = answer.id();
                self.auditor.charges.push(Charge { id, is_debit, coins, size });
                let size = i128::try_from(size).unwrap();
                if is_debit { self.auditor.other_income += size } else { self.auditor.usage_income += size }
            }
            None => answer.refused(Code::InsufficientCredit),
        }
    }

    fn give_back(&mut self) {
        let count = u64::try_from(self.auditor.charges.len()).unwrap();
        if count == 0 {
            return;
        }
        let charge = usize::try_from(self.below(count)).unwrap();
        let (id, left) = (self.auditor.charges[charge].id, self.auditor.charges[charge].coins.len());
        let untouched = left == self.auditor.charges[charge].size;
        let (answer, size) = if self.below(2) == 0 {
            (self.world.reverse(&self.name(), id), if untouched { left } else { 0 })
        } else {
            let size = self.size();
            let fits = !self.auditor.charges[charge].is_debit && size <= left;
            (self.world.refund(&self.name(), id, Some(&coins(size))), if fits { size } else { 0 })
        };
        if size == 0 {
            assert_eq!(answer.status, 409, "seed {} step {}: {}", self.seed, self.step, answer.body);
        } else {
            answer.accepted();
            self.auditor.give_back(charge, size, self.hour);
        }
    }

    fn compare(&self) {
        let place = format!("seed {} step {}", self.seed, self.step);
        let wallet = self.world.wallet("USD");
        assert_eq!(wallet.balance.micros(), self.auditor.balance(), "{place}: balance");
        assert_eq!(wallet.overdrawn.micros(), i64::try_from(self.auditor.overdrawn).unwrap(), "{place}: overdraft");
        let mut found: Vec<(bool, i64, i64)> =
            wallet.lots.iter().map(|lot| (lot.kind == LotKind::Paid, lot.priority, lot.balance.micros())).collect();
        let held = self.auditor.lots.iter().filter(|lot| lot.coins > 0);
        let number = |count: usize| i64::try_from(count).unwrap();
        let mut expected: Vec<(bool, i64, i64)> =
            held.map(|lot| (lot.paid, i64::try_from(lot.priority).unwrap(), number(lot.coins))).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{place}: lots");
        self.compare_accounts(&place);
    }

    fn compare_accounts(&self, place: &str) {
        let accounts = self.world.engine.list_accounts(&self.world.owner(), None, None, 1_000).unwrap();
        let balance = |name: &str| -> i128 {
            accounts.iter().filter(|account| account.name == name).map(|account| account.balance.micros()).sum()
        };
        let promotional: usize = self.auditor.lots.iter().filter(|lot| !lot.paid).map(|lot| lot.coins).sum();
        assert_eq!(balance("revenue:usage"), self.auditor.usage_income, "{place}: income from usage");
        assert_eq!(balance("revenue:oneoff"), self.auditor.other_income, "{place}: other income");
        assert_eq!(balance("revenue:breakage"), self.auditor.breakage, "{place}: breakage");
        assert_eq!(balance("bank"), self.auditor.bank, "{place}: bank");
        assert_eq!(balance("promo_issued"), i128::try_from(promotional).unwrap(), "{place}: promotional lots");
    }

    /// Every balance as of random instants, on both axes, equals the entries replayed by hand.
    fn compare_past(&self) {
        let owner = self.world.owner();
        let mut entries = Vec::new();
        let mut before = None;
        loop {
            let page = self.world.engine.list_entries(&owner, &TransactionFilter::default(), before, 100).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            entries.extend(page);
        }
        for axis in [Axis::Effective, Axis::Recorded] {
            for _ in 0..4 {
                let hour = Duration::from_secs(self.below(self.hour + 2) * 60 * 60);
                let at = Instant::parse(crate::world::BEGINNING).unwrap().checked_add(hour).unwrap();
                let asked = BalancesAsOf { at, axis, customer_key: None };
                for found in self.world.engine.balances_as_of(&owner, &asked, None, 1_000).unwrap() {
                    let counts = |entry: &&engine::ledger::EntryView| match axis {
                        Axis::Effective => entry.effective_at <= at,
                        Axis::Recorded => entry.recorded_at <= at,
                    };
                    let lines = entries.iter().filter(counts).flat_map(|entry| &entry.postings);
                    let replayed: i128 = lines
                        .filter(|line| line.account == found.account)
                        .map(|line| {
                            let toward = line.direction == found.class.normal_side();
                            i128::from(line.amount.micros()) * if toward { 1 } else { -1 }
                        })
                        .sum();
                    assert_eq!(found.balance.micros(), replayed, "seed {} {at} {}", self.seed, found.account);
                }
            }
        }
    }
}

fn play(world: &World, seed: u64) {
    let limit = usize::try_from(world.random.below(3) * 40).unwrap();
    world.allow_overdraft(&coins(limit)).unwrap();
    let auditor = Auditor { limit, ..Auditor::default() };
    let mut game = Game { world, seed, auditor, hour: 0, step: 0 };
    for step in 0..STEPS {
        game.step = step;
        game.play();
        game.compare();
    }
    game.compare_past();
}

on_both! {
    // checklist 62
    // promise P12
    // promise P15
    fn random_histories_agree_with_an_independent_auditor(world) {
        for seed in SEEDS {
            let world = World::new(world.db.clone(), seed.wrapping_add(world.seed));
            play(&world, seed);
        }
    }
}
