//! Credit notes of invoices at random: however a line is credited, it comes to what was billed, and every note adds up.

use proptest::prelude::*;

use super::*;
use crate::invoices::document::AppliedTax;

/// Two taxed lines of one invoice: 100 and 50 net with 19 %, the second paid by a wallet but for its tax.
fn invoice() -> Document {
    let mut document: Document = serde_json::from_str(include_str!("../document/tests/invoice.json")).unwrap();
    let rate = TaxLine {
        rate: "de".to_owned(),
        name: "VAT".to_owned(),
        percent: crate::unit_price::Percent::parse("19").unwrap(),
        behaviour: TaxBehaviour::Exclusive,
        base: amount("150"),
        tax: amount("28.5"),
        jurisdiction: "DE".to_owned(),
    };
    let applied = AppliedTax { rate: rate.rate.clone(), percent: rate.percent, behaviour: rate.behaviour };
    let line = |number: u32, net: &str, tax: &str, prepaid: &str| Line {
        number,
        amount: amount(net),
        discount: Amount::ZERO,
        net: amount(net),
        tax: amount(tax),
        prepaid: amount(prepaid),
        tax_rate: Some(applied.clone()),
        ..document.lines[0].clone()
    };
    let lines = vec![line(1, "100", "19", "0"), line(2, "50", "9.5", "50")];
    document.lines = lines;
    document.taxes = vec![rate];
    (document.subtotal, document.discount, document.tax) = (amount("150"), Amount::ZERO, amount("28.5"));
    document.rounding.amount = Amount::ZERO;
    document.total = amount("178.5");
    document.prepaid_applied = amount("50");
    document.balance_applied = Amount::ZERO;
    document.amount_due = amount("128.5");
    document.check().unwrap();
    document
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn lines(wanted: &[(u32, Option<&str>)]) -> CreditWish {
    CreditWish::Lines(wanted.iter().map(|(line, text)| (*line, text.map(amount))).collect())
}

#[test]
fn tax_is_split_back_and_what_a_wallet_paid_returns_to_it() {
    let whole = credit(&invoice(), &[], amount("128.5"), &lines(&[(1, None), (2, None)])).unwrap();
    assert_eq!((whole.total, whole.returned, whole.rounding), (amount("128.5"), amount("50"), Amount::ZERO));
    let expected = [
        CreditedPart { line: 1, net: amount("100"), tax: amount("19"), returned: Amount::ZERO },
        CreditedPart { line: 2, net: Amount::ZERO, tax: amount("9.5"), returned: amount("50") },
    ];
    assert_eq!(whole.lines, expected);
    let half = credit(&invoice(), &[], amount("128.5"), &lines(&[(1, Some("59.5"))])).unwrap();
    assert_eq!((half.lines[0].net, half.lines[0].tax), (amount("50"), amount("9.5")));
}

#[test]
fn a_note_shows_what_it_takes_back_and_adds_up() {
    let whole = credit(&invoice(), &[], amount("128.5"), &lines(&[(1, Some("59.5")), (2, None)])).unwrap();
    let note = note(&invoice(), &whole).unwrap();
    note.check().unwrap();
    assert_eq!((note.subtotal, note.tax, note.total), (amount("100"), amount("19"), amount("119")));
    assert_eq!((note.prepaid_applied, note.amount_due), (amount("50"), amount("69")));
}

#[rstest::rstest]
#[case(lines(&[(3, None)]), Code::InvalidValue)]
#[case(lines(&[(1, Some("119.01"))]), Code::CreditNoteTooLarge)]
#[case(lines(&[(1, Some("1")), (1, Some("1"))]), Code::InvalidValue)]
#[case(lines(&[]), Code::NotPositive)]
#[case(CreditWish::Amount(Amount::from_micros(1)), Code::TooPrecise)]
#[case(CreditWish::Amount(Amount::from_micros(128_510_000)), Code::CreditNoteTooLarge)]
fn what_cannot_be_credited_is_refused(#[case] wish: CreditWish, #[case] code: Code) {
    assert_eq!(credit(&invoice(), &[], amount("128.5"), &wish).unwrap_err().code, code);
}

proptest! {
    // promise P20
    #[test]
    fn in_the_end_a_line_is_credited_as_it_was_billed(cents in prop::collection::vec(1i64..4_000, 1..8), by_amount in any::<bool>()) {
        let invoice = invoice();
        let (mut before, mut creditable) = (Vec::new(), amount("128.5"));
        for cents in cents {
            let wanted = Amount::from_micros(cents * 10_000).min(creditable);
            let wish = if by_amount { CreditWish::Amount(wanted) } else { CreditWish::Lines(vec![(1, Some(wanted))]) };
            let Ok(credit) = credit(&invoice, &before, creditable, &wish) else { continue };
            note(&invoice, &credit).unwrap().check().unwrap();
            creditable = creditable.checked_sub(credit.total).unwrap();
            before.extend(credit.lines);
        }
        let all: Vec<(u32, Option<Amount>)> = [1, 2].into_iter()
            .filter(|line| left(&invoice, &before).unwrap()[line].all().unwrap().is_positive())
            .map(|line| (line, None)).collect();
        if !all.is_empty() {
            let rest = credit(&invoice, &before, creditable, &CreditWish::Lines(all)).unwrap();
            creditable = creditable.checked_sub(rest.total).unwrap();
            before.extend(rest.lines);
        }
        prop_assert_eq!(creditable, Amount::ZERO);
        let total = |amount: fn(&CreditedPart) -> Amount| before.iter().map(|part| amount(part).micros()).sum::<i64>();
        prop_assert_eq!((total(|part| part.tax), total(|part| part.returned)), (28_500_000, 50_000_000));
        prop_assert_eq!(total(|part| part.net), 100_000_000);
    }
}
