//! `/projects/{projectId}/access-keys`: shown once, checked at every use, ended at once.

use std::time::Duration;

use domain::access::{Role, Scope};
use domain::refusal::Code;
use serde_json::{Value, json};
use storage::{Database, Dialect, raw};

use crate::world::{PASSWORD, Project, Reply, World, on_both, text};

fn create(world: &World, project: &Project, body: Value) -> Reply {
    world.post(project.path("/access-keys")).bearer(&project.owner.token).json(body).send()
}

fn reader(world: &World, project: &Project) -> Value {
    create(world, project, json!({ "name": "Reader", "scopes": ["customers:read"] })).expect(201)
}

fn list(world: &World, project: &Project) -> Vec<Value> {
    let page = world.get(project.path("/access-keys")).bearer(&project.owner.token).expect(200);
    page["data"].as_array().unwrap().clone()
}

fn rotate(world: &World, project: &Project, key: &Value, body: Value) -> Reply {
    let path = project.path(&format!("/access-keys/{}/rotate", text(&key["id"])));
    world.post(path).bearer(&project.owner.token).json(body).send()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Every value of every table, as text and as hexadecimal digits.
fn dump(db: &Database) -> String {
    let names = |query: &str| raw::query_as_owner(db, query, |row| row.get::<String>(0)).unwrap();
    let mut dump = String::new();
    match db.dialect() {
        Dialect::Sqlite => {
            for table in names("select name from sqlite_schema where type = 'table'") {
                for column in names(&format!("select name from pragma_table_info('{table}')")) {
                    let query =
                        format!("select lower(hex(cast({column} as blob))) from {table} where {column} is not null");
                    dump.extend(names(&query).into_iter().map(|value| value + "\n"));
                }
            }
        }
        Dialect::Postgres => {
            for table in names("select tablename::text from pg_tables where schemaname = 'public'") {
                dump.extend(names(&format!("select cast(t as text) from {table} t")).into_iter().map(|row| row + "\n"));
            }
        }
    }
    dump
}

/// Whether the key is let in: as far as the engine's door, which every route with a key goes through.
fn works(world: &World, key: &Value) -> bool {
    let text = text(&key["accessKey"]);
    let slow = world.engine.authenticate_key(world.engine.caller("test"), &text);
    let fast = world.engine.authenticate_key_for_ingest(world.engine.caller("test"), &text);
    assert_eq!(slow.is_ok(), fast.is_ok());
    slow.is_ok()
}

on_both! {
    // checklist 4
    fn the_published_request_creates_a_key_that_is_shown_once(world) {
        let project = world.project();
        let body = json!({ "name": "Usage ingest", "scopes": ["ingest:usage", "ingest:charge"] });
        let created = create(world, &project, body).expect(201);
        let plain = text(&created["accessKey"]);
        let prefix = text(&created["prefix"]);
        assert!(plain.starts_with(&prefix) && prefix.starts_with("nrb_"), "{plain}");
        assert!(plain.len() >= prefix.len() + 1 + 36);
        let expected = json!({
            "id": created["id"], "name": "Usage ingest", "scopes": ["ingest:usage", "ingest:charge"], "prefix": prefix,
            "accessKey": plain, "createdAt": "2026-03-17T10:20:00.000Z", "expiresAt": null, "replaces": null,
        });
        assert_eq!(created, expected);
        let listed = world.get(project.path("/access-keys")).bearer(&project.owner.token).send();
        assert!(!listed.text.contains(&plain[prefix.len()..]), "{}", listed.text);
        assert_eq!(listed.body()["data"][0]["prefix"], prefix);
        assert_eq!(listed.body()["data"][0]["createdBy"], project.owner.id);
        let trail = world.get(project.path("/audit")).bearer(&project.owner.token).send();
        assert!(!trail.text.contains(&plain[prefix.len()..]), "{}", trail.text);
    }

    // checklist 4
    fn a_repeated_request_never_shows_the_key_again(world) {
        let project = world.project();
        let body = json!({ "name": "Usage ingest", "scopes": ["ingest:usage"] });
        let send = || world.post(project.path("/access-keys")).bearer(&project.owner.token).idempotency("key-1").json(body.clone()).send();
        let first = send();
        let again = send();
        assert_eq!((again.status, again.is_replay()), (201, true));
        let mut expected = first.expect(201);
        assert!(expected.as_object_mut().unwrap().remove("accessKey").is_some());
        assert_eq!(again.body(), expected);
        assert_eq!(list(world, &project).len(), 1);
    }

    // checklist 5
    fn a_dump_of_the_database_holds_no_key_no_token_and_no_password(world) {
        let project = world.project();
        let created = reader(world, &project);
        let login = world.post("/auth/login").json(json!({ "email": project.owner.email, "password": PASSWORD })).expect(200);
        let dump = dump(&world.db);
        let holds = |text: &str| dump.contains(text) || dump.contains(&hex(text));
        assert!(holds("Reader") && holds(&text(&created["prefix"])["nrb_".len()..]), "the dump is one");
        let key = text(&created["accessKey"]);
        for secret in [&key, &key[text(&created["prefix"]).len() + 1..], PASSWORD] {
            assert!(!holds(secret), "{secret}");
        }
        for token in ["accessToken", "refreshToken"] {
            assert!(!holds(&text(&login[token])), "{token}");
        }
    }

    // checklist 8
    fn an_unknown_scope_is_refused_by_name(world) {
        let project = world.project();
        let body = json!({ "name": "x", "scopes": ["ingest:usage", "admin:all"] });
        let problem = create(world, &project, body).refused(Code::UnknownScope);
        assert_eq!(problem["errors"][0]["field"], "scopes[1]");
        create(world, &project, json!({ "name": "x", "scopes": [] })).refused(Code::InvalidValue);
        create(world, &project, json!({ "name": " ", "scopes": ["ingest:usage"] })).refused(Code::InvalidValue);
        create(world, &project, json!({ "name": "x" })).refused(Code::MissingField);
        assert_eq!(list(world, &project), Vec::<Value>::new());
    }

    // checklist 9
    fn a_revoked_key_stops_working_at_once(world) {
        let project = world.project();
        let key = reader(world, &project);
        assert!(works(world, &key));
        let path = project.path(&format!("/access-keys/{}", text(&key["id"])));
        world.delete(&path).bearer(&project.owner.token).expect(204);
        assert!(!works(world, &key));
        world.get(project.path("/access-keys")).key(text(&key["accessKey"])).refused(Code::Unauthenticated);
        assert_eq!(list(world, &project)[0]["revokedAt"], "2026-03-17T10:20:00.000Z");
        // Revoking it again changes nothing and adds nothing to the trail.
        world.delete(&path).bearer(&project.owner.token).expect(204);
        let trail = world.get(project.path("/audit?action=accessKey.revoked")).bearer(&project.owner.token).expect(200);
        assert_eq!(trail["data"].as_array().unwrap().len(), 1);
    }

    // checklist 9
    fn a_key_revoked_on_another_node_does_not_write(world) {
        let project = world.project();
        let key = reader(world, &project);
        assert!(works(world, &key));
        let (id, now) = (text(&key["id"]).parse().unwrap(), world.engine.caller("test").now);
        let project_id = project.id.parse().unwrap();
        world.db.write("test", project_id, |tx| storage::access_keys::revoke(tx, id, now)).unwrap();
        // This node remembers the key, but whatever writes asks the database.
        let plain = text(&key["accessKey"]);
        assert!(world.engine.authenticate_key_for_ingest(world.engine.caller("test"), &plain).is_ok());
        assert!(world.engine.authenticate_key(world.engine.caller("test"), &plain).is_err());
        let dead = world.db.write_installation("test", |tx| storage::access_keys::dead_among(tx, &[(project_id, id)], now)).unwrap();
        assert_eq!(dead, [id]);
        world.clock.advance(Duration::from_secs(10));
        assert!(world.engine.authenticate_key_for_ingest(world.engine.caller("test"), &plain).is_err());
    }

    fn a_key_ends_when_it_was_said_to(world) {
        let project = world.project();
        let body = json!({ "name": "Short", "scopes": ["customers:read"], "expiresAt": "2026-03-17T11:00:00Z" });
        let key = create(world, &project, body).expect(201);
        assert_eq!(key["expiresAt"], "2026-03-17T11:00:00.000Z");
        world.clock.set("2026-03-17T10:59:59.999Z");
        assert!(works(world, &key));
        world.clock.set("2026-03-17T11:00:00.000Z");
        assert!(!works(world, &key));
    }

    fn an_expiry_that_makes_no_sense_is_refused(world) {
        let project = world.project();
        let send = |at: &str| create(world, &project, json!({ "name": "x", "scopes": ["customers:read"], "expiresAt": at }));
        send("tomorrow").refused(Code::InvalidTimestamp);
        let problem = send("2026-03-17T10:20:00Z").refused(Code::InvalidValue);
        assert_eq!(problem["errors"][0]["field"], "expiresAt");
    }

    fn both_keys_work_during_the_grace_time_of_a_rotation(world) {
        let project = world.project();
        let old = reader(world, &project);
        let new = rotate(world, &project, &old, json!({ "graceMinutes": 60 })).expect(201);
        assert_eq!((&new["name"], &new["scopes"], &new["replaces"]), (&old["name"], &old["scopes"], &old["id"]));
        assert_ne!(new["accessKey"], old["accessKey"]);
        assert!(works(world, &old) && works(world, &new));
        world.clock.advance(Duration::from_secs(60 * 60));
        assert!(!works(world, &old) && works(world, &new));
        let project = Project { owner: world.log_in(&project.owner.email), ..project };
        assert_eq!(list(world, &project)[0]["expiresAt"], "2026-03-17T11:20:00.000Z");
    }

    fn a_rotation_without_grace_ends_the_old_key_at_once(world) {
        let project = world.project();
        let old = reader(world, &project);
        assert!(works(world, &old));
        let new = rotate(world, &project, &old, json!({ "graceMinutes": 0 })).expect(201);
        assert!(!works(world, &old) && works(world, &new));
        rotate(world, &project, &old, json!({})).refused(Code::KeyRevoked);
    }

    fn a_rotated_key_lasts_as_long_as_the_old_one_was_meant_to(world) {
        let project = world.project();
        let body = json!({ "name": "Daily", "scopes": ["customers:read"], "expiresAt": "2026-03-18T10:20:00Z" });
        let old = create(world, &project, body).expect(201);
        world.clock.set("2026-03-18T10:00:00Z");
        let owner = world.log_in(&project.owner.email);
        let project = Project { owner, ..project };
        let new = rotate(world, &project, &old, json!({})).expect(201);
        assert_eq!(new["expiresAt"], "2026-03-19T10:00:00.000Z");
        // The grace time of a day does not prolong the old one.
        assert_eq!(list(world, &project)[0]["expiresAt"], "2026-03-18T10:20:00.000Z");
    }

    fn a_rotation_is_repeated_safely_under_a_key(world) {
        let project = world.project();
        let old = reader(world, &project);
        let path = project.path(&format!("/access-keys/{}/rotate", text(&old["id"])));
        let send = |body: Value| world.post(&path).bearer(&project.owner.token).idempotency("rotate-1").json(body).send();
        let first = send(json!({})).expect(201);
        let again = send(json!({}));
        assert_eq!((again.expect(201)["id"].clone(), again.is_replay()), (first["id"].clone(), true));
        assert!(again.body().get("accessKey").is_none());
        send(json!({ "graceMinutes": 5 })).refused(Code::IdempotencyConflict);
        assert_eq!(list(world, &project).len(), 2);
    }

    fn what_cannot_be_rotated_or_revoked_is_refused(world) {
        let project = world.project();
        let key = reader(world, &project);
        rotate(world, &project, &key, json!({ "graceMinutes": 43_201 })).refused(Code::OutOfRange);
        rotate(world, &project, &key, json!({ "expiresAt": "2020-01-01T00:00:00Z" })).refused(Code::InvalidValue);
        let unknown = json!({ "id": "key_00000000000000000000000000" });
        rotate(world, &project, &unknown, json!({})).refused(Code::NotFound);
        let path = project.path("/access-keys/key_00000000000000000000000000");
        world.delete(path).bearer(&project.owner.token).refused(Code::NotFound);
        // A key of another project is as unknown as one that never was.
        let other = world.project_of(&project.owner, "other");
        rotate(world, &other, &key, json!({})).refused(Code::NotFound);
        world.delete(other.path(&format!("/access-keys/{}", text(&key["id"])))).bearer(&project.owner.token).refused(Code::NotFound);
        assert!(works(world, &key));
    }

    fn the_last_use_is_noted_about_once_a_minute(world) {
        let project = world.project();
        let key = reader(world, &project);
        assert_eq!(list(world, &project)[0]["lastUsedAt"], Value::Null);
        assert!(works(world, &key));
        assert_eq!(list(world, &project)[0]["lastUsedAt"], "2026-03-17T10:20:00.000Z");
        world.clock.advance(Duration::from_secs(30));
        assert!(works(world, &key));
        assert_eq!(list(world, &project)[0]["lastUsedAt"], "2026-03-17T10:20:00.000Z");
        world.clock.advance(Duration::from_secs(31));
        assert!(works(world, &key));
        assert_eq!(list(world, &project)[0]["lastUsedAt"], "2026-03-17T10:21:01.000Z");
    }

    // checklist 7
    fn a_key_enters_no_other_project(world) {
        let project = world.project();
        let other = world.project_of(&project.owner, "other");
        let key = world.access_key(&project, Scope::ALL);
        world.get(other.path("")).key(&key).refused(Code::NotFound);
        world.get(other.path("/audit")).key(&key).refused(Code::NotFound);
    }

    // checklist 10
    fn a_key_manages_nothing(world) {
        let project = world.project();
        let key = world.access_key(&project, Scope::ALL);
        world.post(project.path("/access-keys")).key(&key).json(json!({ "name": "x", "scopes": ["ingest:usage"] })).refused(Code::MissingScope);
        world.get(project.path("/access-keys")).key(&key).refused(Code::MissingScope);
        world.post(project.path("/members")).key(&key).json(json!({ "email": "a@b.c", "role": "owner" })).refused(Code::MissingScope);
        world.patch(project.path("")).key(&key).json(json!({ "name": "x" })).refused(Code::MissingScope);
        world.get(project.path("/audit")).key(&key).refused(Code::MissingScope);
    }

    fn a_text_that_is_no_key_is_refused(world) {
        let project = world.project();
        let key = world.access_key(&project, Scope::ALL);
        let mistyped = format!("{}x", &key[..key.len() - 1]);
        for text in ["", "x", "nrb_", &mistyped, &project.owner.token] {
            world.get(project.path("/access-keys")).key(text).refused(Code::Unauthenticated);
        }
        world.get(project.path("/access-keys")).key(&key).bearer(&project.owner.token).refused(Code::InvalidHeader);
    }

    // checklist 12
    fn owners_admins_and_developers_manage_keys(world) {
        let project = world.project();
        for role in Role::ALL {
            let member = if *role == Role::Owner { project.owner.clone() } else { world.member(&project, *role) };
            let body = json!({ "name": role.as_str(), "scopes": ["ingest:usage"] });
            let reply = world.post(project.path("/access-keys")).bearer(&member.token).json(body).send();
            if matches!(role, Role::Owner | Role::Admin | Role::Developer) {
                reply.expect(201);
                world.get(project.path("/access-keys")).bearer(&member.token).expect(200);
            } else {
                reply.refused(Code::Forbidden);
                world.get(project.path("/access-keys")).bearer(&member.token).refused(Code::Forbidden);
            }
        }
    }
}
