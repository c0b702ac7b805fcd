//! True-ups: what is missing is charged, and given back when something else is charged later.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::billing::diff::Revises;
use crate::billing::plan::{Asked, Unseen};
use crate::billing::wanted::UsagePart;
use crate::catalog::metric::MetricDefinition;
use crate::charges::usage::{Metered, PriceUsage};
use crate::ids::{CustomerId, ProjectId, SubscriptionId};
use crate::subscriptions::change::Change;
use crate::subscriptions::samples::*;
use crate::subscriptions::windows::Windows;
use crate::window::Span;

/// A subscription that is billed run by run, with what was charged.
struct Ledger {
    told: Told,
    /// What each day is used for, in micros, by day of the month from the start on.
    used: BTreeMap<Instant, i64>,
    charges: Vec<(Charge, Option<InvoiceId>)>,
    billed_until: Option<Instant>,
    unseen: Vec<Unseen>,
}

const BUFFER: Duration = Duration::from_secs(3_600);

fn charged(as_of: Instant) -> Charged {
    Charged {
        project: ProjectId::from_uuid(Uuid::from_u128(1)),
        customer: CustomerId::from_uuid(Uuid::from_u128(2)),
        payer: CustomerId::from_uuid(Uuid::from_u128(2)),
        subscription: SubscriptionId::from_uuid(Uuid::from_u128(5)),
        cut: Some(3),
        as_of,
        run: None,
        revises: Revises::Amounts,
    }
}

impl Ledger {
    fn new(plan: &str) -> Ledger {
        let (used, charges) = (BTreeMap::new(), Vec::new());
        Ledger { told: Told::new(plan), used, charges, billed_until: None, unseen: Vec::new() }
    }

    fn billable(&self) -> Billable<'_> {
        let subscription = self.told.subscription();
        Billable {
            id: charged(at("2024-01-31")).subscription,
            key: "acme",
            customer_key: "acme",
            subscription,
            assets: &[],
        }
    }

    fn use_on(&mut self, day: &str, micros: i64) {
        *self.used.entry(at(day)).or_insert(0) += micros;
    }

    fn submit(&mut self, day: &str, change: Change, now: &str) {
        if self.told.submit(day, change).is_ok() {
            self.unseen.push(Unseen { effective_at: at(day), submitted_at: at(now) });
        }
    }

    /// What the usage of a part comes to, whatever its price says.
    fn usage(&self, planned: &Planned, part: &UsagePart<'_>) -> Wanted {
        let metric = MetricDefinition::plain("api_calls");
        let nothing = PriceUsage::Metered(Metered { metric: &metric, groups: &[], events: &[] });
        let wanted = self.billable().usage(planned, (part, part.stages[0]), &metric, &nothing).unwrap();
        let within = |day: &Instant| part.segment.spans.iter().any(|span| span.contains(*day));
        let used = self.used.iter().filter(|(day, _)| within(day)).map(|(_, micros)| micros);
        Wanted { amount: Amount::from_micros(used.sum()), ..wanted }
    }

    /// Everything that is due is charged; with `again`, what was charged in that time is looked at again.
    fn bill(&mut self, until: &str, again: Option<Span>) -> Vec<NewCharge> {
        let (until, billed_until, unseen) = (at(until), self.billed_until, &self.unseen);
        let windows = Windows::named();
        let asked = Asked { until, late_buffer: BUFFER, billed_until, unseen, again, windows };
        let billable = self.billable();
        let planned = self.told.subscription().planned(&asked).unwrap();
        let (commitments, prices): (Vec<_>, Vec<_>) =
            planned.into_iter().partition(|planned| planned.item.price.is_commitment());
        let mut wanted = Vec::new();
        for planned in prices.iter().filter(|planned| planned.item.skipped.is_none()) {
            wanted.extend(billable.fees(planned).unwrap());
            wanted.extend(billable.usage_parts(&planned.item).unwrap().iter().map(|part| self.usage(planned, part)));
        }
        let (of_commitments, before): (BTreeMap<_, _>, BTreeMap<_, _>) = self
            .before()
            .into_iter()
            .filter(|(_, before)| {
                let is_again = again
                    .zip(before.newest.period)
                    .is_some_and(|(again, period)| period.start < again.end && again.start < period.end);
                asked.changed_from().is_some_and(|from| before.newest.at >= from) || is_again
            })
            .partition(|(_, before)| before.newest.kind == ChargeKind::Commitment);
        let mut new = missing(wanted, &before, &charged(until), until).unwrap();
        let planned = self.told.subscription().with_touched(commitments, &new, billed_until, BUFFER).unwrap();
        let starts = planned.iter().map(|planned| self.told.subscription().counted_from(planned.item.period.start));
        let from = starts.min();
        let history: Vec<_> =
            self.charges.iter().filter(|(charge, _)| from.is_some_and(|from| charge.at >= from)).cloned().collect();
        let look = Look { planned: &planned, before: &of_commitments, history: &history, new: &new };
        let true_ups = billable.missing_true_ups(&look, &charged(until), until).unwrap();
        new.extend(true_ups.missing.into_iter().map(|true_up| true_up.new));
        self.charges.extend(new.iter().map(|new| (new.charge.clone(), None)));
        self.charges.sort_by(|(left, _), (right, _)| (&left.key, left.revision).cmp(&(&right.key, right.revision)));
        self.billed_until = Some(billed_until.map_or(until, |billed_until| billed_until.max(until)));
        self.unseen.clear();
        new
    }

    fn before(&self) -> BTreeMap<String, Before> {
        let mut known: BTreeMap<String, Before> = BTreeMap::new();
        for (charge, issued_on) in &self.charges {
            let before = known.remove(&charge.key);
            assert_eq!(before.as_ref().map_or(0, |before| before.billed.revisions), charge.revision);
            known.insert(charge.key.clone(), Before::with(before, charge.clone(), *issued_on).unwrap());
        }
        known
    }

    /// `from to amount`, true-up by true-up.
    fn true_ups(&self) -> Vec<String> {
        let day = |at: Instant| at.to_string()[5..10].to_owned();
        let of = self.before().into_values().filter(|before| before.newest.kind == ChargeKind::Commitment);
        let mut told: Vec<String> = of
            .map(|before| {
                let part = before.newest.part.unwrap();
                format!("{} {} {}", day(part.start), day(part.end), before.billed.amount)
            })
            .collect();
        told.sort();
        told
    }

    /// In every interval that was due, everything charged that counts, the true-up with it, is what is committed or more.
    fn check(&self) -> Result<(), TestCaseError> {
        let subscription = self.told.subscription();
        let (until, windows) = (self.billed_until.unwrap(), Windows::named());
        let due = crate::subscriptions::due::Due { after: None, until, late_buffer: BUFFER, windows };
        let keys = self.before();
        let mut true_ups: BTreeMap<&str, Amount> = keys
            .iter()
            .filter(|(_, before)| before.newest.kind == ChargeKind::Commitment)
            .map(|(key, before)| (key.as_str(), before.billed.amount))
            .collect();
        let by_key = by_key(self.charges.iter().map(|(charge, _)| charge)).unwrap();
        for price in subscription.commitments() {
            for item in subscription.items(&price, due).unwrap() {
                for part in subscription.committed(&price, item.period).unwrap().unwrap_or_default() {
                    let name = format!("/{}@1/{}/{}/commitment", part.source.key, item.period.start, part.part.start);
                    let key = true_ups.keys().copied().find(|key| key.ends_with(&name));
                    let true_up = key.and_then(|key| true_ups.remove(key)).unwrap_or(Amount::ZERO);
                    let charged = part.toward(by_key.values()).unwrap().charged().unwrap();
                    let committed = part.share.times(part.minimum.amount.into()).unwrap().to_amount().unwrap();
                    let (sum, wanted) = (charged.checked_add(true_up).unwrap(), charged.max(committed));
                    prop_assert_eq!(sum, wanted, "{} {:?}", name, true_up);
                }
            }
        }
        // What is of no part any more is taken back.
        prop_assert!(true_ups.values().all(|amount| amount.is_zero()), "{:?}", true_ups);
        Ok(())
    }
}

#[test]
fn what_is_missing_is_charged_when_the_interval_closes() {
    // checklist 43
    let mut ledger = Ledger::new("pledge");
    ledger.use_on("2024-02-10", 79_000_000);
    ledger.bill("2024-02-29", None);
    assert!(ledger.true_ups().is_empty(), "usage of the last days may still come");
    let new = ledger.bill("2024-02-29T01:00:00Z", None);
    // The usage of February is billed in March, but counts where it was used: its last moment lies in the next interval.
    assert_eq!(ledger.true_ups(), ["01-31 02-29 279.000000"]);
    let charge = &new[0].charge;
    assert_eq!(
        (charge.kind, charge.price.as_str(), charge.cut),
        (ChargeKind::Commitment, "minimumCommitment", Some(3))
    );
    assert!(charge.item.is_some());
    assert_eq!((charge.at, new[0].falls_on), (at("2024-02-29"), at("2024-02-29")));
    ledger.bill("2024-04-01T01:00:00Z", None);
    assert_eq!(ledger.true_ups(), ["01-31 02-29 279.000000", "02-29 03-31 200.000000"]);
    ledger.check().unwrap();
}

#[test]
fn late_usage_takes_the_place_of_the_true_up_and_never_comes_on_top() {
    // checklist 43, checklist 71
    let mut ledger = Ledger::new("pledge");
    ledger.bill("2024-04-01T01:00:00Z", None);
    assert_eq!(ledger.true_ups()[1], "02-29 03-31 279.000000");
    let february = Span { start: at("2024-02-10"), end: at("2024-02-11") };
    ledger.use_on("2024-02-10", 100_000_000);
    let new = ledger.bill("2024-04-01T01:00:00Z", Some(february));
    let told: Vec<String> = new.iter().map(|new| format!("{} {}", new.charge.kind, new.charge.amount)).collect();
    assert_eq!(told, ["usage 100.000000", "commitment -100.000000"]);
    ledger.use_on("2024-02-11", 500_000_000);
    ledger.bill("2024-04-01T01:00:00Z", Some(february));
    assert_eq!(ledger.true_ups()[1], "02-29 03-31 0.000000");
    // Taken back, it is missing again.
    ledger.use_on("2024-02-11", -550_000_000);
    ledger.bill("2024-04-01T01:00:00Z", Some(february));
    assert_eq!(ledger.true_ups()[1], "02-29 03-31 229.000000");
    assert_eq!(ledger.bill("2024-04-01T01:00:00Z", Some(february)), []);
    ledger.check().unwrap();
}

#[test]
fn what_comes_back_of_a_fee_makes_no_later_commitment_larger() {
    let mut ledger = Ledger::new("oath");
    ledger.submit("2024-08-15", Change::Cancelled, "2024-08-01");
    ledger.bill("2024-08-15T01:00:00Z", None);
    // The fee of the year counts for the first quarter; of the third quarter, 16 of 92 days are committed, whatever comes back.
    assert_eq!(ledger.true_ups(), ["01-31 04-30 534.000000", "04-30 07-31 900.000000", "07-31 08-15 146.739130"]);
}

#[test]
fn a_change_in_the_past_is_trued_up_by_the_difference() {
    // checklist 44
    let mut ledger = Ledger::new("pledge");
    ledger.bill("2024-04-01T01:00:00Z", None);
    ledger.submit("2024-03-21", to_plan("business"), "2024-04-05");
    let new = ledger.bill("2024-04-05", None);
    let of_march = new.iter().filter(|new| new.charge.kind == ChargeKind::Commitment);
    let told: Vec<String> =
        of_march.map(|new| format!("{} {} {}", new.charge.revision, new.charge.amount, new.falls_on)).collect();
    // 21 of 31 days, of which the fee paid 21.
    assert_eq!(told, ["1 -90.000000 2024-04-05T00:00:00.000Z"]);
    // With another plan from the second day on, one of 29 days is left, and nothing of March.
    ledger.submit("2024-02-01", to_plan("oath"), "2024-04-06");
    ledger.bill("2024-04-06", None);
    assert_eq!(ledger.true_ups(), ["01-31 02-01 9.620689", "02-29 03-21 0.000000"]);
    ledger.check().unwrap();
}

#[test]
fn the_line_says_what_was_committed_and_what_was_charged() {
    // checklist 75
    let mut ledger = Ledger::new("pledge");
    ledger.submit("2024-03-10", Change::Paused, "2024-03-01");
    let new = ledger.bill("2024-04-01T01:00:00Z", None);
    let of_march =
        new.iter().find(|new| new.charge.kind == ChargeKind::Commitment && new.charge.at == at("2024-03-31"));
    let content: serde_json::Value = serde_json::from_str(&of_march.unwrap().charge.content).unwrap();
    insta::assert_snapshot!(content["text"].as_str().unwrap(), @r"
    Formula: max(0, committed amount × share − charged).
    Flat amount: 310 EUR for 10 of 31 parts of the period: 100 EUR.
    Charged by the prices, and taken off: 10 EUR.
    Total: 90 EUR.
    ");
    let inputs = &content["commitment"];
    assert_eq!((inputs["amount"].as_str(), inputs["fees"].as_str()), (Some("310.000000"), Some("10.000000")));
    assert_eq!(inputs["counted"]["start"], "2024-02-29T00:00:00.000Z");
    assert_eq!((content["item"].as_str(), content["itemVersion"].as_u64()), (Some("pledge"), Some(1)));
}

#[derive(Debug, Clone)]
enum Event {
    Change { day: u32, kind: u8 },
    Used { day: u32, micros: i64 },
    Bill { day: u32 },
    Again { day: u32, length: u32 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0u32..180, 0u8..6).prop_map(|(day, kind)| Event::Change { day, kind }),
        (0u32..180, 0i64..200_000_001).prop_map(|(day, micros)| Event::Used { day, micros }),
        (0u32..200).prop_map(|day| Event::Bill { day }),
        (0u32..180, 1u32..40).prop_map(|(day, length)| Event::Again { day, length }),
    ]
}

fn day(number: u32) -> String {
    let date = jiff::civil::date(2024, 2, 1).checked_add(jiff::Span::new().days(i64::from(number))).unwrap();
    date.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    // checklist 43, checklist 54, promise P19
    #[test]
    fn whatever_happens_in_an_interval_comes_to_what_was_used_or_committed(
        plan in prop::sample::select(vec!["pledge", "oath", "business"]),
        events in prop::collection::vec(event(), 1..14),
    ) {
        let mut ledger = Ledger::new(plan);
        let mut now = 0;
        for event in events {
            match event {
                Event::Used { day: on, micros } => ledger.use_on(&day(on), micros),
                Event::Change { day: on, kind } => {
                    let change = match kind {
                        0 => Change::Paused,
                        1 => Change::Resumed,
                        2 => to_plan("pledge"),
                        3 => to_plan("oath"),
                        4 => to_plan("business"),
                        _ => Change::Cancelled,
                    };
                    ledger.submit(&day(on), change, &day(now));
                }
                Event::Bill { day: until } => {
                    now = now.max(until);
                    ledger.bill(&day(now), None);
                    ledger.check()?;
                }
                Event::Again { day: from, length } => {
                    let again = Span { start: at(&day(from)), end: at(&day(from + length)) };
                    ledger.bill(&day(now), Some(again));
                    ledger.check()?;
                }
            }
        }
        let whole = Span { start: at("2024-01-01"), end: at("2025-01-01") };
        ledger.bill(&day(now), Some(whole));
        ledger.check()?;
        prop_assert_eq!(ledger.bill(&day(now), Some(whole)), Vec::new(), "done again nothing is left to do");
    }
}
