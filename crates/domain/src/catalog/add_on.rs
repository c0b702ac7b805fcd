//! Add-ons: prices that a subscription can book besides its plan.

use crate::catalog::key::check_key;
use crate::catalog::price::Price;
use crate::catalog::{References, check_prices};
use crate::currency::Currency;
use crate::problems::Problems;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddOn {
    pub key: String,
    pub name: String,
    pub currency: Currency,
    pub prices: Vec<Price>,
}

impl AddOn {
    /// Finds what is wrong with the add-on at `path`.
    pub fn check(&self, path: &str, known: &References, problems: &mut Problems) {
        check_key(&self.key, &format!("{path}.key"), problems);
        problems.require(!self.name.trim().is_empty(), format!("{path}.name"), "must not be empty.");
        problems.require(!self.prices.is_empty(), format!("{path}.prices"), "must have at least one price.");
        check_prices(&self.prices, &format!("{path}.prices"), known, problems);
    }
}
