//! Logins of users: a short-lived access token, a refresh token that works once, and a session that can be ended.

use std::net::IpAddr;

use domain::ids::SessionId;
use domain::password::Password;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::users::{Email, Session, User};
use serde_json::json;
use storage::users::StoredUser;
use storage::{InstallationTx, sessions, users};

use crate::access::{Claims, RefreshToken, sign, user_actor};
use crate::audit::{AuditRecord, Audited};
use crate::ctx::Caller;
use crate::engine::Engine;
use crate::error::Error;
use crate::users::UserView;

/// What a user gets who logged in. Debug output shows no token.
#[derive(Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// For the header `Authorization: Bearer …`, until `expiresAt`.
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// When the access token ends.
    pub expires_at: Instant,
    /// Works once, for a new pair of tokens. Using it twice ends the session.
    pub refresh_token: String,
    pub user: UserView,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (expires_at, user) = (&self.expires_at, &self.user);
        out.debug_struct("Login").field("expires_at", expires_at).field("user", user).finish_non_exhaustive()
    }
}

/// Somebody who claims to be a user.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub email: Email,
    pub password: Password,
    /// Where the request comes from, where that is known.
    pub address: Option<IpAddr>,
}

/// What became of a refresh token.
enum Refreshed {
    Renewed(Box<Login>),
    /// It was used before: somebody else has it.
    Reused,
}

/// The place of a session's first refresh token.
const FIRST_GENERATION: i64 = 1;

impl Engine {
    /// Begins a session. An unknown address gets the same answer as a wrong password, after the same time.
    ///
    /// # Errors
    /// [`Code::InvalidCredentials`]; [`Code::LoginThrottled`] after too many of them; [`Error::Overloaded`] when too many
    /// log in at once.
    pub fn log_in(&self, caller: &Caller, credentials: &Credentials) -> Result<Login, Error> {
        let Credentials { email, password, address } = credentials;
        let found = self
            .db()
            .read_installation("log_in", |tx| -> Result<_, Error> { Ok(users::find_by_email(tx, email)?) })?
            .filter(|found| found.user.disabled_at.is_none());
        let stored = self.check_password(caller, email, *address, password, found.as_ref())?;
        let session: SessionId = caller.new_id();
        let caller = caller.clone().with_actor(user_actor(&stored.user, session));
        self.installation_command(&caller, "begin_session", |tx| {
            let login = self.open_session(tx, &caller, session, &stored.user)?;
            Ok(Audited::new(login, AuditRecord::new("session.begun", session)))
        })
    }

    /// A new pair of tokens for a refresh token, which is used up by that.
    ///
    /// A refresh token that comes a second time ends its session: either it or its successor was stolen. There is no
    /// grace for a request sent twice.
    ///
    /// # Errors
    /// [`Code::InvalidRefreshToken`] for one that was never given out, was used before, or whose session has ended.
    pub fn refresh(&self, caller: &Caller, refresh_token: &str) -> Result<Login, Error> {
        let token = RefreshToken::parse(refresh_token, self.secrets()).ok_or_else(invalid_refresh_token)?;
        let (_, user) = self
            .db()
            .read_installation("find_session", |tx| -> Result<_, Error> {
                Ok(sessions::find_with_user(tx, token.session)?)
            })?
            .filter(|(session, user)| session.is_open(caller.now) && user.disabled_at.is_none())
            .ok_or_else(invalid_refresh_token)?;
        let caller = caller.clone().with_actor(user_actor(&user, token.session));
        let refreshed = self.installation_command(&caller, "refresh_session", |tx| {
            let session = sessions::get_for_update(tx, token.session)?
                .filter(|session| session.is_open(caller.now) && token.generation <= session.generation)
                .ok_or_else(invalid_refresh_token)?;
            if token.generation < session.generation {
                sessions::revoke(tx, session.id, caller.now, "refresh token reused")?;
                let record = AuditRecord::new("session.refreshTokenReused", session.id)
                    .details(json!({ "used": token.generation, "next": session.generation }));
                return Ok(Audited::new(Refreshed::Reused, record));
            }
            let next = session.generation + 1;
            sessions::advance(tx, session.id, next, caller.now)?;
            let login = self.tokens(&caller, &user, &Session { generation: next, ..session })?;
            let record = AuditRecord::new("session.refreshed", token.session);
            Ok(Audited::new(Refreshed::Renewed(Box::new(login)), record))
        })?;
        match refreshed {
            Refreshed::Renewed(login) => Ok(*login),
            Refreshed::Reused => Err(invalid_refresh_token().into()),
        }
    }

    /// Ends the caller's session: its tokens stop working at once.
    ///
    /// # Errors
    /// [`Code::Forbidden`] when the caller is not a user.
    pub fn log_out(&self, caller: &Caller) -> Result<(), Error> {
        let (_, session) = caller.user()?;
        self.installation_command(caller, "end_session", |tx| {
            sessions::revoke(tx, session, caller.now, "logged out")?;
            Ok(Audited::new((), AuditRecord::new("session.ended", session)))
        })
    }

    /// Looks at a password, counted against the limits of its account and address.
    pub(crate) fn check_password(
        &self,
        caller: &Caller,
        email: &Email,
        address: Option<IpAddr>,
        password: &Password,
        stored: Option<&StoredUser>,
    ) -> Result<StoredUser, Error> {
        let logins = &self.access.logins;
        let attempt = logins.begin(email, address, caller.now).map_err(throttled)?;
        let hash = stored.map(|stored| stored.password_hash.as_str());
        let fits = self.access.passwords.verify(password, hash, self.random());
        match (fits, stored) {
            (Ok(true), Some(stored)) => {
                logins.succeeded(&attempt);
                metrics::counter!("neruba_logins_total", "outcome" => "succeeded").increment(1);
                Ok(stored.clone())
            }
            (Ok(_), _) => {
                metrics::counter!("neruba_logins_total", "outcome" => "failed").increment(1);
                Err(Error::refused(Code::InvalidCredentials, "The email or the password is wrong."))
            }
            (Err(error), _) => {
                logins.abandoned(&attempt);
                Err(error)
            }
        }
    }

    /// Stores a new session and makes its first tokens.
    pub(crate) fn open_session(
        &self,
        tx: &mut InstallationTx<'_>,
        caller: &Caller,
        id: SessionId,
        user: &User,
    ) -> Result<Login, Error> {
        let expires_at = caller
            .now
            .checked_add(self.access.settings.session_lifetime)
            .ok_or_else(|| Error::Bug("a session would end after the end of the calendar".to_owned()))?;
        let session = Session {
            id,
            user: user.id,
            generation: FIRST_GENERATION,
            created_at: caller.now,
            refreshed_at: caller.now,
            expires_at,
            revoked_at: None,
        };
        sessions::insert(tx, &session)?;
        self.tokens(caller, user, &session)
    }

    fn tokens(&self, caller: &Caller, user: &User, session: &Session) -> Result<Login, Error> {
        let ends = caller.now.checked_add(self.access.settings.token_lifetime);
        // No token outlives its session; tokens end on whole seconds.
        let expires_at = ends.map_or(session.expires_at, |ends| ends.min(session.expires_at)).slice_start(1_000_000);
        let claims = Claims::new(user.id, session.id, caller.now, expires_at);
        let refresh = RefreshToken { session: session.id, generation: session.generation };
        Ok(Login {
            access_token: sign(&claims, self.secrets().token_key())?,
            token_type: "Bearer",
            expires_at,
            refresh_token: refresh.text(self.secrets()),
            user: UserView::from(user),
        })
    }
}

fn throttled(seconds: u32) -> Error {
    metrics::counter!("neruba_logins_total", "outcome" => "throttled").increment(1);
    let detail =
        format!("Too many logins failed for this account or from this address. Try again in {seconds} seconds.");
    Refusal::new(Code::LoginThrottled, detail).retry_after(seconds).into()
}

fn invalid_refresh_token() -> Refusal {
    Refusal::new(
        Code::InvalidRefreshToken,
        "The refresh token was used already, or its session has ended. Log in again.",
    )
}
