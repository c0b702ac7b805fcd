//! `/admin`: what runs the installation. A platform admin is in no project; looking into one takes an access grant.

use axum::extract::State;
use domain::access_grants::{AccessGrant, lifetime};
use domain::ids::AccessGrantId;
use domain::password::Password;
use domain::projects::Project;
use domain::text;
use domain::users::Email;
use engine::Caller;
use engine::access_grants::OpenAccessGrant;
use engine::audit_entries::{AuditEntryView, AuditQuery};
use engine::users::{NewUser, UserView};

use crate::answer::{Reply, created, no_content};
use crate::app::App;
use crate::extract::{In, Json, PathPart, PathProject, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenAccessGrantRequest {
    /// Why: the owners of the project read it in their audit trail.
    #[schema(example = "Support case 4711: balance does not match")]
    reason: String,
    #[schema(minimum = 1, maximum = 480, example = 60)]
    expires_in_minutes: u32,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateUserRequest {
    #[schema(example = "finance@example.com")]
    email: String,
    name: String,
    /// At least 12 characters, and none of those that are tried first. The user should change it after the first login.
    password: String,
    /// Whether the user runs the installation too; not, if not given.
    #[serde(default)]
    platform_admin: bool,
}

/// List all projects
///
/// Every project of the installation, the oldest first.
#[utoipa::path(get, path = "/admin/projects", tag = "admin", params(PageQuery),
    responses((status = 200, description = "A page of projects", body = Page<Project>)))]
pub async fn list_all_projects(
    State(app): State<App>,
    In(caller): In<Caller>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Project>>, Failure> {
    let (after, fetch) = (query.after()?, query.fetch()?);
    let projects = app.run(move |engine| engine.list_all_projects(&caller, after, fetch)).await?;
    Ok(Json(Page::new(projects, &query, |project| project.id)?))
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct InstallationAuditParams {
    /// Only entries of this action, such as `user.created`.
    action: Option<String>,
    /// Only entries about the thing with this id.
    target: Option<String>,
}

/// Read the audit trail of the installation
///
/// Logins, users, whatever belongs to no project; the newest entries first. Each project has a trail of its own.
#[utoipa::path(get, path = "/admin/audit", tag = "admin", params(PageQuery, InstallationAuditParams),
    responses((status = 200, description = "A page of the trail", body = Page<AuditEntryView>)))]
pub async fn list_installation_audit_entries(
    State(app): State<App>,
    In(caller): In<Caller>,
    Query(page): Query<PageQuery>,
    Query(params): Query<InstallationAuditParams>,
) -> Result<Json<Page<AuditEntryView>>, Failure> {
    let InstallationAuditParams { action, target } = params;
    let (query, fetch) = (AuditQuery { action, target, before: page.after()? }, page.fetch()?);
    let entries = app.run(move |engine| engine.list_installation_audit_entries(&caller, &query, fetch)).await?;
    Ok(Json(Page::new(entries, &page, |entry| entry.id)?))
}

/// Open an access grant
///
/// Lets the platform admin read in the project as a viewer would: name the grant in the header `Neruba-Access-Grant`. It is
/// recorded in the project's audit trail.
#[utoipa::path(post, path = "/admin/projects/{projectId}/access-grants", tag = "admin", request_body = OpenAccessGrantRequest,
    responses((status = 201, description = "The open grant", body = AccessGrant)))]
pub async fn open_access_grant(
    State(app): State<App>,
    In(caller): In<Caller>,
    PathProject(project): PathProject,
    Json(body): Json<OpenAccessGrantRequest>,
) -> Reply {
    let command = OpenAccessGrant {
        reason: text::reason("reason", &body.reason)?,
        lifetime: lifetime("expiresInMinutes", body.expires_in_minutes)?,
    };
    let grant = app.run(move |engine| engine.open_access_grant(&caller, project, &command)).await?;
    Ok(created(&grant))
}

/// List the access grants of a project
///
/// Open, closed and expired ones, the newest first.
#[utoipa::path(get, path = "/admin/projects/{projectId}/access-grants", tag = "admin", params(PageQuery),
    responses((status = 200, description = "A page of grants", body = Page<AccessGrant>)))]
pub async fn list_access_grants(
    State(app): State<App>,
    In(caller): In<Caller>,
    PathProject(project): PathProject,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AccessGrant>>, Failure> {
    let (before, fetch) = (query.after()?, query.fetch()?);
    let grants = app.run(move |engine| engine.list_access_grants(&caller, project, before, fetch)).await?;
    Ok(Json(Page::new(grants, &query, |grant| grant.id)?))
}

/// Close an access grant
#[utoipa::path(delete, path = "/admin/projects/{projectId}/access-grants/{grantId}", tag = "admin",
    responses((status = 204, description = "The grant is closed")))]
pub async fn close_access_grant(
    State(app): State<App>,
    In(caller): In<Caller>,
    PathProject(project): PathProject,
    PathPart(grant): PathPart<AccessGrantId>,
) -> Reply {
    app.run(move |engine| engine.close_access_grant(&caller, project, grant)).await?;
    Ok(no_content())
}

/// Create a user
///
/// The user can log in, and is in no project until a member adds them.
#[utoipa::path(post, path = "/admin/users", tag = "admin", request_body = CreateUserRequest,
    responses((status = 201, description = "The new user", body = UserView)))]
pub async fn create_user(State(app): State<App>, In(caller): In<Caller>, Json(body): Json<CreateUserRequest>) -> Reply {
    let email = Email::parse("email", &body.email)?;
    let password = Password::chosen("password", &body.password, &email)?;
    let new = NewUser { name: text::name("name", &body.name)?, email, password, platform_admin: body.platform_admin };
    let user = app.run(move |engine| engine.create_user(&caller, &new)).await?;
    Ok(created(&user))
}
