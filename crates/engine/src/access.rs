//! Who is asking, and what they may do in a project: the answers every front door needs before it calls a use case.

mod access_token;
mod gate;
mod key_cache;
mod login_throttle;
mod password_hash;
mod refresh_token;
mod settings;

pub use settings::{AccessSettings, LoginThrottle, PasswordCost};

use domain::access::Role;
use domain::access_grants::AccessGrant;
use domain::access_keys::{AccessKey, KeyText};
use domain::clock::ProjectClock;
use domain::ids::{AccessGrantId, ProjectId, SessionId, UserId};
use domain::projects::Mode;
use domain::refusal::{Code, Refusal};
use domain::users::User;
use storage::{ProjectTx, access_grants, access_keys, members, project_clocks, sessions};
use subtle::ConstantTimeEq;

pub(crate) use self::access_token::{Claims, sign};
use self::key_cache::{KeyCache, USE_NOTED_EVERY};
pub(crate) use self::login_throttle::LoginAttempts;
pub(crate) use self::password_hash::PasswordHashes;
pub(crate) use self::refresh_token::RefreshToken;
use crate::access_keys::dead_key;
use crate::ctx::{Actor, Caller, Ctx, Held};
use crate::engine::Engine;
use crate::error::Error;

/// What access remembers between requests, per process. None of it decides alone: losing it costs time only.
#[derive(Debug)]
pub(crate) struct AccessState {
    pub settings: AccessSettings,
    pub passwords: PasswordHashes,
    pub logins: LoginAttempts,
    pub keys: KeyCache,
}

impl AccessState {
    pub fn new(settings: AccessSettings) -> AccessState {
        AccessState {
            passwords: PasswordHashes::new(&settings),
            logins: LoginAttempts::new(settings.login_throttle),
            keys: KeyCache::new(settings.key_cache_lifetime),
            settings,
        }
    }
}

impl Engine {
    /// The caller behind a user's token (the text after `Bearer `).
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when the token is malformed, tampered with or expired, or its session was revoked.
    pub fn authenticate_user(&self, caller: Caller, bearer: &str) -> Result<Caller, Error> {
        let claims = access_token::verify(bearer, self.secrets().token_key(), caller.now)?;
        let found = self.db().read_installation("authenticate_user", |tx| -> Result<_, Error> {
            Ok(sessions::find_with_user(tx, claims.session)?)
        })?;
        match found {
            Some((session, user))
                if session.user == claims.user && session.is_open(caller.now) && user.disabled_at.is_none() =>
            {
                Ok(caller.with_actor(user_actor(&user, session.id)))
            }
            Some(_) | None => {
                let detail = "The session of this access token has ended. Log in again.";
                Err(Error::refused(Code::Unauthenticated, detail))
            }
        }
    }

    /// The access key behind the text of an `x-api-key` header, in its own project. Looks at the stored key.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when there is no such key, or it was revoked or has expired.
    pub fn authenticate_key(&self, caller: Caller, text: &str) -> Result<Ctx, Error> {
        let (text, hash) = self.read_key(text)?;
        self.verify_key(caller, &text, hash)
    }

    /// As [`Engine::authenticate_key`], but a key verified some seconds ago is taken from memory. Only for ingest, whose
    /// write looks at the stored key again in its own transaction.
    ///
    /// # Errors
    /// As [`Engine::authenticate_key`].
    pub fn authenticate_key_for_ingest(&self, caller: Caller, text: &str) -> Result<Ctx, Error> {
        let (text, hash) = self.read_key(text)?;
        match self.access.keys.find(&hash, caller.now) {
            // Only keys of live projects are remembered: these follow the world's clock.
            Some(key) => Ok(key_ctx(caller, key)),
            None => self.verify_key(caller, &text, hash),
        }
    }

    /// As [`Engine::authenticate_key_for_ingest`], from memory alone: it neither waits nor reads, so it may be called where
    /// waiting is forbidden. `None` says nothing about the key; then ask the database.
    pub fn remembered_key(&self, caller: &Caller, text: &str) -> Option<Ctx> {
        let (_, hash) = self.read_key(text).ok()?;
        let key = self.access.keys.find(&hash, caller.now)?;
        Some(key_ctx(caller.clone(), key))
    }

    /// What a user holds in a project: a member's role, or, for a platform admin who names an open access grant, the
    /// reads of a viewer.
    ///
    /// # Errors
    /// [`Code::NotFound`] for everybody else, whether the project exists or not; [`Code::AccessGrantRequired`] for a
    /// platform admin without an open grant.
    pub fn enter_project(
        &self,
        caller: Caller,
        project: ProjectId,
        grant: Option<AccessGrantId>,
    ) -> Result<Ctx, Error> {
        let (user, is_admin) = match &caller.actor {
            Actor::User { id, platform_admin, .. } => (*id, *platform_admin),
            Actor::Anonymous | Actor::AccessKey { .. } | Actor::System { .. } => return Err(Error::not_found()),
        };
        let seen = self.read(project, "enter_project", |tx| look_around(tx, user, grant))?;
        let held = match &seen {
            Seen { role: Some(role), .. } => Held::Role(*role),
            Seen { grant: Some(grant), .. } if is_admin && grant.is_open_for(user, caller.now) => Held::Grant(grant.id),
            Seen { exists: true, .. } if is_admin => return Err(grant_required(grant).into()),
            Seen { .. } => return Err(Error::not_found()),
        };
        let now = seen.clock.now(caller.now);
        Ok(Ctx { caller: self.at(caller, now), project, held })
    }

    fn read_key(&self, text: &str) -> Result<(KeyText, [u8; 32]), Error> {
        let text = KeyText::parse(text).map_err(|_| unknown_key())?;
        let hash = self.secrets().access_key_hash(text.expose());
        Ok((text, hash))
    }

    fn verify_key(&self, caller: Caller, text: &KeyText, hash: [u8; 32]) -> Result<Ctx, Error> {
        let found = self.db().read_installation("authenticate_key", |tx| -> Result<_, Error> {
            let Some((key, stored)) = access_keys::find_by_public_id(tx, text.public_id())? else { return Ok(None) };
            let clock = project_clocks::get(&mut tx.in_project(key.project))?;
            Ok(Some((key, stored, clock)))
        })?;
        let (key, stored, clock) = found.ok_or_else(unknown_key)?;
        if !bool::from(hash.ct_eq(&stored)) {
            return Err(unknown_key());
        }
        if !key.is_alive(caller.now) {
            return Err(dead_key().into());
        }
        let (mode, clock) = clock.ok_or_else(Error::not_found)?;
        match mode {
            Mode::Live => self.access.keys.remember(hash, &key, caller.now),
            // Its clock may be moved by any node at any time.
            Mode::Sandbox => {}
        }
        self.note_key_use(&caller, &key);
        let now = clock.now(caller.now);
        Ok(key_ctx(self.at(caller, now), key))
    }

    /// Stores, once a minute, that the key is in use. No audit entry: it changes what people see, not what is allowed.
    /// A failure is only logged: the request itself has nothing to do with it.
    fn note_key_use(&self, caller: &Caller, key: &AccessKey) {
        let now = caller.now;
        if !self.access.keys.note_is_due(key, now) {
            return;
        }
        let Some(unless_since) = now.checked_sub(USE_NOTED_EVERY) else { return };
        let noted = self.db().write("note_key_use", key.project, |tx| -> Result<_, Error> {
            Ok(access_keys::note_use(tx, key.id, now, unless_since)?)
        });
        if let Err(error) = noted {
            tracing::warn!(key = %key.id, error = &error as &dyn std::error::Error, "the use of a key was not noted");
        }
    }
}

impl Caller {
    /// The user who asks, and the session.
    ///
    /// # Errors
    /// [`Code::Forbidden`] when it is not a user.
    pub fn user(&self) -> Result<(UserId, SessionId), Refusal> {
        match &self.actor {
            Actor::User { id, session, .. } => Ok((*id, *session)),
            Actor::Anonymous | Actor::AccessKey { .. } | Actor::System { .. } => {
                Err(Refusal::new(Code::Forbidden, "Only a user can do this. Send a user's token."))
            }
        }
    }

    /// The platform admin who asks.
    ///
    /// # Errors
    /// [`Code::Forbidden`] for everybody else.
    pub fn platform_admin(&self) -> Result<UserId, Refusal> {
        match &self.actor {
            Actor::User { id, platform_admin: true, .. } => Ok(*id),
            Actor::User { .. } | Actor::Anonymous | Actor::AccessKey { .. } | Actor::System { .. } => {
                Err(Refusal::new(Code::Forbidden, "Only a platform admin can do this."))
            }
        }
    }
}

/// What a user finds at the door of a project.
struct Seen {
    exists: bool,
    role: Option<Role>,
    grant: Option<AccessGrant>,
    clock: ProjectClock,
}

fn look_around(tx: &mut ProjectTx<'_>, user: UserId, grant: Option<AccessGrantId>) -> Result<Seen, Error> {
    let role = members::role_of(tx, user)?;
    let found = project_clocks::get(tx)?;
    let (exists, clock) = (found.is_some(), found.map(|(_, clock)| clock).unwrap_or_default());
    if role.is_some() {
        return Ok(Seen { exists, role, grant: None, clock });
    }
    let grant = match grant {
        Some(id) => access_grants::get(tx, id)?,
        None => None,
    };
    Ok(Seen { exists, role, grant, clock })
}

fn grant_required(named: Option<AccessGrantId>) -> Refusal {
    let detail = match named {
        None => {
            "Open an access grant with POST /admin/projects/{projectId}/access-grants and name it in the header \
             Neruba-Access-Grant."
        }
        Some(_) => {
            "The access grant is closed, has expired, or was not opened by you for this project. Open a new one."
        }
    };
    Refusal::new(Code::AccessGrantRequired, detail)
}

pub(crate) fn user_actor(user: &User, session: SessionId) -> Actor {
    Actor::User { id: user.id, name: user.name.clone(), session, platform_admin: user.platform_admin }
}

fn key_ctx(caller: Caller, key: AccessKey) -> Ctx {
    let AccessKey { project, id, name, scopes, .. } = key;
    let held = Held::Scopes(scopes.clone());
    Ctx { caller: caller.with_actor(Actor::AccessKey { id, name, scopes }), project, held }
}

fn unknown_key() -> Error {
    Error::refused(Code::Unauthenticated, "The access key is not valid. Check the header x-api-key.")
}
