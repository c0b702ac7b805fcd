//! Exact fractions of 128-bit integers, and the only places where a fraction becomes a count: rounding by name, overflow as an error.
//!
//! A fraction is kept in lowest terms, so equal values are equal in memory, in JSON and in digests. A step whose exact result does
//! not fit is [`OutOfRange`], never a wrapped, saturated or rounded number.

use std::cmp::Ordering;
use std::fmt;

use crate::amount::Amount;
use crate::quantity::{Quantity, QuantitySum};
use crate::refusal::{Code, Refusal};
use crate::wide::{product, product_div_rem};

/// The exact result needs more than 128 bits, or more than an amount can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the exact result is out of range")]
pub struct OutOfRange;

impl From<OutOfRange> for Refusal {
    fn from(_: OutOfRange) -> Refusal {
        let detail = "The exact result is larger than an amount can be (9223372036854.775807). Check the price and the unit of the metric.";
        Refusal::new(Code::QuantityOutOfRange, detail)
    }
}

/// The largest whole number that is not greater than `numerator / denominator`; the denominator must be positive.
pub fn div_floor(numerator: i128, denominator: i128) -> i128 {
    assert!(denominator > 0, "a denominator is positive");
    numerator.div_euclid(denominator)
}

/// The whole number nearest to `numerator / denominator`, and of two equally near ones the even one (IEEE 754 roundTiesToEven, ISO 80000-1
/// rule A); the denominator must be positive.
///
/// ```
/// use domain::ratio::div_half_even;
/// assert_eq!([5, 15, 25, -5, -15].map(|n| div_half_even(n, 10)), [0, 2, 2, 0, -2]);
/// ```
pub fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    let floor = div_floor(numerator, denominator);
    let rest = numerator.rem_euclid(denominator);
    floor + i128::from(rounds_up(rest.unsigned_abs(), denominator.unsigned_abs(), floor % 2 != 0))
}

/// Whether `rest / divisor`, between 0 and 1, is nearer to 1, or at one half above an odd number.
fn rounds_up(rest: u128, divisor: u128, floor_is_odd: bool) -> bool {
    match rest.cmp(&(divisor - rest)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => floor_is_odd,
    }
}

/// An exact fraction in lowest terms with a positive denominator.
///
/// Text is a decimal where one is exact (`"0.00000015"`), else a fraction (`"10/3"`); both are read back.
/// ```
/// use domain::ratio::Ratio;
/// let third = Ratio::new(10, 30).unwrap();
/// assert_eq!(third.to_string(), "1/3");
/// assert_eq!(third.times(Ratio::whole(9)).unwrap(), Ratio::whole(3));
/// assert!(Ratio::new(i128::MAX, 1).unwrap().plus(Ratio::whole(1)).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
}

impl Ratio {
    pub const ZERO: Ratio = Ratio::whole(0);
    pub const ONE: Ratio = Ratio::whole(1);

    /// The fraction in lowest terms.
    ///
    /// # Errors
    /// [`OutOfRange`] for a denominator of zero, and where lowest terms do not fit in 127 bits and a sign.
    pub fn new(numerator: i128, denominator: i128) -> Result<Ratio, OutOfRange> {
        if denominator == 0 {
            return Err(OutOfRange);
        }
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs());
        let size = i128::try_from(numerator.unsigned_abs() / divisor).map_err(|_| OutOfRange)?;
        let below = i128::try_from(denominator.unsigned_abs() / divisor).map_err(|_| OutOfRange)?;
        let is_negative = (numerator < 0) != (denominator < 0);
        Ok(Ratio { numerator: if is_negative { -size } else { size }, denominator: below })
    }

    pub const fn whole(number: i64) -> Ratio {
        Ratio { numerator: wide(number), denominator: 1 }
    }

    /// `count · 10⁻ᵖˡᵃᶜᵉˢ`, for at most 38 places.
    ///
    /// # Errors
    /// [`OutOfRange`] for more places.
    pub fn decimal(count: i128, places: u32) -> Result<Ratio, OutOfRange> {
        Ratio::new(count, 10i128.checked_pow(places).ok_or(OutOfRange)?)
    }

    pub const fn numerator(self) -> i128 {
        self.numerator
    }

    /// Always positive.
    pub const fn denominator(self) -> i128 {
        self.denominator
    }

    pub const fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub const fn is_positive(self) -> bool {
        self.numerator > 0
    }

    pub const fn is_negative(self) -> bool {
        self.numerator < 0
    }

    /// # Errors
    /// [`OutOfRange`] when the exact sum does not fit.
    pub fn plus(self, other: Ratio) -> Result<Ratio, OutOfRange> {
        if self.denominator == other.denominator {
            let sum = self.numerator.checked_add(other.numerator).ok_or(OutOfRange)?;
            return Ratio::new(sum, self.denominator);
        }
        let shared = gcd(self.denominator.unsigned_abs(), other.denominator.unsigned_abs());
        // Cannot fail: it divides a positive `i128`.
        let shared = i128::try_from(shared).expect("a divisor is not greater than what it divides");
        let (left, right) = (other.denominator / shared, self.denominator / shared);
        let left_part = self.numerator.checked_mul(left).ok_or(OutOfRange)?;
        let right_part = other.numerator.checked_mul(right).ok_or(OutOfRange)?;
        let sum = left_part.checked_add(right_part).ok_or(OutOfRange)?;
        Ratio::new(sum, self.denominator.checked_mul(left).ok_or(OutOfRange)?)
    }

    /// # Errors
    /// [`OutOfRange`] when the exact difference does not fit.
    pub fn minus(self, other: Ratio) -> Result<Ratio, OutOfRange> {
        self.plus(other.negated())
    }

    /// # Errors
    /// [`OutOfRange`] when the exact product does not fit: common factors are taken out first, so nothing that fits is refused.
    pub fn times(self, other: Ratio) -> Result<Ratio, OutOfRange> {
        let left = Ratio::new(self.numerator, other.denominator)?;
        let right = Ratio::new(other.numerator, self.denominator)?;
        let numerator = left.numerator.checked_mul(right.numerator).ok_or(OutOfRange)?;
        // The one value without a positive counterpart is no numerator.
        numerator.checked_neg().ok_or(OutOfRange)?;
        let denominator = left.denominator.checked_mul(right.denominator).ok_or(OutOfRange)?;
        Ok(Ratio { numerator, denominator: if numerator == 0 { 1 } else { denominator } })
    }

    /// # Errors
    /// [`OutOfRange`] when the exact quotient does not fit, and for a divisor of zero.
    pub fn over(self, other: Ratio) -> Result<Ratio, OutOfRange> {
        self.times(Ratio::new(other.denominator, other.numerator)?)
    }

    pub const fn negated(self) -> Ratio {
        Ratio { numerator: -self.numerator, denominator: self.denominator }
    }

    /// The largest whole number that is not greater.
    pub fn floor(self) -> i128 {
        div_floor(self.numerator, self.denominator)
    }

    /// The smallest whole number that is not less.
    pub fn ceiling(self) -> i128 {
        -div_floor(-self.numerator, self.denominator)
    }

    /// The nearest count of 10⁻ᵖˡᵃᶜᵉˢ, ties to even.
    ///
    /// # Errors
    /// [`OutOfRange`] when the count does not fit.
    pub fn round_half_even(self, places: u32) -> Result<i128, OutOfRange> {
        let scale = 10u128.checked_pow(places).ok_or(OutOfRange)?;
        let below = self.denominator.unsigned_abs();
        let (quotient, rest) = product_div_rem(self.numerator.unsigned_abs(), scale, below).ok_or(OutOfRange)?;
        let up = rounds_up(rest, below, quotient % 2 == 1);
        let size = i128::try_from(quotient).ok().and_then(|size| size.checked_add(i128::from(up))).ok_or(OutOfRange)?;
        Ok(if self.is_negative() { -size } else { size })
    }

    /// The amount nearest to it, ties to even: the one rounding of a rated amount.
    ///
    /// # Errors
    /// [`OutOfRange`] when it is larger than an amount can be.
    pub fn to_amount(self) -> Result<Amount, OutOfRange> {
        let micros = i64::try_from(self.round_half_even(6)?).map_err(|_| OutOfRange)?;
        Ok(Amount::from_micros(micros))
    }

    /// The sum of many fractions.
    ///
    /// # Errors
    /// [`OutOfRange`] when an exact sum on the way does not fit.
    pub fn sum(all: impl IntoIterator<Item = Ratio>) -> Result<Ratio, OutOfRange> {
        all.into_iter().try_fold(Ratio::ZERO, Ratio::plus)
    }

    /// `(count, places)` of the exact decimal, when there is one that fits.
    fn as_decimal(self) -> Option<(i128, u32)> {
        let (mut twos, mut fives, mut rest) = (0u32, 0u32, self.denominator);
        while rest % 2 == 0 {
            (rest, twos) = (rest / 2, twos + 1);
        }
        while rest % 5 == 0 {
            (rest, fives) = (rest / 5, fives + 1);
        }
        let places = twos.max(fives);
        let scale = 10i128.checked_pow(places)?;
        let count = self.numerator.checked_mul(scale / self.denominator)?;
        (rest == 1).then_some((count, places))
    }
}

/// The `From` of integers is no const function yet.
const fn wide(number: i64) -> i128 {
    let size: [u8; 8] = number.to_be_bytes();
    let fill = if number < 0 { 0xff } else { 0 };
    let [a, b, c, d, e, f, g, h] = size;
    i128::from_be_bytes([fill, fill, fill, fill, fill, fill, fill, fill, a, b, c, d, e, f, g, h])
}

/// The greatest common divisor by Stein's binary algorithm; of zero and a number, the number.
fn gcd(mut left: u128, mut right: u128) -> u128 {
    if left == 0 || right == 0 {
        return (left | right).max(1);
    }
    let twos = (left | right).trailing_zeros();
    left >>= left.trailing_zeros();
    loop {
        right >>= right.trailing_zeros();
        if left > right {
            (left, right) = (right, left);
        }
        right -= left;
        if right == 0 {
            return left << twos;
        }
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Ratio) -> Ordering {
        let by_sign = self.numerator.signum().cmp(&other.numerator.signum());
        let left = product(self.numerator.unsigned_abs(), other.denominator.unsigned_abs());
        let right = product(other.numerator.unsigned_abs(), self.denominator.unsigned_abs());
        by_sign.then(if self.is_negative() { right.cmp(&left) } else { left.cmp(&right) })
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Ratio) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<Amount> for Ratio {
    fn from(amount: Amount) -> Ratio {
        Ratio::from(QuantitySum::from_micros(i128::from(amount.micros())))
    }
}

impl From<Quantity> for Ratio {
    fn from(quantity: Quantity) -> Ratio {
        Ratio::from(QuantitySum::from_micros(i128::from(quantity.micros())))
    }
}

impl From<QuantitySum> for Ratio {
    fn from(sum: QuantitySum) -> Ratio {
        // Cannot fail: a sum of quantities is far from the one value without a positive counterpart.
        Ratio::new(sum.micros(), 1_000_000).expect("a sum of micros is a fraction")
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_decimal() {
            Some((count, places)) => write_decimal(count, places, out),
            None => write!(out, "{}/{}", self.numerator, self.denominator),
        }
    }
}

/// Writes `count · 10⁻ᵖˡᵃᶜᵉˢ` with exactly that many places.
pub(crate) fn write_decimal(count: i128, places: u32, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let sign = if count < 0 { "-" } else { "" };
    let scale = 10u128.checked_pow(places).ok_or(fmt::Error)?;
    let size = count.unsigned_abs();
    if places == 0 {
        return write!(out, "{sign}{size}");
    }
    let width = usize::try_from(places).map_err(|_| fmt::Error)?;
    write!(out, "{sign}{}.{:0width$}", size / scale, size % scale)
}

impl std::str::FromStr for Ratio {
    type Err = RatioError;
    fn from_str(text: &str) -> Result<Ratio, RatioError> {
        if let Some((above, below)) = text.split_once('/') {
            let whole = |part: &str| part.parse::<i128>().map_err(|_| RatioError);
            return Ratio::new(whole(above)?, whole(below)?).map_err(|_| RatioError);
        }
        let (whole, places) = match text.split_once('.') {
            Some((_, "")) => return Err(RatioError),
            Some(parts) => parts,
            None => (text, ""),
        };
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        let is_digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
        if unsigned.is_empty() || !is_digits(unsigned) || !is_digits(places) {
            return Err(RatioError);
        }
        let count = format!("{whole}{places}").parse::<i128>().map_err(|_| RatioError)?;
        Ratio::decimal(count, u32::try_from(places.len()).map_err(|_| RatioError)?).map_err(|_| RatioError)
    }
}

/// A text that is neither an exact decimal nor a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither a decimal such as \"0.25\" nor a fraction such as \"10/3\"")]
pub struct RatioError;

impl serde::Serialize for Ratio {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Ratio {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Ratio, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Ratio {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for Ratio {}

#[cfg(test)]
mod tests;
