//! Differences of runs, case by case, and a sum that is always the whole.

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::*;
use crate::billing::report::{History, ReportOutcome};
use crate::catalog::price::Price;
use crate::charges::given::{GivenQuantity, GivenUsage, rate_period};
use crate::charges::line::{Item as Sold, LineMaker};
use crate::ids::{BillingRunId, ChargeId, CustomerId, InvoiceId, ProjectId};
use crate::invoices::record::{InvoiceKind, InvoiceName};
use crate::metering::DimensionValues;
use crate::quantity::{Quantity, QuantitySum};
use crate::tax::TaxBehaviour;
use crate::time::Instant;
use crate::window::Span;

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn micros(text: &str) -> i128 {
    i128::from(Amount::parse(text).unwrap().micros())
}

fn usage(unit_price: &str) -> Value {
    json!({ "model": { "type": "perUnit", "unitPrice": unit_price } })
}

fn price(terms: &Value) -> Price {
    let is_usage = terms["model"]["type"] != "seat" && terms["model"]["type"] != "recurring";
    let timing = if is_usage { "arrears" } else { "advance" };
    let mut price =
        json!({ "key": "p", "name": "P", "interval": { "unit": "month" }, "timing": timing, "terms": terms });
    if is_usage {
        price["metric"] = json!("calls");
    }
    serde_json::from_value(price).unwrap()
}

/// A line of a run: so many units in a month under these terms.
fn line(kind: ChargeKind, month: u32, units: &str, terms: &Value) -> ReportLine {
    let price = price(terms);
    let start = at(&format!("2026-{month:02}-01T00:00:00Z"));
    let end = at(&format!("2026-{:02}-01T00:00:00Z", month + 1));
    let given = [GivenQuantity {
        values: DimensionValues::new(),
        units: QuantitySum::parse(units).unwrap(),
        events: 1,
        amount: None,
    }];
    let given = match kind {
        ChargeKind::Usage => GivenUsage::Quantities(&given, None),
        ChargeKind::AdvanceFee => GivenUsage::Seats(Quantity::parse(units).unwrap()),
        ChargeKind::AdvanceCredit | ChargeKind::ArrearsFee | ChargeKind::Commitment | ChargeKind::OneOff => {
            GivenUsage::Time
        }
    };
    let rated = rate_period(&price, start, &given).unwrap();
    let sold = Sold { key: "team", version: 1, currency: Currency::USD };
    let content = LineMaker::new(sold, &price, None, &[]).bare(&rated, start).unwrap();
    let key = format!("sub/p/{start}");
    let json = serde_json::to_string(&content).unwrap();
    let charge = Charge {
        id: Charge::id_of(ProjectId::from_uuid(Uuid::from_u128(1)), &key, 0, start),
        key,
        revision: 0,
        item: None,
        customer: customer(),
        payer: customer(),
        subscription: Some(SubscriptionId::from_uuid(Uuid::from_u128(3))),
        kind,
        price: "p".to_owned(),
        source: None,
        period: Some(Span { start, end }),
        part: Some(Span { start, end }),
        at: start,
        rates_at: start,
        currency: Currency::USD,
        amount: content.amount,
        prepaid: Amount::ZERO,
        promotional: Amount::ZERO,
        tax_category: None,
        tax_behaviour: TaxBehaviour::Exclusive,
        coupons: Vec::new(),
        digest: Sha256::digest(json.as_bytes()).into(),
        content: json,
        cut: None,
        as_of: end,
        entry: None,
        corrects: None,
        run: None,
    };
    ReportLine { charge, invoice: None }
}

fn customer() -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(2))
}

fn calls(month: u32, units: &str, unit_price: &str) -> ReportLine {
    line(ChargeKind::Usage, month, units, &usage(unit_price))
}

/// An invoice of these figures: subtotal, discount, tax on top, rounding, prepaid.
fn invoice([subtotal, discount, tax, rounding, prepaid]: [i64; 5]) -> ReportInvoice {
    let [subtotal, discount, tax, rounding, prepaid] =
        [subtotal, discount, tax, rounding, prepaid].map(Amount::from_micros);
    let total = Amount::from_micros(subtotal.micros() - discount.micros() + tax.micros() + rounding.micros());
    let due = Amount::from_micros(total.micros() - prepaid.micros());
    ReportInvoice {
        run: BillingRunId::from_uuid(Uuid::from_u128(4)),
        id: InvoiceId::from_uuid(Uuid::from_u128(5)),
        name: InvoiceName {
            customer: customer(),
            currency: Currency::USD,
            kind: InvoiceKind::Regular,
            bills_on: jiff::civil::date(2026, 3, 1),
            part: 0,
        },
        outcome: ReportOutcome::Issued,
        reason: None,
        figures: Some(Figures { subtotal, discount, tax, rounding, total, prepaid, due }),
        history: History::default(),
        is_outlier: false,
    }
}

/// The invoice of lines, nothing else on it.
fn plain(lines: &[ReportLine]) -> ReportInvoice {
    invoice([lines.iter().map(|line| line.charge.amount.micros()).sum(), 0, 0, 0, 0])
}

fn told(before: &[ReportLine], after: &[ReportLine]) -> Vec<String> {
    let (one, other) = ([plain(before)], [plain(after)]);
    let difference = explain(Side { lines: before, invoices: &one }, Side { lines: after, invoices: &other });
    let parts = difference[&Currency::USD].parts().unwrap();
    parts.into_iter().map(|part| format!("{} {}", part.cause, part.amount)).collect()
}

#[test]
fn more_usage_at_a_higher_price_is_more_usage_at_the_old_price_and_then_the_price() {
    assert_eq!(told(&[calls(3, "10", "2")], &[calls(4, "15", "3")]), ["usage 10.000000", "price 15.000000"]);
    assert_eq!(told(&[calls(3, "10", "2")], &[calls(4, "10", "3")]), ["price 10.000000"]);
    assert_eq!(told(&[calls(3, "10", "2")], &[calls(4, "4", "2")]), ["usage -12.000000"]);
    assert_eq!(told(&[calls(3, "10", "2")], &[calls(3, "10", "2")]), Vec::<String>::new());
}

#[test]
fn another_model_is_another_price() {
    let graduated = json!({ "model": { "type": "graduated", "tiers": [{ "upTo": "10", "unitPrice": "1" }, { "unitPrice": "0.5" }] } });
    let after = [line(ChargeKind::Usage, 4, "20", &graduated)];
    // Twenty at two are forty; graduated they are fifteen.
    assert_eq!(told(&[calls(3, "10", "2")], &after), ["usage 20.000000", "price -25.000000"]);
    let capped = json!({ "model": { "type": "perUnit", "unitPrice": "2" }, "cap": "25" });
    let before = [line(ChargeKind::Usage, 3, "20", &capped)];
    assert_eq!(told(&before, &[calls(4, "30", "2")]), ["price 35.000000"]);
}

#[test]
fn seats_are_a_quantity() {
    let seats = |unit: &str| json!({ "model": { "type": "seat", "unitPrice": unit } });
    let fee = |month, count: &str, unit: &str| line(ChargeKind::AdvanceFee, month, count, &seats(unit));
    assert_eq!(told(&[fee(3, "5", "8")], &[fee(4, "7", "9")]), ["quantity 16.000000", "price 7.000000"]);
}

#[test]
fn a_credit_is_compared_as_what_it_gives_back() {
    let credit = |month, amount: &str| {
        let terms = json!({ "model": { "type": "recurring", "amount": amount } });
        let mut line = line(ChargeKind::AdvanceCredit, month, "1", &terms);
        line.charge.amount = Amount::from_micros(-line.charge.amount.micros());
        line
    };
    assert_eq!(told(&[credit(3, "20")], &[credit(4, "30")]), ["price -10.000000"]);
}

#[test]
fn what_only_one_run_charges_is_new_or_gone() {
    let other = |mut line: ReportLine| {
        line.charge.subscription = Some(SubscriptionId::from_uuid(Uuid::from_u128(9)));
        line.charge.key = format!("other/{}", line.charge.key);
        line
    };
    assert_eq!(told(&[], &[calls(3, "10", "2")]), ["new 20.000000"]);
    assert_eq!(told(&[calls(3, "10", "2")], &[other(calls(3, "7", "2"))]), ["new 14.000000", "gone -20.000000"]);
    // Two months against one: the first ones are compared.
    assert_eq!(
        told(&[calls(3, "1", "2")], &[calls(3, "2", "2"), calls(4, "5", "2")]),
        ["usage 2.000000", "new 10.000000"]
    );
}

#[test]
fn the_same_key_is_compared_with_itself() {
    // April is in both; so March of the one run stands against May of the other.
    let before = [calls(3, "1", "2"), calls(4, "5", "2")];
    let after = [calls(4, "5", "3"), calls(5, "2", "2")];
    assert_eq!(told(&before, &after), ["usage 2.000000", "price 5.000000"]);
}

#[test]
fn what_cannot_be_told_apart_is_said_to_be_mixed() {
    let carried = json!({ "model": { "type": "percentage", "percent": "10", "minimumPerEvent": "0.5" } });
    let after = [line(ChargeKind::Usage, 4, "20", &carried)];
    let dearer = json!({ "model": { "type": "percentage", "percent": "12", "minimumPerEvent": "0.5" } });
    let before = [line(ChargeKind::Usage, 3, "30", &dearer)];
    assert_eq!(told(&before, &after), ["mixed -1.600000"]);
    let mut unreadable = calls(3, "10", "2");
    unreadable.charge.content = "{}".to_owned();
    assert_eq!(told(&[unreadable], &[calls(4, "1", "2")]), ["mixed -18.000000"]);
}

#[test]
fn a_later_revision_and_a_true_up_have_causes_of_their_own() {
    let mut revised = calls(3, "4", "2");
    revised.charge.revision = 1;
    assert_eq!(told(&[calls(2, "10", "2")], &[revised]), ["correction -12.000000"]);
    let fixed = json!({ "model": { "type": "recurring", "amount": "20" } });
    let true_up = |month, amount: i64| {
        let mut line = line(ChargeKind::Commitment, month, "1", &fixed);
        line.charge.amount = Amount::from_micros(amount);
        line
    };
    assert_eq!(told(&[true_up(3, 5_000_000)], &[true_up(4, 7_000_000)]), ["commitment 2.000000"]);
}

#[test]
fn what_becomes_of_charges_on_invoices_has_its_causes() {
    let lines = [calls(3, "10", "1")];
    let side = |figures| [invoice(figures)];
    let before = side([10_000_000, 1_000_000, 900_000, -4, 0]);
    let after = side([13_000_000, 2_000_000, 1_100_000, 3, 500_000]);
    let difference = explain(Side { lines: &lines, invoices: &before }, Side { lines: &lines, invoices: &after });
    let usd = &difference[&Currency::USD];
    let parts: Vec<String> =
        usd.parts().unwrap().into_iter().map(|part| format!("{} {}", part.cause, part.amount)).collect();
    assert_eq!(
        parts,
        ["elsewhere 3.000000", "discount -1.000000", "tax 0.200000", "rounding 0.000007", "prepaid -0.500000"]
    );
    assert_eq!(usd.after - usd.before, micros("1.700007"));
}

#[test]
fn one_key_is_explained_with_what_wallets_paid() {
    let (before, mut after) = (calls(3, "10", "2"), calls(3, "12", "2"));
    after.charge.prepaid = Amount::parse("5").unwrap();
    let difference = explain_key(&[&before.charge], &[&after.charge]);
    let parts: Vec<String> =
        difference.parts().unwrap().into_iter().map(|part| format!("{} {}", part.cause, part.amount)).collect();
    assert_eq!(parts, ["usage 4.000000", "prepaid -5.000000"]);
}

fn any_line() -> impl Strategy<Value = ReportLine> {
    let terms = prop_oneof![
        (1_u32..9).prop_map(|unit| usage(&format!("0.0{unit}"))),
        (1_u32..9).prop_map(|unit| json!({ "model": { "type": "volume",
            "tiers": [{ "upTo": "50", "unitPrice": "0.1" }, { "unitPrice": format!("0.0{unit}") }] }, "minimum": "1.5" })),
        (1_u32..9).prop_map(|unit| json!({ "model": { "type": "perUnit", "unitPrice": "0.3" }, "included": unit.to_string(), "cap": "20" })),
    ];
    let parts = (1_u32..6, 0_u32..200, terms, 0_u32..4, 0_u128..3, any::<bool>());
    parts.prop_map(|(month, units, terms, revision, subscription, is_kept)| {
        let mut line = line(ChargeKind::Usage, month, &units.to_string(), &terms);
        line.charge.subscription = Some(SubscriptionId::from_uuid(Uuid::from_u128(subscription)));
        line.charge.revision = revision / 3;
        line.charge.key = format!("{subscription}/{}", line.charge.key);
        line.charge.id = ChargeId::from_uuid(Uuid::from_u128(subscription + u128::from(month)));
        if !is_kept {
            line.charge.content = "{}".to_owned();
        }
        line
    })
}

proptest! {
    #[test]
    fn the_parts_are_always_the_whole(
        before in proptest::collection::vec(any_line(), 0..6),
        after in proptest::collection::vec(any_line(), 0..6),
        one in any::<[i32; 5]>(),
        other in any::<[i32; 5]>(),
    ) {
        let (one, other) = ([invoice(one.map(i64::from))], [invoice(other.map(i64::from))]);
        let (before, after) =
            (Side { lines: &before, invoices: &one }, Side { lines: &after, invoices: &other });
        let forth = &explain(before, after)[&Currency::USD];
        let sum: i128 = forth.parts().unwrap().iter().map(|part| i128::from(part.amount.micros())).sum();
        prop_assert_eq!(sum, forth.after - forth.before);
        prop_assert_eq!(forth.after, i128::from(other[0].figures.unwrap().due.micros()));
        // With itself, nothing differs.
        prop_assert!(explain(before, before)[&Currency::USD].is_nothing());
        let mut twice = forth.clone();
        twice.add(forth);
        prop_assert_eq!(twice.after - twice.before, 2 * sum);
    }
}
