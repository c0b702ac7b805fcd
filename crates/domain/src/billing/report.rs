//! What a run comes to, and what of it a person should look at: new customers, invoices of nothing, invoices unlike those before, and
//! customers who were to be expected and are not there.

use jiff::civil::Date;
use jiff::{Span, ToSpan};

use crate::amount::Amount;
use crate::billing::run::ItemState;
use crate::charges::charge::{Charge, ChargeKind};
use crate::currency::Currency;
use crate::ids::{BillingRunId, InvoiceId};
use crate::invoices::bill::Bill;
use crate::invoices::record::{InvoiceKind, InvoiceName};
use crate::named::named;

named! {
    /// What a run did with an invoice.
    ReportOutcome {
        Issued = "issued",
        /// Something was put on it, and it waits to be issued.
        Draft = "draft",
        /// It could not be billed or issued, for a reason; it is tried again.
        Refused = "refused",
    }
}

named! {
    /// What makes a person look at an invoice.
    ReportFlag {
        /// The first one of its payer in its currency.
        First = "first",
        /// Its total is nothing.
        Zero = "zero",
        /// Unlike those before it.
        Outlier = "outlier",
    }
}

/// What of the invoices of a run is asked for; everything where nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportFilter {
    pub outcome: Option<ReportOutcome>,
    pub flag: Option<ReportFlag>,
}

/// How many invoices before it an invoice is compared with, at most.
const HISTORY_MAX: usize = 6;
/// How many there have to be.
const HISTORY_MIN: usize = 3;
/// How many times as much, or as little, is unlike them.
const FACTOR: i128 = 3;

/// A charge of a run, and the invoice that it is on; a void invoice has let it go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    pub charge: Charge,
    pub invoice: Option<InvoiceId>,
}

/// An invoice as a run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportInvoice {
    pub run: BillingRunId,
    pub id: InvoiceId,
    pub name: InvoiceName,
    pub outcome: ReportOutcome,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Absent for one that cannot be billed.
    pub figures: Option<Figures>,
    pub history: History,
    /// Unlike those before it.
    pub is_outlier: bool,
}

/// What an invoice comes to. `total = subtotal − discount + exclusive tax + rounding`, `due = total − prepaid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub subtotal: Amount,
    pub discount: Amount,
    /// Of all rates, inclusive ones too.
    pub tax: Amount,
    /// What rounding to whole minor units changed.
    pub rounding: Amount,
    pub total: Amount,
    /// What wallets paid of the lines.
    pub prepaid: Amount,
    pub due: Amount,
}

/// The invoices that a payer got before in the same currency: the last six regular ones that stand, of the year before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    pub invoices: i64,
    /// The middle one of their totals, the lower one of two; absent for fewer than three.
    pub median: Option<Amount>,
}

/// What charges of one kind and one plan come to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanTotal {
    /// The key of the plan or add-on; `null` for items of no plan.
    pub plan: Option<String>,
    pub kind: ChargeKind,
    pub currency: Currency,
    pub charges: i64,
    pub amount: Amount,
    /// What wallets paid of it.
    pub prepaid: Amount,
}

/// Why items were not charged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemReason {
    pub state: ItemState,
    pub reason: String,
    pub items: i64,
}

/// What the invoices of one currency come to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceTotal {
    pub currency: Currency,
    pub issued: i64,
    pub drafts: i64,
    /// Not in the amounts where they cannot be billed.
    pub refused: i64,
    /// First invoices of their payers.
    pub first: i64,
    /// Invoices whose total is nothing.
    pub zero: i64,
    pub outliers: i64,
    #[serde(flatten)]
    pub figures: Figures,
}

impl From<&Bill> for Figures {
    fn from(bill: &Bill) -> Figures {
        Figures {
            subtotal: bill.subtotal,
            discount: bill.discount,
            tax: bill.tax,
            rounding: bill.rounding.amount,
            total: bill.total,
            prepaid: bill.prepaid,
            due: bill.due,
        }
    }
}

impl History {
    /// Of these totals, the newest first.
    pub fn of(totals: &[Amount]) -> History {
        let mut sorted: Vec<Amount> = totals.iter().copied().take(HISTORY_MAX).collect();
        sorted.sort_unstable();
        let median = (sorted.len() >= HISTORY_MIN).then(|| sorted[(sorted.len() - 1) / 2]);
        // Cannot fail: there are six of them at most.
        History { invoices: i64::try_from(sorted.len()).expect("a history has an end"), median }
    }

    /// Whether a total is at least three times the median and more than it, or at most a third of it and less. Exact: nothing is divided.
    pub fn makes_an_outlier(&self, total: Amount) -> bool {
        let Some(median) = self.median else { return false };
        let (total, median) = (i128::from(total.micros()), i128::from(median.micros()));
        (total > median && total >= FACTOR * median) || (total < median && FACTOR * total <= median)
    }
}

impl ReportInvoice {
    /// Why a person may want to look at it.
    pub fn flags(&self) -> Vec<ReportFlag> {
        let has = |flag: &ReportFlag| match flag {
            ReportFlag::First => self.name.kind == InvoiceKind::Regular && self.history.invoices == 0,
            ReportFlag::Zero => self.figures.is_some_and(|figures| figures.total.is_zero()),
            ReportFlag::Outlier => self.is_outlier,
        };
        ReportFlag::ALL.iter().copied().filter(has).collect()
    }

    /// As it is once what came before is known. Only regular invoices are compared with others.
    #[must_use]
    pub fn compared_with(self, history: History) -> ReportInvoice {
        let is_regular = self.name.kind == InvoiceKind::Regular;
        let is_outlier = is_regular && self.figures.is_some_and(|figures| history.makes_an_outlier(figures.total));
        ReportInvoice { history, is_outlier, ..self }
    }
}

/// The days, both included, on which a payer had an invoice who is to be expected on the days from `first` to `last`: as many whole months
/// earlier as these days are long, at least one. A last day of a month stands for the last day of the other, whatever its number.
pub fn days_before(first: Date, last: Date) -> Option<(Date, Date)> {
    let months = (1..).find(|months| earlier(last, *months).is_none_or(|day| day <= first));
    let months = months?;
    Some((earlier(first, months)?, earlier(last, months)?))
}

fn earlier(day: Date, months: i32) -> Option<Date> {
    let back: Span = months.months();
    let month = day.first_of_month().checked_sub(back).ok()?;
    if day == day.last_of_month() {
        return Some(month.last_of_month());
    }
    // What is billed on a last day may be due on any later day of the next month.
    let number = day.day().min(month.days_in_month() - 1);
    Date::new(month.year(), month.month(), number).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    fn history(totals: &[&str]) -> History {
        History::of(&totals.iter().map(|total| amount(total)).collect::<Vec<_>>())
    }

    #[test]
    fn an_outlier_is_three_times_the_median_or_a_third_of_it_to_the_last_digit() {
        let usual = history(&["10", "30", "20", "40"]);
        assert_eq!((usual.invoices, usual.median), (4, Some(amount("20"))));
        let told = ["59.999999", "60", "6.666667", "6.666666", "20"].map(|total| usual.makes_an_outlier(amount(total)));
        assert_eq!(told, [false, true, false, true, false]);
    }

    #[test]
    fn what_usually_is_nothing_or_less_is_left_in_one_direction() {
        let free = history(&["0", "0", "0"]);
        assert!(free.makes_an_outlier(amount("0.01")) && !free.makes_an_outlier(amount("0")));
        let credit = history(&["-30", "-30", "-30"]);
        let told = ["-30", "-89", "-90", "-9", "5"].map(|total| credit.makes_an_outlier(amount(total)));
        assert_eq!(told, [false, true, true, true, true]);
    }

    #[test]
    fn only_the_last_six_count() {
        let usual = history(&["1", "1", "1", "1", "1", "1", "100", "100", "100", "100", "100", "100", "100"]);
        assert_eq!((usual.invoices, usual.median), (6, Some(amount("1"))));
    }

    #[test]
    fn few_invoices_say_nothing() {
        assert!(!history(&["1", "1"]).makes_an_outlier(amount("1000")));
        assert!(history(&["1", "1", "1"]).makes_an_outlier(amount("1000")));
    }

    #[test]
    fn the_days_before_are_whole_months_earlier() {
        let cases = [
            (date(2026, 4, 1), date(2026, 4, 1), date(2026, 3, 1), date(2026, 3, 1)),
            (date(2026, 4, 1), date(2026, 4, 3), date(2026, 3, 1), date(2026, 3, 3)),
            // A quarter at once.
            (date(2026, 1, 1), date(2026, 4, 1), date(2025, 10, 1), date(2026, 1, 1)),
            (date(2026, 3, 31), date(2026, 4, 30), date(2026, 2, 28), date(2026, 3, 31)),
        ];
        for (first, last, from, until) in cases {
            assert_eq!(days_before(first, last), Some((from, until)), "{first} to {last}");
        }
    }

    #[test]
    fn who_is_billed_on_the_last_day_of_february_is_not_missed_before_the_last_of_march() {
        for day in 27..=30 {
            let (_, until) = days_before(date(2026, 3, day), date(2026, 3, day)).unwrap();
            assert_eq!(until, date(2026, 2, 27), "{day}");
        }
        let last = date(2026, 3, 31);
        assert_eq!(days_before(last, last), Some((date(2026, 2, 28), date(2026, 2, 28))));
    }
}
