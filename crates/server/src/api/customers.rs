//! `/projects/{projectId}/customers`: who is billed.

use axum::extract::State;
use domain::customer_tax::CustomerTax;
use domain::customers::{Customer, CustomerChange, NewCustomer};
use domain::ids::CustomerId;
use domain::invoices::parties::BillingDetails;
use domain::projects::Change;
use domain::refusal::Refusal;
use domain::text;
use domain::time_zone::time_zone;
use engine::Ctx;
use serde::{Deserialize, Deserializer};

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{In, Json, MaybeIdempotent, OptionalIdempotencyHeader, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateCustomerRequest {
    /// Your own name for the customer, unique in the project: `customerKey` in other requests.
    #[schema(example = "acme")]
    external_key: String,
    /// The external key if not given.
    #[schema(example = "Acme Inc")]
    name: Option<String>,
    /// IANA name; the project's zone if not given.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// Where and how the customer is taxed; if not given, taxed by the rates that hold everywhere.
    tax: Option<CustomerTax>,
    /// To whom invoices are addressed; if not given, to the name.
    billing: Option<BillingDetails>,
    /// `externalKey` of the customer who pays for this one; if not given, it pays for itself.
    #[schema(example = "acme-holding")]
    payer_key: Option<String>,
}

/// What is not given stays as it is. The external key cannot be changed.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateCustomerRequest {
    name: Option<String>,
    /// IANA name, or `null` to follow the project.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<Option<String>>,
    /// The whole profile, in place of the one before; `null` forgets it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<CustomerTax>)]
    tax: Option<Option<CustomerTax>>,
    /// The whole details, in place of those before; `null` forgets them.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<BillingDetails>)]
    billing: Option<Option<BillingDetails>>,
    /// Who pays from now on, or `null` for the customer itself. What was billed already stays with who paid before.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    payer_key: Option<Option<String>>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct CustomerParams {
    /// Only the customer with this key.
    external_key: Option<String>,
}

/// Tells `null` (set to nothing) from a field that was not sent.
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Create a customer
///
/// The same body again answers 200 with the customer it made; another body with the same `externalKey` is refused.
#[utoipa::path(post, path = "/projects/{projectId}/customers", tag = "customers",
    params(OptionalIdempotencyHeader), request_body = CreateCustomerRequest,
    responses(
        (status = 201, description = "The new customer", body = Customer),
        (status = 200, description = "The customer that this request made before", body = Customer),
        (status = 409, description = "`external_key_conflict`: the externalKey belongs to a customer that is not as asked for",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn create_customer(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    MaybeIdempotent(key): MaybeIdempotent,
    Json(body): Json<CreateCustomerRequest>,
) -> Reply {
    let new = body.read()?;
    app.run(move |engine| engine.create_customer(&ctx, key, &new)).await.map(answer)
}

/// List customers
///
/// The oldest first. The first one is the project's own customer, used when a request names none.
#[utoipa::path(get, path = "/projects/{projectId}/customers", tag = "customers", params(PageQuery, CustomerParams),
    responses((status = 200, description = "A page of customers", body = Page<Customer>)))]
pub async fn list_customers(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<CustomerParams>,
) -> Result<Json<Page<Customer>>, Failure> {
    let (after, fetch) = (page.after()?, page.fetch()?);
    let customers =
        app.run(move |engine| engine.list_customers(&ctx, params.external_key.as_deref(), after, fetch)).await?;
    Ok(Json(Page::new(customers, &page, |customer| customer.id)?))
}

/// One customer
#[utoipa::path(get, path = "/projects/{projectId}/customers/{customerId}", tag = "customers",
    responses((status = 200, description = "The customer", body = Customer)))]
pub async fn get_customer(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<CustomerId>,
) -> Result<Json<Customer>, Failure> {
    app.run(move |engine| engine.get_customer(&ctx, id)).await.map(Json)
}

/// Change a customer
#[utoipa::path(patch, path = "/projects/{projectId}/customers/{customerId}", tag = "customers",
    request_body = UpdateCustomerRequest,
    responses((status = 200, description = "The customer as it is now", body = Customer)))]
pub async fn update_customer(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<CustomerId>,
    Json(body): Json<UpdateCustomerRequest>,
) -> Result<Json<Customer>, Failure> {
    let change = body.read()?;
    app.run(move |engine| engine.update_customer(&ctx, id, &change)).await.map(Json)
}

impl CreateCustomerRequest {
    fn read(&self) -> Result<NewCustomer, Refusal> {
        Ok(NewCustomer {
            external_key: text::external_key("externalKey", &self.external_key)?,
            name: self.name.as_deref().map(|name| text::name("name", name)).transpose()?,
            time_zone: self.time_zone.as_deref().map(|zone| time_zone("timeZone", zone)).transpose()?,
            tax: self.tax.clone().map(|tax| tax.checked("tax")).transpose()?,
            billing: self.billing.clone().map(|billing| billing.checked("billing")).transpose()?,
            payer_key: self.payer_key.as_deref().map(|key| text::external_key("payerKey", key)).transpose()?,
        })
    }
}

impl UpdateCustomerRequest {
    fn read(self) -> Result<CustomerChange, Refusal> {
        let name = match self.name {
            Some(name) => Change::Set(text::name("name", &name)?),
            None => Change::Keep,
        };
        let zone = match self.time_zone {
            Some(zone) => Change::Set(zone.map(|zone| time_zone("timeZone", &zone)).transpose()?),
            None => Change::Keep,
        };
        let tax = match self.tax {
            Some(tax) => Change::Set(tax.unwrap_or(CustomerTax::UNKNOWN).checked("tax")?),
            None => Change::Keep,
        };
        let billing = match self.billing {
            Some(billing) => Change::Set(billing.unwrap_or_default().checked("billing")?),
            None => Change::Keep,
        };
        let payer_key = match self.payer_key {
            Some(key) => Change::Set(key.map(|key| text::external_key("payerKey", &key)).transpose()?),
            None => Change::Keep,
        };
        Ok(CustomerChange { name, time_zone: zone, tax, billing, payer_key })
    }
}
