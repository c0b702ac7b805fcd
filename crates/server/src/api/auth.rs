//! `/auth`: logging in and out, and one's own account.

use axum::extract::State;
use domain::password::Password;
use domain::text;
use domain::users::Email;
use engine::Caller;
use engine::sessions::{Credentials, Login};
use engine::users::{ChangePassword, NewUser, UserView};

use crate::answer::{Reply, created, no_content};
use crate::app::App;
use crate::client_address::ClientAddress;
use crate::extract::{In, Json};
use crate::failure::Failure;

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    #[schema(example = "owner@example.com")]
    email: String,
    #[schema(example = "strong-password")]
    password: String,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshRequest {
    refresh_token: String,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePasswordRequest {
    current_password: String,
    /// At least 12 characters, and none of those that are tried first.
    new_password: String,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetupRequest {
    /// The secret that the server prints on its first start.
    secret: String,
    email: String,
    name: String,
    /// At least 12 characters, and none of those that are tried first.
    password: String,
}

/// Log in
///
/// Too many wrong passwords for one account or from one address are answered `login_throttled`.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = LoginRequest,
    responses((status = 200, description = "An access token and a refresh token", body = Login)))]
pub async fn login(
    State(app): State<App>,
    In(caller): In<Caller>,
    ClientAddress(address): ClientAddress,
    Json(body): Json<LoginRequest>,
) -> Result<Json<Login>, Failure> {
    let email = Email::parse("email", &body.email)?;
    let credentials = Credentials { email, password: Password::typed(&body.password), address };
    app.run(move |engine| engine.log_in(&caller, &credentials)).await.map(Json)
}

/// Get new tokens
///
/// The refresh token is used up. One that comes a second time ends its session: it was stolen, or its successor was.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", request_body = RefreshRequest,
    responses((status = 200, description = "A new pair of tokens", body = Login)))]
pub async fn refresh(
    State(app): State<App>,
    In(caller): In<Caller>,
    Json(body): Json<RefreshRequest>,
) -> Result<Json<Login>, Failure> {
    app.run(move |engine| engine.refresh(&caller, &body.refresh_token)).await.map(Json)
}

/// Log out
///
/// Ends the session: its access and refresh tokens stop working at once.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", responses((status = 204, description = "The session has ended")))]
pub async fn logout(State(app): State<App>, In(caller): In<Caller>) -> Reply {
    app.run(move |engine| engine.log_out(&caller)).await?;
    Ok(no_content())
}

/// One's own account
#[utoipa::path(get, path = "/auth/me", tag = "auth", responses((status = 200, description = "The user of the token", body = UserView)))]
pub async fn me(State(app): State<App>, In(caller): In<Caller>) -> Result<Json<UserView>, Failure> {
    app.run(move |engine| engine.me(&caller)).await.map(Json)
}

/// Change one's password
///
/// Every session of the user ends; the reply begins a new one.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = ChangePasswordRequest,
    responses((status = 200, description = "The tokens of a new session", body = Login)))]
pub async fn change_password(
    State(app): State<App>,
    In(caller): In<Caller>,
    Json(body): Json<ChangePasswordRequest>,
) -> Result<Json<Login>, Failure> {
    let command = ChangePassword { current: Password::typed(&body.current_password), new: body.new_password };
    app.run(move |engine| engine.change_password(&caller, &command)).await.map(Json)
}

/// Make the first user
///
/// Works once, with the setup secret of an empty installation. The user becomes a platform admin.
#[utoipa::path(post, path = "/auth/setup", tag = "auth", request_body = SetupRequest,
    responses((status = 201, description = "The user", body = UserView)))]
pub async fn setup(State(app): State<App>, In(caller): In<Caller>, Json(body): Json<SetupRequest>) -> Reply {
    let email = Email::parse("email", &body.email)?;
    let password = Password::chosen("password", &body.password, &email)?;
    let new = NewUser { name: text::name("name", &body.name)?, email, password, platform_admin: true };
    let user = app.run(move |engine| engine.set_up(&caller, &body.secret, &new)).await?;
    Ok(created(&user))
}
