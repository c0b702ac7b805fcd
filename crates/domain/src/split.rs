//! Splitting a whole into parts that sum to it exactly: largest remainder, ties by stable id.
//!
//! The method of Hamilton: each part gets the floor of its exact share; what is left over goes, one count each, to the parts with
//! the largest remainders, and of equal remainders to the smaller id. Nothing depends on the order in which parts are listed.

use std::cmp::Reverse;

use crate::amount::Amount;
use crate::ratio::{OutOfRange, Ratio};

/// Splits `total` counts by weights, and answers in the order of `parts`.
///
/// Weights of zero get nothing; when every weight is zero, all weigh the same. A negative total is split like its positive
/// counterpart.
/// ```
/// use domain::split::split;
/// assert_eq!(split(100, &[("a", 1), ("b", 1), ("c", 1)]), Ok(vec![34, 33, 33]));
/// assert_eq!(split(-100, &[("b", 1), ("a", 1), ("c", 1)]), Ok(vec![-33, -34, -33]));
/// ```
///
/// # Errors
/// [`OutOfRange`] when there is something to split and nobody to take it.
pub fn split<Id: Ord>(total: i64, parts: &[(Id, u64)]) -> Result<Vec<i64>, OutOfRange> {
    if parts.is_empty() {
        return if total == 0 { Ok(Vec::new()) } else { Err(OutOfRange) };
    }
    let every_weight_is_zero = parts.iter().all(|(_, weight)| *weight == 0);
    let weight_of = |weight: u64| if every_weight_is_zero { 1 } else { u128::from(weight) };
    let weights: u128 = parts.iter().map(|(_, weight)| weight_of(*weight)).sum();
    let size = u128::from(total.unsigned_abs());
    // Cannot overflow: both factors are below 2^64.
    let exact = parts.iter().map(|(_, weight)| size * weight_of(*weight));
    let (mut shares, rests): (Vec<u128>, Vec<u128>) = exact.map(|share| (share / weights, share % weights)).unzip();
    let left_over = size - shares.iter().sum::<u128>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| (Reverse(rests[*index]), &parts[*index].0, *index));
    let receivers = usize::try_from(left_over).map_err(|_| OutOfRange)?;
    for index in &order[..receivers] {
        shares[*index] += 1;
    }
    shares.into_iter().map(|share| signed(share, total < 0)).collect()
}

/// Splits an amount to the millionth.
///
/// # Errors
/// [`OutOfRange`] when there is something to split and nobody to take it.
pub fn split_amount<Id: Ord>(total: Amount, parts: &[(Id, u64)]) -> Result<Vec<Amount>, OutOfRange> {
    Ok(split(total.micros(), parts)?.into_iter().map(Amount::from_micros).collect())
}

/// Splits `total` counts among parts whose exact shares are known and may be negative: floors first, then largest remainders, ties by
/// the smaller id. Answers in the order of `parts`.
///
/// # Errors
/// [`OutOfRange`] when `total` is not the sum of the exact shares rounded to a neighbouring whole count.
pub fn split_exact<Id: Ord>(total: i64, parts: &[(Id, Ratio)]) -> Result<Vec<i64>, OutOfRange> {
    let floors = parts.iter().map(|(_, share)| i64::try_from(share.floor()).map_err(|_| OutOfRange));
    let mut shares = floors.collect::<Result<Vec<i64>, OutOfRange>>()?;
    let floor = shares.iter().try_fold(0i64, |sum, share| sum.checked_add(*share)).ok_or(OutOfRange)?;
    let left_over = total.checked_sub(floor).and_then(|rest| usize::try_from(rest).ok()).ok_or(OutOfRange)?;
    let rests = parts.iter().zip(&shares).map(|((_, share), floor)| share.minus(Ratio::whole(*floor)));
    let rests = rests.collect::<Result<Vec<Ratio>, OutOfRange>>()?;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| (Reverse(rests[*index]), &parts[*index].0, *index));
    for index in order.get(..left_over).ok_or(OutOfRange)? {
        shares[*index] += 1;
    }
    Ok(shares)
}

fn signed(size: u128, is_negative: bool) -> Result<i64, OutOfRange> {
    let size = i128::try_from(size).map_err(|_| OutOfRange)?;
    i64::try_from(if is_negative { -size } else { size }).map_err(|_| OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_split_among_nobody() {
        assert_eq!(split::<u8>(0, &[]), Ok(vec![]));
        assert_eq!(split::<u8>(1, &[]), Err(OutOfRange));
    }

    #[test]
    fn the_extremes_are_split_too() {
        assert_eq!(split(i64::MIN, &[(1, u64::MAX), (2, u64::MAX)]), Ok(vec![i64::MIN / 2; 2]));
        assert_eq!(split(7, &[(2, 0), (1, 0)]), Ok(vec![3, 4]));
    }

    // promise P20
    proptest! {
        #[test]
        fn parts_always_sum_to_the_whole(
            total in any::<i64>(),
            weights in prop::collection::vec(prop_oneof![0u64..5, any::<u64>()], 1..20),
        ) {
            let parts: Vec<(usize, u64)> = weights.iter().copied().enumerate().collect();
            let shares = split(total, &parts).unwrap();
            prop_assert_eq!(shares.iter().map(|share| i128::from(*share)).sum::<i128>(), i128::from(total));
            // Nobody is further than one count from the exact share.
            let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            for (share, weight) in shares.iter().zip(&weights).filter(|_| sum > 0) {
                let floor = u128::from(total.unsigned_abs()) * u128::from(*weight) / sum;
                prop_assert!((floor..=floor + 1).contains(&u128::from(share.unsigned_abs())));
            }
        }

        #[test]
        fn signed_shares_sum_to_their_rounded_sum(
            shares in prop::collection::vec((-1_000_000i64..1_000_000, 1i64..1_000), 1..12),
        ) {
            let exact = |(above, below): &(i64, i64)| Ratio::new((*above).into(), (*below).into()).unwrap();
            // Only few denominators, so that their sum fits.
            let parts: Vec<(usize, Ratio)> = shares.iter().map(exact).take(6).enumerate().collect();
            let sum = Ratio::sum(parts.iter().map(|(_, share)| *share)).unwrap();
            let total = i64::try_from(sum.round_half_even(0).unwrap()).unwrap();
            let counts = split_exact(total, &parts).unwrap();
            prop_assert_eq!(counts.iter().sum::<i64>(), total);
            for (count, (_, share)) in counts.iter().zip(&parts) {
                prop_assert!((share.floor()..=share.ceiling()).contains(&i128::from(*count)));
            }
            prop_assert_eq!(split_exact(total + 13, &parts), Err(OutOfRange));
        }

        #[test]
        fn the_order_of_the_list_does_not_matter(
            total in any::<i64>(),
            parts in prop::collection::vec(0u64..100, 1..12)
                .prop_map(|weights| weights.into_iter().enumerate().collect::<Vec<_>>())
                .prop_flat_map(|sorted| (Just(sorted.clone()), Just(sorted).prop_shuffle())),
        ) {
            let (sorted, shuffled) = parts;
            let mut again: Vec<_> = shuffled.iter().map(|(id, _)| *id).zip(split(total, &shuffled).unwrap()).collect();
            again.sort_unstable();
            let expected: Vec<_> = sorted.iter().map(|(id, _)| *id).zip(split(total, &sorted).unwrap()).collect();
            prop_assert_eq!(again, expected);
        }
    }
}
