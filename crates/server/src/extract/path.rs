//! Ids in a path. A text that is no id names nothing: it is answered like an id that does not exist.

use axum::extract::{FromRequestParts, RawPathParams};
use domain::ids::ProjectId;
use domain::refusal::Refusal;
use http::request::Parts;
use serde::de::value::{Error, SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use crate::failure::Failure;

/// The parameters of the path besides `{projectId}`, which the guard takes care of: one value, or a tuple in their order.
pub struct PathPart<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for PathPart<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathPart<T>, Failure> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Refusal::not_found())?;
        let values: Vec<&str> = params.iter().filter(|(name, _)| *name != "projectId").map(|(_, text)| text).collect();
        // No name holds it, and one of the databases cannot even look for it.
        if values.iter().any(|value| value.contains('\0')) {
            return Err(Refusal::not_found().into());
        }
        T::deserialize(Segments(&values)).map(PathPart).map_err(|_| Refusal::not_found().into())
    }
}

/// The `{projectId}` of a path that is not inside the project: the guard has not entered it.
pub struct PathProject(pub ProjectId);

impl<S: Send + Sync> FromRequestParts<S> for PathProject {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathProject, Failure> {
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Refusal::not_found())?;
        let named = params.iter().find(|(name, _)| *name == "projectId").and_then(|(_, text)| text.parse().ok());
        named.map(PathProject).ok_or_else(|| Refusal::not_found().into())
    }
}

struct Segments<'a>(&'a [&'a str]);

impl<'de> Deserializer<'de> for Segments<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.one()?.deserialize_any(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            [text] => visitor.visit_u32(text.parse().map_err(serde::de::Error::custom)?),
            _ => Err(not_one()),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.0.iter().map(|text| Segments(std::slice::from_ref(text)))))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> Segments<'de> {
    fn one(self) -> Result<StrDeserializer<'de, Error>, Error> {
        match self.0 {
            [text] => Ok((*text).into_deserializer()),
            _ => Err(not_one()),
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for Segments<'de> {
    type Deserializer = Segments<'de>;

    fn into_deserializer(self) -> Segments<'de> {
        self
    }
}

fn not_one() -> Error {
    serde::de::Error::custom("the path has another number of parameters")
}

#[cfg(test)]
mod tests {
    use domain::ids::CustomerId;
    use serde::Deserialize;

    use super::*;

    const ID: &str = "cus_00000000000000000000000007";

    #[test]
    fn one_id_is_read_from_one_parameter() {
        let id = CustomerId::deserialize(Segments(&[ID])).unwrap();
        assert_eq!(id.to_string(), ID);
        assert_eq!(String::deserialize(Segments(&["api_tokens"])).unwrap(), "api_tokens");
        assert!(CustomerId::deserialize(Segments(&["cus_7"])).is_err());
    }

    #[test]
    fn a_tuple_is_read_from_several() {
        let (id, version) = <(CustomerId, u32)>::deserialize(Segments(&[ID, "3"])).unwrap();
        assert_eq!((id.to_string().as_str(), version), (ID, 3));
        assert!(<(CustomerId, u32)>::deserialize(Segments(&[ID])).is_err());
    }
}
