//! Users: made by the operator or by the setup secret, and their passwords.

use domain::ids::UserId;
use domain::password::Password;
use domain::refusal::{Code, Refusal};
use domain::users::{Email, User};
use serde_json::json;
use storage::users::{self, StoredUser};
use storage::{InstallationTx, sessions};
use subtle::ConstantTimeEq;

use crate::audit::{AuditRecord, Audited};
use crate::ctx::{Actor, Caller};
use crate::engine::Engine;
use crate::error::Error;
use crate::sessions::Login;

/// A user as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    pub id: UserId,
    pub email: Email,
    pub name: String,
    /// Runs the installation; is in no project by that alone.
    pub platform_admin: bool,
}

impl From<&User> for UserView {
    fn from(user: &User) -> UserView {
        UserView {
            id: user.id,
            email: user.email.clone(),
            name: user.name.clone(),
            platform_admin: user.platform_admin,
        }
    }
}

/// Somebody who shall be able to log in.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub email: Email,
    pub name: String,
    pub password: Password,
    pub platform_admin: bool,
}

/// A new password for the caller's own account.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    pub current: Password,
    /// As typed; the rules for passwords are checked here, where the account is known.
    pub new: String,
}

/// What the setup secret proves.
const SETUP: &[u8] = b"setup link";

impl Engine {
    /// Makes a user. For the operator on the server's own machine, and for platform admins.
    ///
    /// # Errors
    /// [`Code::EmailTaken`] when the address has an account; [`Code::Forbidden`] for other callers.
    pub fn create_user(&self, caller: &Caller, new: &NewUser) -> Result<UserView, Error> {
        match &caller.actor {
            Actor::System { .. } => {}
            Actor::User { .. } | Actor::AccessKey { .. } | Actor::Anonymous => drop(caller.platform_admin()?),
        }
        self.add_user(caller, new, |_| Ok(()))
    }

    /// The secret of the setup secret, while nobody can log in yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn setup_secret(&self) -> Result<Option<String>, Error> {
        let any = self.db().read_installation("any_user", |tx| -> Result<_, Error> { Ok(users::any(tx)?) })?;
        Ok((!any).then(|| self.expected_setup_secret()))
    }

    /// Makes the first user, a platform admin. Whoever holds the setup secret may do it, once.
    ///
    /// # Errors
    /// [`Code::Forbidden`] for another secret, and as soon as there is a user.
    pub fn set_up(&self, caller: &Caller, secret: &str, new: &NewUser) -> Result<UserView, Error> {
        let fits = self.expected_setup_secret().as_bytes().ct_eq(secret.as_bytes());
        let refusal = || Refusal::new(Code::Forbidden, "The setup secret is not valid, or was used already.");
        if !bool::from(fits) {
            return Err(refusal().into());
        }
        let first = NewUser { platform_admin: true, ..new.clone() };
        self.add_user(caller, &first, |tx| if users::any(tx)? { Err(refusal().into()) } else { Ok(()) })
    }

    /// The caller's own account.
    ///
    /// # Errors
    /// [`Code::Forbidden`] when the caller is not a user.
    pub fn me(&self, caller: &Caller) -> Result<UserView, Error> {
        Ok(UserView::from(&self.own_account(caller)?.user))
    }

    /// Changes the caller's own password. Every session ends, and a new one begins.
    ///
    /// # Errors
    /// [`Code::InvalidCredentials`] when the current password is another one; [`Code::WeakPassword`] for the new one;
    /// [`Code::LoginThrottled`] after too many wrong ones.
    pub fn change_password(&self, caller: &Caller, command: &ChangePassword) -> Result<Login, Error> {
        let stored = self.own_account(caller)?;
        let new = Password::chosen("newPassword", &command.new, &stored.user.email)?;
        self.check_password(caller, &stored.user.email, None, &command.current, Some(&stored))?;
        let hash = self.access.passwords.hash(&new, self.random())?;
        let (user, now) = (stored.user.id, caller.now);
        self.installation_command(caller, "change_password", |tx| {
            if !users::replace_password(tx, &stored, &hash, now)? {
                let detail = "The password was changed by somebody else meanwhile. Log in again.";
                return Err(Error::refused(Code::InvalidCredentials, detail));
            }
            let ended = sessions::revoke_all_of(tx, user, now, "password changed")?;
            let login = self.open_session(tx, caller, caller.new_id(), &stored.user)?;
            let record = AuditRecord::new("user.passwordChanged", user).details(json!({ "sessionsEnded": ended }));
            Ok(Audited::new(login, record))
        })
    }

    fn own_account(&self, caller: &Caller) -> Result<StoredUser, Error> {
        let (user, _) = caller.user()?;
        let found = self.db().read_installation("get_user", |tx| -> Result<_, Error> { Ok(users::get(tx, user)?) })?;
        found.ok_or_else(|| Error::Bug(format!("the user {user} is logged in and does not exist")))
    }

    fn add_user(
        &self,
        caller: &Caller,
        new: &NewUser,
        mut allowed: impl FnMut(&mut InstallationTx<'_>) -> Result<(), Error>,
    ) -> Result<UserView, Error> {
        let password_hash = self.access.passwords.hash(&new.password, self.random())?;
        let user = User {
            id: caller.new_id(),
            email: new.email.clone(),
            name: new.name.clone(),
            platform_admin: new.platform_admin,
            created_at: caller.now,
            disabled_at: None,
        };
        let stored = StoredUser { user, password_hash };
        self.installation_command(caller, "create_user", |tx| {
            allowed(tx)?;
            if !users::insert(tx, &stored)? {
                let detail = format!("A user with the email {} exists.", stored.user.email);
                return Err(Error::refused(Code::EmailTaken, detail));
            }
            let view = UserView::from(&stored.user);
            let record = AuditRecord::new("user.created", view.id).details(json!({ "after": view }));
            Ok(Audited::new(view, record))
        })
    }

    fn expected_setup_secret(&self) -> String {
        let mac = self.secrets().refresh_mac(&[SETUP]);
        mac.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
