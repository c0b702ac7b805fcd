//! `/projects/{projectId}/invoices`: drafts, what was issued, and invoices of one-off items.

pub(crate) mod explain;
pub(crate) mod settle;

use axum::extract::State;
use domain::currency::Currency;
use domain::ids::InvoiceId;
use domain::invoices::standing::InvoiceState;
use domain::ledger::request;
use domain::ratio::Ratio;
use domain::refusal::{Code, Refusal};
use domain::tax::TaxBehaviour;
use domain::text;
use domain::unit_price::UnitPrice;
use engine::Ctx;
use engine::invoices::{InvoiceDetail, InvoiceQuery, InvoiceView, NewInvoice, NewInvoiceItem};

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, Idempotent, In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

/// The most items of one request.
const ITEMS_MAX: usize = 200;

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateInvoiceRequest {
    /// Whom the items are for; the project's own customer if not given. Who pays for this customer gets the invoice.
    #[schema(example = "acme")]
    customer_key: Option<String>,
    /// ISO 4217; that of the project if not given.
    #[schema(value_type = Option<String>, example = "EUR")]
    currency: Option<Currency>,
    /// Whether the unit prices are without or with tax: `exclusive` if not given.
    tax_behaviour: Option<TaxBehaviour>,
    /// 1 to 200.
    items: Vec<InvoiceItemRequest>,
    /// Issue it at once; a draft if not given.
    #[serde(default)]
    finalize: bool,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvoiceItemRequest {
    #[schema(example = "Workshop on site")]
    description: String,
    /// An exact decimal above zero: 1 if not given.
    #[schema(value_type = Option<String>, example = "2.5")]
    quantity: Option<Ratio>,
    /// With at most 12 places; less than zero for a rebate.
    #[schema(value_type = String, example = "480")]
    unit_price: UnitPrice,
    /// A tax category of the catalog; without one, the rates of no category hold.
    tax_category: Option<String>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct InvoiceParams {
    /// Only those in this state: `draft`, `issued`, `paid`, `void` or `uncollectible`.
    state: Option<String>,
    /// Only those that this customer pays.
    customer_key: Option<String>,
    /// `true`: only those of which something is open after it was due.
    overdue: Option<bool>,
}

/// List invoices
///
/// Drafts and issued ones, those of the latest days first. What a draft comes to is recomputed.
#[utoipa::path(get, path = "/projects/{projectId}/invoices", tag = "invoices",
    params(PageQuery, InvoiceParams),
    responses((status = 200, description = "A page of invoices", body = Page<InvoiceView>)))]
pub async fn list_invoices(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<InvoiceParams>,
) -> Result<Json<Page<InvoiceView>>, Failure> {
    let state = filter::named("state", params.state.as_deref(), InvoiceState::ALL, InvoiceState::parse)?;
    let overdue = params.overdue == Some(true);
    let query = InvoiceQuery { state, customer_key: params.customer_key, overdue, before: page.after()? };
    let fetch = page.fetch()?;
    let invoices = app.run(move |engine| engine.list_invoices(&ctx, &query, fetch)).await?;
    Ok(Json(Page::new(invoices, &page, InvoiceView::position)?))
}

/// One invoice
///
/// An issued one with the bytes that were frozen, always the same, and how it stands; a draft as it would be now.
#[utoipa::path(get, path = "/projects/{projectId}/invoices/{invoiceId}", tag = "invoices",
    responses((status = 200, description = "The invoice", body = InvoiceDetail)))]
pub async fn get_invoice(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
) -> Result<Json<InvoiceDetail>, Failure> {
    app.run(move |engine| engine.get_invoice(&ctx, id)).await.map(Json)
}

/// Create an invoice of one-off items
///
/// Each item is charged now, and taxed as its category is. The invoice is a draft, or issued at once with `finalize`.
#[utoipa::path(post, path = "/projects/{projectId}/invoices", tag = "invoices",
    params(IdempotencyHeader), request_body = CreateInvoiceRequest,
    responses(
        (status = 201, description = "The invoice", body = InvoiceDetail),
        (status = 422, description = "`unknown_customer`, `too_many_items` or `invalid_value`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn create_invoice(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Idempotent(key): Idempotent,
    Json(body): Json<CreateInvoiceRequest>,
) -> Reply {
    let new = body.read()?;
    app.run(move |engine| engine.create_invoice(&ctx, key, &new)).await.map(answer)
}

/// Finalize a draft
///
/// Issues it now: it gets the next number, its document is frozen, and it is posted to the ledger. To finalize what is issued already
/// changes nothing.
#[utoipa::path(post, path = "/projects/{projectId}/invoices/{invoiceId}/finalize", tag = "invoices",
    params(IdempotencyHeader),
    responses(
        (status = 200, description = "The issued invoice", body = InvoiceDetail),
        (status = 409, description = "`invoice_void`, `invoice_empty` or `invoice_open`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn finalize_invoice(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
    Idempotent(key): Idempotent,
) -> Reply {
    app.run(move |engine| engine.finalize_invoice(&ctx, key, id)).await.map(answer)
}

impl CreateInvoiceRequest {
    fn read(self) -> Result<NewInvoice, Refusal> {
        if self.items.is_empty() {
            return Err(Refusal::field(Code::InvalidValue, "items", "must name at least one item."));
        }
        if self.items.len() > ITEMS_MAX {
            return Err(Refusal::field(Code::TooManyItems, "items", format!("must be at most {ITEMS_MAX}.")));
        }
        let items = self.items.into_iter().enumerate().map(|(index, item)| item.read(index));
        Ok(NewInvoice {
            customer_key: self.customer_key,
            currency: self.currency,
            tax_behaviour: self.tax_behaviour,
            items: items.collect::<Result<_, _>>()?,
            finalize: self.finalize,
        })
    }
}

impl InvoiceItemRequest {
    fn read(self, index: usize) -> Result<NewInvoiceItem, Refusal> {
        let at = |field: &str| format!("items[{index}].{field}");
        let description = request::description(&at("description"), &self.description)?;
        if description.is_empty() {
            return Err(Refusal::field(Code::InvalidValue, at("description"), "must not be empty: it is printed."));
        }
        let quantity = self.quantity.unwrap_or(Ratio::ONE);
        if quantity <= Ratio::ZERO {
            return Err(Refusal::field(Code::NotPositive, at("quantity"), "must be greater than zero."));
        }
        let category = self.tax_category.map(|key| text::external_key(&at("taxCategory"), &key)).transpose()?;
        Ok(NewInvoiceItem { description, quantity, unit_price: self.unit_price, tax_category: category })
    }
}
