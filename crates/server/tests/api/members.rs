//! `/projects/{projectId}/members`: who is in a project, as what, and who may change it.

use std::time::Duration;

use domain::access::Role;
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Person, Project, Reply, World, on_both, text};

fn add(world: &World, project: &Project, by: &Person, email: &str, role: &str) -> Reply {
    let body = json!({ "email": email, "role": role });
    world.post(project.path("/members")).bearer(&by.token).json(body).send()
}

fn set_role(world: &World, project: &Project, by: &Person, who: &Person, role: &str) -> Reply {
    let path = project.path(&format!("/members/{}", who.id));
    world.patch(path).bearer(&by.token).json(json!({ "role": role })).send()
}

fn remove(world: &World, project: &Project, by: &Person, who: &Person) -> Reply {
    world.delete(project.path(&format!("/members/{}", who.id))).bearer(&by.token).send()
}

on_both! {
    fn a_member_is_added_by_email_and_listed(world) {
        let project = world.project();
        let person = world.person("finance");
        let member = add(world, &project, &project.owner, &person.email.to_uppercase(), "finance").expect(201);
        let expected = json!({
            "userId": person.id, "email": person.email, "name": "finance", "role": "finance",
            "createdAt": "2026-03-17T10:20:00.000Z",
        });
        assert_eq!(member, expected);
        let list = world.get(project.path("/members")).bearer(&person.token).expect(200);
        let mut roles: Vec<String> = list["data"].as_array().unwrap().iter().map(|member| text(&member["role"])).collect();
        roles.sort();
        assert_eq!(roles, ["finance", "owner"]);
    }

    fn nobody_is_added_twice_or_out_of_nowhere(world) {
        let project = world.project();
        let person = world.member(&project, Role::Viewer);
        add(world, &project, &project.owner, &person.email, "admin").refused(Code::AlreadyMember);
        add(world, &project, &project.owner, "nobody@example.com", "viewer").refused(Code::UnknownUser);
        add(world, &project, &project.owner, "nobody", "viewer").refused(Code::InvalidValue);
        add(world, &project, &project.owner, &person.email, "superuser").refused(Code::UnknownRole);
    }

    fn adding_a_member_is_repeated_safely_under_a_key(world) {
        let project = world.project();
        let person = world.person("viewer");
        let body = json!({ "email": person.email, "role": "viewer" });
        let send = |body: &Value| {
            world.post(project.path("/members")).bearer(&project.owner.token).idempotency("add-1").json(body.clone()).send()
        };
        let first = send(&body);
        first.expect(201);
        let again = send(&body);
        assert_eq!((again.status, &again.text, again.is_replay()), (201, &first.text, true));
        send(&json!({ "email": person.email, "role": "admin" })).refused(Code::IdempotencyConflict);
    }

    fn an_admin_manages_everybody_but_owners(world) {
        let project = world.project();
        let admin = world.member(&project, Role::Admin);
        let viewer = world.member(&project, Role::Viewer);
        let person = world.person("newcomer");
        set_role(world, &project, &admin, &viewer, "support").expect(200);
        add(world, &project, &admin, &person.email, "owner").refused(Code::Forbidden);
        add(world, &project, &admin, &person.email, "developer").expect(201);
        set_role(world, &project, &admin, &viewer, "owner").refused(Code::Forbidden);
        set_role(world, &project, &admin, &project.owner, "viewer").refused(Code::Forbidden);
        remove(world, &project, &admin, &project.owner).refused(Code::Forbidden);
        remove(world, &project, &admin, &viewer).expect(204);
    }

    // checklist 12
    fn other_roles_manage_nobody(world) {
        let project = world.project();
        let target = world.member(&project, Role::Viewer);
        for role in [Role::Finance, Role::Support, Role::Developer, Role::Viewer] {
            let member = if role == Role::Viewer { target.clone() } else { world.member(&project, role) };
            world.get(project.path("/members")).bearer(&member.token).expect(200);
            add(world, &project, &member, "a@example.com", "viewer").refused(Code::Forbidden);
            set_role(world, &project, &member, &target, "admin").refused(Code::Forbidden);
            remove(world, &project, &member, &target).refused(Code::Forbidden);
        }
    }

    fn the_last_owner_stays(world) {
        let project = world.project();
        remove(world, &project, &project.owner, &project.owner).refused(Code::LastOwner);
        set_role(world, &project, &project.owner, &project.owner, "admin").refused(Code::LastOwner);
        set_role(world, &project, &project.owner, &project.owner, "owner").expect(200);
        let second = world.member(&project, Role::Admin);
        set_role(world, &project, &project.owner, &second, "owner").expect(200);
        remove(world, &project, &second, &project.owner).expect(204);
        remove(world, &project, &second, &second).refused(Code::LastOwner);
    }

    fn two_owners_who_remove_each_other_at_once_leave_one(world) {
        let project = world.project();
        let second = world.person("second");
        add(world, &project, &project.owner, &second.email, "owner").expect(201);
        let path = |who: &Person| project.path(&format!("/members/{}", who.id));
        let replies = world.at_once(vec![
            world.delete(path(&second)).bearer(&project.owner.token),
            world.delete(path(&project.owner)).bearer(&second.token),
        ]);
        let gone = replies.iter().filter(|reply| reply.status == 204).count();
        assert_eq!(gone, 1, "{replies:?}");
    }

    fn a_removed_member_is_out_at_once(world) {
        let project = world.project();
        let member = world.member(&project, Role::Finance);
        world.get(project.path("")).bearer(&member.token).expect(200);
        remove(world, &project, &project.owner, &member).expect(204);
        world.get(project.path("")).bearer(&member.token).refused(Code::NotFound);
        remove(world, &project, &project.owner, &member).refused(Code::NotFound);
        set_role(world, &project, &project.owner, &member, "viewer").refused(Code::NotFound);
    }

    // checklist 11
    fn a_stranger_sees_no_members_and_makes_none(world) {
        let project = world.project();
        let stranger = world.person("stranger");
        world.get(project.path("/members")).bearer(&stranger.token).refused(Code::NotFound);
        add(world, &project, &stranger, &stranger.email, "owner").refused(Code::NotFound);
        remove(world, &project, &stranger, &project.owner).refused(Code::NotFound);
    }

    // checklist 93
    fn each_change_is_in_the_trail_with_before_and_after(world) {
        let project = world.project();
        let member = world.member(&project, Role::Viewer);
        world.clock.advance(Duration::from_millis(1));
        set_role(world, &project, &project.owner, &member, "finance").expect(200);
        world.clock.advance(Duration::from_millis(1));
        remove(world, &project, &project.owner, &member).expect(204);
        let trail = world.get(project.path(&format!("/audit?target={}", member.id))).bearer(&project.owner.token).expect(200);
        let actions: Vec<String> = trail["data"].as_array().unwrap().iter().map(|entry| text(&entry["action"])).collect();
        assert_eq!(actions, ["member.removed", "member.roleChanged", "member.added"]);
        assert_eq!(trail["data"][0]["details"]["before"]["role"], "finance");
        assert_eq!(trail["data"][1]["details"], json!({ "before": { "role": "viewer" }, "after": { "role": "finance" } }));
        assert_eq!(trail["data"][2]["details"]["after"]["role"], "viewer");
    }
}
