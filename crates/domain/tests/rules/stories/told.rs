//! What stories say of a subscription:
//!
//! ```text
//! zone Europe/Berlin
//! policy day credited now
//! 2024-01-31 subscribe team seats=5
//! 2024-03-10 15:00 change plan to business
//! 2024-03-10 set seats=7, told 2024-03-20
//! 2024-03-15 cancel at period end
//! refuse already_paused: 2024-04-01 pause
//! 2024-03-20 withdraw cancelled of 2024-03-31
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use domain::calendar::Anchor;
use domain::idempotency::{Fingerprint, IdempotencyKey};
use domain::ids::SubscriptionChangeId;
use domain::ledger::entry::ActorName;
use domain::pricing::terms::Terms;
use domain::proration::TimeBasis;
use domain::quantity::Quantity;
use domain::refusal::Refusal;
use domain::subscriptions::change::*;
use domain::subscriptions::history::{History, Submitted};
use domain::subscriptions::offers::Offers;
use domain::subscriptions::policy::{ProrationBilling, ProrationPolicy, UnusedTime};
use domain::subscriptions::price_ref::PriceRef;
use domain::subscriptions::request::{When, anchor, trial_end, undo_cancellation_at};
use domain::subscriptions::segments::Subscription;
use domain::subscriptions::timeline::Timeline;
use domain::time::Instant;
use domain::window::zone;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::catalog::{self, version_ref};
use super::notation::Words;

/// Everything that was told so far.
pub struct Story {
    pub zone_name: String,
    pub policy: ProrationPolicy,
    pub offers: Offers,
    pub history: History,
    pub timeline: Option<Timeline>,
}

impl Default for Story {
    fn default() -> Story {
        let (zone_name, policy) = ("UTC".to_owned(), ProrationPolicy::USUAL);
        Story { zone_name, policy, offers: Offers::default(), history: History::default(), timeline: None }
    }
}

impl Story {
    pub fn zone(&self) -> TimeZone {
        zone(&self.zone_name)
    }

    pub fn subscription(&self) -> Subscription<'_> {
        let timeline = self.timeline.as_ref().expect("somebody subscribed");
        Subscription { timeline, offers: &self.offers, policy: self.policy }
    }

    /// Takes one line that is no expectation.
    ///
    /// # Errors
    /// What is refused, or what should have been and is not.
    pub fn hear(&mut self, line: &str, block: &[&str]) -> Result<(), String> {
        let zone = self.zone();
        if let Some(zone_name) = line.strip_prefix("zone ") {
            zone_name.clone_into(&mut self.zone_name);
        } else if let Some(policy) = line.strip_prefix("policy ") {
            self.policy = policy_of(policy);
        } else if let Some(refused) = line.strip_prefix("refuse ") {
            let (code, line) = refused.split_once(": ").expect("`refuse code: change`");
            match self.change(line) {
                Err((found, _)) if found == code => {}
                Err((found, detail)) => return Err(format!("is refused as {found}: {detail}")),
                Ok(()) => return Err("is not refused".to_owned()),
            }
        } else if !catalog::hear(&mut self.offers, line, block, &zone) {
            self.change(line).map_err(|(code, detail)| format!("is refused as {code}: {detail}"))?;
        }
        Ok(())
    }

    fn change(&mut self, line: &str) -> Result<(), (String, String)> {
        let zone = self.zone();
        let (line, told) = line.split_once(", told ").map_or((line, None), |(line, told)| (line, Some(told)));
        let mut words = Words::of(line, &zone);
        let at = words.instant();
        let submitted_at = told.map_or(at, |told| Words::of(told, &zone).instant());
        let submitted = if words.take("withdraw") {
            self.withdraw(&mut words, submitted_at)
        } else {
            self.read(&mut words, at).and_then(|(at, change)| self.submit(at, submitted_at, change))
        };
        words.end();
        submitted.map_err(|refusal| (refusal.code.to_string(), refusal.detail))
    }

    fn submit(&mut self, effective_at: Instant, submitted_at: Instant, change: Change) -> Result<(), Refusal> {
        let sequence = self.history.next_sequence();
        let change = SubscriptionChange {
            id: SubscriptionChangeId::from_uuid(Uuid::from_u128(sequence.into())),
            sequence,
            effective_at,
            submitted_at,
            idempotency_key: key(sequence),
            fingerprint: Fingerprint([0; 32]),
            actor: actor(),
            reason: None,
            change,
        };
        match self.history.submit(change, &self.offers)? {
            Submitted::Added { history, timeline } => (self.history, self.timeline) = (history, Some(timeline)),
            Submitted::Replay(_) => unreachable!("each change of a story has a key of its own"),
        }
        Ok(())
    }

    fn withdraw(&mut self, words: &mut Words<'_>, submitted_at: Instant) -> Result<(), Refusal> {
        let kind = ChangeKind::parse(words.word()).expect("the kind of a change");
        assert!(words.take("of"));
        let of = words.instant();
        let is_meant = |change: &&SubscriptionChange| change.change.kind() == kind && change.effective_at == of;
        let change = self.history.live().filter(is_meant).last().expect("there is such a change").id;
        let sequence = self.history.next_sequence();
        let withdrawal =
            Withdrawal { change, sequence, submitted_at, idempotency_key: key(sequence), actor: actor(), reason: None };
        self.history = self.history.withdraw(withdrawal, &self.offers)?;
        self.timeline = Some(self.history.timeline());
        Ok(())
    }

    /// What changes, and when it takes effect.
    fn read(&self, words: &mut Words<'_>, at: Instant) -> Result<(Instant, Change), Refusal> {
        let change = match words.word() {
            "subscribe" => Change::Created(self.created(words, at)),
            "change" => {
                assert!(words.take("plan to"), "`change plan to`");
                let plan = version_ref(words.word());
                Change::PlanChanged(PlanChanged { plan, quantities: quantities(words), overrides: BTreeMap::new() })
            }
            "set" => {
                let (price, quantity) = quantities(words).pop_first().expect("`set seats=7`");
                Change::QuantityChanged(QuantityChanged { price, quantity })
            }
            "add" => {
                let add_on = version_ref(words.word());
                Change::AddOnAdded(AddOnAdded { add_on, quantities: quantities(words) })
            }
            "remove" => Change::AddOnRemoved(AddOnRemoved { add_on: words.word().to_owned() }),
            "pause" => Change::Paused,
            "resume" => Change::Resumed,
            "cancel" if words.take("at period end") => {
                return Ok((When::PeriodEnd.resolve(&self.subscription(), at)?, Change::Cancelled));
            }
            "cancel" => Change::Cancelled,
            "undo" if words.take("cancellation") => {
                return Ok((undo_cancellation_at(&self.subscription())?, Change::Uncancelled));
            }
            "reactivate" => Change::Uncancelled,
            "agree" => {
                let (price, amount) = (words.word().parse().unwrap(), words.optional());
                let terms = amount.map(recurring);
                Change::Overridden(Overridden { price, terms })
            }
            "extend" => {
                assert!(words.take("trial to"), "`extend trial to`");
                Change::TrialExtended(TrialExtended { trial_ends_at: words.instant() })
            }
            "redeem" => Change::CouponRedeemed(CouponRedeemed { coupon: words.word().to_owned() }),
            other => panic!("{other} is no change"),
        };
        Ok((at, change))
    }

    fn created(&self, words: &mut Words<'_>, at: Instant) -> Created {
        let plan = version_ref(words.word());
        let quantities = quantities(words);
        let trial_ends_at = words.take("trial").then(|| {
            let days = words.word().parse().expect("a number of days");
            trial_end(at, Some(days), &self.zone()).expect("within the calendar")
        });
        let usual = anchor(trial_ends_at.unwrap_or(at), self.policy.basis, &self.zone());
        let chosen = words.take("anchor").then(|| Anchor::day_of(words.instant(), &self.zone()));
        Created {
            plan,
            zone: self.zone_name.clone(),
            anchor: chosen.unwrap_or(usual),
            trial_ends_at,
            usage: UsageScope::Customer,
            quantities,
            add_ons: BTreeMap::new(),
            overrides: BTreeMap::new(),
            coupons: if words.take("with") { BTreeSet::from([words.word().to_owned()]) } else { BTreeSet::new() },
        }
    }
}

fn policy_of(text: &str) -> ProrationPolicy {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [basis, unused, billing] = words[..] else { panic!("`policy basis unused billing`") };
    ProrationPolicy {
        basis: TimeBasis::parse(basis).unwrap(),
        unused: UnusedTime::parse(unused).unwrap(),
        billing: ProrationBilling::parse(billing).unwrap(),
    }
}

fn quantities(words: &mut Words<'_>) -> BTreeMap<PriceRef, Quantity> {
    std::iter::from_fn(|| words.pair())
        .map(|(price, quantity)| (price.parse().unwrap(), Quantity::parse(quantity).unwrap()))
        .collect()
}

fn recurring(amount: &str) -> Terms {
    let mut json = String::new();
    write!(json, r#"{{"model":{{"type":"recurring","amount":"{amount}"}}}}"#).unwrap();
    serde_json::from_str(&json).unwrap()
}

fn key(sequence: u64) -> IdempotencyKey {
    IdempotencyKey::parse(&format!("story-{sequence}")).unwrap()
}

fn actor() -> ActorName {
    ActorName { kind: "user".to_owned(), id: "usr".to_owned(), name: "Ada".to_owned() }
}
