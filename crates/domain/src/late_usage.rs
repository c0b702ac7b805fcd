//! Late usage: what arrives, or is corrected, after the place up to which an issued invoice counted. Which invoices it means something for
//! is decided here; what it comes to is what rating says, and what becomes of it is the project's policy.

pub mod settle;

use crate::amount::Amount;
use crate::charges::events::Naming;
use crate::ids::{CustomerId, InvoiceId, LateUsageId, ProjectId, derived};
use crate::ledger::reason::Reason;
use crate::metrics::Aggregation;
use crate::named::named;
use crate::time::Instant;
use crate::window::Span;

use self::settle::{HeldBecause, SettledBy};

named! {
    /// How late usage of an invoice stands.
    LateState {
        /// Found; what it comes to is not worked out yet.
        Open = "open",
        /// It waits for a person.
        Held = "held",
        /// It was settled as the policy or a person wanted.
        Settled = "settled",
        /// The invoice comes to the same with it.
        Unchanged = "unchanged",
        /// A person decided that nothing becomes of it.
        Ignored = "ignored",
    }
}

/// Late usage of one invoice, up to one place in the order of batches: it is settled once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateUsage {
    pub id: LateUsageId,
    pub invoice: InvoiceId,
    /// Who pays.
    pub customer: CustomerId,
    pub state: LateState,
    /// Up to which place the invoice counted.
    pub since: i64,
    /// Up to which place it is looked at.
    pub cut: i64,
    pub found_at: Instant,
    pub outcome: Outcome,
}

/// What late usage comes to, as far as it is worked out. Amounts are before tax, in the currency of the invoice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What was charged before under the keys in question.
    pub before: Option<Amount>,
    /// What they come to with it.
    pub after: Option<Amount>,
    /// What is charged, or given back, because of it: the difference, without what a person ignored before.
    pub effect: Option<Amount>,
    /// Up to which place in the order of batches it was counted.
    pub counted_to: Option<i64>,
    pub held_because: Option<HeldBecause>,
    pub settled_by: Option<SettledBy>,
    pub settled_at: Option<Instant>,
    /// The invoice on which the difference is.
    pub correction: Option<InvoiceId>,
    /// Why a person decided so.
    pub reason: Option<Reason>,
}

impl LateUsage {
    /// The id of what is late for an invoice up to a place: the same one whoever finds it.
    pub fn id_of(project: ProjectId, invoice: InvoiceId, cut: i64, at: Instant) -> LateUsageId {
        LateUsageId::from_uuid(derived(at, project, "lateUsage", &format!("{invoice}/{cut}")))
    }
}

/// Something that counts otherwise from a place in the order of batches on: an event that came, or one that was corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateTurn<'a> {
    pub customer: CustomerId,
    pub metric_key: &'a str,
    pub aggregation: Aggregation,
    pub at: Instant,
    pub seq: i64,
    /// The subscription that it names.
    pub subscription: NamedSubscription<'a>,
}

/// What an event says about subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedSubscription<'a> {
    None,
    Key(&'a str),
    /// Not looked at; it may be any.
    Unknown,
}

/// Usage as an invoice charges it: everything charged under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedUsage {
    pub invoice: InvoiceId,
    pub charge_key: String,
    pub customer: CustomerId,
    pub metric_key: String,
    pub naming: Naming,
    /// The time whose events are counted.
    pub span: Span,
    /// Up to which place they were counted, by the newest of its charges.
    pub cut: i64,
}

impl IssuedUsage {
    /// Whether the turn may change what the charge comes to. A level that changes goes on after the event: it is late for every later
    /// span, too. When in doubt it may; rating tells.
    pub fn may_change_by(&self, turn: &LateTurn<'_>) -> bool {
        let is_in_time = match turn.aggregation {
            Aggregation::WeightedSum => turn.at < self.span.end,
            Aggregation::Sum | Aggregation::Count | Aggregation::Max | Aggregation::Latest | Aggregation::Unique => {
                self.span.contains(turn.at)
            }
        };
        let is_named = match turn.subscription {
            NamedSubscription::Unknown => true,
            NamedSubscription::Key(key) => self.naming.holds(Some(key)),
            NamedSubscription::None => self.naming.holds(None),
        };
        let is_same = self.customer == turn.customer && self.metric_key == turn.metric_key;
        is_same && turn.seq > self.cut && is_in_time && is_named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn issued() -> IssuedUsage {
        IssuedUsage {
            invoice: InvoiceId::from_uuid(Uuid::from_u128(1)),
            charge_key: "sub/calls".to_owned(),
            customer: CustomerId::from_uuid(Uuid::from_u128(2)),
            metric_key: "calls".to_owned(),
            naming: Naming::default(),
            span: Span { start: at("2026-03-01T00:00:00Z"), end: at("2026-04-01T00:00:00Z") },
            cut: 7,
        }
    }

    fn turn(when: &str, seq: i64) -> LateTurn<'static> {
        LateTurn {
            customer: issued().customer,
            metric_key: "calls",
            aggregation: Aggregation::Sum,
            at: at(when),
            seq,
            subscription: NamedSubscription::None,
        }
    }

    // checklist 71
    #[rstest::rstest]
    #[case("2026-03-01T00:00:00Z", 8, true)]
    #[case("2026-03-31T23:59:59.999999Z", 8, true)]
    #[case("2026-04-01T00:00:00Z", 8, false)]
    #[case("2026-02-28T23:59:59.999999Z", 8, false)]
    #[case("2026-03-15T00:00:00Z", 7, false)]
    fn an_event_is_late_when_its_time_is_charged_and_its_batch_came_after_the_cut(
        #[case] when: &str,
        #[case] seq: i64,
        #[case] late: bool,
    ) {
        assert_eq!(issued().may_change_by(&turn(when, seq)), late);
    }

    #[test]
    fn a_level_that_changes_late_is_late_for_every_span_after_it() {
        let level = |when| LateTurn { aggregation: Aggregation::WeightedSum, ..turn(when, 8) };
        assert!(issued().may_change_by(&level("2026-01-15T00:00:00Z")));
        assert!(!issued().may_change_by(&level("2026-04-01T00:00:00Z")));
    }

    #[test]
    fn usage_of_somebody_or_something_else_is_not_late_for_a_charge() {
        let mut other = turn("2026-03-15T00:00:00Z", 8);
        other.metric_key = "tokens";
        assert!(!issued().may_change_by(&other));
        let other = LateTurn { customer: CustomerId::from_uuid(Uuid::from_u128(9)), ..turn("2026-03-15T00:00:00Z", 8) };
        assert!(!issued().may_change_by(&other));
    }

    #[rstest::rstest]
    #[case(NamedSubscription::None, false)]
    #[case(NamedSubscription::Key("s1"), true)]
    #[case(NamedSubscription::Key("s2"), false)]
    #[case(NamedSubscription::Unknown, true)]
    fn a_charge_of_named_usage_changes_by_events_that_name_it(
        #[case] subscription: NamedSubscription<'static>,
        #[case] late: bool,
    ) {
        let issued = IssuedUsage { naming: Naming::only("s1"), ..issued() };
        assert_eq!(issued.may_change_by(&LateTurn { subscription, ..turn("2026-03-15T00:00:00Z", 8) }), late);
    }
}
