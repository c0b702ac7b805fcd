//! Rounding to what can be paid: minor units of currencies (ISO 4217) and the one rounding of an invoice.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::named::named;
use crate::ratio::{OutOfRange, Ratio};

/// How many places after the decimal point can be paid, 0 to 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinorUnit(u32);

impl MinorUnit {
    /// The finest there is: an amount is its own minor unit. For units that nobody pays in coins.
    pub const MICRO: MinorUnit = MinorUnit(6);

    /// Of a currency (ISO 4217, column "Minor unit"): 0 for JPY, 2 for EUR, 3 for KWD, 4 for CLF. Codes without one, such as gold, are
    /// not rounded any further than an amount is.
    pub fn of(currency: Currency) -> MinorUnit {
        match currency.exponent() {
            Some(places) => MinorUnit(places.min(6)),
            None => MinorUnit::MICRO,
        }
    }

    /// Of an asset that a project made itself; `None` for more than six places.
    pub fn with_places(places: u32) -> Option<MinorUnit> {
        (places <= 6).then_some(MinorUnit(places))
    }

    pub const fn places(self) -> u32 {
        self.0
    }

    /// One minor unit in micros: 10,000 for a cent.
    pub const fn micros(self) -> i64 {
        10i64.pow(6 - self.0)
    }

    /// The nearest amount that can be paid, ties to the even count of minor units.
    ///
    /// # Errors
    /// [`OutOfRange`] at the end of the range of an amount.
    pub fn round(self, exact: Ratio) -> Result<Amount, OutOfRange> {
        let count = i64::try_from(exact.round_half_even(self.0)?).map_err(|_| OutOfRange)?;
        count.checked_mul(self.micros()).map(Amount::from_micros).ok_or(OutOfRange)
    }
}

named! {
    /// Where an invoice is rounded to the minor unit.
    InvoiceRounding {
        /// The total once; lines keep six places.
        PerInvoice = "perInvoice",
        /// Each line, so that the printed lines sum to the total.
        PerLine = "perLine",
    }
}

/// An invoice's lines and total after its one rounding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundedTotal {
    /// In the order of the lines that went in; rounded only under [`InvoiceRounding::PerLine`].
    pub lines: Vec<Amount>,
    /// What is to be paid, in whole minor units.
    pub total: Amount,
    /// `total − Σ exact lines`: goes to the account `rounding` and is shown.
    pub difference: Amount,
}

/// Rounds an invoice by its policy, half-even. // checklist 51
///
/// ```
/// use domain::{amount::Amount, currency::Currency, rounding::*};
/// let lines = [Amount::parse("0.004").unwrap(), Amount::parse("0.004").unwrap()];
/// let cents = MinorUnit::of(Currency::USD);
/// let once = round_invoice(&lines, InvoiceRounding::PerInvoice, cents).unwrap();
/// assert_eq!((once.total.to_string().as_str(), once.difference.to_string().as_str()), ("0.010000", "0.002000"));
/// let each = round_invoice(&lines, InvoiceRounding::PerLine, cents).unwrap();
/// assert_eq!((each.total.to_string().as_str(), each.difference.to_string().as_str()), ("0.000000", "-0.008000"));
/// ```
///
/// # Errors
/// [`OutOfRange`] when the lines sum to more than an amount can be.
pub fn round_invoice(lines: &[Amount], policy: InvoiceRounding, unit: MinorUnit) -> Result<RoundedTotal, OutOfRange> {
    let exact = Amount::checked_sum(lines.iter().copied()).ok_or(OutOfRange)?;
    let (lines, total) = match policy {
        InvoiceRounding::PerInvoice => (lines.to_vec(), unit.round(exact.into())?),
        InvoiceRounding::PerLine => {
            let rounded = lines.iter().map(|line| unit.round((*line).into())).collect::<Result<Vec<_>, _>>()?;
            let total = Amount::checked_sum(rounded.iter().copied()).ok_or(OutOfRange)?;
            (rounded, total)
        }
    };
    let difference = total.checked_sub(exact).ok_or(OutOfRange)?;
    assert!(total.micros() % unit.micros() == 0, "a total is payable");
    Ok(RoundedTotal { lines, total, difference })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round(currency: &str, text: &str) -> String {
        let unit = MinorUnit::of(Currency::parse(currency).unwrap());
        unit.round(text.parse().unwrap()).unwrap().to_string()
    }

    #[rstest::rstest]
    #[case("JPY", "0.5", "0.000000")]
    #[case("JPY", "1.5", "2.000000")]
    #[case("EUR", "0.005", "0.000000")]
    #[case("EUR", "-0.015", "-0.020000")]
    #[case("KWD", "0.0005", "0.000000")]
    #[case("CLF", "0.00015", "0.000200")]
    #[case("XAU", "0.0000015", "0.000002")]
    fn each_currency_rounds_to_its_own_minor_unit(#[case] currency: &str, #[case] exact: &str, #[case] paid: &str) {
        assert_eq!(round(currency, exact), paid);
    }

    #[test]
    fn the_end_of_the_range_is_refused() {
        let largest = [Amount::from_micros(i64::MAX)];
        let cents = MinorUnit::of(Currency::USD);
        assert_eq!(round_invoice(&largest, InvoiceRounding::PerInvoice, cents), Err(OutOfRange));
        assert_eq!(round_invoice(&[largest[0]; 2], InvoiceRounding::PerLine, cents), Err(OutOfRange));
        assert_eq!(MinorUnit::with_places(7), None);
    }

    proptest! {
        #[test]
        fn lines_and_the_difference_sum_to_the_total(
            lines in prop::collection::vec(-1_000_000_000_000i64..1_000_000_000_000, 0..20),
            places in 0u32..=6,
            policy in prop::sample::select(InvoiceRounding::ALL),
        ) {
            let lines: Vec<Amount> = lines.into_iter().map(Amount::from_micros).collect();
            let unit = MinorUnit::with_places(places).unwrap();
            let rounded = round_invoice(&lines, policy, unit).unwrap();
            let exact = Amount::checked_sum(lines.iter().copied()).unwrap();
            prop_assert_eq!(exact.checked_add(rounded.difference), Some(rounded.total));
            let once = 2 * rounded.difference.micros().abs() <= unit.micros();
            prop_assert!(once || policy == InvoiceRounding::PerLine);
        }
    }
}
