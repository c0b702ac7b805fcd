//! Who may use a route. Each route declares a guard; here, and only here, it is enforced, before the handler runs.

use std::sync::Arc;

use axum::extract::{RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use domain::access::Permission;
use domain::ids::{AccessGrantId, ProjectId};
use domain::refusal::{Code, Refusal};
use engine::{Actor, Caller, Ctx, Engine, Error};
use http::{HeaderMap, HeaderName, header};

use crate::app::App;
use crate::failure::Failure;
use crate::routes::RouteRow;

const ACCESS_KEY: HeaderName = HeaderName::from_static("x-api-key");
const ACCESS_GRANT: HeaderName = HeaderName::from_static("neruba-access-grant");

/// What a route demands of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    Public,
    /// A user's token.
    Authenticated,
    /// The token of a platform admin.
    PlatformAdmin,
    /// A permission in the project named by the path, held by a member, an access grant, or an access key of the project.
    Project(Permission),
    /// A permission held by an access key; the key names the project.
    AccessKey(Permission),
}

/// What the caller brought along.
struct Credentials {
    credential: Option<Credential>,
    grant: Option<AccessGrantId>,
    /// `None` when the path names no project, or names it by a text that is no id.
    project: Option<ProjectId>,
}

enum Credential {
    Bearer(String),
    AccessKey(String),
}

/// Lets the request through to its handler with a [`Caller`] and, inside a project, a [`Ctx`].
pub(crate) async fn enforce(
    State((app, row)): State<(App, Arc<RouteRow>)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    row.check_query(request.uri())?;
    request.extensions_mut().insert(row.body_limit);
    if row.guard != Guard::Public {
        let caller = request.extensions_mut().remove::<Caller>().ok_or_else(no_edge)?;
        let credentials = Credentials::of(request.headers(), &params)?;
        let guard = row.guard;
        let passed = match pass_from_memory(app.engine(), &caller, guard, &credentials) {
            Some(passed) => passed?,
            None => app.run(move |engine| pass(engine, caller, guard, credentials)).await?,
        };
        app.limits().check(&passed)?;
        match passed {
            Passed::Caller(caller) => request.extensions_mut().insert(caller).map(drop),
            Passed::Project(ctx) => {
                request.extensions_mut().insert(ctx.caller.clone());
                request.extensions_mut().insert(ctx).map(drop)
            }
        };
    }
    Ok(next.run(request).await)
}

/// A caller whom the guard of the route let through.
pub(crate) enum Passed {
    Caller(Caller),
    Project(Ctx),
}

/// Ingest comes by the thousand with few keys: a key that was verified a moment ago costs no thread and no query.
fn pass_from_memory(
    engine: &Engine,
    caller: &Caller,
    guard: Guard,
    credentials: &Credentials,
) -> Option<Result<Passed, Refusal>> {
    let (Guard::AccessKey(permission), Some(Credential::AccessKey(key))) = (guard, &credentials.credential) else {
        return None;
    };
    let ctx = engine.remembered_key(caller, key)?;
    Some(ctx.require(permission).map(|()| Passed::Project(ctx)))
}

fn pass(engine: &Engine, caller: Caller, guard: Guard, credentials: Credentials) -> Result<Passed, Error> {
    let Credentials { credential, grant, project } = credentials;
    let credential = credential.ok_or_else(|| unauthenticated(guard))?;
    match guard {
        Guard::Public => Ok(Passed::Caller(caller)),
        Guard::Authenticated => user(engine, caller, &credential).map(Passed::Caller),
        Guard::PlatformAdmin => {
            let caller = user(engine, caller, &credential)?;
            match caller.actor {
                Actor::User { platform_admin: true, .. } => Ok(Passed::Caller(caller)),
                Actor::User { .. } | Actor::Anonymous | Actor::AccessKey { .. } | Actor::System { .. } => {
                    Err(Error::refused(Code::Forbidden, "Only a platform admin can do this."))
                }
            }
        }
        Guard::Project(permission) => {
            let ctx = match &credential {
                Credential::Bearer(token) => {
                    let caller = engine.authenticate_user(caller, token)?;
                    engine.enter_project(caller, project.ok_or_else(Error::not_found)?, grant)?
                }
                Credential::AccessKey(key) => {
                    let ctx = engine.authenticate_key(caller, key)?;
                    if Some(ctx.project) != project && !cfg!(feature = "mutant_key_opens_any_project") {
                        return Err(Error::not_found());
                    }
                    ctx
                }
            };
            ctx.require(permission)?;
            Ok(Passed::Project(ctx))
        }
        Guard::AccessKey(permission) => {
            let ctx = match &credential {
                Credential::AccessKey(key) => engine.authenticate_key_for_ingest(caller, key)?,
                Credential::Bearer(token) => {
                    engine.authenticate_user(caller, token)?;
                    let detail = "A user cannot do this. Send an access key of the project in the header x-api-key.";
                    return Err(Error::refused(Code::Forbidden, detail));
                }
            };
            ctx.require(permission)?;
            Ok(Passed::Project(ctx))
        }
    }
}

/// A user; an access key that is valid is told that it is the wrong kind of credential.
fn user(engine: &Engine, caller: Caller, credential: &Credential) -> Result<Caller, Error> {
    match credential {
        Credential::Bearer(token) => engine.authenticate_user(caller, token),
        Credential::AccessKey(key) => {
            engine.authenticate_key(caller, key)?;
            Err(Error::refused(Code::Forbidden, "An access key cannot do this. Send a user's token as a Bearer token."))
        }
    }
}

fn unauthenticated(guard: Guard) -> Error {
    let detail = match guard {
        Guard::AccessKey(_) => "Send an access key of the project in the header x-api-key.",
        Guard::Public | Guard::Authenticated | Guard::PlatformAdmin | Guard::Project(_) => {
            "Log in with POST /auth/login and send the token in the header Authorization: Bearer <access token>."
        }
    };
    Error::refused(Code::Unauthenticated, detail)
}

impl Credentials {
    fn of(headers: &HeaderMap, params: &RawPathParams) -> Result<Credentials, Refusal> {
        let project = params.iter().find(|(name, _)| *name == "projectId").and_then(|(_, text)| text.parse().ok());
        let bearer = one_header(headers, &header::AUTHORIZATION)?.map(bearer_token).transpose()?;
        let key = one_header(headers, &ACCESS_KEY)?;
        let credential = match (bearer, key) {
            (None, None) => None,
            (Some(token), None) => Some(Credential::Bearer(token.to_owned())),
            (None, Some(key)) => Some(Credential::AccessKey(key.trim().to_owned())),
            (Some(_), Some(_)) => {
                let detail = "Send either Authorization or x-api-key, not both.";
                return Err(Refusal::field(Code::InvalidHeader, "x-api-key", detail));
            }
        };
        let grant = match one_header(headers, &ACCESS_GRANT)?.map(str::parse) {
            Some(Ok(grant)) => Some(grant),
            None => None,
            Some(Err(_)) => {
                let detail = "is not the id of an access grant (\"grt_…\").";
                return Err(Refusal::field(Code::InvalidHeader, "Neruba-Access-Grant", detail));
            }
        };
        Ok(Credentials { credential, grant, project })
    }
}

fn bearer_token(value: &str) -> Result<&str, Refusal> {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Refusal::new(Code::Unauthenticated, "The header Authorization has the form: Bearer <access token>.")),
    }
}

/// The only value of a header: a repeated one could be read differently by a proxy.
pub(crate) fn one_header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::field(Code::InvalidHeader, name.as_str(), "is sent more than once."));
    }
    match std::str::from_utf8(first.as_bytes()) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Refusal::field(Code::InvalidHeader, name.as_str(), "is not UTF-8 text.")),
    }
}

fn no_edge() -> Failure {
    Error::Bug("a guard runs outside the edge".to_owned()).into()
}
