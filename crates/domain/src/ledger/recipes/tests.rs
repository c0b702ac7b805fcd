//! Each recipe by example, in the notation `debit → credit`, and all of them together over random histories.

mod invoicing;

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::currency::Currency;
use crate::ids::CustomerId;
use crate::ledger::account::Direction;
use crate::ledger::lines::Line;
use crate::ledger::taken::{Taken, lot_part};
use crate::wallets::{PRIORITY_DEFAULT, Part};

const CUSTOMER: CustomerId = CustomerId::from_uuid(Uuid::from_u128(1));

fn amount(micros: i64) -> Amount {
    Amount::from_micros(micros)
}

fn lot_id(number: u128) -> LotId {
    LotId::from_uuid(Uuid::from_u128(number))
}

fn at(second: i64) -> Instant {
    Instant::from_micros(second * 1_000_000).unwrap()
}

/// A wallet and every balance of its project, kept by applying lines.
struct Book {
    wallet: Wallet,
    balances: BTreeMap<Account, i128>,
    history: Vec<Lines>,
}

impl Book {
    fn new(overdraft_limit: i64) -> Book {
        let wallet = Wallet {
            customer: CUSTOMER,
            currency: Currency::USD,
            overdraft_limit: amount(overdraft_limit),
            overdrawn: Amount::ZERO,
            lots: Vec::new(),
        };
        Book { wallet, balances: BTreeMap::new(), history: Vec::new() }
    }

    fn apply(&mut self, lines: &Lines) {
        for ((account, _), change) in lines.net() {
            let balance = self.balances.entry(account).or_default();
            *balance += change;
            let after = *balance;
            if account.is_wallet() {
                let after = i64::try_from(after).unwrap();
                assert!(after >= 0, "{account} holds {after}");
                match account.lot() {
                    Some(lot) => self.lot_mut(lot).balance = amount(after),
                    None => self.wallet.overdrawn = amount(after),
                }
            }
        }
        self.history.push(lines.clone());
    }

    fn lot_mut(&mut self, id: LotId) -> &mut Lot {
        self.wallet.lots.iter_mut().find(|lot| lot.id == id).unwrap()
    }

    fn grant(&mut self, kind: LotKind, number: u128, size: i64, expires: Option<i64>) -> Lines {
        let lines = grant(&self.wallet, kind, lot_id(number), amount(size)).unwrap();
        self.wallet.lots.push(Lot {
            id: lot_id(number),
            kind,
            priority: PRIORITY_DEFAULT,
            granted: amount(size),
            balance: Amount::ZERO,
            valid_from: at(0),
            expires_at: expires.map(at),
            created_at: at(0),
        });
        self.apply(&lines);
        lines
    }

    fn charge(&mut self, size: i64, now: i64) -> Result<Lines, Refusal> {
        let lines = charge(&self.wallet, amount(size), at(now))?;
        self.apply(&lines);
        Ok(lines)
    }

    fn give_back(&mut self, charge: &Lines, before: i64, size: i64, now: i64) -> Result<Lines, Refusal> {
        let taken = Taken::of(charge).unwrap();
        let repaid = self.repaid();
        let lines = give_back(&GiveBack {
            wallet: &self.wallet,
            taken: &taken,
            returned_before: amount(before),
            amount: amount(size),
            repaid: &repaid,
            at: at(now),
        })?;
        self.apply(&lines);
        Ok(lines)
    }

    /// What lots paid to settle overdrafts and did not get back, the latest first: read from lines that follow each
    /// other, as they are stored.
    fn repaid(&self) -> Vec<Part> {
        let mut repaid: Vec<Part> = Vec::new();
        for lines in &self.history {
            for pair in lines.as_slice().windows(2) {
                let overdraft = |line: &Line| matches!(line.account, Account::WalletOverdraft { .. });
                if pair[0].direction != Direction::Debit || pair[1].direction != Direction::Credit {
                    continue;
                }
                if let (Some(part), true) = (lot_part(&pair[0]), overdraft(&pair[1])) {
                    repaid.insert(0, part);
                }
                if let (true, Some(part)) = (overdraft(&pair[0]), lot_part(&pair[1])) {
                    let entry = repaid.iter_mut().find(|entry| entry.lot == part.lot).unwrap();
                    entry.amount = entry.amount.checked_sub(part.amount).unwrap();
                }
            }
        }
        repaid
    }

    fn non_zero(&self) -> BTreeMap<Account, i128> {
        self.balances.iter().filter(|(_, balance)| **balance != 0).map(|(a, b)| (*a, *b)).collect()
    }

    fn check(&self) {
        let promo: i128 = self
            .wallet
            .lots
            .iter()
            .filter(|lot| lot.kind == LotKind::Promotional)
            .map(|lot| i128::from(lot.balance.micros()))
            .sum();
        let issued = self.balances.get(&Account::PromoIssued).copied().unwrap_or_default();
        assert_eq!(issued, promo, "promo_issued mirrors the promotional lots");
        for lot in &self.wallet.lots {
            assert!(lot.balance <= lot.granted, "{} holds more than was granted", lot.id);
        }
        assert!(self.wallet.overdrawn <= self.wallet.overdraft_limit);
        let sum: i128 = self
            .balances
            .iter()
            .map(|(account, balance)| match account.class().normal_side() {
                Direction::Debit => *balance,
                Direction::Credit => -*balance,
            })
            .sum();
        assert_eq!(sum, 0, "debits and credits balance");
    }
}

/// The lines as people write them: `D bank 100, C wallet_paid 100`; customers and lots left out.
fn written(lines: &Lines) -> String {
    let line = |line: &Line| {
        let side = if line.direction == Direction::Debit { "D" } else { "C" };
        let name = line.account.to_string();
        let name = name.split(":cus").next().unwrap().to_owned();
        let lot = line.account.lot().map(|lot| format!(":{}", lot.uuid().as_u128())).unwrap_or_default();
        format!("{side} {name}{lot} {}", line.amount.micros())
    };
    lines.as_slice().iter().map(line).collect::<Vec<_>>().join(", ")
}

use LotKind::{Paid, Promotional};

#[test]
fn a_promotional_grant_is_a_memo() {
    let mut book = Book::new(0);
    assert_eq!(written(&book.grant(Promotional, 1, 100, None)), "D promo_issued 100, C wallet_promo:1 100");
}

#[test]
fn a_paid_grant_comes_from_the_bank() {
    let mut book = Book::new(0);
    assert_eq!(written(&book.grant(Paid, 1, 100, None)), "D bank 100, C wallet_paid:1 100");
}

#[test]
fn a_charge_draws_promotional_then_paid_then_the_overdraft() {
    let mut book = Book::new(50);
    book.grant(Paid, 1, 40, None);
    book.grant(Promotional, 2, 30, None);
    let lines = book.charge(100, 1).unwrap();
    assert_eq!(
        written(&lines),
        "D wallet_promo:2 30, D wallet_paid:1 40, D wallet_overdraft 30, C revenue:usage 100, D contra:promo 30, \
         C promo_issued 30"
    );
    assert_eq!(book.charge(21, 1).unwrap_err().code, Code::InsufficientCredit);
}

#[test]
fn a_grant_repays_an_overdraft_first() {
    let mut book = Book::new(50);
    book.charge(30, 1).unwrap();
    let lines = book.grant(Promotional, 1, 100, None);
    assert_eq!(
        written(&lines),
        "D promo_issued 100, C wallet_promo:1 100, D wallet_promo:1 30, C wallet_overdraft 30, D contra:promo 30, \
         C promo_issued 30"
    );
    assert_eq!(book.wallet.balance().micros(), 70);
}

#[test]
fn a_debit_goes_where_its_reason_says() {
    let mut book = Book::new(0);
    book.grant(Paid, 1, 100, None);
    let income = adjustment(&book.wallet, amount(5), at(1), ReasonCode::Contract).unwrap();
    assert_eq!(written(&income), "D wallet_paid:1 5, C revenue:oneoff 5");
    let unclear = adjustment(&book.wallet, amount(5), at(1), ReasonCode::Duplicate).unwrap();
    assert_eq!(written(&unclear), "D wallet_paid:1 5, C suspense 5");
}

#[test]
fn money_returns_in_reverse_draw_order() {
    let mut book = Book::new(50);
    book.grant(Paid, 1, 40, None);
    book.grant(Promotional, 2, 30, None);
    let charge = book.charge(100, 1).unwrap();
    let first = book.give_back(&charge, 0, 45, 2).unwrap();
    assert_eq!(written(&first), "D revenue:usage 45, C wallet_overdraft 30, C wallet_paid:1 15");
    let second = book.give_back(&charge, 45, 55, 2).unwrap();
    assert_eq!(
        written(&second),
        "D revenue:usage 55, C wallet_paid:1 25, C wallet_promo:2 30, D promo_issued 30, C contra:promo 30"
    );
    assert_eq!(book.give_back(&charge, 100, 1, 2).unwrap_err().code, Code::RefundTooLarge);
}

#[test]
fn money_that_returns_to_an_expired_lot_expires_at_once() {
    let mut book = Book::new(0);
    book.grant(Paid, 1, 10, Some(5));
    book.grant(Promotional, 2, 10, Some(5));
    let charge = book.charge(20, 1).unwrap();
    let lines = book.give_back(&charge, 0, 20, 5).unwrap();
    assert_eq!(
        written(&lines),
        "D revenue:usage 20, C wallet_paid:1 10, C wallet_promo:2 10, D promo_issued 10, C contra:promo 10, \
         D wallet_paid:1 10, C revenue:breakage 10, D wallet_promo:2 10, C promo_issued 10"
    );
    assert_eq!(lines.effect_on_wallet(CUSTOMER, Currency::USD).micros(), 0);
    book.check();
}

#[test]
fn what_returns_to_a_repaid_overdraft_goes_on_to_the_lot_that_repaid_it() {
    let mut book = Book::new(50);
    let charge = book.charge(50, 1).unwrap();
    book.grant(Promotional, 1, 20, None);
    book.grant(Paid, 2, 20, None);
    let lines = book.give_back(&charge, 0, 50, 2).unwrap();
    assert_eq!(
        written(&lines),
        "D revenue:usage 50, C wallet_overdraft 50, D wallet_overdraft 20, C wallet_paid:2 20, \
         D wallet_overdraft 20, C wallet_promo:1 20, D promo_issued 20, C contra:promo 20"
    );
    assert_eq!(book.wallet.balance().micros(), 40);
    book.check();
}

#[test]
fn a_grant_is_taken_back_whole_or_not_at_all() {
    let mut book = Book::new(0);
    book.grant(Paid, 1, 100, None);
    let lines = revoke_grant(&book.wallet, &book.wallet.lots[0]).unwrap();
    assert_eq!(written(&lines), "D wallet_paid:1 100, C bank 100");
    book.charge(1, 1).unwrap();
    assert_eq!(revoke_grant(&book.wallet, &book.wallet.lots[0]).unwrap_err().code, Code::PartlySpent);
}

#[test]
fn a_wallet_cannot_hold_more_than_an_amount_can_say() {
    let mut book = Book::new(0);
    book.grant(Paid, 1, i64::MAX, None);
    let refused = grant(&book.wallet, Paid, lot_id(2), amount(1)).unwrap_err();
    assert_eq!((refused.code, refused.first_field()), (Code::OutOfRange, Some("amount")));
}

#[test]
fn a_wallet_has_a_largest_number_of_open_lots() {
    let mut book = Book::new(0);
    for number in 0..OPEN_LOTS_MAX {
        book.grant(Promotional, u128::try_from(number).unwrap() + 1, 1, None);
    }
    let refused = grant(&book.wallet, Paid, lot_id(9_999), amount(1)).unwrap_err();
    assert_eq!(refused.code, Code::TooManyItems);
    // All of them fit in one charge, and all of it returns in one entry.
    let charge = book.charge(300, 1).unwrap();
    book.give_back(&charge, 0, 300, 2).unwrap();
}

#[derive(Debug, Clone)]
enum Step {
    Grant { paid: bool, size: i64, expires: Option<i64> },
    Charge { size: i64 },
    Refund { charge: usize, size: i64 },
    Reverse { charge: usize },
    Wait,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<bool>(), 1_i64..100, prop::option::of(1_i64..12)).prop_map(|(paid, size, expires)| Step::Grant {
            paid,
            size,
            expires
        }),
        (1_i64..120).prop_map(|size| Step::Charge { size }),
        (0_usize..8, 1_i64..60).prop_map(|(charge, size)| Step::Refund { charge, size }),
        (0_usize..8).prop_map(|charge| Step::Reverse { charge }),
        Just(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn every_history_keeps_the_book_in_order(steps in prop::collection::vec(any_step(), 1..40), limit in 0_i64..80) {
        // promise P10
        let mut book = Book::new(limit);
        let mut charges: Vec<(Lines, i64)> = Vec::new();
        let mut now = 0;
        for (number, step) in (1_u128..).zip(steps) {
            match step {
                Step::Grant { paid, size, expires } => {
                    book.grant(if paid { Paid } else { Promotional }, number, size, expires);
                }
                Step::Charge { size } => charges.extend(book.charge(size, now).ok().map(|lines| (lines, 0))),
                Step::Refund { charge, size } => {
                    if let Some((lines, returned)) = charges.get_mut(charge)
                        && book.give_back(lines, *returned, size, now).is_ok()
                    {
                        *returned += size;
                    }
                }
                Step::Reverse { charge } => {
                    if let Some((lines, returned)) = charges.get_mut(charge) {
                        let left = Taken::of(lines).unwrap().total().micros() - *returned;
                        if left > 0 {
                            book.give_back(lines, *returned, left, now).unwrap();
                            *returned += left;
                        }
                    }
                }
                Step::Wait => now += 1,
            }
            book.check();
        }
    }

    #[test]
    fn apply_then_reverse_restores_every_balance(
        grants in prop::collection::vec((any::<bool>(), 1_i64..100), 0..6),
        size in 1_i64..300,
        limit in 0_i64..100,
    ) { // checklist 63
        let mut book = Book::new(limit);
        for (number, (paid, size)) in (1_u128..).zip(&grants) {
            book.grant(if *paid { Paid } else { Promotional }, number, *size, None);
        }
        let before = (book.non_zero(), book.wallet.clone());
        if let Ok(charge) = book.charge(size, 1) {
            book.give_back(&charge, 0, size, 2).unwrap();
        }
        prop_assert_eq!(&(book.non_zero(), book.wallet.clone()), &before);
        book.grant(Paid, 99, 7, None);
        let lot = book.wallet.lot(lot_id(99)).unwrap().clone();
        if let Ok(lines) = revoke_grant(&book.wallet, &lot) {
            book.apply(&lines);
            prop_assert_eq!(book.non_zero(), before.0);
        }
    }
}
