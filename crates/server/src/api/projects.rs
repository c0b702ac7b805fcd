//! `/projects`: making, finding and changing projects.

use axum::extract::State;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::invoices::settings;
use domain::projects::{self, Change, NewProject, Project, ProjectChange};
use domain::refusal::{Code, Refusal};
use domain::text;
use domain::time_zone::time_zone;
use engine::projects::ProjectCreation;
use engine::{Caller, Ctx};
use http::StatusCode;
use serde::{Deserialize, Deserializer};

use crate::answer::{Reply, created, json};
use crate::app::App;
use crate::extract::{In, Json, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateProjectRequest {
    #[schema(example = "Acme Production")]
    name: String,
    /// Your own name for the project, unique among the projects you made: it makes the request safe to repeat.
    #[schema(example = "acme-prod")]
    external_key: String,
    /// `live` or `sandbox`; `live` if not given.
    mode: Option<String>,
    /// ISO 4217; `USD` if not given.
    #[schema(example = "USD")]
    currency: Option<String>,
    /// IANA name; `UTC` if not given.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
}

/// What is not given stays as it is. Mode and currency cannot be changed.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateProjectRequest {
    name: Option<String>,
    time_zone: Option<String>,
    policies: Option<UpdatePolicies>,
}

/// What is not given stays as it is.
#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdatePolicies {
    /// `autoCreate` or `reject`.
    unknown_metric: Option<String>,
    /// `autoCreate` or `reject`.
    unknown_customer: Option<String>,
    require_customer_key: Option<bool>,
    support_limit: Option<Amount>,
    /// Whole days, or `null` to accept events of any age.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<u32>)]
    event_horizon_days: Option<Option<u32>>,
    /// `perInvoice` or `perLine`: where an invoice is rounded to the minor unit of its currency.
    invoice_rounding: Option<String>,
    /// `day` or `second`: what the share of a period is counted in.
    proration_basis: Option<String>,
    /// `credited` or `kept`: what becomes of time that was paid in advance and is not used.
    proration_unused: Option<String>,
    /// `now` or `periodEnd`: when the lines of a change in mid-period are billed.
    proration_billing: Option<String>,
    /// 0 to 43200: how long after its end a window waits for late events before it is billed.
    late_buffer_minutes: Option<u32>,
    /// `nextInvoice`, `creditNote`, `reissue` or `hold`: what becomes of usage that arrives after its invoice was issued.
    late_policy: Option<String>,
    /// 0 to 36500: late usage older than so many days is not corrected by itself.
    late_limit_days: Option<u32>,
    /// `automatic` or `manual`: who issues drafts.
    invoice_finalization: Option<String>,
    /// 0 to 43200: how long after the late buffer a draft waits before it is issued.
    invoice_grace_minutes: Option<u32>,
    /// 0 to 365: days from issue until an invoice is due.
    payment_term_days: Option<u32>,
    /// 0 to 36500: recomputing events older than so many days needs a reason and the role owner, admin or finance.
    recompute_limit_days: Option<u32>,
}

/// Tells `null` (set to nothing) from a field that was not sent.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Create a project
///
/// The caller becomes its owner. The same body again answers 200 with the project it made; another body with the same
/// `externalKey` is refused.
#[utoipa::path(post, path = "/projects", tag = "projects", request_body = CreateProjectRequest, responses(
    (status = 201, description = "The new project", body = Project),
    (status = 200, description = "The project that this request made before", body = Project),
    (status = 409, description = "`external_key_conflict`: the externalKey was used with another body", body = engine::problem::Problem,
        content_type = "application/problem+json"),
))]
pub async fn create_project(
    State(app): State<App>,
    In(caller): In<Caller>,
    Json(body): Json<CreateProjectRequest>,
) -> Reply {
    let new = body.read()?;
    Ok(match app.run(move |engine| engine.create_project(&caller, &new)).await? {
        ProjectCreation::Created(project) => created(&project),
        ProjectCreation::Existing(project) => json(StatusCode::OK, &project),
    })
}

/// List one's projects
///
/// Those the caller is a member of, the oldest first.
#[utoipa::path(get, path = "/projects", tag = "projects", params(PageQuery),
    responses((status = 200, description = "A page of projects", body = Page<Project>)))]
pub async fn list_projects(
    State(app): State<App>,
    In(caller): In<Caller>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Project>>, Failure> {
    let (after, fetch) = (query.after()?, query.fetch()?);
    let projects = app.run(move |engine| engine.list_projects(&caller, after, fetch)).await?;
    Ok(Json(Page::new(projects, &query, |project| project.id)?))
}

/// One project
#[utoipa::path(get, path = "/projects/{projectId}", tag = "projects",
    responses((status = 200, description = "The project", body = Project)))]
pub async fn get_project(State(app): State<App>, In(ctx): In<Ctx>) -> Result<Json<Project>, Failure> {
    app.run(move |engine| engine.get_project(&ctx)).await.map(Json)
}

/// Change a project
#[utoipa::path(patch, path = "/projects/{projectId}", tag = "projects", request_body = UpdateProjectRequest,
    responses((status = 200, description = "The project as it is now", body = Project)))]
pub async fn update_project(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Json(body): Json<UpdateProjectRequest>,
) -> Result<Json<Project>, Failure> {
    let change = body.read()?;
    app.run(move |engine| engine.update_project(&ctx, &change)).await.map(Json)
}

impl CreateProjectRequest {
    fn read(&self) -> Result<NewProject, Refusal> {
        let currency = |code: &str| {
            let refused = |error: domain::currency::CurrencyError| {
                Refusal::field(Code::InvalidValue, "currency", error.to_string())
            };
            Currency::parse(code).map_err(refused)
        };
        Ok(NewProject {
            name: text::name("name", &self.name)?,
            external_key: text::external_key("externalKey", &self.external_key)?,
            mode: self.mode.as_deref().map(|mode| projects::mode("mode", mode)).transpose()?,
            currency: self.currency.as_deref().map(currency).transpose()?,
            time_zone: self.time_zone.as_deref().map(|zone| time_zone("timeZone", zone)).transpose()?,
        })
    }
}

impl UpdateProjectRequest {
    fn read(self) -> Result<ProjectChange, Refusal> {
        let policies = self.policies.unwrap_or_default();
        Ok(ProjectChange {
            name: change(self.name, |name| text::name("name", &name))?,
            time_zone: change(self.time_zone, |zone| time_zone("timeZone", &zone))?,
            unknown_metric: change(policies.unknown_metric, |policy| {
                projects::unknown_policy("policies.unknownMetric", &policy)
            })?,
            unknown_customer: change(policies.unknown_customer, |policy| {
                projects::unknown_policy("policies.unknownCustomer", &policy)
            })?,
            require_customer_key: change(policies.require_customer_key, Ok)?,
            support_limit: change(policies.support_limit, |limit| {
                projects::support_limit("policies.supportLimit", limit)
            })?,
            event_horizon_days: change(policies.event_horizon_days, |days| {
                days.map(|days| projects::event_horizon("policies.eventHorizonDays", days)).transpose()
            })?,
            invoice_rounding: change(policies.invoice_rounding, |policy| {
                projects::invoice_rounding("policies.invoiceRounding", &policy)
            })?,
            proration_basis: change(policies.proration_basis, |policy| {
                projects::proration_basis("policies.prorationBasis", &policy)
            })?,
            proration_unused: change(policies.proration_unused, |policy| {
                projects::proration_unused("policies.prorationUnused", &policy)
            })?,
            proration_billing: change(policies.proration_billing, |policy| {
                projects::proration_billing("policies.prorationBilling", &policy)
            })?,
            late_buffer_minutes: change(policies.late_buffer_minutes, |minutes| {
                projects::late_buffer("policies.lateBufferMinutes", minutes)
            })?,
            late_policy: change(policies.late_policy, |policy| settings::late_policy("policies.latePolicy", &policy))?,
            late_limit_days: change(policies.late_limit_days, |days| {
                settings::late_limit("policies.lateLimitDays", days)
            })?,
            invoice_finalization: change(policies.invoice_finalization, |policy| {
                settings::finalization("policies.invoiceFinalization", &policy)
            })?,
            invoice_grace_minutes: change(policies.invoice_grace_minutes, |minutes| {
                settings::grace("policies.invoiceGraceMinutes", minutes)
            })?,
            payment_term_days: change(policies.payment_term_days, |days| {
                settings::payment_term("policies.paymentTermDays", days)
            })?,
            recompute_limit_days: change(policies.recompute_limit_days, |days| {
                projects::recompute_limit("policies.recomputeLimitDays", days)
            })?,
        })
    }
}

fn change<T, U>(sent: Option<T>, read: impl FnOnce(T) -> Result<U, Refusal>) -> Result<Change<U>, Refusal> {
    sent.map_or(Ok(Change::Keep), |value| read(value).map(Change::Set))
}
