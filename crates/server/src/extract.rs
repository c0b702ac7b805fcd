//! What handlers take. Every one of them refuses with a problem; axum's own extractors would answer in plain text.

mod body;
mod idempotency;
mod json;
mod path;
mod query;

pub use body::{BodyLimit, RawBody, TooLarge};
pub use idempotency::{IdempotencyHeader, Idempotent, MaybeIdempotent, OptionalIdempotencyHeader};
pub(crate) use json::explain_data;
pub use json::{Json, parse_json};
pub use path::{PathPart, PathProject};
pub use query::Query;

use axum::extract::FromRequestParts;
use engine::Error;
use http::request::Parts;

use crate::failure::Failure;

/// What the guard of the route found out: `In<Ctx>` inside a project, `In<Caller>` anywhere.
///
/// A handler that takes `In<Ctx>` on a route without a project guard answers 500, and the route matrix test fails.
pub struct In<T>(pub T);

impl<T: Clone + Send + Sync + 'static, S: Sync> FromRequestParts<S> for In<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<In<T>, Failure> {
        parts.extensions.get::<T>().cloned().map(In).ok_or_else(|| {
            Error::Bug(format!("the guard of {} does not provide {}", parts.uri.path(), std::any::type_name::<T>()))
                .into()
        })
    }
}
