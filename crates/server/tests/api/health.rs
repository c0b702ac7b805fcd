//! `/health`: liveness asks nothing, readiness asks the database.

use serde_json::json;
use server::Settings;
use storage::{Database, OpenOptions};

use crate::world::{World, on_both};

on_both! {
    // checklist 97
    fn a_migrated_server_lives_and_is_ready(world) {
        assert_eq!(world.get("/health/live").expect(200), json!({ "status": "ok" }));
        assert_eq!(world.get("/health/ready").expect(200), json!({ "status": "ok" }));
    }
}

// checklist 97
#[test]
fn a_server_with_pending_migrations_lives_but_is_not_ready() {
    for (dialect, url) in testkit::empty_databases() {
        let db = Database::open(&url, &OpenOptions::standard()).unwrap();
        let world = World::new(db, &format!("health pending {dialect}"), Settings::development());
        world.get("/health/live").expect(200);
        let health = world.get("/health/ready").may_fail().expect(503);
        assert_eq!(health["status"], "migrations pending", "{dialect}");
        assert_eq!(health["pendingMigrations"][0], "0001_access", "{dialect}");
    }
}

// checklist 97
#[test]
fn a_server_without_its_database_lives_but_is_not_ready() {
    let Some(address) = testkit::postgres::empty_database_address() else { return };
    let url = storage::DatabaseUrl::parse(&address).unwrap();
    let db = Database::open(&url, &OpenOptions::standard()).unwrap();
    db.migrate(testkit::migrated_at()).unwrap();
    let world = World::new(db, "health away", Settings::development());
    world.get("/health/ready").expect(200);
    let name = address.rsplit('/').next().unwrap();
    let (_, other) = testkit::databases().into_iter().find(|(dialect, _)| *dialect == "postgres").unwrap();
    storage::raw::run_alone(&other, &format!("drop database {name} with (force)")).unwrap();
    world.get("/health/live").expect(200);
    let health = world.get("/health/ready").may_fail().expect(503);
    assert_eq!(health, json!({ "status": "database unreachable" }));
}
