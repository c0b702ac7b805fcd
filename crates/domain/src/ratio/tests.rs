//! Fractions against the laws of arithmetic, and at the edges of 128 bits.

use proptest::prelude::*;

use super::*;

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

#[rstest::rstest]
#[case("10/4", "2.5")]
#[case("-6/-4", "1.5")]
#[case("0/7", "0")]
#[case("1/3", "1/3")]
#[case("0.000000150000", "0.00000015")]
#[case("-12.50", "-12.5")]
#[case("7/3", "7/3")]
fn one_value_has_one_text(#[case] text: &str, #[case] written: &str) {
    assert_eq!(ratio(text).to_string(), written);
}

#[rstest::rstest]
#[case("")]
#[case("1/0")]
#[case("1.")]
#[case(".5")]
#[case("1e3")]
#[case("+1")]
#[case("a/b")]
#[case("170141183460469231731687303715884105728")]
fn other_text_is_refused(#[case] text: &str) {
    assert_eq!(text.parse::<Ratio>(), Err(RatioError));
}

#[rstest::rstest]
#[case("0.5", 0, 0)]
#[case("1.5", 0, 2)]
#[case("2.5", 0, 2)]
#[case("-2.5", 0, -2)]
#[case("-3.5", 0, -4)]
#[case("2/3", 6, 666_667)]
#[case("0.0000005", 6, 0)]
#[case("0.0000015", 6, 2)]
fn ties_go_to_the_even_count(#[case] text: &str, #[case] places: u32, #[case] expected: i128) {
    assert_eq!(ratio(text).round_half_even(places), Ok(expected));
}

#[test]
fn floor_and_ceiling_go_towards_their_sides() {
    assert_eq!((ratio("-7/2").floor(), ratio("-7/2").ceiling()), (-4, -3));
    assert_eq!((ratio("7/2").floor(), ratio("7/2").ceiling()), (3, 4));
    assert_eq!((ratio("4").floor(), ratio("4").ceiling()), (4, 4));
}

#[test]
fn what_does_not_fit_is_refused_never_wrapped() {
    let largest = Ratio::new(i128::MAX, 1).unwrap();
    assert_eq!(largest.plus(Ratio::ONE), Err(OutOfRange));
    assert_eq!(largest.times(Ratio::whole(2)), Err(OutOfRange));
    assert_eq!(largest.to_amount(), Err(OutOfRange));
    assert_eq!(Ratio::new(i128::MIN, 1), Err(OutOfRange));
    assert_eq!(Ratio::new(1, 0), Err(OutOfRange));
    // Exactly -2^127 can be computed, but not negated.
    let two_to_64 = Ratio::new(1 << 64, 1).unwrap();
    assert_eq!(Ratio::whole(i64::MIN).times(two_to_64), Err(OutOfRange));
    assert_eq!(Ratio::new(-(1 << 126), 1).unwrap().plus(Ratio::new(-(1 << 126), 1).unwrap()), Err(OutOfRange));
    assert_eq!(Ratio::ONE.over(Ratio::ZERO), Err(OutOfRange));
    assert_eq!(Refusal::from(OutOfRange).code, Code::QuantityOutOfRange);
}

#[test]
fn common_factors_are_taken_out_before_anything_overflows() {
    let large = Ratio::new(i128::MAX, 3).unwrap();
    assert_eq!(large.times(Ratio::new(3, i128::MAX).unwrap()), Ok(Ratio::ONE));
    let awkward = Ratio::new(i128::MAX - 1, i128::MAX).unwrap();
    assert_eq!(awkward.round_half_even(6), Ok(1_000_000));
}

#[test]
fn a_petabyte_and_a_millionth_of_a_cent_are_exact() {
    let petabytes_in_bytes = Ratio::from(QuantitySum::from_micros(512_000_000_000_000_000 * 1_000_000));
    let price = ratio("0.000000000023");
    assert_eq!(petabytes_in_bytes.times(price).unwrap().to_amount().unwrap().to_string(), "11776000.000000");
}

fn any_ratio() -> impl Strategy<Value = Ratio> {
    (any::<i64>(), 1i64..i64::MAX).prop_map(|(above, below)| Ratio::new(above.into(), below.into()).unwrap())
}

/// Few factors, so that sums of several still fit.
fn small_ratio() -> impl Strategy<Value = Ratio> {
    (-1_000_000i64..1_000_000, 1i64..100_000).prop_map(|(above, below)| Ratio::new(above.into(), below.into()).unwrap())
}

proptest! {
    #[test]
    fn every_value_survives_its_text(value in any_ratio()) {
        prop_assert_eq!(value.to_string().parse(), Ok(value));
    }

    #[test]
    fn addition_and_multiplication_obey_their_laws(a in small_ratio(), b in small_ratio(), c in small_ratio()) {
        prop_assert_eq!(a.plus(b), b.plus(a));
        prop_assert_eq!(a.plus(b).unwrap().plus(c), b.plus(c).unwrap().plus(a));
        prop_assert_eq!(a.times(b.plus(c).unwrap()), a.times(b).unwrap().plus(a.times(c).unwrap()));
        prop_assert_eq!(a.minus(b).unwrap().plus(b), Ok(a));
        if !b.is_zero() {
            prop_assert_eq!(a.over(b).unwrap().times(b), Ok(a));
        }
        prop_assert_eq!(a.cmp(&b), a.minus(b).unwrap().numerator().cmp(&0));
    }

    #[test]
    fn rounding_is_never_further_off_than_half(value in any_ratio(), places in 0u32..7) {
        let rounded = Ratio::decimal(value.round_half_even(places).unwrap(), places).unwrap();
        let half = Ratio::new(1, 2 * 10i128.pow(places)).unwrap();
        let off = if rounded > value { rounded.minus(value) } else { value.minus(rounded) };
        prop_assert!(off.is_err() || off.unwrap() <= half);
        prop_assert_eq!(value.negated().round_half_even(places).unwrap(), -value.round_half_even(places).unwrap());
    }

    #[test]
    fn both_roads_to_half_even_agree(numerator in any::<i64>(), denominator in 1i64..1_000_000) {
        let (numerator, denominator) = (i128::from(numerator), i128::from(denominator));
        prop_assert_eq!(Ratio::new(numerator, denominator).unwrap().round_half_even(0), Ok(div_half_even(numerator, denominator)));
    }
}
