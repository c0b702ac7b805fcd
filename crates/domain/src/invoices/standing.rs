//! The standing of an invoice: draft → issued → paid, void or uncollectible, with what of it is open, paid, credited and given up.
//!
//! What is issued never changes; its standing does. *Partially paid* and *overdue* are facts that follow from it, not states.

use crate::amount::Amount;
use crate::named::named;
use crate::ratio::OutOfRange;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

named! {
    /// The state of an invoice.
    InvoiceState {
        /// Recomputed until it is issued.
        Draft = "draft",
        Issued = "issued",
        /// Nothing of it is open: paid, credited, or never more than zero.
        Paid = "paid",
        /// Taken back before anything was settled. Its number stays used.
        Void = "void",
        /// Given up.
        Uncollectible = "uncollectible",
    }
}

/// An invoice as far as it matters for what may happen to it. The amounts are in whole minor units; but for the total none is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub state: InvoiceState,
    /// What the invoice says is to be paid. Less than zero, it became the customer's balance when it was issued.
    pub total: Amount,
    /// Neither paid, credited nor given up.
    pub outstanding: Amount,
    /// Payments and applied balance, as far as they settled something of it.
    pub paid: Amount,
    /// All credit notes, whether they settled something or went back to the customer.
    pub credited: Amount,
    /// Written off and not recovered.
    pub given_up: Amount,
    /// From when on it is overdue.
    pub due_at: Option<Instant>,
}

/// What an amount did to an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    pub standing: Standing,
    /// What it settled of the invoice.
    pub settled: Amount,
    /// What goes to the customer instead: an overpayment, or the credit of what was paid already.
    pub rest: Amount,
}

impl Standing {
    /// A draft of nothing yet.
    pub const DRAFT: Standing = Standing {
        state: InvoiceState::Draft,
        total: Amount::ZERO,
        outstanding: Amount::ZERO,
        paid: Amount::ZERO,
        credited: Amount::ZERO,
        given_up: Amount::ZERO,
        due_at: None,
    };

    /// Issues a draft with its total. To issue what is issued already changes nothing. // checklist 76
    ///
    /// # Errors
    /// [`Code::InvoiceVoid`] for a void invoice.
    pub fn issue(self, total: Amount, due_at: Instant) -> Result<Standing, Refusal> {
        match self.state {
            InvoiceState::Draft => {
                let issued = Standing { state: InvoiceState::Issued, total, due_at: Some(due_at), ..self };
                Ok(Standing { outstanding: total.max(Amount::ZERO), ..issued }.paid_if_settled())
            }
            InvoiceState::Issued | InvoiceState::Paid | InvoiceState::Uncollectible => Ok(self),
            InvoiceState::Void => Err(void()),
        }
    }

    /// Takes a payment or the customer's balance; positive. Of what was given up it recovers as much as it can.
    ///
    /// # Errors
    /// [`Code::InvoiceNotIssued`] for a draft, [`Code::InvoiceVoid`].
    pub fn pay(self, amount: Amount) -> Result<Settled, Refusal> {
        self.require_issued()?;
        let settled = amount.min(self.outstanding.checked_add(self.given_up).ok_or(OutOfRange)?);
        let recovered = settled.min(self.given_up);
        let standing = Standing {
            outstanding: less(self.outstanding, less(settled, recovered)?)?,
            given_up: less(self.given_up, recovered)?,
            paid: self.paid.checked_add(settled).ok_or(OutOfRange)?,
            ..self
        };
        Ok(Settled { standing: standing.paid_if_settled(), settled, rest: less(amount, settled)? })
    }

    /// What can still be credited: what was billed, less what was credited and what was given up.
    ///
    /// # Errors
    /// [`OutOfRange`] never for a standing that came about by these rules.
    pub fn creditable(&self) -> Result<Amount, OutOfRange> {
        less(less(self.total.max(Amount::ZERO), self.credited)?, self.given_up)
    }

    /// Takes a credit note; positive.
    ///
    /// # Errors
    /// [`Code::InvoiceNotIssued`], [`Code::InvoiceVoid`], [`Code::CreditNoteTooLarge`] when all of them exceed the total.
    pub fn credit(self, amount: Amount) -> Result<Settled, Refusal> {
        self.require_issued()?;
        let creditable = self.creditable()?;
        if amount > creditable {
            let detail = format!("{amount} is more than the {creditable} of the invoice that is not credited yet.");
            return Err(Refusal::new(Code::CreditNoteTooLarge, detail));
        }
        let settled = amount.min(self.outstanding);
        let outstanding = less(self.outstanding, settled)?;
        let credited = self.credited.checked_add(amount).ok_or(OutOfRange)?;
        let standing = Standing { outstanding, credited, ..self };
        Ok(Settled { standing: standing.paid_if_settled(), settled, rest: less(amount, settled)? })
    }

    /// Takes the invoice back. To void what is void already changes nothing.
    ///
    /// # Errors
    /// [`Code::InvoiceNotIssued`] for a draft; [`Code::InvoicePaid`] once something was paid, credited or given up.
    pub fn void(self) -> Result<Standing, Refusal> {
        if self.state == InvoiceState::Void {
            return Ok(self);
        }
        self.require_issued()?;
        if self.is_touched() {
            let detail =
                "Something of the invoice was paid, credited or written off. Make a credit note, then a new invoice.";
            return Err(Refusal::new(Code::InvoicePaid, detail));
        }
        Ok(Standing { state: InvoiceState::Void, outstanding: Amount::ZERO, ..self })
    }

    /// Gives up what is open.
    ///
    /// # Errors
    /// [`Code::InvoiceNotIssued`], [`Code::InvoiceVoid`], [`Code::InvoicePaid`] when nothing is open.
    pub fn write_off(self) -> Result<Standing, Refusal> {
        self.require_issued()?;
        if self.outstanding.is_zero() {
            return Err(Refusal::new(Code::InvoicePaid, "Nothing of the invoice is open."));
        }
        let state = InvoiceState::Uncollectible;
        Ok(Standing { state, given_up: self.outstanding, outstanding: Amount::ZERO, ..self })
    }

    pub fn is_partially_paid(&self) -> bool {
        self.paid.is_positive() && self.outstanding.is_positive()
    }

    /// Whether something is open at or after the time it was due.
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.outstanding.is_positive() && self.due_at.is_some_and(|due_at| due_at <= now)
    }

    fn is_touched(&self) -> bool {
        [self.paid, self.credited, self.given_up].iter().any(|amount| !amount.is_zero())
    }

    fn paid_if_settled(self) -> Standing {
        let is_settled = self.outstanding.is_zero() && self.given_up.is_zero();
        if is_settled { Standing { state: InvoiceState::Paid, ..self } } else { self }
    }

    fn require_issued(&self) -> Result<(), Refusal> {
        match self.state {
            InvoiceState::Draft => {
                Err(Refusal::new(Code::InvoiceNotIssued, "The invoice is a draft. Finalize it first."))
            }
            InvoiceState::Void => Err(void()),
            InvoiceState::Issued | InvoiceState::Paid | InvoiceState::Uncollectible => Ok(()),
        }
    }
}

fn less(amount: Amount, taken: Amount) -> Result<Amount, OutOfRange> {
    amount.checked_sub(taken).ok_or(OutOfRange)
}

fn void() -> Refusal {
    Refusal::new(Code::InvoiceVoid, "The invoice is void: nothing is owed for it.")
}

#[cfg(test)]
mod tests;
