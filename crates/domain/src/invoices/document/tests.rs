//! The canonical form stays what it is, its totals are sums, and what is printed in columns follows from the explanation.

use super::*;

/// A hybrid invoice: a fee that a coupon reduces, usage that a wallet paid in part, and an adjustment of an older invoice.
fn document() -> Document {
    let json = include_str!("tests/invoice.json");
    serde_json::from_str(json).unwrap()
}

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_canonical_form_never_changes() {
    // Version 1 of the form, byte for byte: what was issued under it must stay what it is.
    let canonical = document().to_json();
    assert_eq!(canonical, include_str!("tests/canonical.json").trim_end());
    assert_eq!(hex(document().digest()), "8907703ef05b572d40329f340cf8e791a11c628a1ea25f40c4c439efad031c02");
    assert_eq!(Document::digest_of(&canonical), document().digest());
}

#[test]
fn reading_and_writing_again_gives_the_same_bytes() {
    // checklist 69
    let canonical = document().to_json();
    let read = Document::from_json(&canonical).unwrap();
    assert_eq!(read, document());
    assert_eq!(read.to_json(), canonical);
}

#[test]
fn a_credit_note_names_its_invoice_and_the_reason() {
    let kind = Kind::CreditNote {
        corrects: Reference { id: "inv_1".to_owned(), number: "INV-1".to_owned() },
        reason_code: crate::ledger::reason::ReasonCode::ServiceIssue,
        reason: None,
    };
    let note = Document { kind, due_on: None, ..document() };
    let kind =
        r#""kind":{"type":"creditNote","corrects":{"id":"inv_1","number":"INV-1"},"reasonCode":"service_issue"},"#;
    assert!(note.to_json().starts_with(&format!(r#"{{"version":1,{kind}"#)));
    assert_eq!(Document::from_json(&note.to_json()).unwrap(), note);
}

#[test]
fn the_content_of_a_charge_keeps_its_bytes() {
    let mut document = document();
    let bytes = r#"{"z":1,  "a":[1.50]}"#;
    document.lines[0].content = Some(Content::parse(bytes.to_owned()).unwrap());
    let read = Document::from_json(&document.to_json()).unwrap();
    assert_eq!(read.lines[0].content.as_ref().map(Content::get), Some(bytes));
}

#[test]
fn an_unknown_version_is_refused() {
    let later = Document { version: 2, ..document() };
    assert!(matches!(Document::from_json(&later.to_json()), Err(DocumentError::Version { version: 2 })));
}

#[test]
fn what_the_form_does_not_know_is_refused() {
    let more = document().to_json().replacen("\"version\":1", "\"version\":1,\"colour\":\"red\"", 1);
    assert!(matches!(Document::from_json(&more), Err(DocumentError::Malformed(_))));
}

#[test]
fn each_total_must_be_the_sum_of_its_parts() {
    // promise P20
    let cent = |amount: Amount| amount.checked_add(Amount::from_micros(10_000)).unwrap();
    let of = |change: &dyn Fn(&mut Document)| {
        let mut changed = document();
        change(&mut changed);
        match changed.check() {
            Err(DocumentError::Sum { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    };
    assert!(document().check().is_ok());
    assert_eq!(of(&|document| document.subtotal = cent(document.subtotal)), "subtotal");
    assert_eq!(of(&|document| document.lines[0].amount = cent(document.lines[0].amount)), "subtotal");
    assert_eq!(of(&|document| document.discount = cent(document.discount)), "discount");
    assert_eq!(of(&|document| document.lines[0].tax = cent(document.lines[0].tax)), "tax of the lines");
    assert_eq!(of(&|document| document.taxes[0].tax = cent(document.taxes[0].tax)), "tax");
    assert_eq!(of(&|document| document.rounding.amount = cent(document.rounding.amount)), "total");
    assert_eq!(of(&|document| document.prepaid_applied = cent(document.prepaid_applied)), "prepaid amount");
    assert_eq!(of(&|document| document.amount_due = cent(document.amount_due)), "amount due");
}

#[test]
fn a_sum_out_of_range_is_said_and_not_wrapped() {
    let mut document = document();
    document.lines[0].amount = Amount::from_micros(i64::MAX);
    assert!(matches!(document.check(), Err(DocumentError::OutOfRange { what: "subtotal" })));
}

mod columns {
    use crate::invoices::document::counted;
    use crate::pricing::explanation::Explanation;

    #[track_caller]
    fn check(steps: &str, quantity: Option<&str>, unit_price: Option<&str>) {
        let json = format!(r#"{{"formula":"f","steps":[{steps}],"total":"0"}}"#);
        let explanation: Explanation = serde_json::from_str(&json).unwrap();
        let (units, price) = counted(&explanation).unwrap();
        let texts = (units.map(|units| units.to_string()), price.map(|price| price.to_string()));
        assert_eq!((texts.0.as_deref(), texts.1.as_deref()), (quantity, unit_price));
    }

    const ALLOWED: &str = r#"{"step":"allowance","included":"100","used":"100","left":"0"}"#;
    const UNITS: &str = r#"{"step":"units","units":"50","unitPrice":"0.02","amount":"1"}"#;
    const FEE: &str = r#"{"step":"flat","price":"49","share":"1","amount":"49"}"#;
    const SEATS: &str = r#"{"step":"seats","seats":"5","unitPrice":"12","share":"1/2","amount":"30"}"#;
    const ROUNDED: &str = r#"{"step":"rounding","exact":"1","amount":"1/3000000"}"#;

    #[test]
    fn units_count_with_those_that_were_free() {
        check(&format!("{ALLOWED},{UNITS},{ROUNDED}"), Some("150"), Some("0.02"));
    }

    #[test]
    fn a_flat_amount_has_no_units() {
        check(FEE, None, None);
    }

    #[test]
    fn no_unit_price_where_more_than_one_step_adds_to_the_amount() {
        check(&format!("{UNITS},{FEE}"), Some("50"), None);
        check(&format!("{UNITS},{UNITS}"), Some("100"), None);
    }

    #[test]
    fn seats_of_different_times_are_not_added() {
        check(SEATS, Some("5"), Some("12"));
        check(&format!("{SEATS},{SEATS}"), None, None);
    }
}
