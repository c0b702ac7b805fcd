//! Tiers, which `graduated` and `volume` share: ascending, the last one open, each with a unit price and perhaps a flat fee.

use crate::amount::Amount;
use crate::pricing::explanation::{Step, Steps};
use crate::problems::Problems;
use crate::quantity::QuantitySum;
use crate::ratio::{OutOfRange, Ratio};
use crate::unit_price::UnitPrice;

/// The units above the end of the tier before, up to and with `up_to`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tier {
    /// The last unit of the tier; absent for the last tier, which is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<QuantitySum>,
    pub unit_price: UnitPrice,
    /// Due once a unit falls into the tier; prorated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat_fee: Option<Amount>,
}

/// One tier of a list with its number (from 1) and its edges in units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub number: u32,
    pub above: Ratio,
    pub up_to: Option<Ratio>,
    pub tier: &'a Tier,
}

/// The tiers with their edges, in order.
pub(super) fn places(tiers: &[Tier]) -> impl Iterator<Item = Place<'_>> {
    let mut above = Ratio::ZERO;
    tiers.iter().zip(1u32..).map(move |(tier, number)| {
        let up_to = tier.up_to.map(Ratio::from);
        let place = Place { number, above, up_to, tier };
        above = up_to.unwrap_or(above);
        place
    })
}

impl Place<'_> {
    /// Adds the steps for units that are priced in this tier.
    pub(super) fn charge(&self, units: Ratio, share: Ratio, steps: &mut Steps) -> Result<(), OutOfRange> {
        let amount = units.times(self.tier.unit_price.into())?;
        steps.push(Step::Tier {
            tier: self.number,
            above: self.above,
            up_to: self.up_to,
            units,
            unit_price: self.tier.unit_price,
            amount,
        })?;
        if let Some(fee) = self.tier.flat_fee {
            let amount = share.times(fee.into())?;
            steps.push(Step::TierFee { tier: self.number, fee, share, amount })?;
        }
        Ok(())
    }
}

/// Finds what is wrong with a list of tiers at `path`.
pub(super) fn check(tiers: &[Tier], path: &str, problems: &mut Problems) {
    problems.require(!tiers.is_empty(), path, "must have at least one tier.");
    let mut above = QuantitySum::from_micros(0);
    for (index, tier) in tiers.iter().enumerate() {
        let at = format!("{path}[{index}]");
        let is_last = index + 1 == tiers.len();
        match tier.up_to {
            Some(_) if is_last => {
                problems.add(
                    format!("{at}.upTo"),
                    "must be left out: the last tier is open, so that every unit has a price.",
                );
            }
            Some(up_to) if up_to <= above => {
                problems.add(format!("{at}.upTo"), format!("must be greater than {above}, where the tier begins."));
            }
            Some(up_to) => above = up_to,
            None if is_last => {}
            None => problems.add(format!("{at}.upTo"), "is missing: only the last tier is open."),
        }
        problems.require(!tier.unit_price.is_negative(), format!("{at}.unitPrice"), "must not be negative.");
        let fee_is_accepted = tier.flat_fee.is_none_or(|fee| !fee.is_negative());
        problems.require(fee_is_accepted, format!("{at}.flatFee"), "must not be negative.");
    }
}
