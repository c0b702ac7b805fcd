//! What becomes of late usage: what it comes to beside what a person ignored before, and which way the project's policy sends it.

use crate::amount::Amount;
use crate::invoices::settings::LatePolicy;
use crate::named::named;
use crate::ratio::OutOfRange;

named! {
    /// How late usage was settled.
    SettledBy {
        /// A line on the payer's next invoice.
        NextInvoice = "nextInvoice",
        /// An invoice of its own, issued at once.
        Adjustment = "adjustment",
        /// A new version of the invoice in place of the one before.
        Reissue = "reissue",
    }
}

named! {
    /// Why late usage waits for a person.
    HeldBecause {
        /// The policy of the project wants it.
        Policy = "policy",
        /// It is older than late usage that is corrected by itself.
        Limit = "limit",
        /// Something else of the same invoice waits for a person already.
        Waiting = "waiting",
        /// It cannot be rated.
        Failed = "failed",
    }
}

named! {
    /// What a person may decide.
    Resolution {
        /// As the policy of the same name.
        NextInvoice = "nextInvoice",
        CreditNote = "creditNote",
        Reissue = "reissue",
        /// Nothing becomes of it, now or later.
        Ignore = "ignore",
    }
}

/// What late usage of one charge key comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEffect {
    pub key: String,
    /// Charged before.
    pub before: Amount,
    /// As rated now.
    pub after: Amount,
    /// To be charged or given back.
    pub effect: Amount,
}

impl KeyEffect {
    /// The difference without what was ignored before of the same direction: what was ignored stays so, and never turns what is owed into
    /// a credit, or a credit into a debt.
    ///
    /// # Errors
    /// [`OutOfRange`] when a difference does not fit.
    pub fn new(key: String, before: Amount, after: Amount, ignored: Amount) -> Result<KeyEffect, OutOfRange> {
        let whole = after.checked_sub(before).ok_or(OutOfRange)?;
        let rest = whole.checked_sub(ignored).ok_or(OutOfRange)?;
        let effect = if whole.is_negative() {
            if ignored.is_negative() { rest.min(Amount::ZERO) } else { whole }
        } else if ignored.is_negative() {
            whole
        } else {
            rest.max(Amount::ZERO)
        };
        Ok(KeyEffect { key, before, after, effect })
    }
}

/// What is known of the invoice and its late usage when a way is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What all of it comes to.
    pub effect: Amount,
    /// Whether the invoice can be taken back: nothing of it is settled.
    pub can_void: bool,
}

/// The way of a policy; `None` waits for a person. What is given back goes on the next invoice where the invoice itself stays.
pub fn way(policy: LatePolicy, case: Case) -> Option<SettledBy> {
    match policy {
        LatePolicy::Hold => None,
        LatePolicy::NextInvoice => Some(SettledBy::NextInvoice),
        LatePolicy::Reissue if case.can_void => Some(SettledBy::Reissue),
        LatePolicy::Reissue | LatePolicy::CreditNote if case.effect.is_negative() => Some(SettledBy::NextInvoice),
        LatePolicy::Reissue | LatePolicy::CreditNote => Some(SettledBy::Adjustment),
    }
}

impl Resolution {
    /// The policy that a person chose; `None` to ignore.
    pub const fn policy(self) -> Option<LatePolicy> {
        match self {
            Resolution::NextInvoice => Some(LatePolicy::NextInvoice),
            Resolution::CreditNote => Some(LatePolicy::CreditNote),
            Resolution::Reissue => Some(LatePolicy::Reissue),
            Resolution::Ignore => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(units: i64) -> Amount {
        Amount::from_micros(units * 1_000_000)
    }

    #[rstest::rstest]
    #[case(100, 110, 0, 10)]
    #[case(100, 90, 0, -10)]
    // The same once more, more of it, and less of it.
    #[case(100, 110, 10, 0)]
    #[case(100, 115, 10, 5)]
    #[case(100, 104, 10, 0)]
    // Back to what was charged: nobody gets back what nobody paid.
    #[case(100, 100, 10, 0)]
    #[case(100, 95, 10, -5)]
    // The other way round.
    #[case(100, 90, -10, 0)]
    #[case(100, 85, -10, -5)]
    #[case(100, 103, -10, 3)]
    fn what_was_ignored_stays_ignored(
        #[case] before: i64,
        #[case] after: i64,
        #[case] ignored: i64,
        #[case] effect: i64,
    ) {
        let told = KeyEffect::new("k".to_owned(), usd(before), usd(after), usd(ignored)).unwrap();
        assert_eq!(told.effect, usd(effect));
    }

    // checklist 72
    #[rstest::rstest]
    #[case(LatePolicy::Hold, 1, true, None)]
    #[case(LatePolicy::NextInvoice, 1, true, Some(SettledBy::NextInvoice))]
    #[case(LatePolicy::NextInvoice, -1, false, Some(SettledBy::NextInvoice))]
    #[case(LatePolicy::CreditNote, 1, true, Some(SettledBy::Adjustment))]
    #[case(LatePolicy::CreditNote, -1, true, Some(SettledBy::NextInvoice))]
    #[case(LatePolicy::Reissue, 1, true, Some(SettledBy::Reissue))]
    #[case(LatePolicy::Reissue, -1, true, Some(SettledBy::Reissue))]
    #[case(LatePolicy::Reissue, 1, false, Some(SettledBy::Adjustment))]
    #[case(LatePolicy::Reissue, -1, false, Some(SettledBy::NextInvoice))]
    fn each_policy_has_its_way(
        #[case] policy: LatePolicy,
        #[case] effect: i64,
        #[case] can_void: bool,
        #[case] expected: Option<SettledBy>,
    ) {
        assert_eq!(way(policy, Case { effect: usd(effect), can_void }), expected);
    }

    #[test]
    fn a_person_chooses_a_policy_or_ignores() {
        let chosen: Vec<Option<LatePolicy>> = Resolution::ALL.iter().map(|chosen| chosen.policy()).collect();
        let expected = [LatePolicy::NextInvoice, LatePolicy::CreditNote, LatePolicy::Reissue].map(Some);
        assert_eq!(chosen, [expected.as_slice(), &[None]].concat());
    }
}
