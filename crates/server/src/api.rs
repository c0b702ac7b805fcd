//! One file per noun: each handler parses, calls one use case of the engine, and renders what it returns.
//!
//! A handler has this shape; the guard of its route has let the caller in before it runs:
//! ```text
//! /// Grants credit
//! ///
//! /// Raises the balance of a customer's wallet.
//! #[utoipa::path(post, path = "/projects/{projectId}/transactions/credit", tag = "transactions",
//!     responses((status = 201, description = "The transaction", body = Transaction)))]
//! pub async fn create_credit(
//!     State(app): State<App>,
//!     In(ctx): In<Ctx>,
//!     Idempotent(key): Idempotent,
//!     Json(body): Json<GrantCredit>,
//! ) -> Reply {
//!     app.run(move |engine| engine.grant_credit(&ctx, key, &body)).await.map(answer)
//! }
//! ```
//! Other ids of the path come as `PathPart(id): PathPart<CustomerId>`, filters as `Query(page): Query<PageQuery>`. Path parameters,
//! security and refusals are added to the OpenAPI document from the path and the guard.

pub(crate) mod access_keys;
pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod backtests;
pub(crate) mod billing_reports;
pub(crate) mod billing_runs;
pub(crate) mod billing_settings;
pub(crate) mod catalog;
pub(crate) mod clock;
pub(crate) mod customers;
pub(crate) mod docs;
pub(crate) mod documents;
pub(crate) mod estimates;
pub(crate) mod health;
pub(crate) mod ingest;
pub(crate) mod ingest_views;
pub(crate) mod invoices;
pub(crate) mod jobs;
pub(crate) mod late_usage;
pub(crate) mod ledger;
pub(crate) mod members;
pub(crate) mod metric_versions;
pub(crate) mod metrics;
pub(crate) mod overview;
pub(crate) mod plans;
pub(crate) mod projects;
pub(crate) mod rejections;
pub(crate) mod subscriptions;
pub(crate) mod trace;
pub(crate) mod transactions;
pub(crate) mod usage_corrections;
pub(crate) mod wallets;
