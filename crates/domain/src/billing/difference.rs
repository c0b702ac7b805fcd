//! Why one run comes to something else than another: usage, quantity, price, and what becomes of the charges on invoices. The parts sum to
//! the whole difference, exactly.
//!
//! Charges of the same subscription, price and kind are compared: those of the same key with each other, the rest in the order of time. Of
//! two that are compared, first the new usage or quantity is rated under the old price (`usage`, `quantity`); what is left is the `price`.
//! Then come what is on the invoices from elsewhere, discounts, tax on top, rounding, and what wallets paid.

use std::collections::{BTreeMap, BTreeSet};

use crate::amount::Amount;
use crate::billing::report::{Figures, ReportInvoice, ReportLine};
use crate::charges::charge::{Charge, ChargeKind};
use crate::currency::Currency;
use crate::ids::SubscriptionId;
use crate::named::named;
use crate::ratio::OutOfRange;

mod split;

pub use split::split;

named! {
    /// Why two runs differ. A part that makes the second run dearer is positive.
    Cause {
        /// More or less was used.
        Usage = "usage",
        /// Another number of seats, or another share of the period.
        Quantity = "quantity",
        /// Other terms, or another rate of a custom asset.
        Price = "price",
        /// Usage and price have changed, and what is kept of single events cannot tell them apart.
        Mixed = "mixed",
        /// What was missing to a minimum commitment.
        Commitment = "commitment",
        /// Differences to what earlier runs charged.
        Correction = "correction",
        /// Charged only by the second run.
        New = "new",
        /// Charged only by the first run.
        Gone = "gone",
        /// On the invoices, and charged by other runs or by hand; less what could not be billed.
        Elsewhere = "elsewhere",
        /// What coupons took off.
        Discount = "discount",
        /// Tax on top of prices.
        Tax = "tax",
        /// Rounding of invoices to whole minor units.
        Rounding = "rounding",
        /// What wallets paid.
        Prepaid = "prepaid",
    }
}

/// What a run charged one payer, and the invoices that it was put on.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    pub lines: &'a [ReportLine],
    pub invoices: &'a [ReportInvoice],
}

/// What is due by two runs, and why that differs. The parts sum to `after − before`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// In micros, as everything here: sums over many customers.
    pub before: i128,
    pub after: i128,
    parts: BTreeMap<Cause, i128>,
}

/// One of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct CausePart {
    pub cause: Cause,
    pub amount: Amount,
}

/// Charges that are one if they have the same key: what all of a run come to, by the newest of them.
struct Item<'a> {
    newest: &'a Charge,
    /// The first of its revisions that is there: 0 unless another run made that.
    first: u32,
    micros: i128,
}

type Slot<'a> = (Option<SubscriptionId>, &'a str, ChargeKind);

impl Difference {
    /// What both together say.
    pub fn add(&mut self, other: &Difference) {
        self.before += other.before;
        self.after += other.after;
        for (cause, micros) in &other.parts {
            self.put(*cause, *micros);
        }
    }

    /// The parts that are not nothing, in the order in which they are found.
    ///
    /// # Errors
    /// [`OutOfRange`] when one does not fit.
    pub fn parts(&self) -> Result<Vec<CausePart>, OutOfRange> {
        let parts = self.parts.iter().filter(|(_, micros)| **micros != 0);
        parts.map(|(cause, micros)| Ok(CausePart { cause: *cause, amount: amount(*micros)? })).collect()
    }

    pub fn is_nothing(&self) -> bool {
        self.parts.values().all(|micros| *micros == 0)
    }

    pub(super) fn put(&mut self, cause: Cause, micros: i128) {
        *self.parts.entry(cause).or_default() += micros;
    }

    fn require_exact(&self) {
        let sum: i128 = self.parts.values().sum();
        assert_eq!(sum, self.after - self.before, "the parts of a difference are the whole of it");
    }
}

/// Why one payer pays something else, by currency.
pub fn explain(before: Side<'_>, after: Side<'_>) -> BTreeMap<Currency, Difference> {
    let currencies = |side: &Side<'_>| {
        let lines = side.lines.iter().map(|line| line.charge.currency);
        lines.chain(side.invoices.iter().map(|invoice| invoice.name.currency)).collect::<BTreeSet<_>>()
    };
    let all = currencies(&before).into_iter().chain(currencies(&after));
    all.map(|currency| (currency, explain_currency(currency, before, after))).collect()
}

/// Why the charges of one key come to something else, and what wallets paid of them.
pub fn explain_key(before: &[&Charge], after: &[&Charge]) -> Difference {
    let mut difference = Difference::default();
    let [one, other] = [before, after].map(|charges| items(charges.iter().copied()));
    compare(&one, &other, &mut difference);
    let sum = |charges: &[&Charge], of: fn(&Charge) -> Amount| -> i128 {
        charges.iter().map(|charge| i128::from(of(charge).micros())).sum()
    };
    let [paid_before, paid_after] = [before, after].map(|charges| sum(charges, |charge| charge.prepaid));
    difference.put(Cause::Prepaid, paid_before - paid_after);
    difference.before = sum(before, |charge| charge.amount) - paid_before;
    difference.after = sum(after, |charge| charge.amount) - paid_after;
    difference.require_exact();
    difference
}

fn explain_currency(currency: Currency, before: Side<'_>, after: Side<'_>) -> Difference {
    let mut difference = Difference::default();
    let [one, other] = [before, after].map(|side| slots(currency, side.lines));
    let all: BTreeSet<&Slot<'_>> = one.keys().chain(other.keys()).collect();
    for slot in all {
        let [one, other] = [&one, &other].map(|slots| slots.get(slot).map_or(&[][..], Vec::as_slice));
        compare(one, other, &mut difference);
    }
    let [one, other] = [before, after].map(|side| Billed::of(currency, side));
    difference.put(Cause::Elsewhere, other.elsewhere - one.elsewhere);
    difference.put(Cause::Discount, one.discount - other.discount);
    difference.put(Cause::Tax, other.tax_on_top - one.tax_on_top);
    difference.put(Cause::Rounding, other.rounding - one.rounding);
    difference.put(Cause::Prepaid, one.prepaid - other.prepaid);
    (difference.before, difference.after) = (one.due, other.due);
    difference.require_exact();
    difference
}

/// What becomes of charges on invoices, in micros.
#[derive(Default)]
struct Billed {
    elsewhere: i128,
    discount: i128,
    tax_on_top: i128,
    rounding: i128,
    prepaid: i128,
    due: i128,
}

impl Billed {
    fn of(currency: Currency, side: Side<'_>) -> Billed {
        let mut billed = Billed::default();
        let charged = side.lines.iter().filter(|line| line.charge.currency == currency);
        billed.elsewhere -= charged.map(|line| i128::from(line.charge.amount.micros())).sum::<i128>();
        let invoices = side.invoices.iter().filter(|invoice| invoice.name.currency == currency);
        for Figures { subtotal, discount, tax: _, rounding, total, prepaid, due } in
            invoices.filter_map(|own| own.figures)
        {
            let [subtotal, discount, rounding, total, prepaid, due] =
                [subtotal, discount, rounding, total, prepaid, due].map(|amount| i128::from(amount.micros()));
            billed.elsewhere += subtotal;
            billed.discount += discount;
            billed.tax_on_top += total - (subtotal - discount) - rounding;
            billed.rounding += rounding;
            billed.prepaid += prepaid;
            billed.due += due;
        }
        billed
    }
}

fn slots(currency: Currency, lines: &[ReportLine]) -> BTreeMap<Slot<'_>, Vec<Item<'_>>> {
    let mut charges: BTreeMap<Slot<'_>, Vec<&Charge>> = BTreeMap::new();
    for charge in lines.iter().map(|line| &line.charge).filter(|charge| charge.currency == currency) {
        charges.entry((charge.subscription, &charge.price, charge.kind)).or_default().push(charge);
    }
    charges.into_iter().map(|(slot, charges)| (slot, items(charges.into_iter()))).collect()
}

/// By key, in the order of time.
fn items<'a>(charges: impl Iterator<Item = &'a Charge>) -> Vec<Item<'a>> {
    let mut by_key: BTreeMap<&str, Item<'a>> = BTreeMap::new();
    for charge in charges {
        let micros = i128::from(charge.amount.micros());
        let item = by_key.entry(&charge.key).or_insert(Item { newest: charge, first: charge.revision, micros: 0 });
        item.micros += micros;
        item.first = charge.revision.min(item.first);
        if charge.revision > item.newest.revision {
            item.newest = charge;
        }
    }
    let mut items: Vec<Item<'a>> = by_key.into_values().collect();
    items.sort_by_key(|item| (item.newest.part.map(|part| part.start), item.newest.at));
    items
}

fn compare(before: &[Item<'_>], after: &[Item<'_>], difference: &mut Difference) {
    let key = |item: &Item<'_>| item.newest.key.clone();
    let [keys_before, keys_after] = [before, after].map(|items| items.iter().map(key).collect::<BTreeSet<_>>());
    let others = |items: &[Item<'_>], keys: &BTreeSet<String>| -> Vec<usize> {
        (0..items.len()).filter(|index| !keys.contains(&items[*index].newest.key)).collect()
    };
    let (rest_before, rest_after) = (others(before, &keys_after), others(after, &keys_before));
    for one in before {
        if let Some(other) = after.iter().find(|other| other.newest.key == one.newest.key) {
            pair(one, other, difference);
        }
    }
    let paired = rest_before.len().min(rest_after.len());
    for (one, other) in rest_before.iter().zip(&rest_after) {
        pair(&before[*one], &after[*other], difference);
    }
    difference.put(Cause::Gone, -rest_before[paired..].iter().map(|index| before[*index].micros).sum::<i128>());
    difference.put(Cause::New, rest_after[paired..].iter().map(|index| after[*index].micros).sum());
}

fn pair(before: &Item<'_>, after: &Item<'_>, difference: &mut Difference) {
    let whole = after.micros - before.micros;
    let is_part = before.first > 0 || after.first > 0;
    match before.newest.kind {
        _ if whole == 0 => {}
        _ if is_part => difference.put(Cause::Correction, whole),
        ChargeKind::Commitment => difference.put(Cause::Commitment, whole),
        ChargeKind::Usage => by_price(before, after, Cause::Usage, difference),
        ChargeKind::AdvanceFee | ChargeKind::AdvanceCredit | ChargeKind::ArrearsFee | ChargeKind::OneOff => {
            by_price(before, after, Cause::Quantity, difference);
        }
    }
}

/// First what the new usage or quantity would have cost under the old price, then the price.
fn by_price(before: &Item<'_>, after: &Item<'_>, first: Cause, difference: &mut Difference) {
    match split(before.newest, after.newest) {
        Some(at_old_price) => {
            let at_old_price = i128::from(at_old_price.micros());
            difference.put(first, at_old_price - before.micros);
            difference.put(Cause::Price, after.micros - at_old_price);
        }
        None => difference.put(Cause::Mixed, after.micros - before.micros),
    }
}

/// An amount of so many micros.
///
/// # Errors
/// [`OutOfRange`] when it does not fit.
pub fn amount(micros: i128) -> Result<Amount, OutOfRange> {
    i64::try_from(micros).map(Amount::from_micros).map_err(|_| OutOfRange)
}

#[cfg(test)]
mod tests;
