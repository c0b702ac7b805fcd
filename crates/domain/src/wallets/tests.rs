//! The draw order as tables, and its properties over random lots.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const NOW: &str = "2026-03-17T10:00:00Z";

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn lot(number: u128, balance: i64) -> Lot {
    Lot {
        id: LotId::from_uuid(Uuid::from_u128(number)),
        kind: LotKind::Promotional,
        priority: PRIORITY_DEFAULT,
        granted: Amount::from_micros(balance),
        balance: Amount::from_micros(balance),
        valid_from: at("2026-01-01T00:00:00Z"),
        expires_at: None,
        created_at: at("2026-01-01T00:00:00Z"),
    }
}

fn wallet(lots: Vec<Lot>, overdraft_limit: i64, overdrawn: i64) -> Wallet {
    Wallet {
        customer: CustomerId::from_uuid(Uuid::from_u128(9)),
        currency: Currency::USD,
        overdraft_limit: Amount::from_micros(overdraft_limit),
        overdrawn: Amount::from_micros(overdrawn),
        lots,
    }
}

/// The numbers of the lots in the order in which they are drawn.
fn order(lots: &[Lot]) -> Vec<u128> {
    let everything = Amount::from_micros(i64::MAX);
    draw(lots, everything, at(NOW)).parts.iter().map(|part| part.lot.uuid().as_u128()).collect()
}

#[test]
fn lots_are_drawn_by_priority_then_expiry_then_kind_then_age_then_id() {
    // checklist 118
    let urgent = Lot { priority: 1, ..lot(1, 5) };
    let soon = Lot { expires_at: Some(at("2026-04-01T00:00:00Z")), kind: LotKind::Paid, ..lot(2, 5) };
    let later = Lot { expires_at: Some(at("2026-05-01T00:00:00Z")), ..lot(3, 5) };
    let old = Lot { created_at: at("2025-12-31T00:00:00Z"), ..lot(7, 5) };
    let promotional = lot(4, 5);
    let twin = lot(5, 5);
    let paid = Lot { kind: LotKind::Paid, created_at: at("2020-01-01T00:00:00Z"), ..lot(6, 5) };
    let lots = [paid, twin, promotional, old, later, soon, urgent];
    assert_eq!(order(&lots), [1, 2, 3, 7, 4, 5, 6]);
}

#[test]
fn a_lot_is_not_drawn_before_it_begins_nor_from_its_expiry_on() {
    let expired = Lot { expires_at: Some(at(NOW)), ..lot(1, 5) };
    let future = Lot { valid_from: at("2026-03-17T10:00:00.000001Z"), ..lot(2, 5) };
    let empty = lot(3, 0);
    let begins_now = Lot { valid_from: at(NOW), ..lot(4, 5) };
    assert_eq!(order(&[expired, future, empty, begins_now]), [4]);
}

#[test]
fn what_the_lots_do_not_hold_comes_from_the_overdraft_within_its_limit() {
    // checklist 65
    let wallet = wallet(vec![lot(1, 60)], 50, 10);
    let draw = wallet.take(Amount::from_micros(100), at(NOW)).unwrap();
    assert_eq!(draw.rest, Amount::from_micros(40));
    let refused = wallet.take(Amount::from_micros(101), at(NOW)).unwrap_err();
    assert_eq!(refused.code, Code::InsufficientCredit);
}

#[test]
fn an_expired_lot_counts_in_the_balance_until_its_expiry_is_booked_but_cannot_be_spent() {
    let expired = Lot { expires_at: Some(at(NOW)), ..lot(1, 60) };
    let wallet = wallet(vec![expired, lot(2, 5)], 0, 0);
    assert_eq!(wallet.balance(), Balance::from_micros(65));
    assert_eq!(wallet.available(at(NOW)), Balance::from_micros(5));
    assert!(wallet.take(Amount::from_micros(6), at(NOW)).is_err());
}

#[rstest::rstest]
#[case("2026-06-30T12:00:00Z", "UTC", "2026-07-01T00:00:00.000Z")]
#[case("2026-07-01T00:00:00Z", "UTC", "2026-07-01T00:00:00.000Z")]
#[case("2026-06-30T23:30:00Z", "Europe/Berlin", "2026-07-01T22:00:00.000Z")]
#[case("2026-03-28T23:00:01Z", "Europe/Berlin", "2026-03-29T22:00:00.000Z")]
#[case("2011-12-30T09:59:00Z", "Pacific/Apia", "2011-12-30T10:00:00.000Z")]
#[case("2026-09-06T03:30:00Z", "America/Santiago", "2026-09-06T04:00:00.000Z")]
fn a_lot_expires_at_the_customers_midnight(#[case] wanted: &str, #[case] zone: &str, #[case] expected: &str) {
    let zone = crate::window::zone(zone);
    assert_eq!(expiry(at(wanted), &zone).to_string(), expected);
}

fn any_lot() -> impl Strategy<Value = Lot> {
    let expiry = prop::option::of(-3_i64..4);
    (1_u128..40, prop::bool::ANY, 0_i64..4, 0_i64..1_000, expiry, -2_i64..2, 0_i64..3).prop_map(
        |(number, paid, priority, balance, expiry, begins, age)| {
            let now = at(NOW).micros();
            let instant = |offset: i64| Instant::from_micros(now + offset).unwrap();
            Lot {
                kind: if paid { LotKind::Paid } else { LotKind::Promotional },
                priority,
                valid_from: instant(begins),
                expires_at: expiry.map(instant),
                created_at: instant(-age),
                ..lot(number, balance)
            }
        },
    )
}

proptest! {
    #[test]
    fn a_draw_sums_exactly_and_never_takes_more_than_a_lot_holds(
        lots in prop::collection::vec(any_lot(), 0..12),
        amount in 1_i64..5_000,
    ) { // checklist 118
        let now = at(NOW);
        let drawn = draw(&lots, Amount::from_micros(amount), now);
        let parts: i64 = drawn.parts.iter().map(|part| part.amount.micros()).sum();
        prop_assert_eq!(parts + drawn.rest.micros(), amount);
        let open: i64 = lots.iter().filter(|lot| lot.is_spendable(now)).map(|lot| lot.balance.micros()).sum();
        prop_assert_eq!(drawn.rest.micros(), (amount - open).max(0));
        prop_assert!(drawn.parts.iter().all(|part| part.amount.is_positive()));
        for part in &drawn.parts {
            let holds = |lot: &Lot| lot.id == part.lot && lot.is_spendable(now) && lot.balance >= part.amount;
            prop_assert!(lots.iter().any(holds));
        }
    }

    #[test]
    fn the_order_in_which_lots_are_read_does_not_matter(
        mut lots in prop::collection::vec(any_lot(), 0..12),
        amount in 1_i64..5_000,
        turn in 0_usize..12,
    ) { // checklist 118
        lots.sort_by_key(|lot| lot.id);
        lots.dedup_by_key(|lot| lot.id);
        let amount = Amount::from_micros(amount);
        let before = draw(&lots, amount, at(NOW));
        let turn = turn.checked_rem(lots.len()).unwrap_or_default();
        lots.rotate_left(turn);
        lots.reverse();
        prop_assert_eq!(draw(&lots, amount, at(NOW)), before);
    }

    #[test]
    fn a_wallet_never_pays_beyond_its_overdraft_limit(
        lots in prop::collection::vec(any_lot(), 0..8),
        limit in 0_i64..500,
        used in 0_i64..500,
        amount in 1_i64..3_000,
    ) { // checklist 65
        let wallet = wallet(lots, limit, used.min(limit));
        if let Ok(draw) = wallet.take(Amount::from_micros(amount), at(NOW)) {
            prop_assert!(draw.rest.micros() + wallet.overdrawn.micros() <= limit);
        }
    }
}
