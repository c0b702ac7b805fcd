//! The life of an invoice, step by step, and that nothing of it is ever lost.

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn euro(count: i64) -> Amount {
    Amount::from_micros(count * 1_000_000)
}

fn issued(total: i64) -> Standing {
    Standing::DRAFT.issue(euro(total), at("2026-05-01T00:00:00Z")).unwrap()
}

#[test]
fn payments_close_it_and_what_is_too_much_is_the_customers() {
    let first = issued(100).pay(euro(30)).unwrap();
    assert_eq!((first.standing.state, first.settled, first.rest), (InvoiceState::Issued, euro(30), euro(0)));
    assert!(first.standing.is_partially_paid());
    let second = first.standing.pay(euro(90)).unwrap();
    assert_eq!((second.standing.state, second.settled, second.rest), (InvoiceState::Paid, euro(70), euro(20)));
    assert!(!second.standing.is_partially_paid());
    assert_eq!(second.standing.pay(euro(5)).unwrap().rest, euro(5));
}

#[test]
fn to_issue_twice_changes_nothing() {
    // checklist 76
    let once = issued(100);
    assert_eq!(once.issue(euro(999), at("2027-01-01T00:00:00Z")), Ok(once));
    assert_eq!(issued(0).state, InvoiceState::Paid);
    let credit = issued(-5);
    assert_eq!((credit.state, credit.outstanding, credit.total), (InvoiceState::Paid, euro(0), euro(-5)));
}

#[test]
fn it_is_overdue_from_its_due_date_on_while_something_is_open() {
    let due = at("2026-05-01T00:00:00Z");
    assert!(!issued(1).is_overdue(at("2026-04-30T23:59:59Z")));
    assert!(issued(1).is_overdue(due));
    assert!(!issued(1).pay(euro(1)).unwrap().standing.is_overdue(due));
    assert!(!Standing::DRAFT.is_overdue(due));
}

#[test]
fn a_credit_note_takes_from_what_is_open_and_gives_the_rest_back() {
    let paid = issued(100).pay(euro(70)).unwrap().standing;
    let credited = paid.credit(euro(50)).unwrap();
    assert_eq!((credited.settled, credited.rest), (euro(30), euro(20)));
    assert_eq!(credited.standing.state, InvoiceState::Paid);
    assert_eq!(credited.standing.credit(euro(51)).unwrap_err().code, Code::CreditNoteTooLarge);
    assert_eq!(credited.standing.credit(euro(50)).unwrap().rest, euro(50));
}

#[test]
fn only_what_nobody_settled_can_be_voided() {
    // checklist 120
    let void = issued(100).void().unwrap();
    assert_eq!((void.state, void.outstanding, void.total), (InvoiceState::Void, euro(0), euro(100)));
    assert_eq!(void.void(), Ok(void));
    assert_eq!(issued(100).pay(euro(1)).unwrap().standing.void().unwrap_err().code, Code::InvoicePaid);
    assert_eq!(issued(100).credit(euro(1)).unwrap().standing.void().unwrap_err().code, Code::InvoicePaid);
    assert_eq!(issued(100).write_off().unwrap().void().unwrap_err().code, Code::InvoicePaid);
    for refused in [void.pay(euro(1)), void.credit(euro(1))] {
        assert_eq!(refused.unwrap_err().code, Code::InvoiceVoid);
    }
    assert_eq!(void.issue(euro(1), at("2026-05-01T00:00:00Z")).unwrap_err().code, Code::InvoiceVoid);
}

#[test]
fn a_draft_is_neither_paid_nor_credited_nor_voided_nor_given_up() {
    let draft = Standing::DRAFT;
    let refused = [
        draft.pay(euro(1)).unwrap_err(),
        draft.credit(euro(1)).unwrap_err(),
        draft.void().unwrap_err(),
        draft.write_off().unwrap_err(),
    ];
    assert!(refused.iter().all(|refusal| refusal.code == Code::InvoiceNotIssued));
}

#[test]
fn what_was_given_up_can_be_paid_after_all() {
    let given_up = issued(100).pay(euro(40)).unwrap().standing.write_off().unwrap();
    assert_eq!(
        (given_up.state, given_up.given_up, given_up.outstanding),
        (InvoiceState::Uncollectible, euro(60), euro(0))
    );
    assert_eq!(given_up.write_off().unwrap_err().code, Code::InvoicePaid);
    assert_eq!(given_up.creditable(), Ok(euro(40)));
    let part = given_up.pay(euro(10)).unwrap();
    assert_eq!((part.standing.state, part.standing.given_up), (InvoiceState::Uncollectible, euro(50)));
    let all = part.standing.pay(euro(55)).unwrap();
    assert_eq!((all.standing.state, all.settled, all.rest), (InvoiceState::Paid, euro(50), euro(5)));
}

proptest! {
    #[test]
    fn every_amount_is_accounted_for(total in 0i64..1_000, steps in prop::collection::vec((0u8..4, 1i64..500), 0..12)) {
        let mut standing = issued(total);
        let mut settled_by_credit = Amount::ZERO;
        for (kind, amount) in steps {
            let amount = euro(amount);
            match kind {
                0 | 1 => {
                    let outcome = standing.pay(amount).unwrap();
                    prop_assert_eq!(outcome.settled.checked_add(outcome.rest), Some(amount));
                    standing = outcome.standing;
                }
                2 => {
                    if let Ok(outcome) = standing.credit(amount) {
                        settled_by_credit = settled_by_credit.checked_add(outcome.settled).unwrap();
                        standing = outcome.standing;
                    }
                }
                _ => standing = standing.write_off().unwrap_or(standing),
            }
            let parts = [standing.outstanding, standing.paid, standing.given_up, settled_by_credit];
            prop_assert!(parts.iter().all(|part| !part.is_negative()));
            prop_assert_eq!(Amount::checked_sum(parts), Some(euro(total)));
            prop_assert!(standing.credited <= euro(total));
        }
    }
}
