//! `/health`: liveness asks nothing, readiness asks the database.

use serde_json::json;

use crate::world::on_both;

on_both! {
    // checklist 97
    fn a_migrated_server_lives_and_is_ready(world) {
        assert_eq!(world.get("/health/live").expect(200), json!({ "status": "ok" }));
        assert_eq!(world.get("/health/ready").expect(200), json!({ "status": "ok" }));
    }
}
