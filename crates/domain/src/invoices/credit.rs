//! What a credit note takes back of the lines of an issued invoice: net and tax as they were billed, and what a wallet paid.
//!
//! An amount takes back first what was due for its line, then what a wallet paid of it. Of what was due, the tax is its share, cumulative
//! and rounded half-even to the minor unit: however often a line is credited, in the end it is the tax that was billed. The total of a note
//! is in whole minor units; the rest is a part of the invoice's own rounding.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::invoices::document::{Document, Line, Rounding, TaxLine};
use crate::invoices::issued::CreditedPart;
use crate::ratio::{OutOfRange, Ratio};
use crate::refusal::{Code, Refusal};
use crate::rounding::MinorUnit;
use crate::split::split;
use crate::tax::TaxBehaviour;

/// What shall be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreditWish {
    /// Of these lines so much, tax included; all that is left of a line without an amount.
    Lines(Vec<(u32, Option<Amount>)>),
    /// So much of what was due, over all lines by what is left of each. In whole minor units.
    Amount(Amount),
}

/// What is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    pub lines: Vec<CreditedPart>,
    /// What is taken back of the invoice's own rounding.
    pub rounding: Amount,
    /// `Σ net + Σ tax + rounding`, in whole minor units.
    pub total: Amount,
    /// `Σ returned`.
    pub returned: Amount,
}

/// What is left of a line.
#[derive(Debug, Clone, Copy)]
struct Left {
    /// What was due for it, tax included.
    due: Amount,
    tax: Amount,
    credited_due: Amount,
    credited_tax: Amount,
    /// What a wallet paid and did not get back.
    prepaid: Amount,
}

/// Decides a credit note for an invoice of which `before` was credited already and `creditable` is left.
///
/// # Errors
/// [`Code::InvalidValue`] for a line that is not there, is named twice, or is no charge; [`Code::TooPrecise`] for an amount that cannot be
/// paid; [`Code::CreditNoteTooLarge`] for more than is left; [`Code::NotPositive`] for nothing.
pub fn credit(
    invoice: &Document,
    before: &[CreditedPart],
    creditable: Amount,
    wish: &CreditWish,
) -> Result<Credit, Refusal> {
    let unit = MinorUnit::of(invoice.currency);
    let left = left(invoice, before)?;
    let wanted = match wish {
        CreditWish::Lines(lines) => of_lines(&left, lines)?,
        CreditWish::Amount(amount) => of_amount(&left, *amount, creditable, unit)?,
    };
    let parts = wanted.into_iter().map(|(number, amount)| part(number, amount, &left[&number], unit));
    let lines: Vec<CreditedPart> = parts.collect::<Result<_, Refusal>>()?;
    let exact = sum(lines.iter().map(|part| part.net))?.checked_add(sum(lines.iter().map(|part| part.tax))?);
    let exact = exact.ok_or(OutOfRange)?;
    let total = match wish {
        CreditWish::Lines(_) => {
            let rounded = unit.round(exact.into())?;
            // The last note takes what is left, though the lines round to a unit more.
            let excess = rounded.checked_sub(creditable).ok_or(OutOfRange)?;
            if excess.is_positive() && excess.micros() <= unit.micros() { creditable } else { rounded }
        }
        CreditWish::Amount(amount) => *amount,
    };
    let returned = sum(lines.iter().map(|part| part.returned))?;
    if total.is_zero() && returned.is_zero() {
        return Err(Refusal::new(Code::NotPositive, "A credit note credits something. Name lines and amounts."));
    }
    if total > creditable {
        let detail = format!("{total} is more than the {creditable} of the invoice that is not credited yet.");
        return Err(Refusal::new(Code::CreditNoteTooLarge, detail));
    }
    Ok(Credit { rounding: total.checked_sub(exact).ok_or(OutOfRange)?, lines, total, returned })
}

/// The lines and totals of a credit note, put in the place of those of its invoice; number, dates and kind are the caller's.
///
/// # Errors
/// [`Code::QuantityOutOfRange`] when a sum does not fit.
pub fn note(invoice: &Document, credit: &Credit) -> Result<Document, Refusal> {
    let lines = (1..).zip(&credit.lines).map(|(number, part)| {
        let index = usize::try_from(part.line - 1).map_err(|_| OutOfRange)?;
        noted(number, &invoice.lines[index], part)
    });
    let lines = lines.collect::<Result<Vec<Line>, OutOfRange>>()?;
    let taxes = taxes(invoice, &lines)?;
    let added = sum(taxes.iter().filter(|tax| tax.behaviour == TaxBehaviour::Exclusive).map(|tax| tax.tax))?;
    let subtotal = sum(lines.iter().map(|line| line.amount))?;
    let total = sum([subtotal, added, credit.rounding])?;
    Ok(Document {
        due_on: None,
        subtotal,
        discount: Amount::ZERO,
        tax: sum(taxes.iter().map(|tax| tax.tax))?,
        taxes,
        rounding: Rounding { policy: invoice.rounding.policy, amount: credit.rounding },
        total,
        prepaid_applied: credit.returned,
        balance_applied: Amount::ZERO,
        amount_due: credit.total,
        notes: None,
        lines,
        ..invoice.clone()
    })
}

fn noted(number: u32, line: &Line, part: &CreditedPart) -> Result<Line, OutOfRange> {
    let is_inclusive = line.tax_rate.as_ref().is_some_and(|rate| rate.behaviour == TaxBehaviour::Inclusive);
    let within = if is_inclusive { part.tax } else { Amount::ZERO };
    let amount = sum([part.net, part.returned, within])?;
    Ok(Line {
        number,
        amount,
        discount: Amount::ZERO,
        coupons: Vec::new(),
        net: amount,
        tax: part.tax,
        prepaid: part.returned,
        // The units and the words are those of the whole line.
        units: None,
        unit_price: None,
        text: None,
        ..line.clone()
    })
}

fn taxes(invoice: &Document, lines: &[Line]) -> Result<Vec<TaxLine>, OutOfRange> {
    let mut taxes = Vec::new();
    for tax in &invoice.taxes {
        let is_taxed = |line: &&Line| {
            let rate = line.tax_rate.as_ref();
            rate.is_some_and(|rate| {
                (&rate.rate, rate.percent, rate.behaviour) == (&tax.rate, tax.percent, tax.behaviour)
            })
        };
        let taxed: Vec<&Line> = lines.iter().filter(is_taxed).collect();
        if taxed.is_empty() {
            continue;
        }
        let amounts = sum(taxed.iter().map(|line| line.amount))?;
        let part = sum(taxed.iter().map(|line| line.tax))?;
        let base = match tax.behaviour {
            TaxBehaviour::Exclusive => amounts,
            TaxBehaviour::Inclusive => amounts.checked_sub(part).ok_or(OutOfRange)?,
        };
        taxes.push(TaxLine { base, tax: part, ..tax.clone() });
    }
    Ok(taxes)
}

/// What is left of each line, by its number.
fn left(invoice: &Document, before: &[CreditedPart]) -> Result<BTreeMap<u32, Left>, OutOfRange> {
    let each = invoice.lines.iter().map(|line| {
        let own = || before.iter().filter(|part| part.line == line.number);
        let is_exclusive = line.tax_rate.as_ref().is_some_and(|rate| rate.behaviour == TaxBehaviour::Exclusive);
        let added = if is_exclusive { line.tax } else { Amount::ZERO };
        let due = less(sum([line.net, added])?, line.prepaid)?;
        let left = Left {
            due,
            tax: line.tax,
            credited_due: sum(own().flat_map(|part| [part.net, part.tax]))?,
            credited_tax: sum(own().map(|part| part.tax))?,
            prepaid: less(line.prepaid, sum(own().map(|part| part.returned))?)?,
        };
        Ok((line.number, left))
    });
    each.collect()
}

impl Left {
    fn open(&self) -> Result<Amount, OutOfRange> {
        Ok(less(self.due, self.credited_due)?.max(Amount::ZERO))
    }

    fn all(&self) -> Result<Amount, OutOfRange> {
        sum([self.open()?, self.prepaid.max(Amount::ZERO)])
    }
}

fn of_lines(left: &BTreeMap<u32, Left>, lines: &[(u32, Option<Amount>)]) -> Result<Vec<(u32, Amount)>, Refusal> {
    let mut wanted: BTreeMap<u32, Amount> = BTreeMap::new();
    for (index, (number, amount)) in lines.iter().enumerate() {
        let at = |field: &str| format!("lines[{index}].{field}");
        let Some(line) = left.get(number) else {
            return Err(Refusal::field(Code::InvalidValue, at("line"), "is not the number of a line of the invoice."));
        };
        let all = line.all()?;
        let amount = amount.unwrap_or(all);
        if amount > all {
            let detail = format!("{amount} is more than the {all} that is left of line {number}.");
            return Err(Refusal::new(Code::CreditNoteTooLarge, detail));
        }
        if !amount.is_positive() {
            let detail = "Nothing is left of this line, or it gives money back itself.";
            return Err(Refusal::field(Code::InvalidValue, at("line"), detail));
        }
        if wanted.insert(*number, amount).is_some() {
            return Err(Refusal::field(Code::InvalidValue, at("line"), "must be named once."));
        }
    }
    Ok(wanted.into_iter().collect())
}

fn of_amount(
    left: &BTreeMap<u32, Left>,
    amount: Amount,
    creditable: Amount,
    unit: MinorUnit,
) -> Result<Vec<(u32, Amount)>, Refusal> {
    if amount.micros() % unit.micros() != 0 {
        return Err(Refusal::field(Code::TooPrecise, "amount", "must be an amount that can be paid in the currency."));
    }
    if amount > creditable {
        let detail = format!("{amount} is more than the {creditable} of the invoice that is not credited yet.");
        return Err(Refusal::new(Code::CreditNoteTooLarge, detail));
    }
    let open = left.iter().map(|(number, line)| Ok((*number, line.open()?.micros().unsigned_abs())));
    let open: Vec<(u32, u64)> = open.collect::<Result<_, OutOfRange>>()?;
    // In whole minor units, so that tax is a part of each share.
    let shares = split(amount.micros() / unit.micros(), &open)?;
    let within = open.iter().zip(shares).map(|((number, open), count)| {
        let open = i64::try_from(*open).map_err(|_| OutOfRange)?;
        let share = count.checked_mul(unit.micros()).ok_or(OutOfRange)?;
        Ok((*number, Amount::from_micros(share.min(open))))
    });
    let within = within.collect::<Result<Vec<(u32, Amount)>, OutOfRange>>()?;
    Ok(within.into_iter().filter(|(_, share)| share.is_positive()).collect())
}

fn part(line: u32, amount: Amount, left: &Left, unit: MinorUnit) -> Result<CreditedPart, Refusal> {
    let due = amount.min(left.open()?);
    let returned = less(amount, due)?;
    let credited = sum([left.credited_due, due])?;
    let tax_until = if left.due.is_zero() || credited == left.due {
        left.tax
    } else {
        let share = Ratio::from(credited).over(left.due.into())?;
        unit.round(share.times(left.tax.into())?)?
    };
    // Whole units of a part of one: the net may be less than nothing, by less than a unit, and is made up for by a later note.
    let tax = less(tax_until, left.credited_tax)?;
    Ok(CreditedPart { line, net: less(due, tax)?, tax, returned })
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Result<Amount, OutOfRange> {
    Amount::checked_sum(amounts).ok_or(OutOfRange)
}

fn less(amount: Amount, taken: Amount) -> Result<Amount, OutOfRange> {
    amount.checked_sub(taken).ok_or(OutOfRange)
}

#[cfg(test)]
mod tests;
