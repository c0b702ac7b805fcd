//! Names for tests: a small catalog, and a subscription told change by change.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::calendar::Anchor;
use crate::catalog::coupon::Coupon;
use crate::catalog::plan::{PlanDefinition, PlanState, PlanVersion};
use crate::idempotency::{Fingerprint, IdempotencyKey};
use crate::ids::SubscriptionChangeId;
use crate::ledger::entry::ActorName;
use crate::pricing::terms::Terms;
use crate::quantity::Quantity;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::change::*;
use crate::subscriptions::history::{History, Submitted};
use crate::subscriptions::offers::Offers;
use crate::subscriptions::policy::ProrationPolicy;
use crate::subscriptions::price_ref::{PriceRef, VersionRef};
use crate::subscriptions::segments::{BilledPrice, Rhythm, Subscription};
use crate::subscriptions::timeline::Timeline;
use crate::time::Instant;
use crate::window::Span;

/// `team` and `business` differ in amounts; `yearly` bills its base for a year;
/// `pledge` commits to 310 a month, `oath` to 900 a quarter; `dollar` is in another currency; `draft` is one.
const CATALOG: &str = r#"[
  {"key":"team","name":"Team","currency":"EUR","addOns":["support","meter"],"prices":[
    {"key":"base","name":"Base","interval":{"unit":"month"},"timing":"advance","anchor":"anniversary",
     "terms":{"model":{"type":"recurring","amount":"31"}}},
    {"key":"seats","name":"Seats","interval":{"unit":"month"},"timing":"advance","anchor":"anniversary",
     "terms":{"model":{"type":"seat","unitPrice":"6.2"}}},
    {"key":"calls","name":"Calls","metric":"api_calls","interval":{"unit":"month"},"timing":"arrears",
     "terms":{"model":{"type":"perUnit","unitPrice":"0.01"},"included":"100"}}]},
  {"key":"business","name":"Business","currency":"EUR","prices":[
    {"key":"base","name":"Base","interval":{"unit":"month"},"timing":"advance","anchor":"anniversary",
     "terms":{"model":{"type":"recurring","amount":"93"}}},
    {"key":"calls","name":"Calls","metric":"api_calls","interval":{"unit":"month"},"timing":"arrears",
     "terms":{"model":{"type":"perUnit","unitPrice":"0.005"}}}]},
  {"key":"yearly","name":"Yearly","currency":"EUR","prices":[
    {"key":"base","name":"Base","interval":{"unit":"year"},"timing":"advance","anchor":"anniversary",
     "terms":{"model":{"type":"recurring","amount":"366"}}}]},
  {"key":"pledge","name":"Pledge","currency":"EUR","minimumCommitment":{"amount":"310","interval":{"unit":"month"}},"prices":[
    {"key":"base","name":"Base","interval":{"unit":"month"},"timing":"advance","anchor":"anniversary",
     "terms":{"model":{"type":"recurring","amount":"31"}}},
    {"key":"calls","name":"Calls","metric":"api_calls","interval":{"unit":"month"},"timing":"arrears",
     "terms":{"model":{"type":"perUnit","unitPrice":"0.01"}}}]},
  {"key":"oath","name":"Oath","currency":"EUR","minimumCommitment":{"amount":"900","interval":{"unit":"quarter"}},"prices":[
    {"key":"base","name":"Base","interval":{"unit":"year"},"timing":"advance","anchor":"anniversary",
     "terms":{"model":{"type":"recurring","amount":"366"}}},
    {"key":"calls","name":"Calls","metric":"api_calls","interval":{"unit":"month"},"timing":"arrears","anchor":"anniversary",
     "terms":{"model":{"type":"perUnit","unitPrice":"0.03"}}}]},
  {"key":"dollar","name":"Dollar","currency":"USD","prices":[
    {"key":"base","name":"Base","interval":{"unit":"month"},"timing":"arrears",
     "terms":{"model":{"type":"recurring","amount":"31"}}}]}]"#;

const ADD_ONS: &str = r#"[
  {"key":"support","name":"Support","currency":"EUR","prices":[
    {"key":"hours","name":"Hours","interval":{"unit":"month"},"timing":"advance","anchor":"anniversary",
     "terms":{"model":{"type":"seat","unitPrice":"62"}}}]},
  {"key":"meter","name":"A second price for calls","currency":"EUR","prices":[
    {"key":"calls","name":"Calls","metric":"api_calls","interval":{"unit":"month"},"timing":"arrears",
     "terms":{"model":{"type":"perUnit","unitPrice":"1"}}}]}]"#;

pub(crate) fn offers() -> Offers {
    let plans: Vec<PlanDefinition> = serde_json::from_str(CATALOG).unwrap();
    let published = plans.into_iter().map(|definition| {
        let state = if definition.key == "draft" { PlanState::Draft } else { PlanState::Published };
        (version_ref(&definition.key), PlanVersion { number: 1, state, definition, published_at: None })
    });
    let mut offers = Offers { plans: published.collect(), ..Offers::default() };
    let draft = PlanVersion { state: PlanState::Draft, ..offers.plans[&version_ref("team")].clone() };
    offers.plans.insert(version_ref("draft"), draft);
    let add_ons: Vec<crate::catalog::add_on::AddOn> = serde_json::from_str(ADD_ONS).unwrap();
    offers.add_ons = add_ons.into_iter().map(|add_on| (version_ref(&add_on.key), add_on)).collect();
    let coupon: Coupon = serde_json::from_str(
        r#"{"key":"spring","name":"Spring","discount":{"type":"percent","percent":"10"},"duration":{"type":"periods","periods":3}}"#,
    )
    .unwrap();
    offers.coupons = BTreeMap::from([("spring".to_owned(), coupon)]);
    offers
}

pub(crate) fn at(text: &str) -> Instant {
    let text = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Instant::parse(&text).unwrap()
}

pub(crate) fn span(start: &str, end: &str) -> Span {
    Span { start: at(start), end: at(end) }
}

pub(crate) fn version_ref(key: &str) -> VersionRef {
    VersionRef { key: key.to_owned(), version: 1 }
}

pub(crate) fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

/// In UTC, from 31 January on, with five seats where the plan has any.
pub(crate) fn created(plan: &str) -> Created {
    let quantities = if plan == "team" { vec![(PriceRef::of_plan("seats"), quantity("5"))] } else { Vec::new() };
    Created {
        plan: version_ref(plan),
        zone: "UTC".to_owned(),
        anchor: Anchor::on(jiff::civil::date(2024, 1, 31)),
        trial_ends_at: None,
        usage: UsageScope::Customer,
        quantities: quantities.into_iter().collect(),
        add_ons: BTreeMap::new(),
        overrides: BTreeMap::new(),
        coupons: BTreeSet::new(),
    }
}

pub(crate) fn to_plan(plan: &str) -> Change {
    let (quantities, overrides) = (BTreeMap::new(), BTreeMap::new());
    Change::PlanChanged(PlanChanged { plan: version_ref(plan), quantities, overrides })
}

pub(crate) fn seats(count: &str) -> Change {
    Change::QuantityChanged(QuantityChanged { price: PriceRef::of_plan("seats"), quantity: quantity(count) })
}

pub(crate) fn base_terms(amount: &str) -> Terms {
    serde_json::from_str(&format!(r#"{{"model":{{"type":"recurring","amount":"{amount}"}}}}"#)).unwrap()
}

pub(crate) fn actor() -> ActorName {
    ActorName { kind: "user".to_owned(), id: "usr".to_owned(), name: "Ada".to_owned() }
}

/// A change that is submitted when it takes effect; its key and content are those of its number.
pub(crate) fn submission(sequence: u64, effective_at: Instant, change: Change) -> SubscriptionChange {
    SubscriptionChange {
        id: SubscriptionChangeId::from_uuid(Uuid::from_u128(sequence.into())),
        sequence,
        effective_at,
        submitted_at: effective_at,
        idempotency_key: IdempotencyKey::parse(&format!("change-{sequence}")).unwrap(),
        fingerprint: Fingerprint([u8::try_from(sequence).unwrap(); 32]),
        actor: actor(),
        reason: None,
        change,
    }
}

/// A subscription with its catalog, told change by change.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) history: History,
    pub(crate) offers: Offers,
    pub(crate) timeline: Timeline,
    pub(crate) policy: ProrationPolicy,
}

impl Told {
    /// Created at midnight of 31 January 2024.
    pub(crate) fn of(created: Created) -> Told {
        let history = History::of(vec![submission(1, at("2024-01-31"), Change::Created(created))], Vec::new());
        let timeline = history.timeline();
        Told { history, offers: offers(), timeline, policy: ProrationPolicy::USUAL }
    }

    pub(crate) fn new(plan: &str) -> Told {
        Told::of(created(plan))
    }

    pub(crate) fn submit(&mut self, effective_at: &str, change: Change) -> Result<(), Refusal> {
        let change = submission(self.history.next_sequence(), at(effective_at), change);
        match self.history.submit(change, &self.offers)? {
            Submitted::Added { history, timeline } => (self.history, self.timeline) = (history, timeline),
            Submitted::Replay(_) => panic!("each change has a key of its own"),
        }
        Ok(())
    }

    pub(crate) fn then(mut self, effective_at: &str, change: Change) -> Told {
        self.submit(effective_at, change).unwrap();
        self
    }

    pub(crate) fn refusal(&self, effective_at: &str, change: Change) -> Code {
        self.clone().submit(effective_at, change).unwrap_err().code
    }

    pub(crate) fn subscription(&self) -> Subscription<'_> {
        Subscription { timeline: &self.timeline, offers: &self.offers, policy: self.policy }
    }

    /// The price of the first plan with this key, in its rhythm.
    pub(crate) fn price(&self, price: &str) -> BilledPrice {
        let price_ref: PriceRef = price.parse().unwrap();
        let states = self.timeline.points().iter();
        let mut found = states.filter_map(|point| self.offers.price(&point.state, &price_ref));
        let rhythm = Rhythm::of(found.next().unwrap().1);
        BilledPrice { price: price_ref, rhythm }
    }
}
