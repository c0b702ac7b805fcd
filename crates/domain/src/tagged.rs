//! Reading things whose field `type` says what they are, without a detour: the fields after it are read straight from the document, so
//! that a mistake is reported at its own place, and a number of YAML is seen as it is written.
//!
//! What serde derives for such a type first copies the fields into values of its own. That copy knows no places, and holds numbers as
//! floating point.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// A thing that is told apart by its field `type`.
pub(crate) trait Tagged: Sized {
    /// What `type` may be.
    const TYPES: &'static [&'static str];

    /// Reads the other fields.
    fn read<'de, D: Deserializer<'de>>(kind: &str, fields: D) -> Result<Self, D::Error>;
}

/// Nothing besides the type.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFields {}

pub(crate) fn deserialize<'de, T: Tagged, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(OfType(PhantomData))
}

/// The refusal of a type that is not known.
pub(crate) fn unknown<T: Tagged, E: Error>(kind: &str) -> E {
    E::unknown_variant(kind, T::TYPES)
}

/// What `type` says, refused at its own place.
struct KindOf<T>(PhantomData<T>);

impl<'de, T: Tagged> DeserializeSeed<'de> for KindOf<T> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let kind = String::deserialize(deserializer)?;
        if T::TYPES.contains(&kind.as_str()) { Ok(kind) } else { Err(unknown::<T, _>(&kind)) }
    }
}

struct OfType<T>(PhantomData<T>);

impl<'de, T: Tagged> Visitor<'de> for OfType<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object with the field `type`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<T, A::Error> {
        let Some(first) = fields.next_key::<String>()? else {
            return Err(A::Error::missing_field("type"));
        };
        if first == "type" {
            let kind = fields.next_value_seed(KindOf::<T>(PhantomData))?;
            return T::read(&kind, MapAccessDeserializer::new(fields));
        }
        // The type stands further down: what is before it has to wait.
        let mut waiting = Map::new();
        waiting.insert(first, fields.next_value()?);
        while let Some(name) = fields.next_key::<String>()? {
            if waiting.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            let value: Value = fields.next_value()?;
            waiting.insert(name, value);
        }
        let Some(kind) = waiting.remove("type") else {
            return Err(A::Error::missing_field("type"));
        };
        let kind = KindOf::<T>(PhantomData).deserialize(kind).map_err(A::Error::custom)?;
        T::read(&kind, Value::Object(waiting)).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::coupon::{Discount, Duration};
    use crate::pricing::model::Model;

    #[test]
    fn the_type_may_stand_anywhere() {
        let first: Model = serde_json::from_str(r#"{"type":"package","size":"1000","price":"5"}"#).unwrap();
        let last: Model = serde_json::from_str(r#"{"size":"1000","price":"5","type":"package"}"#).unwrap();
        assert_eq!(first, last);
        assert_eq!(serde_json::from_str::<Duration>(r#"{"type":"once"}"#).unwrap(), Duration::Once);
    }

    #[rstest::rstest]
    #[case("{}", "missing field `type`")]
    #[case(r#"{"type":"flat"}"#, "unknown variant `flat`, expected one of")]
    #[case(r#"{"type":"perUnit"}"#, "missing field `unitPrice`")]
    #[case(r#"{"unitPrice":"1"}"#, "missing field `type`")]
    #[case(r#"{"type":"perUnit","unitPrice":"1","size":"1"}"#, "unknown field `size`")]
    #[case(r#"{"unitPrice":"1","unitPrice":"2","type":"perUnit"}"#, "duplicate field `unitPrice`")]
    #[case(r#"{"unitPrice":"x","type":"perUnit"}"#, "is not a decimal number")]
    #[case("7", "expected an object with the field `type`")]
    fn what_is_not_such_a_thing_is_refused(#[case] json: &str, #[case] expected: &str) {
        let message = serde_json::from_str::<Model>(json).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn fields_of_another_type_are_refused() {
        assert!(serde_json::from_str::<Discount>(r#"{"type":"percent","percent":"1","currency":"EUR"}"#).is_err());
        assert!(serde_json::from_str::<Duration>(r#"{"type":"once","periods":1}"#).is_err());
    }

    #[test]
    fn every_type_that_is_written_can_be_read() {
        use super::Tagged;
        for kind in Model::TYPES {
            let message =
                serde_json::from_str::<Model>(&format!(r#"{{"type":"{kind}"}}"#)).map_err(|error| error.to_string());
            assert!(message.is_ok() || message.unwrap_err().contains("missing field"), "{kind}");
        }
    }
}
