//! `/projects/{projectId}/members`: who is in the project, and as what.

use axum::extract::State;
use domain::ids::UserId;
use domain::members::{self, Member};
use domain::users::Email;
use engine::Ctx;
use engine::members::AddMember;

use crate::answer::{Reply, answer, no_content};
use crate::app::App;
use crate::extract::{In, Json, MaybeIdempotent, OptionalIdempotencyHeader, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddMemberRequest {
    /// The email of a user of this installation.
    #[schema(example = "finance@example.com")]
    email: String,
    /// `owner`, `admin`, `finance`, `support`, `developer` or `viewer`.
    #[schema(example = "finance")]
    role: String,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRoleRequest {
    /// `owner`, `admin`, `finance`, `support`, `developer` or `viewer`.
    #[schema(example = "viewer")]
    role: String,
}

/// Add a member
///
/// Only owners add owners.
#[utoipa::path(post, path = "/projects/{projectId}/members", tag = "members",
    params(OptionalIdempotencyHeader), request_body = AddMemberRequest,
    responses((status = 201, description = "The new member", body = Member)))]
pub async fn add_member(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    MaybeIdempotent(key): MaybeIdempotent,
    Json(body): Json<AddMemberRequest>,
) -> Reply {
    let command = AddMember { email: Email::parse("email", &body.email)?, role: members::role("role", &body.role)? };
    app.run(move |engine| engine.add_member(&ctx, key, &command)).await.map(answer)
}

/// List the members
#[utoipa::path(get, path = "/projects/{projectId}/members", tag = "members", params(PageQuery),
    responses((status = 200, description = "A page of members", body = Page<Member>)))]
pub async fn list_members(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Member>>, Failure> {
    let (after, fetch) = (query.after()?, query.fetch()?);
    let members = app.run(move |engine| engine.list_members(&ctx, after, fetch)).await?;
    Ok(Json(Page::new(members, &query, |member| member.user_id)?))
}

/// Change a member's role
///
/// Only owners make and unmake owners, and the last owner stays one.
#[utoipa::path(patch, path = "/projects/{projectId}/members/{userId}", tag = "members", request_body = ChangeRoleRequest,
    responses((status = 200, description = "The member as it is now", body = Member)))]
pub async fn change_role(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(user): PathPart<UserId>,
    Json(body): Json<ChangeRoleRequest>,
) -> Result<Json<Member>, Failure> {
    let role = members::role("role", &body.role)?;
    app.run(move |engine| engine.change_role(&ctx, user, role)).await.map(Json)
}

/// Remove a member
///
/// Takes effect at once. Only owners remove owners, and the last owner stays.
#[utoipa::path(delete, path = "/projects/{projectId}/members/{userId}", tag = "members",
    responses((status = 204, description = "The user is no member any more")))]
pub async fn remove_member(State(app): State<App>, In(ctx): In<Ctx>, PathPart(user): PathPart<UserId>) -> Reply {
    app.run(move |engine| engine.remove_member(&ctx, user)).await?;
    Ok(no_content())
}
