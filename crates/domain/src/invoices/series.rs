//! Series: the numbers of invoices, without gaps and without repetition. A number is given in the transaction that issues, by one
//! committer per series, in the order in which the invoices were planned; a void invoice keeps its number.

use std::fmt;

use crate::refusal::{Code, Refusal};

/// The longest prefix in bytes.
pub const PREFIX_LENGTH_MAX: usize = 20;
/// The most digits that a number is filled up to.
pub const DIGITS_MAX: usize = 12;

/// A series as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Series {
    /// What its numbers begin with: `INV-2026-`.
    pub prefix: String,
    /// Filled up with zeros to so many digits.
    pub digits: usize,
    /// The number that is given next, from 1.
    pub next: u64,
}

/// The number of one invoice as it is printed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct InvoiceNumber(String);

/// What is wrong with the numbers of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeriesFault {
    #[error("number {number} is missing")]
    Missing { number: u64 },
    #[error("number {number} was given twice")]
    Repeated { number: u64 },
    #[error("number {number} was never given")]
    Unexpected { number: u64 },
}

impl Series {
    /// A new series.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a prefix or a number of digits that is not accepted.
    pub fn new(prefix: &str, digits: usize) -> Result<Series, Refusal> {
        let is_accepted = prefix.len() <= PREFIX_LENGTH_MAX
            && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'.' | b'_'));
        if !is_accepted {
            let detail = format!("must be at most {PREFIX_LENGTH_MAX} letters, digits, `-`, `/`, `.` or `_`.");
            return Err(Refusal::field(Code::InvalidValue, "prefix", detail));
        }
        if !(1..=DIGITS_MAX).contains(&digits) {
            return Err(Refusal::field(Code::InvalidValue, "digits", format!("must be 1 to {DIGITS_MAX}.")));
        }
        Ok(Series { prefix: prefix.to_owned(), digits, next: 1 })
    }

    /// Gives the next number: the number, and the series after it.
    ///
    /// ```
    /// use domain::invoices::series::Series;
    /// let (first, series) = Series::new("INV-", 5).unwrap().take();
    /// assert_eq!((first.to_string().as_str(), series.next), ("INV-00001", 2));
    /// ```
    pub fn take(self) -> (InvoiceNumber, Series) {
        let number = self.number(self.next);
        (number, Series { next: self.next + 1, ..self })
    }

    /// The n-th number as it is printed.
    pub fn number(&self, number: u64) -> InvoiceNumber {
        InvoiceNumber(format!("{}{number:0digits$}", self.prefix, digits = self.digits))
    }

    /// Finds the first thing wrong with the numbers that were given, in any order.
    ///
    /// # Errors
    /// [`SeriesFault`] for a number that is missing, was given twice, or lies outside of what was given.
    pub fn check(&self, given: &[u64]) -> Result<(), SeriesFault> {
        let mut given = given.to_vec();
        given.sort_unstable();
        let mut expected = 1;
        for number in given {
            if number == 0 || number >= self.next {
                return Err(SeriesFault::Unexpected { number });
            }
            if number < expected {
                return Err(SeriesFault::Repeated { number });
            }
            if number > expected {
                return Err(SeriesFault::Missing { number: expected });
            }
            expected += 1;
        }
        if expected < self.next { Err(SeriesFault::Missing { number: expected }) } else { Ok(()) }
    }
}

impl fmt::Display for InvoiceNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_longer_than_its_digits_is_printed_whole() {
        let series = Series { next: 1_000, ..Series::new("R/", 3).unwrap() };
        assert_eq!(series.number(7).to_string(), "R/007");
        assert_eq!(series.take().0.to_string(), "R/1000");
    }

    #[rstest::rstest]
    #[case("A B", 5, "prefix")]
    #[case("ABCDEFGHIJKLMNOPQRSTU", 5, "prefix")]
    #[case("A", 0, "digits")]
    #[case("A", 13, "digits")]
    fn a_series_that_cannot_be_printed_is_refused(#[case] prefix: &str, #[case] digits: usize, #[case] field: &str) {
        assert_eq!(Series::new(prefix, digits).unwrap_err().first_field(), Some(field));
    }

    proptest! {
        // checklist 120
        #[test]
        fn numbers_given_one_after_another_are_gapless_and_any_damage_is_found(count in 1u64..60, at in any::<prop::sample::Index>()) {
            let mut series = Series::new("INV-", 6).unwrap();
            let mut given = Vec::new();
            for _ in 0..count {
                given.push(series.next);
                series = series.take().1;
            }
            given.reverse();
            prop_assert_eq!(series.check(&given), Ok(()));
            let number = given[at.index(given.len())];
            let without: Vec<u64> = given.iter().copied().filter(|other| *other != number).collect();
            prop_assert_eq!(series.check(&without), Err(SeriesFault::Missing { number }));
            let mut twice = given.clone();
            twice.push(number);
            prop_assert_eq!(series.check(&twice), Err(SeriesFault::Repeated { number }));
            given.push(count + 1);
            prop_assert_eq!(series.check(&given), Err(SeriesFault::Unexpected { number: count + 1 }));
        }
    }
}
