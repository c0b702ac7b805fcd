//! Each use case of access demands its permission itself: a door that forgets to ask changes nothing.

use std::time::Duration;

use domain::access::{Permission, Role, Scope};
use domain::ids::{AccessKeyId, AuditId, UserId};
use domain::projects::ProjectChange;
use domain::refusal::Code;
use domain::users::Email;
use engine::access_grants::OpenAccessGrant;
use engine::access_keys::{CreateAccessKey, RotateAccessKey};
use engine::audit_entries::AuditQuery;
use engine::ctx::Held;
use engine::members::AddMember;
use engine::{Ctx, Error};

use crate::world::{World, on_both};

/// A use case, the permission it demands, and a call that is refused for other reasons by whoever holds it.
type UseCase = (&'static str, Permission, fn(&World, &Ctx) -> Result<(), Error>);

const USE_CASES: &[UseCase] = &[
    ("get_project", Permission::ProjectRead, |world, ctx| world.engine.get_project(ctx).map(drop)),
    ("update_project", Permission::ProjectUpdate, |world, ctx| {
        world.engine.update_project(ctx, &ProjectChange::default()).map(drop)
    }),
    ("list_members", Permission::MembersRead, |world, ctx| world.engine.list_members(ctx, None, 10).map(drop)),
    ("add_member", Permission::MembersManage, |world, ctx| {
        let email = Email::parse("email", "nobody@example.com").unwrap();
        world.engine.add_member(ctx, None, &AddMember { email, role: Role::Viewer }).map(drop)
    }),
    ("add_owner", Permission::OwnersManage, |world, ctx| {
        let email = Email::parse("email", "nobody@example.com").unwrap();
        world.engine.add_member(ctx, None, &AddMember { email, role: Role::Owner }).map(drop)
    }),
    ("change_role", Permission::MembersManage, |world, ctx| {
        world.engine.change_role(ctx, ctx.new_id::<UserId>(), Role::Viewer).map(drop)
    }),
    ("remove_member", Permission::MembersManage, |world, ctx| {
        world.engine.remove_member(ctx, ctx.new_id::<UserId>()).map(drop)
    }),
    ("list_access_keys", Permission::AccessKeysRead, |world, ctx| {
        world.engine.list_access_keys(ctx, None, 10).map(drop)
    }),
    ("create_access_key", Permission::AccessKeysManage, |world, ctx| {
        let command = CreateAccessKey { name: "k".to_owned(), scopes: vec![Scope::IngestUsage], expires_at: None };
        world.engine.create_access_key(ctx, None, &command).map(drop)
    }),
    ("revoke_access_key", Permission::AccessKeysManage, |world, ctx| {
        world.engine.revoke_access_key(ctx, ctx.new_id::<AccessKeyId>())
    }),
    ("rotate_access_key", Permission::AccessKeysManage, |world, ctx| {
        let command = RotateAccessKey { grace: Duration::ZERO, expires_at: None };
        world.engine.rotate_access_key(ctx, ctx.new_id::<AccessKeyId>(), None, &command).map(drop)
    }),
    ("list_audit_entries", Permission::AuditRead, |world, ctx| {
        let query = AuditQuery { before: Some(ctx.new_id::<AuditId>()), ..AuditQuery::default() };
        world.engine.list_audit_entries(ctx, &query, 10).map(drop)
    }),
];

fn is_refused(result: &Result<(), Error>) -> bool {
    let refusals = [Code::Forbidden, Code::MissingScope];
    matches!(result, Err(error) if refusals.contains(&error.to_refusal().code))
}

on_both! {
    // checklist 12
    fn each_use_case_demands_its_permission_of_every_role(world) {
        for (name, permission, call) in USE_CASES {
            for role in Role::ALL {
                let result = call(world, &world.member(*role));
                assert_eq!(is_refused(&result), !permission.held_by_role(*role), "{name} by {role}: {result:?}");
            }
        }
    }

    // checklist 10
    fn no_access_key_passes_however_many_scopes_it_has(world) {
        let held = Held::Scopes(Scope::ALL.to_vec());
        let ctx = Ctx { held, ..world.owner() };
        for (name, _, call) in USE_CASES {
            assert!(is_refused(&call(world, &ctx)), "{name}");
        }
    }

    // checklist 14
    fn an_access_grant_reads_and_changes_nothing(world) {
        let held = Held::Grant(world.owner().new_id());
        let ctx = Ctx { held, ..world.owner() };
        for (name, permission, call) in USE_CASES {
            let may_read = permission.held_by_role(Role::Viewer);
            assert_eq!(is_refused(&call(world, &ctx)), !may_read, "{name}");
        }
    }

    // checklist 13
    fn what_is_for_platform_admins_refuses_everybody_else(world) {
        let project = world.project.id;
        let open = OpenAccessGrant { reason: "a look".to_owned(), lifetime: Duration::from_secs(60) };
        let owner = world.owner().caller;
        for caller in [world.engine.caller("test"), owner] {
            let calls = [
                world.engine.list_all_projects(&caller, None, 10).map(drop),
                world.engine.open_access_grant(&caller, project, &open).map(drop),
                world.engine.list_access_grants(&caller, project, None, 10).map(drop),
                world.engine.close_access_grant(&caller, project, caller.new_id()),
            ];
            assert!(calls.iter().all(is_refused), "{calls:?}");
        }
    }
}
