//! `/auth`: logging in, refreshing, logging out, and one's own account.

use std::time::Duration;

use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World, on_both, text};

fn login(world: &World, email: &str, password: &str) -> crate::world::Reply {
    world.post("/auth/login").json(json!({ "email": email, "password": password })).send()
}

fn refresh(world: &World, token: &Value) -> crate::world::Reply {
    world.post("/auth/refresh").json(json!({ "refreshToken": token })).send()
}

on_both! {
    // checklist 1
    fn the_right_password_gets_the_published_reply(world) {
        let owner = world.owner();
        let reply = login(world, &owner.email, PASSWORD).expect(200);
        let keys: Vec<&String> = reply.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["accessToken", "expiresAt", "refreshToken", "tokenType", "user"]);
        assert_eq!(reply["tokenType"], "Bearer");
        assert_eq!(reply["expiresAt"], "2026-03-17T10:35:00.000Z");
        assert_eq!(reply["user"]["id"], owner.id);
        assert_eq!(reply["user"]["email"], owner.email);
        assert_eq!(reply["user"]["name"], "owner");
        let me = world.get("/auth/me").bearer(text(&reply["accessToken"])).expect(200);
        assert_eq!(me, reply["user"]);
    }

    // checklist 1
    fn a_wrong_password_and_an_unknown_user_get_the_same_refusal(world) {
        let owner = world.owner();
        let mut wrong = login(world, &owner.email, "wrong-password").refused(Code::InvalidCredentials);
        let mut unknown = login(world, "nobody@example.com", PASSWORD).refused(Code::InvalidCredentials);
        for problem in [&mut wrong, &mut unknown] {
            problem.as_object_mut().unwrap().remove("requestId");
        }
        assert_eq!(wrong, unknown);
    }

    fn the_email_is_the_same_however_it_is_written(world) {
        let owner = world.owner();
        login(world, &format!("  {} ", owner.email.to_uppercase()), PASSWORD).expect(200);
    }

    fn a_malformed_login_names_the_field(world) {
        let refused = |body: Value, code: Code| text(&world.post("/auth/login").json(body).refused(code)["errors"][0]["field"]);
        assert_eq!(refused(json!({ "email": "owner", "password": "x" }), Code::InvalidValue), "email");
        assert_eq!(refused(json!({ "email": "a@b.c" }), Code::MissingField), "password");
        assert_eq!(refused(json!({ "email": "a@b.c", "password": "x", "otp": "1" }), Code::UnknownField), "otp");
    }

    // checklist 108
    fn too_many_wrong_passwords_close_the_account_for_a_while(world) {
        let owner = world.owner();
        for _ in 0..10 {
            login(world, &owner.email, "wrong-password").refused(Code::InvalidCredentials);
        }
        let reply = login(world, &owner.email, PASSWORD);
        reply.refused(Code::LoginThrottled);
        assert_eq!(reply.header("retry-after"), Some("900"));
        world.clock.advance(Duration::from_secs(900));
        login(world, &owner.email, PASSWORD).expect(200);
    }

    // checklist 108
    fn an_address_that_tries_many_accounts_is_stopped(world) {
        let attempt = |number: usize, client: &str| {
            let body = json!({ "email": format!("nobody-{number}@example.com"), "password": PASSWORD });
            world.post("/auth/login").json(body).from(client).send()
        };
        for number in 0..100 {
            attempt(number, "198.51.100.7").refused(Code::InvalidCredentials);
        }
        attempt(100, "198.51.100.7").refused(Code::LoginThrottled);
        attempt(100, "198.51.100.8").refused(Code::InvalidCredentials);
    }

    // checklist 108
    fn an_access_token_ends_after_15_minutes(world) {
        let owner = world.owner();
        world.clock.advance(Duration::from_secs(15 * 60 - 1));
        world.get("/auth/me").bearer(&owner.token).expect(200);
        world.clock.advance(Duration::from_secs(1));
        world.get("/auth/me").bearer(&owner.token).refused(Code::Unauthenticated);
    }

    // checklist 108
    fn a_tampered_token_is_refused(world) {
        let owner = world.owner();
        let (message, signature) = owner.token.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        let flipped: String = signature.chars().rev().collect();
        for token in [
            format!("{message}.{flipped}"),
            format!("{message}."),
            format!("{header}.{}A.{signature}", &claims[..claims.len() - 1]),
            // { "alg": "none" }
            format!("eyJhbGciOiJub25lIn0.{claims}."),
            "not a token".to_owned(),
            String::new(),
        ] {
            world.get("/auth/me").bearer(&token).refused(Code::Unauthenticated);
        }
    }

    fn a_refresh_token_works_once_and_its_reuse_ends_the_session(world) {
        let owner = world.owner();
        let first = login(world, &owner.email, PASSWORD).expect(200);
        let second = refresh(world, &first["refreshToken"]).expect(200);
        assert_ne!(first["refreshToken"], second["refreshToken"]);
        assert_eq!(second["user"], first["user"]);
        world.get("/auth/me").bearer(text(&second["accessToken"])).expect(200);
        refresh(world, &first["refreshToken"]).refused(Code::InvalidRefreshToken);
        // Whoever was robbed or robbed: neither goes on.
        refresh(world, &second["refreshToken"]).refused(Code::InvalidRefreshToken);
        world.get("/auth/me").bearer(text(&second["accessToken"])).refused(Code::Unauthenticated);
        world.get("/auth/me").bearer(&owner.token).expect(200);
    }

    fn one_of_many_simultaneous_uses_of_a_refresh_token_wins_and_the_session_ends(world) {
        let owner = world.owner();
        let token = login(world, &owner.email, PASSWORD).expect(200)["refreshToken"].clone();
        let body = json!({ "refreshToken": token });
        let replies = world.at_once((0..4).map(|_| world.post("/auth/refresh").json(body.clone())).collect());
        let renewed: Vec<Value> = replies.iter().filter(|reply| reply.status == 200).map(crate::world::Reply::body).collect();
        assert_eq!(renewed.len(), 1);
        world.get("/auth/me").bearer(text(&renewed[0]["accessToken"])).refused(Code::Unauthenticated);
    }

    fn a_session_lasts_30_days_however_often_it_is_refreshed(world) {
        let owner = world.owner();
        let mut token = login(world, &owner.email, PASSWORD).expect(200)["refreshToken"].clone();
        for _ in 0..29 {
            world.clock.advance(Duration::from_secs(24 * 60 * 60));
            token = refresh(world, &token).expect(200)["refreshToken"].clone();
        }
        world.clock.advance(Duration::from_secs(24 * 60 * 60));
        refresh(world, &token).refused(Code::InvalidRefreshToken);
    }

    fn a_made_up_refresh_token_is_refused(world) {
        for token in ["", "nrr_", "nrr_AAAA", "nrb_0", "x"] {
            refresh(world, &json!(token)).refused(Code::InvalidRefreshToken);
        }
    }

    fn logging_out_ends_the_session_at_once_and_only_that_one(world) {
        let owner = world.owner();
        let other = login(world, &owner.email, PASSWORD).expect(200);
        let token = text(&other["accessToken"]);
        world.post("/auth/logout").bearer(&token).expect(204);
        world.get("/auth/me").bearer(&token).refused(Code::Unauthenticated);
        refresh(world, &other["refreshToken"]).refused(Code::InvalidRefreshToken);
        world.get("/auth/me").bearer(&owner.token).expect(200);
    }

    fn a_new_password_ends_every_session(world) {
        let owner = world.owner();
        let other = login(world, &owner.email, PASSWORD).expect(200);
        let body = json!({ "currentPassword": PASSWORD, "newPassword": "orbit velvet canyon" });
        let fresh = world.post("/auth/password").bearer(&owner.token).json(body).expect(200);
        for token in [owner.token.clone(), text(&other["accessToken"])] {
            world.get("/auth/me").bearer(&token).refused(Code::Unauthenticated);
        }
        refresh(world, &other["refreshToken"]).refused(Code::InvalidRefreshToken);
        world.get("/auth/me").bearer(text(&fresh["accessToken"])).expect(200);
        login(world, &owner.email, PASSWORD).refused(Code::InvalidCredentials);
        login(world, &owner.email, "orbit velvet canyon").expect(200);
    }

    fn a_new_password_needs_the_old_one_and_some_strength(world) {
        let owner = world.owner();
        let change = |current: &str, new: &str| {
            let body = json!({ "currentPassword": current, "newPassword": new });
            world.post("/auth/password").bearer(&owner.token).json(body).send()
        };
        change("wrong-password", "orbit velvet canyon").refused(Code::InvalidCredentials);
        for weak in ["short", "password1234", &owner.email] {
            let problem = change(PASSWORD, weak).refused(Code::WeakPassword);
            assert_eq!(problem["errors"][0]["field"], "newPassword");
        }
        login(world, &owner.email, PASSWORD).expect(200);
    }

    fn guessing_the_current_password_is_throttled_like_a_login(world) {
        let owner = world.owner();
        let guess = || {
            let body = json!({ "currentPassword": "wrong-password", "newPassword": "orbit velvet canyon" });
            world.post("/auth/password").bearer(&owner.token).json(body).send()
        };
        for _ in 0..10 {
            guess().refused(Code::InvalidCredentials);
        }
        guess().refused(Code::LoginThrottled);
    }

    // checklist 10
    fn an_access_key_is_no_user(world) {
        let project = world.project();
        let key = world.access_key(&project, domain::access::Scope::ALL);
        world.get("/auth/me").key(&key).refused(Code::Forbidden);
        world.post("/auth/logout").key(&key).refused(Code::Forbidden);
    }
}

/// An empty installation is the point: databases of its own.
#[test]
fn the_setup_link_makes_the_first_user_once() {
    for (_, _, db) in testkit::fresh_databases() {
        let world = World::new(db, "setup", server::Settings::development());
        let secret = world.engine.setup_secret().unwrap().expect("an empty installation has a setup secret");
        let body = |secret: &str, email: &str, password: &str| json!({ "secret": secret, "email": email, "name": "First", "password": password });
        let set_up = |body: Value| world.post("/auth/setup").json(body).send();
        set_up(body("wrong", "first@example.com", PASSWORD)).refused(Code::Forbidden);
        set_up(body(&secret, "first@example.com", "password1234")).refused(Code::WeakPassword);
        let user = set_up(body(&secret, "first@example.com", PASSWORD)).expect(201);
        assert_eq!(user["platformAdmin"], true);
        set_up(body(&secret, "second@example.com", PASSWORD)).refused(Code::Forbidden);
        assert_eq!(world.engine.setup_secret().unwrap(), None);
        login(&world, "first@example.com", PASSWORD).expect(200);
        world.verify();
    }
}
