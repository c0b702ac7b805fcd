//! Access keys at the door of the engine and inside a transaction.

use domain::access::{Permission, Scope};
use domain::ids::AccessKeyId;
use domain::refusal::Code;
use engine::access_keys::{CreateAccessKey, require_live_key};
use engine::{Ctx, Error};
use sha2::{Digest, Sha256};
use storage::{StorageError, access_keys};

use crate::world::{World, on_both};

/// A new key: its id and its text.
fn new_key(world: &World, scopes: &[Scope]) -> (AccessKeyId, String) {
    let command = CreateAccessKey { name: "Test key".to_owned(), scopes: scopes.to_vec(), expires_at: None };
    let answer = world.engine.create_access_key(&world.owner(), None, &command).unwrap();
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    (body["id"].as_str().unwrap().parse().unwrap(), body["accessKey"].as_str().unwrap().to_owned())
}

fn enter(world: &World, text: &str) -> Result<Ctx, Error> {
    world.engine.authenticate_key(world.engine.caller("req_test"), text)
}

on_both! {
    // checklist 6
    fn a_key_holds_its_scopes_and_nothing_else(world) {
        let (id, text) = new_key(world, &[Scope::IngestUsage]);
        let ctx = enter(world, &text).unwrap();
        assert_eq!((ctx.project, ctx.caller.actor.id()), (world.project.id, id.to_string()));
        assert!(ctx.holds(Permission::UsageIngest));
        for permission in Permission::ALL.iter().filter(|permission| **permission != Permission::UsageIngest) {
            assert_eq!(ctx.require(*permission).unwrap_err().code, Code::MissingScope, "{permission}");
        }
    }

    fn a_key_with_another_secret_is_refused(world) {
        let (_, text) = new_key(world, &[Scope::IngestUsage]);
        let (_, other) = new_key(world, &[Scope::IngestUsage]);
        // The public part of one key with the secret of another: a form that only a forger makes.
        let forged = format!("{}{}", &text[..16], &other[16..]);
        assert_eq!(enter(world, &forged).unwrap_err().to_refusal().code, Code::Unauthenticated);
        assert!(enter(world, &text).is_ok());
    }

    // checklist 9
    fn only_dead_keys_are_found_dead(world) {
        let (alive, _) = new_key(world, &[Scope::IngestUsage]);
        let (revoked, _) = new_key(world, &[Scope::IngestUsage]);
        world.engine.revoke_access_key(&world.owner(), revoked).unwrap();
        let never: AccessKeyId = world.owner().new_id();
        let (project, now) = (world.project.id, world.owner().now());
        let elsewhere = world.another_project("elsewhere").id;
        let dead = |keys: &[(domain::ids::ProjectId, AccessKeyId)]| {
            world.db.write_installation("test", |tx| access_keys::dead_among(tx, keys, now)).unwrap()
        };
        assert_eq!(dead(&[(project, alive), (project, revoked), (project, never)]), [revoked, never]);
        assert_eq!(dead(&[(elsewhere, alive)]), [alive], "a key lives in its own project only");
        assert_eq!(dead(&[]), []);
    }

    // checklist 9
    fn a_write_in_the_name_of_a_dead_key_is_refused_inside_its_transaction(world) {
        let (id, text) = new_key(world, &[Scope::CustomersWrite]);
        let ctx = enter(world, &text).unwrap();
        let write = || {
            world.db.write("test", world.project.id, |tx| -> Result<(), Error> { require_live_key(tx, &ctx) })
        };
        assert!(write().is_ok());
        world.engine.revoke_access_key(&world.owner(), id).unwrap();
        assert_eq!(write().unwrap_err().to_refusal().code, Code::Unauthenticated);
        let user = world.db.write("test", world.project.id, |tx| -> Result<(), Error> { require_live_key(tx, &world.owner()) });
        assert!(user.is_ok());
    }

    // checklist 5
    fn what_is_stored_of_a_key_depends_on_the_secret_of_the_installation(world) {
        let (_, text) = new_key(world, &[Scope::IngestUsage]);
        let find = |tx: &mut storage::InstallationTx<'_>| -> Result<_, StorageError> {
            access_keys::find_by_public_id(tx, &text[4..16])
        };
        let (_, stored) = world.db.read_installation("test", find).unwrap().unwrap();
        let plain: [u8; 32] = Sha256::digest(&text).into();
        assert_ne!(stored, plain);
    }

    // checklist 101
    fn debug_output_shows_no_key(world) {
        let command = CreateAccessKey { name: "k".to_owned(), scopes: vec![Scope::IngestUsage], expires_at: None };
        let answer = world.engine.create_access_key(&world.owner(), None, &command).unwrap();
        assert!(answer.body.contains("nrb_"));
        assert!(!format!("{answer:?}").contains("nrb_"));
    }
}
