//! Charges in a custom asset as money: the exact units times the rate in force, rounded once.

use crate::amount::Amount;
use crate::catalog::asset::{AssetCode, CustomAsset};
use crate::currency::Currency;
use crate::ratio::{OutOfRange, Ratio};
use crate::time::Instant;
use crate::unit_price::UnitPrice;

/// How units of an asset became money.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Converted {
    /// What one unit costs.
    pub unit_price: UnitPrice,
    pub currency: Currency,
    /// From when on the rate holds; absent: from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Instant>,
    /// `exact units × unit price`, before rounding.
    pub exact: Ratio,
    /// Rounded once, half-even, to 10⁻⁶ units of the currency.
    pub amount: Amount,
}

/// What units of an asset are in a currency at an instant; `None` when no rate is in force.
///
/// # Errors
/// [`OutOfRange`] when the result does not fit.
pub fn convert(
    units: Ratio,
    asset: &AssetCode,
    currency: Currency,
    assets: &[CustomAsset],
    at: Instant,
) -> Result<Option<Converted>, OutOfRange> {
    let custom = assets.iter().find(|custom| custom.code == asset.code());
    let Some(rate) = custom.and_then(|custom| custom.conversion_at(currency, at)) else {
        return Ok(None);
    };
    let exact = rate.to_money(units)?;
    let (unit_price, effective_from) = (rate.unit_price, rate.effective_from);
    Ok(Some(Converted { unit_price, currency, effective_from, exact, amount: exact.to_amount()? }))
}
