//! Logins and tokens at the door of the engine.

use std::time::Duration;

use domain::access::Role;
use domain::password::Password;
use domain::refusal::Code;
use domain::users::{Email, User};
use engine::sessions::{Credentials, Login};
use engine::users::NewUser;
use engine::{Actor, Error};
use storage::StorageError;
use storage::users::StoredUser;

use crate::world::{World, on_both};

fn email(world: &World, name: &str) -> Email {
    Email::parse("email", &format!("{name}.{:016x}@example.com", world.seed)).unwrap()
}

fn log_in(world: &World, email: &Email, password: &str) -> Result<Login, Error> {
    let credentials = Credentials { email: email.clone(), password: Password::typed(password), address: None };
    world.engine.log_in(&world.engine.caller("req_test"), &credentials)
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| error.to_refusal().code)
}

on_both! {
    fn a_token_names_its_user_and_its_session(world) {
        let login = log_in(world, &email(world, "owner"), "strong-password").unwrap();
        let caller = world.engine.authenticate_user(world.engine.caller("req_test"), &login.access_token).unwrap();
        let Actor::User { id, name, platform_admin, .. } = caller.actor else { panic!("not a user") };
        assert_eq!((id, name.as_str(), platform_admin), (login.user.id, "Olivia Owner", false));
        let caller = world.engine.authenticate_user(world.engine.caller("req_test"), &login.access_token).unwrap();
        let ctx = world.engine.enter_project(caller, world.project.id, None).unwrap();
        assert_eq!(ctx.held, engine::ctx::Held::Role(Role::Owner));
    }

    fn a_disabled_user_is_answered_like_a_wrong_password(world) {
        let hash = stored_hash(world);
        let user = User {
            id: world.engine.caller("test").new_id(),
            email: email(world, "disabled"),
            name: "Disabled".to_owned(),
            platform_admin: false,
            created_at: world.engine.caller("test").now,
            disabled_at: Some(world.engine.caller("test").now),
        };
        let stored = StoredUser { user, password_hash: hash };
        let add = |tx: &mut storage::InstallationTx<'_>| storage::users::insert(tx, &stored);
        assert!(world.db.write_installation("test", add).unwrap());
        assert_eq!(code(log_in(world, &email(world, "disabled"), "strong-password")), Some(Code::InvalidCredentials));
    }

    fn a_token_without_its_session_is_refused(world) {
        let login = log_in(world, &email(world, "owner"), "strong-password").unwrap();
        let authenticate = || world.engine.authenticate_user(world.engine.caller("req_test"), &login.access_token);
        let caller = authenticate().unwrap();
        world.engine.log_out(&caller).unwrap();
        assert_eq!(code(authenticate()), Some(Code::Unauthenticated));
    }

    fn time_is_that_of_the_operation(world) {
        world.clock.set("2031-01-01T00:00:00Z");
        let login = log_in(world, &email(world, "owner"), "strong-password").unwrap();
        assert_eq!(login.expires_at.to_string(), "2031-01-01T00:15:00.000Z");
        let authenticate = || world.engine.authenticate_user(world.engine.caller("req_test"), &login.access_token);
        assert!(authenticate().is_ok());
        world.clock.advance(Duration::from_secs(15 * 60));
        assert_eq!(code(authenticate()), Some(Code::Unauthenticated));
    }

    // checklist 101
    fn debug_output_shows_no_token(world) {
        let login = log_in(world, &email(world, "owner"), "strong-password").unwrap();
        let shown = format!("{login:?}");
        assert!(shown.contains("owner") && !shown.contains(&login.access_token) && !shown.contains(&login.refresh_token));
    }

    fn an_address_has_one_account(world) {
        let new = NewUser {
            email: email(world, "owner"),
            name: "Second".to_owned(),
            password: Password::typed("strong-password"),
            platform_admin: false,
        };
        let operator = world.engine.caller("test").with_actor(Actor::System { name: "test" });
        assert_eq!(code(world.engine.create_user(&operator, &new)), Some(Code::EmailTaken));
        let owner = world.engine.caller("test").with_actor(world.owner.clone());
        assert_eq!(code(world.engine.create_user(&owner, &new)), Some(Code::Forbidden));
        assert_eq!(code(world.engine.create_user(&world.engine.caller("test"), &new)), Some(Code::Forbidden));
    }

    // checklist 93
    fn logins_and_stolen_tokens_are_in_the_trail_of_the_installation(world) {
        let first = log_in(world, &email(world, "owner"), "strong-password").unwrap();
        let caller = world.engine.caller("req_test");
        world.engine.refresh(&caller, &first.refresh_token).unwrap();
        assert_eq!(code(world.engine.refresh(&caller, &first.refresh_token)), Some(Code::InvalidRefreshToken));
        let admin = world.engine.caller("req_test").with_actor(Actor::User {
            id: first.user.id,
            name: "Admin".to_owned(),
            session: caller.new_id(),
            platform_admin: true,
        });
        let trail = world.engine.list_installation_audit_entries(&admin, &Default::default(), 1_000).unwrap();
        let mine: Vec<&str> = trail
            .iter()
            .filter(|entry| entry.actor.id == first.user.id.to_string())
            .map(|entry| entry.action.as_str())
            .collect();
        for action in ["session.begun", "session.refreshed", "session.refreshTokenReused"] {
            assert!(mine.contains(&action), "{action} in {mine:?}");
        }
        let owner = world.engine.caller("test").with_actor(world.owner.clone());
        assert_eq!(code(world.engine.list_installation_audit_entries(&owner, &Default::default(), 1)), Some(Code::Forbidden));
    }
}

/// The hash of the owner's password, which every user of the tests has.
fn stored_hash(world: &World) -> String {
    let owner = email(world, "owner");
    let find =
        |tx: &mut storage::InstallationTx<'_>| -> Result<_, StorageError> { storage::users::find_by_email(tx, &owner) };
    world.db.read_installation("test", find).unwrap().unwrap().password_hash
}
