//! PostgreSQL's binary `numeric` to and from i128: digits in base 10,000, no fraction.

use bytes::{BufMut, BytesMut};

const BASE: u128 = 10_000;
const NEGATIVE: u16 = 0x4000;

/// Writes the number: count of digits, weight of the first, sign, digits after the point, digits.
pub(crate) fn encode(value: i128, out: &mut BytesMut) {
    let mut digits = Vec::with_capacity(10);
    let mut rest = value.unsigned_abs();
    while rest > 0 {
        // Cannot fail: a remainder of 10,000 fits.
        digits.push(i16::try_from(rest % BASE).expect("a digit in base 10,000 fits 16 bits"));
        rest /= BASE;
    }
    // Cannot fail: 128 bits are at most ten digits in base 10,000.
    let count = i16::try_from(digits.len()).expect("at most ten digits");
    out.put_i16(count);
    out.put_i16((count - 1).max(0));
    out.put_u16(if value < 0 { NEGATIVE } else { 0 });
    out.put_i16(0);
    for digit in digits.iter().rev() {
        out.put_i16(*digit);
    }
}

/// Reads the number; `None` for a fraction, a NaN, an infinity, or more than 128 bits.
pub(crate) fn decode(bytes: &[u8]) -> Option<i128> {
    let (header, digits) = bytes.split_at_checked(8)?;
    let count = u16::from_be_bytes([header[0], header[1]]);
    let weight = i16::from_be_bytes([header[2], header[3]]);
    let sign = u16::from_be_bytes([header[4], header[5]]);
    if digits.len() != usize::from(count) * 2 || (sign != 0 && sign != NEGATIVE) {
        return None;
    }
    let mut value: i128 = 0;
    let mut exponent = i32::from(weight);
    for pair in digits.chunks_exact(2) {
        let digit = i128::from(u16::from_be_bytes([pair[0], pair[1]]));
        if exponent < 0 {
            if digit != 0 {
                return None;
            }
            continue;
        }
        // Downwards, so that the smallest number fits as well.
        value = value.checked_mul(10_000)?.checked_sub(digit)?;
        exponent -= 1;
    }
    // Trailing zero digits are not stored.
    if value != 0 {
        for _ in 0..=exponent {
            value = value.checked_mul(10_000)?;
        }
    }
    if sign == NEGATIVE { Some(value) } else { value.checked_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(value: i128) -> Option<i128> {
        let mut out = BytesMut::new();
        encode(value, &mut out);
        decode(&out)
    }

    #[test]
    fn the_edges_survive() {
        for value in [0, 1, -1, 9_999, 10_000, -10_000, 100_000_000, i128::MAX, i128::MIN] {
            assert_eq!(round_trip(value), Some(value));
        }
    }

    #[test]
    fn trailing_zero_digits_may_be_left_out() {
        // 1 at weight 2 is 10,000^2, the form PostgreSQL sends.
        assert_eq!(decode(&[0, 1, 0, 2, 0, 0, 0, 0, 0, 1]), Some(100_000_000));
    }

    #[test]
    fn a_fraction_and_a_nan_are_refused() {
        assert_eq!(decode(&[0, 1, 0xff, 0xff, 0, 0, 0, 4, 0x13, 0x88]), None);
        assert_eq!(decode(&[0, 0, 0, 0, 0xc0, 0, 0, 0]), None);
        assert_eq!(decode(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 1]), None);
    }

    proptest! {
        #[test]
        fn every_wide_integer_survives(value in any::<i128>()) {
            prop_assert_eq!(round_trip(value), Some(value));
        }

        #[test]
        fn small_ones_survive_as_well(value in any::<i64>(), zeros in 0u32..6) {
            let value = i128::from(value) * 10i128.pow(zeros * 3);
            prop_assert_eq!(round_trip(value), Some(value));
        }
    }
}
