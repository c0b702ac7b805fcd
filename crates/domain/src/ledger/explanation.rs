//! Why a transaction is what it is: the amount as it was sent, which lots it moved and by which rule, derived from its entry alone.
//!
//! Nothing is computed and nothing rounded: an amount is booked as it was sent. Usage that is rated explains itself
//! ([`crate::pricing::explanation`]).

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::ids::{LotId, SubscriptionId};
use crate::ledger::account::{Account, Direction};
use crate::ledger::entry::{EntryKind, JournalEntry};
use crate::ledger::lines::{Line, Lines};
use crate::ledger::taken::lot_part;
use crate::time::Instant;
use crate::wallets::{Lot, LotKind, Part};

/// The rule by which lots are drawn.
pub const DRAW_ORDER: &str = "priority, then soonest expiry, then promotional before paid, then oldest";

/// One step from what was sent to what was booked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[schema(as = TransactionStep)]
pub enum Step {
    /// The amount as it was sent.
    AsSent { amount: Amount },
    /// The amount as the formula gives it.
    Computed { amount: Amount },
    /// Taken from a lot, the `order`-th one.
    Drawn { order: u32, lot: LotStep, amount: Amount },
    /// Taken beyond what the lots hold.
    Overdrawn { amount: Amount },
    /// Added to a lot, the `order`-th one.
    Credited { order: u32, lot: LotStep, amount: Amount },
    /// Repaid of what was overdrawn.
    OverdraftRepaid { amount: Amount },
    /// What the day earned of the fees of a subscription; less than nothing where unused time came back.
    Earned { subscription: SubscriptionId, amount: Amount },
    /// What rounding changed: nothing.
    Rounding { amount: Amount },
}

/// A lot as the draw order sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotStep {
    pub id: LotId,
    pub kind: LotKind,
    /// The lower number is drawn first.
    pub priority: Option<i64>,
    pub expires_at: Option<Instant>,
    pub created_at: Option<Instant>,
}

/// The way from what was sent to what was booked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TransactionSteps)]
pub struct Explanation {
    pub formula: String,
    pub steps: Vec<Step>,
}

/// Explains an entry by its lines; `lots` are those that the lines name.
pub fn explain(entry: &JournalEntry, lines: &Lines, lots: &[Lot]) -> Explanation {
    let known: BTreeMap<LotId, &Lot> = lots.iter().map(|lot| (lot.id, lot)).collect();
    let first = match entry.kind {
        EntryKind::PromotionalGrant
        | EntryKind::PaidGrant
        | EntryKind::Charge
        | EntryKind::Adjustment
        | EntryKind::Refund
        | EntryKind::Reversal
        | EntryKind::PaymentByHand
        | EntryKind::Recovery => Step::AsSent { amount: entry.amount },
        EntryKind::RatedCharge
        | EntryKind::RatedReturn
        | EntryKind::InvoiceIssued
        | EntryKind::CreditNote
        | EntryKind::InvoiceVoided
        | EntryKind::BalanceApplied
        | EntryKind::WriteOff
        | EntryKind::Recognition
        | EntryKind::LotExpired => Step::Computed { amount: entry.amount },
    };
    let mut steps = vec![first];
    let (mut drawn, mut credited) = (0, 0);
    for line in lines.as_slice().iter().filter(|line| line.account.is_wallet()) {
        let step = match (line.direction, lot(line, &known)) {
            (Direction::Debit, Some(lot)) => {
                drawn += 1;
                Step::Drawn { order: drawn, lot, amount: line.amount }
            }
            (Direction::Credit, Some(lot)) => {
                credited += 1;
                Step::Credited { order: credited, lot, amount: line.amount }
            }
            (Direction::Debit, None) => Step::Overdrawn { amount: line.amount },
            (Direction::Credit, None) => Step::OverdraftRepaid { amount: line.amount },
        };
        steps.push(step);
    }
    if entry.kind == EntryKind::Recognition {
        steps.extend(lines.as_slice().iter().filter_map(earned));
    }
    steps.push(Step::Rounding { amount: Amount::ZERO });
    Explanation { formula: formula(entry.kind).to_owned(), steps }
}

/// What a line of a recognition says.
fn earned(line: &Line) -> Option<Step> {
    let Account::Deferred { subscription, .. } = line.account else { return None };
    let amount = match line.direction {
        Direction::Debit => line.amount,
        Direction::Credit => Amount::from_micros(-line.amount.micros()),
    };
    Some(Step::Earned { subscription, amount })
}

fn lot(line: &Line, known: &BTreeMap<LotId, &Lot>) -> Option<LotStep> {
    let Part { lot: id, kind, .. } = lot_part(line)?;
    let lot = known.get(&id);
    Some(LotStep {
        id,
        kind,
        priority: lot.map(|lot| lot.priority),
        expires_at: lot.and_then(|lot| lot.expires_at),
        created_at: lot.map(|lot| lot.created_at),
    })
}

const fn formula(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::PromotionalGrant | EntryKind::PaidGrant => {
            "amount as sent, added as a credit lot; a standing overdraft is repaid from it first"
        }
        EntryKind::Charge | EntryKind::Adjustment => {
            "amount as sent, taken from lots in draw order, the rest from the overdraft"
        }
        EntryKind::Refund => "amount as sent, or all that is left of the charge, returned in reverse draw order",
        EntryKind::Reversal => "the mirror of the entry it names",
        EntryKind::RatedCharge => {
            "as rated (the charge explains its amount), taken from lots in draw order where the customer has a wallet, the rest not invoiced yet"
        }
        EntryKind::RatedReturn => {
            "what the charge comes to less, returned to what is not invoiced yet, then to lots in reverse draw order"
        }
        EntryKind::InvoiceIssued => "the total of the invoice: its lines less discounts, plus tax, rounded once",
        EntryKind::CreditNote => "the total of the credit note: what it takes back of each line, and its tax",
        EntryKind::InvoiceVoided => "the mirror of an entry of the invoice that became void",
        EntryKind::PaymentByHand => {
            "amount as recorded, to what is open of the invoice, the rest to the customer's balance"
        }
        EntryKind::BalanceApplied => "as much of the customer's balance as the invoice has open",
        EntryKind::WriteOff => "what was open of the invoice",
        EntryKind::Recovery => "amount as recorded, of what was given up",
        EntryKind::Recognition => {
            "what the day earns of fees paid in advance: of each, amount × days passed / days of its time, less what was earned before"
        }
        EntryKind::LotExpired => "what was left of the lot when it expired",
    }
}

impl Explanation {
    /// The steps as sentences, one in a line, that can be read aloud.
    pub fn text(&self, currency: &str) -> String {
        let mut lines = vec![format!("Formula: {}.", self.formula)];
        lines.extend(self.steps.iter().map(|step| sentence(step, currency)));
        lines.join("\n")
    }
}

fn sentence(step: &Step, currency: &str) -> String {
    match step {
        Step::AsSent { amount } => format!("Sent: {amount} {currency}."),
        Step::Computed { amount } => format!("Computed: {amount} {currency}."),
        Step::Drawn { order, lot, amount } => format!("{order}. Taken from {}: {amount} {currency}.", name(lot)),
        Step::Overdrawn { amount } => format!("Taken from the overdraft: {amount} {currency}."),
        Step::Credited { order, lot, amount } => format!("{order}. Added to {}: {amount} {currency}.", name(lot)),
        Step::OverdraftRepaid { amount } => format!("Repaid of the overdraft: {amount} {currency}."),
        Step::Earned { subscription, amount } => {
            format!("Earned of the subscription {subscription}: {amount} {currency}.")
        }
        Step::Rounding { .. } => "Nothing was rounded when it was booked.".to_owned(),
    }
}

fn name(lot: &LotStep) -> String {
    let priority = lot.priority.map_or(String::new(), |priority| format!(", priority {priority}"));
    let expiry = lot.expires_at.map_or(", never expires".to_owned(), |at| format!(", expires {at}"));
    format!("the {} lot {}{priority}{expiry}", lot.kind, lot.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_a_sentence() {
        let lot = LotStep {
            id: LotId::from_uuid(uuid::Uuid::from_u128(7)),
            kind: LotKind::Paid,
            priority: Some(50),
            expires_at: Instant::parse("2026-04-01T00:00:00Z").ok(),
            created_at: None,
        };
        let amount = Amount::from_micros(1_500_000);
        let steps = vec![
            Step::AsSent { amount },
            Step::Drawn { order: 1, lot: lot.clone(), amount },
            Step::Overdrawn { amount },
            Step::Credited { order: 1, lot: LotStep { expires_at: None, priority: None, ..lot }, amount },
            Step::OverdraftRepaid { amount },
            Step::Earned { subscription: SubscriptionId::from_uuid(uuid::Uuid::from_u128(3)), amount },
            Step::Rounding { amount: Amount::ZERO },
        ];
        let explanation = Explanation { formula: formula(EntryKind::Charge).to_owned(), steps };
        insta::assert_snapshot!(explanation.text("USD"), @r"
        Formula: amount as sent, taken from lots in draw order, the rest from the overdraft.
        Sent: 1.500000 USD.
        1. Taken from the paid lot lot_00000000000000000000000007, priority 50, expires 2026-04-01T00:00:00.000Z: 1.500000 USD.
        Taken from the overdraft: 1.500000 USD.
        1. Added to the paid lot lot_00000000000000000000000007, never expires: 1.500000 USD.
        Repaid of the overdraft: 1.500000 USD.
        Earned of the subscription sub_00000000000000000000000003: 1.500000 USD.
        Nothing was rounded when it was booked.
        ");
    }
}
