//! `/projects/{projectId}/transactions`: money moved by people, and the list of all that moved.

pub(crate) mod requests;

use axum::extract::State;
use domain::ids::EntryId;
use domain::ledger::entry::TransactionType;
use domain::refusal::Refusal;
use engine::Ctx;
use engine::transactions::{Transaction, TransactionExplanation, TransactionFilter};

pub use self::requests::{DebitRequest, GrantCreditRequest, RefundRequest, ReverseRequest};
use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, Idempotent, In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

/// What a list of transactions or entries is narrowed to.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TransactionParams {
    /// Only those that count at this time or later, by `effectiveAt`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Only those that count before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// `credit`, `charge`, `debit`, `refund` or `reversal`.
    r#type: Option<String>,
    /// Only those of this customer.
    customer_key: Option<String>,
    /// Only those in this currency.
    currency: Option<String>,
}

impl TransactionParams {
    pub(crate) fn read(self) -> Result<TransactionFilter, Refusal> {
        Ok(TransactionFilter {
            customer_key: self.customer_key,
            currency: filter::currency("currency", self.currency.as_deref())?,
            kind: filter::named("type", self.r#type.as_deref(), TransactionType::ALL, TransactionType::parse)?,
            from: filter::instant("from", self.from.as_deref())?,
            to: filter::instant("to", self.to.as_deref())?,
        })
    }
}

/// Grant credit
///
/// Raises the balance of a customer's wallet by a new credit lot: promotional, or with `paid` a prepayment. While an
/// overdraft stands, the lot repays it first.
#[utoipa::path(post, path = "/projects/{projectId}/transactions/credit", tag = "transactions",
    params(IdempotencyHeader),
    request_body = GrantCreditRequest, responses((status = 201, description = "The transaction", body = Transaction)))]
pub async fn grant_credit(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Idempotent(key): Idempotent,
    Json(body): Json<GrantCreditRequest>,
) -> Reply {
    let credit = body.read()?;
    app.run(move |engine| engine.grant_credit(&ctx, key, &credit)).await.map(answer)
}

/// Debit a wallet
///
/// Takes an amount away by hand, in draw order. Needs a reason code, which also names the account it goes to.
#[utoipa::path(post, path = "/projects/{projectId}/transactions/debit", tag = "transactions",
    params(IdempotencyHeader), request_body = DebitRequest,
    responses(
        (status = 201, description = "The transaction", body = Transaction),
        (status = 402, description = "`insufficient_credit`: the wallet cannot pay; final for this key",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn debit_wallet(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Idempotent(key): Idempotent,
    Json(body): Json<DebitRequest>,
) -> Reply {
    let debit = body.read()?;
    app.run(move |engine| engine.debit_wallet(&ctx, key, &debit)).await.map(answer)
}

/// Refund a charge
///
/// Gives money of a charge back to the wallet it came from, in part or whole, in reverse draw order. All refunds of a charge
/// together never exceed it. Needs a reason code.
#[utoipa::path(post, path = "/projects/{projectId}/transactions/refund", tag = "transactions",
    params(IdempotencyHeader), request_body = RefundRequest,
    responses((status = 201, description = "The transaction", body = Transaction)))]
pub async fn refund_charge(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Idempotent(key): Idempotent,
    Json(body): Json<RefundRequest>,
) -> Reply {
    let refund = body.read()?;
    app.run(move |engine| engine.refund_charge(&ctx, key, &refund)).await.map(answer)
}

/// Reverse a transaction
///
/// Undoes a credit, charge or debit by an entry that names it. A credit is reversed only while nothing of it is spent. Needs
/// a reason code.
#[utoipa::path(post, path = "/projects/{projectId}/transactions/reverse", tag = "transactions",
    params(IdempotencyHeader),
    request_body = ReverseRequest, responses((status = 201, description = "The transaction", body = Transaction)))]
pub async fn reverse_transaction(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Idempotent(key): Idempotent,
    Json(body): Json<ReverseRequest>,
) -> Reply {
    let reversal = body.read()?;
    app.run(move |engine| engine.reverse_transaction(&ctx, key, &reversal)).await.map(answer)
}

/// List transactions
///
/// The newest first. What is added meanwhile does not shift the pages that follow.
#[utoipa::path(get, path = "/projects/{projectId}/transactions", tag = "transactions", params(PageQuery, TransactionParams),
    responses((status = 200, description = "A page of transactions", body = Page<Transaction>)))]
pub async fn list_transactions(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<TransactionParams>,
) -> Result<Json<Page<Transaction>>, Failure> {
    let (before, fetch, filter) = (page.after()?, page.fetch()?, params.read()?);
    let found = app.run(move |engine| engine.list_transactions(&ctx, &filter, before, fetch)).await?;
    Ok(Json(Page::new(found, &page, |transaction| transaction.id)?))
}

/// One transaction
#[utoipa::path(get, path = "/projects/{projectId}/transactions/{transactionId}", tag = "transactions",
    responses((status = 200, description = "The transaction", body = Transaction)))]
pub async fn get_transaction(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<EntryId>,
) -> Result<Json<Transaction>, Failure> {
    app.run(move |engine| engine.get_transaction(&ctx, id)).await.map(Json)
}

/// Explain a transaction
///
/// Why it is what it is, derived from what is stored: the amount as it was sent, what was taken from which lot or added to it and by which
/// rule, that nothing was rounded, and the entry with its lines, idempotency key, actor and cause.
#[utoipa::path(get, path = "/projects/{projectId}/transactions/{transactionId}/explain", tag = "transactions",
    responses((status = 200, description = "The way from what was sent to what was booked", body = TransactionExplanation)))]
pub async fn explain_transaction(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<EntryId>,
) -> Result<Json<TransactionExplanation>, Failure> {
    app.run(move |engine| engine.explain_transaction(&ctx, id)).await.map(Json)
}
