//! `POST /ingest/charge`: a machine takes an amount from a wallet now. The body goes to the engine as it was sent, because
//! what is refused is kept as it was sent.

use std::collections::BTreeMap;

use axum::extract::State;
use domain::ingest::charge::ChargeItem;
use domain::refusal::Refusal;
use engine::Ctx;
use engine::transactions::Transaction;
use http::HeaderMap;

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, In, RawBody};
use crate::guard::one_header;

const IDEMPOTENCY_KEY: http::HeaderName = http::HeaderName::from_static("idempotency-key");

#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "only described: the engine reads the body itself")]
#[schema(rename_all = "camelCase")]
pub struct ChargeRequest {
    /// Greater than zero, at most six places: a decimal text, or a number.
    #[schema(example = "12.500000")]
    amount: String,
    /// ISO 4217; the project's currency if not given.
    currency: Option<String>,
    /// The project itself if not given.
    customer_key: Option<String>,
    description: Option<String>,
    /// RFC 3339; the time of receipt if not given. At most 5 minutes ahead.
    #[schema(format = DateTime)]
    timestamp: Option<String>,
    /// A flat object of at most 50 fields, kept with the transaction.
    metadata: Option<BTreeMap<String, serde_json::Value>>,
}

/// Charge a wallet
///
/// Takes an amount from a customer's wallet at once, in draw order, within its overdraft limit. Every attempt is counted;
/// what is refused is kept as a rejection.
#[utoipa::path(post, path = "/ingest/charge", tag = "ingest", params(IdempotencyHeader), request_body = ChargeRequest, responses(
    (status = 201, description = "The transaction", body = Transaction),
    (status = 402, description = "`insufficient_credit`: the wallet cannot pay; final for this key",
        body = engine::problem::Problem, content_type = "application/problem+json"),
))]
pub async fn charge(State(app): State<App>, In(ctx): In<Ctx>, headers: HeaderMap, RawBody(body): RawBody) -> Reply {
    let key = one_header(&headers, &IDEMPOTENCY_KEY)?;
    let item = match body {
        Ok(body) => ChargeItem::read(key, &body),
        Err(too_large) => {
            let beginning = too_large.beginning.clone();
            ChargeItem::refused(key, Refusal::from(too_large), &beginning)
        }
    };
    app.run(move |engine| engine.charge(&ctx, &item)).await.map(answer)
}
