//! From an async handler to the ingest writer and back: no thread waits for the commit.

use domain::ingest::{Door, Item};
use domain::refusal::{Code, Refusal};
use engine::ingest::Answered;
use engine::{Ctx, Error};
use http::{HeaderMap, header};
use tokio::sync::oneshot;

use crate::app::App;
use crate::failure::Failure;

/// Hands items to the writer and waits for its answer.
pub(super) async fn submit(app: &App, ctx: &Ctx, door: Door, items: Vec<Item>) -> Result<Answered, Failure> {
    let (sender, receiver) = oneshot::channel();
    // A caller who hung up is answered into the void; its events are stored all the same.
    app.engine().submit_usage(ctx, door, items, move |answered| drop(sender.send(answered)))?;
    let answered = receiver.await.map_err(|_| Error::Bug("the ingest writer gave no answer".to_owned()))?;
    Ok(answered?)
}

/// Keeps a request that cannot be read as a whole, and answers why.
pub(super) async fn refuse(
    app: &App,
    ctx: &Ctx,
    door: Door,
    refusal: Refusal,
    body: &[u8],
) -> Result<Failure, Failure> {
    let item = Item::refused(None, refusal.clone(), body);
    submit(app, ctx, door, vec![item]).await?;
    Ok(refusal.into())
}

/// What the header `Content-Type` says the body is, without its parameters; JSON when there is none.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let value =
        headers.get(header::CONTENT_TYPE).map_or("application/json", |value| value.to_str().unwrap_or_default());
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The refusal of a body of another type.
pub(super) fn unsupported(known: &str) -> Refusal {
    Refusal::new(Code::UnsupportedMediaType, format!("This path reads {known}. Say which in the header Content-Type."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn parameters_and_case_of_a_content_type_do_not_matter() {
        let mut headers = HeaderMap::new();
        assert_eq!(content_type(&headers), "application/json");
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("Application/X-NDJSON; charset=utf-8"));
        assert_eq!(content_type(&headers), "application/x-ndjson");
    }
}
