//! 256-bit intermediates: the product of two 128-bit numbers, compared or divided before it is narrowed again. Nothing else needs them.

/// A product `high · 2¹²⁸ + low`. The derived order is the numeric one, because `high` comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wide {
    high: u128,
    low: u128,
}

/// The low 64 bits of a limb.
const LOW: u128 = (1 << 64) - 1;

/// The exact product of two numbers, by schoolbook multiplication of 64-bit halves.
pub(crate) fn product(left: u128, right: u128) -> Wide {
    let (a, b) = (left >> 64, left & LOW);
    let (c, d) = (right >> 64, right & LOW);
    let (low, middle, cross, high) = (b * d, a * d, b * c, a * c);
    let carried = (low >> 64) + (middle & LOW) + (cross & LOW);
    Wide { high: high + (middle >> 64) + (cross >> 64) + (carried >> 64), low: (low & LOW) | (carried << 64) }
}

/// Quotient and remainder of `left · right / divisor`; `None` when the quotient needs more than 128 bits or the divisor is zero.
pub(crate) fn product_div_rem(left: u128, right: u128, divisor: u128) -> Option<(u128, u128)> {
    if divisor == 0 {
        return None;
    }
    if let Some(narrow) = left.checked_mul(right) {
        return Some((narrow / divisor, narrow % divisor));
    }
    let wide = product(left, right);
    if wide.high >= divisor {
        return None;
    }
    let (mut rest, mut quotient) = (wide.high, 0u128);
    // Long division, one bit at a time: `rest` stays below the divisor.
    for bit in (0..128).rev() {
        let carry = rest >> 127 == 1;
        rest = (rest << 1) | ((wide.low >> bit) & 1);
        quotient <<= 1;
        if carry || rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_product_is_exact() {
        assert_eq!(product(u128::MAX, u128::MAX), Wide { high: u128::MAX - 1, low: 1 });
        assert_eq!(product_div_rem(u128::MAX, u128::MAX, u128::MAX), Some((u128::MAX, 0)));
        assert_eq!(product_div_rem(u128::MAX, u128::MAX, u128::MAX - 1), None);
        assert_eq!(product_div_rem(1, 1, 0), None);
    }

    proptest! {
        #[test]
        fn multiplying_back_gives_the_product(left in any::<u128>(), right in any::<u128>(), divisor in 1u128..) {
            if let Some((quotient, rest)) = product_div_rem(left, right, divisor) {
                prop_assert!(rest < divisor);
                let back = product(quotient, divisor);
                let (low, carry) = back.low.overflowing_add(rest);
                prop_assert_eq!(Wide { high: back.high + u128::from(carry), low }, product(left, right));
            } else {
                prop_assert!(product(left, right).high >= divisor);
            }
        }

        #[test]
        fn the_order_is_the_one_of_the_numbers(left in any::<u64>(), right in any::<u64>(), other in any::<u128>()) {
            prop_assert_eq!(product(u128::from(left), other).cmp(&product(u128::from(right), other)),
                if other == 0 { std::cmp::Ordering::Equal } else { left.cmp(&right) });
        }
    }
}
