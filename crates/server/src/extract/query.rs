//! Query parameters. Unknown names are refused by the guard, from the parameters the route declares.

use axum::extract::FromRequestParts;
use domain::refusal::{Code, Refusal};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// The query, as the type the handler takes. Derive `utoipa::IntoParams` for it: that is what makes its names known.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Query<T>, Failure> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Query(query)),
            Err(rejection) => Err(explain(&rejection.body_text()).into()),
        }
    }
}

/// The message has the form `Failed to deserialize query string: limit: invalid digit found in string`.
fn explain(message: &str) -> Refusal {
    let reason = message.split_once(": ").map_or(message, |(_, reason)| reason);
    match reason.split_once(": ") {
        Some((name, reason)) if !name.contains(' ') => {
            Refusal::field(Code::InvalidQuery, name, format!("is malformed: {reason}."))
        }
        _ => Refusal::new(Code::InvalidQuery, format!("The query is malformed: {reason}.")),
    }
}
