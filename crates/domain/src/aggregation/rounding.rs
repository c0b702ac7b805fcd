//! The rounding of a metric: what its quantity becomes before it is priced. Off unless the metric asks for it.

use crate::named::named;
use crate::ratio::{OutOfRange, Ratio};

named! {
    /// Which way a quantity is rounded.
    RoundingDirection {
        Up = "up",
        Down = "down",
        /// Half to even.
        Nearest = "nearest",
    }
}

/// Rounds a quantity to so many places after the decimal point, 0 to 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuantityRounding {
    pub direction: RoundingDirection,
    pub places: u32,
}

impl QuantityRounding {
    /// ```
    /// use domain::aggregation::rounding::{RoundingDirection, QuantityRounding};
    /// let up = QuantityRounding { direction: RoundingDirection::Up, places: 1 };
    /// assert_eq!(up.round("2.01".parse().unwrap()).unwrap().to_string(), "2.1");
    /// ```
    ///
    /// # Errors
    /// [`OutOfRange`] when the rounded quantity does not fit.
    pub fn round(self, quantity: Ratio) -> Result<Ratio, OutOfRange> {
        let scale = Ratio::new(10i128.checked_pow(self.places).ok_or(OutOfRange)?, 1)?;
        let count = match self.direction {
            RoundingDirection::Up => quantity.times(scale)?.ceiling(),
            RoundingDirection::Down => quantity.times(scale)?.floor(),
            RoundingDirection::Nearest => quantity.round_half_even(self.places)?,
        };
        Ratio::decimal(count, self.places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(RoundingDirection::Up, "1.5")]
    #[case(RoundingDirection::Down, "1.4")]
    #[case(RoundingDirection::Nearest, "1.4")]
    fn each_direction_rounds_its_own_way(#[case] direction: RoundingDirection, #[case] expected: &str) {
        let rounded = QuantityRounding { direction, places: 1 }.round("1.45".parse().unwrap()).unwrap();
        assert_eq!(rounded.to_string(), expected);
    }
}
