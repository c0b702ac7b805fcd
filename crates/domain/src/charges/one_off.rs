//! A one-off item: something that a person puts on an invoice, `quantity × unit price`, rounded once to the millionth.

use sha2::{Digest, Sha256};

use crate::amount::Amount;
use crate::ratio::{OutOfRange, Ratio};
use crate::unit_price::UnitPrice;

/// What of an item is kept with its charge.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OneOffItem {
    /// What it is, as it is printed.
    pub name: String,
    pub quantity: Ratio,
    pub unit_price: UnitPrice,
    /// Before rounding.
    pub exact: Ratio,
    /// Rounded half-even to 10⁻⁶.
    pub amount: Amount,
    /// How it came about, as a sentence.
    pub text: String,
}

impl OneOffItem {
    /// An item with what it comes to; negative where the unit price is.
    ///
    /// ```
    /// use domain::{charges::one_off::OneOffItem, unit_price::UnitPrice};
    /// let item = OneOffItem::new("Workshop", "2.5".parse().unwrap(), UnitPrice::parse("480").unwrap()).unwrap();
    /// assert_eq!(item.amount.to_string(), "1200.000000");
    /// ```
    ///
    /// # Errors
    /// [`OutOfRange`] when the product does not fit.
    pub fn new(name: &str, quantity: Ratio, unit_price: UnitPrice) -> Result<OneOffItem, OutOfRange> {
        let exact = quantity.times(unit_price.into())?;
        let amount = exact.to_amount()?;
        let text = format!("{quantity} × {unit_price} = {amount}");
        Ok(OneOffItem { name: name.to_owned(), quantity, unit_price, exact, amount, text })
    }

    /// The bytes that are kept, and their SHA-256.
    pub fn content(&self) -> (String, [u8; 32]) {
        // Cannot fail: texts, and numbers as texts.
        let content = serde_json::to_string(self).expect("an item is representable in JSON");
        let digest = Sha256::digest(content.as_bytes()).into();
        (content, digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_rounded_once_and_keeps_how_it_came_about() {
        let item =
            OneOffItem::new("Setup", "0.333333".parse().unwrap(), UnitPrice::parse("0.000005").unwrap()).unwrap();
        assert_eq!(item.amount.to_string(), "0.000002");
        assert_eq!(item.text, "0.333333 × 0.000005 = 0.000002");
        let (content, digest) = item.content();
        assert_eq!(serde_json::from_str::<OneOffItem>(&content).unwrap(), item);
        assert_eq!(item.content().1, digest);
    }
}
