//! Lines of every kind of plan as one bill: custom assets, coupons, tax, the one rounding.

use super::world::{TEAM, at, cut, lines, measure, metric, price, rules, span, used};
use crate::calendar::RatingWindow;
use crate::catalog::asset::CustomAsset;
use crate::catalog::coupon::Coupon;
use crate::catalog::tax::TaxRate;
use crate::charges::estimate::{Estimate, EstimateRules, make_estimate};
use crate::charges::line::{ChargeLine, LineMaker};
use crate::charges::rate::rate_price;
use crate::charges::usage::{PriceUsage, SeatLevel, Seats};
use crate::currency::Currency;
use crate::customer_tax::CustomerTax;
use crate::quantity::Quantity;
use crate::refusal::Code;
use crate::rounding::InvoiceRounding;
use crate::tax::TaxBehaviour;
use crate::window::zone;

const TOKENS: &str =
    r#"{"key":"tokens","metric":"m","asset":"CREDITS","terms":{"model":{"type":"perUnit","unitPrice":"0.000015"}}}"#;
const BASE: &str =
    r#"{"key":"base","timing":"advance","taxCategory":"saas","terms":{"model":{"type":"recurring","amount":"49"}}}"#;

fn of_time(json: &str) -> Vec<ChargeLine> {
    let price = price(json);
    lines(&price, &cut(&price, span("2026-03-01", "2026-04-01"), "UTC", RatingWindow::Period), &PriceUsage::Time)
}

fn of_seats(json: &str, seats: &str) -> Vec<ChargeLine> {
    let (price, range, utc) = (price(json), span("2026-03-01", "2026-04-01"), zone("UTC"));
    let levels = [SeatLevel { from: range.start, seats: Quantity::parse(seats).unwrap() }];
    let usage = PriceUsage::Seats(Seats { levels: &levels, rules: rules(&utc, range) });
    lines(&price, &cut(&price, range, "UTC", RatingWindow::Period), &usage)
}

fn of_usage(json: &str, units: &str, assets: &[CustomAsset]) -> Vec<ChargeLine> {
    let price = price(json);
    let cut = cut(&price, span("2026-03-01", "2026-04-01"), "UTC", RatingWindow::Period);
    let maker = LineMaker::new(TEAM, &price, None, assets);
    let parts = measure(&price, &cut, &[used("2026-03-17T10:15:00Z", units)])
        .of(&metric("sum"), |usage| rate_price(&price, &cut, usage).unwrap());
    cut.parts.iter().zip(&parts).map(|(part, rated)| maker.line(part, 0, rated).unwrap()).collect()
}

fn credits(json: &str) -> Vec<CustomAsset> {
    serde_json::from_str(&format!(r#"[{{"code":"CREDITS","name":"Credits","places":2,"conversions":{json}}}]"#))
        .unwrap()
}

fn bill(lines: Vec<ChargeLine>, coupons: &[Coupon], tax: &CustomerTax) -> Estimate {
    let rates: Vec<TaxRate> =
        serde_json::from_str(r#"[{"key":"de-saas","name":"VAT","category":"saas","country":"DE","percent":"19"}]"#)
            .unwrap();
    make_estimate(lines, &usual(coupons, &rates, tax)).unwrap()
}

fn usual<'a>(coupons: &'a [Coupon], tax_rates: &'a [TaxRate], tax: &'a CustomerTax) -> EstimateRules<'a> {
    EstimateRules {
        currency: Currency::USD,
        behaviour: TaxBehaviour::Exclusive,
        coupons,
        tax_rates,
        tax,
        rounding: InvoiceRounding::PerInvoice,
        at: at("2026-03-01T00:00:00Z"),
    }
}

fn german(json: &str) -> CustomerTax {
    serde_json::from_str(json).unwrap()
}

#[test]
fn hybrid_prepaid_subscription_and_usage_plans_are_all_billed() {
    // checklist 42
    let calls = r#"{"key":"calls","metric":"m","terms":{"model":{"type":"graduated","tiers":[
        {"upTo":"1000","unitPrice":"0.01"},{"unitPrice":"0.005"}]}}}"#;
    let seats =
        r#"{"key":"seats","timing":"advance","terms":{"model":{"type":"seat","unitPrice":"12"},"included":"3"}}"#;
    let total = |lines: Vec<ChargeLine>| bill(lines, &[], &CustomerTax::UNKNOWN).total.to_string();
    assert_eq!(total([of_time(BASE), of_seats(seats, "10")].concat()), "133.000000");
    assert_eq!(total(of_usage(calls, "3000", &[])), "20.000000");
    assert_eq!(total([of_time(BASE), of_usage(calls, "3000", &[])].concat()), "69.000000");
    let prepaid = bill(of_usage(TOKENS, "1000000", &credits("[]")), &[], &CustomerTax::UNKNOWN);
    assert_eq!((prepaid.total.to_string().as_str(), prepaid.assets[0].asset.as_str()), ("0.000000", "CREDITS"));
    assert_eq!(prepaid.assets[0].amount.to_string(), "15.000000");
}

#[test]
fn a_custom_asset_becomes_money_at_the_rate_in_force_rounded_once() {
    let assets = credits(
        r#"[{"currency":"USD","unitPrice":"0.01"},{"currency":"USD","unitPrice":"0.02","effectiveFrom":"2026-03-31T23:59:59Z"}]"#,
    );
    // 0.4999995 credits are 0.00999999 dollars: rounded first to credits they would be 0.010000.
    let line = of_usage(TOKENS, "33333.3", &assets).remove(0);
    let converted = line.conversion.as_ref().unwrap();
    assert_eq!((line.exact.to_string().as_str(), line.amount.to_string().as_str()), ("0.4999995", "0.500000"));
    assert_eq!(
        (converted.exact.to_string().as_str(), converted.amount.to_string().as_str()),
        ("0.00999999", "0.010000")
    );
    assert!(line.text.ends_with("\nConverted at 0.02 USD each: 0.010000 USD."), "{}", line.text);
    let other = credits(r#"[{"currency":"EUR","unitPrice":"0.01"}]"#);
    assert_eq!(of_usage(TOKENS, "1", &other)[0].conversion, None);
}

#[test]
fn tax_follows_the_category_of_the_price_and_the_place_of_the_customer() {
    let taxed = bill(of_time(BASE), &[], &german(r#"{"country":"DE"}"#));
    assert_eq!((taxed.tax.to_string().as_str(), taxed.total.to_string().as_str()), ("9.310000", "58.310000"));
    assert_eq!(taxed.lines[0].tax_rate.as_ref().unwrap().rate, "de-saas");
    let elsewhere = bill(of_time(BASE), &[], &german(r#"{"country":"FR"}"#));
    assert_eq!((elsewhere.lines[0].tax_rate.as_ref(), elsewhere.total.to_string().as_str()), (None, "49.000000"));
    let reversed = german(r#"{"country":"DE","taxIds":["DE1"],"treatment":"reverseCharge"}"#);
    assert_eq!(bill(of_time(BASE), &[], &reversed).total.to_string(), "49.000000");
}

#[test]
fn coupons_take_off_before_tax_and_only_in_their_currency() {
    let coupons = |discount: &str| -> Vec<Coupon> {
        let json = format!(r#"[{{"key":"c","name":"C","discount":{discount},"duration":{{"type":"once"}}}}]"#);
        serde_json::from_str(&json).unwrap()
    };
    let half = coupons(r#"{"type":"percent","percent":"50"}"#);
    let reduced = bill(of_time(BASE), &half, &german(r#"{"country":"DE"}"#));
    assert_eq!((reduced.discount.to_string().as_str(), reduced.total.to_string().as_str()), ("24.500000", "29.160000"));
    let euros = coupons(r#"{"type":"fixed","amount":"5","currency":"EUR"}"#);
    let refusal = make_estimate(of_time(BASE), &usual(&euros, &[], &CustomerTax::UNKNOWN)).unwrap_err();
    assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidValue, Some("coupons")));
}

#[test]
fn the_one_rounding_is_shown() {
    let calls = r#"{"key":"calls","metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"0.000001"}}}"#;
    let bill = bill(of_usage(calls, "123456", &[]), &[], &CustomerTax::UNKNOWN);
    assert_eq!((bill.subtotal.to_string().as_str(), bill.total.to_string().as_str()), ("0.123456", "0.120000"));
    let rounding = serde_json::to_value(&bill.rounding).unwrap();
    assert_eq!(rounding, serde_json::json!({ "policy": "perInvoice", "minorUnit": "0.01", "amount": "-0.003456" }));
}
