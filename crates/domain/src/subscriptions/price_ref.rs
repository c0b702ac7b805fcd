//! Names of what a subscription is made of: versions of plans and add-ons, and single prices of them.

use std::fmt;

/// One version of a plan or an add-on.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VersionRef {
    pub key: String,
    /// From 1, counted per key.
    pub version: u32,
}

/// A price of a subscription: `base` is one of its plan, `support/hours` one of its add-on `support`. It stays the same price when
/// the plan changes to another version, or to another plan that has a price with this key.
///
/// ```
/// use domain::subscriptions::price_ref::PriceRef;
/// let hours: PriceRef = "support/hours".parse().unwrap();
/// assert_eq!((hours.add_on.as_deref(), hours.price.as_str()), (Some("support"), "hours"));
/// assert_eq!(hours.to_string(), "support/hours");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceRef {
    pub add_on: Option<String>,
    pub price: String,
}

/// A text that names no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither the key of a price nor `addOn/price`")]
pub struct PriceRefError;

impl PriceRef {
    /// A price of the plan.
    pub fn of_plan(price: &str) -> PriceRef {
        PriceRef { add_on: None, price: price.to_owned() }
    }

    /// A price of an add-on.
    pub fn of_add_on(add_on: &str, price: &str) -> PriceRef {
        PriceRef { add_on: Some(add_on.to_owned()), price: price.to_owned() }
    }
}

impl fmt::Display for PriceRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(add_on) = &self.add_on {
            write!(out, "{add_on}/")?;
        }
        out.write_str(&self.price)
    }
}

impl std::str::FromStr for PriceRef {
    type Err = PriceRefError;
    fn from_str(text: &str) -> Result<PriceRef, PriceRefError> {
        let (add_on, price) = match text.split_once('/') {
            Some((add_on, price)) => (Some(add_on), price),
            None => (None, text),
        };
        let is_key = |key: &str| !key.is_empty() && !key.contains('/');
        if is_key(price) && add_on.is_none_or(is_key) {
            Ok(PriceRef { add_on: add_on.map(str::to_owned), price: price.to_owned() })
        } else {
            Err(PriceRefError)
        }
    }
}

impl fmt::Display for VersionRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} version {}", self.key, self.version)
    }
}

impl serde::Serialize for PriceRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for PriceRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<PriceRef, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for PriceRef {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for PriceRef {}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("")]
    #[case("/")]
    #[case("a/")]
    #[case("/a")]
    #[case("a/b/c")]
    fn a_text_that_names_no_price_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<PriceRef>(), Err(PriceRefError));
    }

    #[test]
    fn a_price_of_an_add_on_is_another_price_than_that_of_the_plan() {
        assert_ne!(PriceRef::of_add_on("a", "base"), PriceRef::of_plan("base"));
        assert_eq!("a/base".parse(), Ok(PriceRef::of_add_on("a", "base")));
        assert_eq!("base".parse(), Ok(PriceRef::of_plan("base")));
    }
}
