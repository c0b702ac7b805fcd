//! What the catalog refuses, code by code.

use super::*;
use crate::subscriptions::change::{AddOnAdded, CouponRedeemed, Created, PlanChanged};
use crate::subscriptions::history::History;
use crate::subscriptions::samples::*;

fn add_on(key: &str) -> Change {
    Change::AddOnAdded(AddOnAdded { add_on: version_ref(key), quantities: BTreeMap::new() })
}

fn set(price: &str, count: &str) -> Change {
    Change::QuantityChanged(QuantityChanged { price: price.parse().unwrap(), quantity: quantity(count) })
}

fn agree(price: &str, terms: Terms) -> Change {
    Change::Overridden(Overridden { price: price.parse().unwrap(), terms: Some(terms) })
}

#[test]
fn each_state_the_catalog_does_not_allow_has_a_code() {
    let told = Told::new("team");
    let refusal = |change| told.refusal("2024-02-10", change);
    assert_eq!(refusal(to_plan("nowhere")), Code::UnknownPlan);
    assert_eq!(refusal(to_plan("draft")), Code::PlanNotPublished);
    assert_eq!(refusal(to_plan("dollar")), Code::CurrencyChange);
    assert_eq!(refusal(add_on("nowhere")), Code::UnknownAddOn);
    assert_eq!(refusal(add_on("support")), Code::QuantityRequired);
    assert_eq!(refusal(add_on("meter")), Code::MetricAlreadyPriced);
    assert_eq!(refusal(set("nowhere", "1")), Code::UnknownPrice);
    assert_eq!(refusal(set("base", "1")), Code::UnknownPrice);
    assert_eq!(refusal(agree("nowhere", base_terms("1"))), Code::UnknownPrice);
    assert_eq!(refusal(agree("base", base_terms("-1"))), Code::InvalidCatalog);
    assert_eq!(refusal(agree("seats", base_terms("1"))), Code::InvalidValue);
    let coupon = Change::CouponRedeemed(CouponRedeemed { coupon: "nowhere".to_owned() });
    assert_eq!(refusal(coupon), Code::UnknownCoupon);
}

#[test]
fn an_add_on_is_booked_only_with_plans_that_offer_it() {
    let quantities = BTreeMap::from([(PriceRef::of_add_on("support", "hours"), quantity("2"))]);
    let support = Change::AddOnAdded(AddOnAdded { add_on: version_ref("support"), quantities });
    assert_eq!(Told::new("business").refusal("2024-02-10", support.clone()), Code::AddOnNotOffered);
    let told = Told::new("team").then("2024-02-10", support);
    assert_eq!(told.refusal("2024-03-10", to_plan("business")), Code::AddOnNotOffered);
    let mut dollars = Told::new("team");
    dollars.offers.add_ons.get_mut(&version_ref("support")).unwrap().currency = crate::currency::Currency::USD;
    let quantities = BTreeMap::from([(PriceRef::of_add_on("support", "hours"), quantity("2"))]);
    let support = Change::AddOnAdded(AddOnAdded { add_on: version_ref("support"), quantities });
    assert_eq!(dollars.refusal("2024-02-10", support), Code::AddOnNotOffered);
    // A change in the past that would make it so names the add-on's change.
    assert_eq!(told.refusal("2024-02-05", to_plan("business")), Code::LaterChangeConflict);
}

#[test]
fn a_plan_with_seats_needs_their_number() {
    let told = Told::new("business");
    assert_eq!(told.refusal("2024-02-10", to_plan("team")), Code::QuantityRequired);
    let quantities = BTreeMap::from([(PriceRef::of_plan("seats"), quantity("0"))]);
    let plan = version_ref("team");
    let with_seats = Change::PlanChanged(PlanChanged { plan, quantities, overrides: BTreeMap::new() });
    assert_eq!(told.then("2024-02-10", with_seats).timeline.points().len(), 2);
}

fn refused_creation(created: Created) -> Code {
    let change = submission(1, at("2024-01-31"), Change::Created(created));
    History::default().submit(change, &offers()).unwrap_err().code
}

#[test]
fn a_subscription_is_checked_when_it_is_created() {
    let team = || created("team");
    assert_eq!(refused_creation(Created { zone: "Mars/Base".to_owned(), ..team() }), Code::InvalidValue);
    assert_eq!(refused_creation(Created { trial_ends_at: Some(at("2024-01-31")), ..team() }), Code::InvalidValue);
    assert_eq!(refused_creation(Created { quantities: BTreeMap::new(), ..team() }), Code::QuantityRequired);
    let negative = BTreeMap::from([(PriceRef::of_plan("seats"), quantity("-1"))]);
    assert_eq!(refused_creation(Created { quantities: negative, ..team() }), Code::OutOfRange);
    let unknown = BTreeMap::from([(PriceRef::of_plan("nowhere"), base_terms("1"))]);
    assert_eq!(refused_creation(Created { overrides: unknown, ..team() }), Code::UnknownPrice);
    assert_eq!(refused_creation(created("draft")), Code::PlanNotPublished);
}

#[test]
fn the_versions_that_have_to_be_loaded_are_those_that_changes_name() {
    let told = Told::new("team").then("2024-02-10", to_plan("business"));
    let (plans, add_ons) = Offers::named_by(told.history.live().map(|change| &change.change).chain([&add_on("meter")]));
    assert_eq!(plans, BTreeSet::from([version_ref("team"), version_ref("business")]));
    assert_eq!(add_ons, BTreeSet::from([version_ref("meter")]));
}
