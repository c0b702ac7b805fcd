//! Who is asking, and what they may do in a project: the answers every front door needs before it calls a use case.

mod settings;

pub use settings::{AccessSettings, LoginThrottle, PasswordCost};

use domain::ids::{AccessGrantId, ProjectId};

use crate::ctx::{Caller, Ctx};
use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// The caller behind a user's token (the text after `Bearer `).
    ///
    /// # Errors
    /// `unauthenticated` when the token is malformed, tampered with or expired, or its session was revoked.
    pub fn authenticate_user(&self, caller: Caller, bearer: &str) -> Result<Caller, Error> {
        let _ = (caller, bearer);
        Err(Error::Bug("users cannot be authenticated".to_owned()))
    }

    /// The access key behind the text of an `x-api-key` header, in its own project. Looks at the stored key.
    ///
    /// # Errors
    /// `unauthenticated` when there is no such key, or it was revoked or has expired.
    pub fn authenticate_key(&self, caller: Caller, text: &str) -> Result<Ctx, Error> {
        let _ = (caller, text);
        Err(Error::Bug("access keys cannot be authenticated".to_owned()))
    }

    /// As [`Engine::authenticate_key`], but a key verified some seconds ago is taken from memory. Only for ingest, whose
    /// write looks at the stored key again in its own transaction.
    ///
    /// # Errors
    /// As [`Engine::authenticate_key`].
    pub fn authenticate_key_for_ingest(&self, caller: Caller, text: &str) -> Result<Ctx, Error> {
        self.authenticate_key(caller, text)
    }

    /// What a user holds in a project: a member's role, or, for a platform admin who names an open access grant, the
    /// reads of a viewer.
    ///
    /// # Errors
    /// `not_found` for everybody else, whether the project exists or not; `access_grant_required` for a platform admin
    /// without an open grant.
    pub fn enter_project(
        &self,
        caller: Caller,
        project: ProjectId,
        grant: Option<AccessGrantId>,
    ) -> Result<Ctx, Error> {
        let _ = (caller, project, grant);
        Err(Error::Bug("projects cannot be entered".to_owned()))
    }
}
