//! `/admin`: what a platform admin may do, and what not.

use std::time::Duration;

use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{PASSWORD, Person, Project, Reply, World, on_both, text};

fn open(world: &World, admin: &Person, project: &Project, body: Value) -> Reply {
    world.post(format!("/admin/projects/{}/access-grants", project.id)).bearer(&admin.token).json(body).send()
}

fn an_hour() -> Value {
    json!({ "reason": "Support case 4711", "expiresInMinutes": 60 })
}

fn look(world: &World, admin: &Person, project: &Project, grant: &Value) -> Reply {
    world.get(project.path("")).bearer(&admin.token).header("neruba-access-grant", text(&grant["id"])).send()
}

on_both! {
    // checklist 13
    fn whoever_is_no_platform_admin_is_refused(world) {
        let project = world.project();
        let key = world.access_key(&project, domain::access::Scope::ALL);
        let grants = format!("/admin/projects/{}/access-grants", project.id);
        let user = json!({ "email": "a@example.com", "name": "A", "password": PASSWORD });
        world.get("/admin/projects").bearer(&project.owner.token).refused(Code::Forbidden);
        world.get("/admin/projects").key(&key).refused(Code::Forbidden);
        world.get("/admin/projects").refused(Code::Unauthenticated);
        world.get("/admin/audit").bearer(&project.owner.token).refused(Code::Forbidden);
        world.get("/admin/audit").key(&key).refused(Code::Forbidden);
        open(world, &project.owner, &project, an_hour()).refused(Code::Forbidden);
        world.get(&grants).bearer(&project.owner.token).refused(Code::Forbidden);
        world.delete(format!("{grants}/grt_00000000000000000000000000")).bearer(&project.owner.token).refused(Code::Forbidden);
        world.post("/admin/users").bearer(&project.owner.token).json(user).refused(Code::Forbidden);
    }

    fn a_platform_admin_sees_which_projects_exist(world) {
        let project = world.project();
        let admin = world.platform_admin();
        let (mut found, mut cursor) = (false, String::new());
        while !found {
            let page = world.get(format!("/admin/projects?limit=200{cursor}")).bearer(&admin.token).expect(200);
            found = page["data"].as_array().unwrap().iter().any(|listed| listed["id"] == project.id);
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert!(found);
        assert_eq!(world.get("/projects").bearer(&admin.token).expect(200)["data"], json!([]), "but is in none of them");
    }

    // checklist 14
    fn a_platform_admin_without_a_grant_sees_nothing_of_a_project(world) {
        let project = world.project();
        let admin = world.platform_admin();
        world.get(project.path("")).bearer(&admin.token).refused(Code::AccessGrantRequired);
        world.get("/projects/prj_00000000000000000000000000").bearer(&admin.token).refused(Code::NotFound);
        let never = json!({ "id": "grt_00000000000000000000000000" });
        look(world, &admin, &project, &never).refused(Code::AccessGrantRequired);
        let header = "neruba-access-grant";
        world.get(project.path("")).bearer(&admin.token).header(header, "yes").refused(Code::InvalidHeader);
    }

    // checklist 14
    fn a_grant_reads_what_a_viewer_reads_and_the_owners_see_it(world) {
        let project = world.project();
        let admin = world.platform_admin();
        let grant = open(world, &admin, &project, an_hour()).expect(201);
        let expected = json!({
            "id": grant["id"], "projectId": project.id, "userId": admin.id, "reason": "Support case 4711",
            "createdAt": "2026-03-17T10:20:00.000Z", "expiresAt": "2026-03-17T11:20:00.000Z", "closedAt": null,
        });
        assert_eq!(grant, expected);
        look(world, &admin, &project, &grant).expect(200);
        let with_grant = |request: crate::world::Request<'_>| request.bearer(&admin.token).header("neruba-access-grant", text(&grant["id"])).send();
        with_grant(world.get(project.path("/members"))).expect(200);
        with_grant(world.get(project.path("/access-keys"))).refused(Code::Forbidden);
        with_grant(world.patch(project.path("")).json(json!({ "name": "Mine" }))).refused(Code::Forbidden);
        let body = json!({ "email": admin.email, "role": "owner" });
        with_grant(world.post(project.path("/members")).json(body)).refused(Code::Forbidden);
        let trail = world.get(project.path("/audit?action=accessGrant.opened")).bearer(&project.owner.token).expect(200);
        let entry = &trail["data"][0];
        assert_eq!((&entry["actor"]["id"], &entry["reason"], &entry["target"]), (&json!(admin.id), &json!("Support case 4711"), &grant["id"]));
    }

    // checklist 14
    fn a_grant_ends_by_itself_or_when_it_is_closed(world) {
        let project = world.project();
        let admin = world.platform_admin();
        let path = |grant: &Value| format!("/admin/projects/{}/access-grants/{}", project.id, text(&grant["id"]));
        let first = open(world, &admin, &project, json!({ "reason": "a look", "expiresInMinutes": 10 })).expect(201);
        look(world, &admin, &project, &first).expect(200);
        world.clock.advance(Duration::from_secs(600));
        look(world, &admin, &project, &first).refused(Code::AccessGrantRequired);
        let second = open(world, &admin, &project, json!({ "reason": "a look", "expiresInMinutes": 480 })).expect(201);
        look(world, &admin, &project, &second).expect(200);
        world.delete(path(&second)).bearer(&admin.token).expect(204);
        look(world, &admin, &project, &second).refused(Code::AccessGrantRequired);
        world.delete(path(&second)).bearer(&admin.token).expect(204);
        let listed = world.get(format!("/admin/projects/{}/access-grants", project.id)).bearer(&admin.token).expect(200);
        assert_eq!(listed["data"][0]["closedAt"], "2026-03-17T10:30:00.000Z");
        assert_eq!(listed["data"][1]["closedAt"], Value::Null);
        let owner = world.log_in(&project.owner.email);
        let trail = world.get(project.path("/audit?action=accessGrant.closed")).bearer(&owner.token).expect(200);
        assert_eq!(trail["data"].as_array().unwrap().len(), 1);
    }

    // checklist 14
    fn a_grant_is_for_one_person_and_one_project(world) {
        let project = world.project();
        let other = world.project_of(&project.owner, "other");
        let admin = world.platform_admin();
        let grant = open(world, &admin, &project, an_hour()).expect(201);
        look(world, &admin, &other, &grant).refused(Code::AccessGrantRequired);
        let stranger = world.person("stranger");
        look(world, &stranger, &project, &grant).refused(Code::NotFound);
        let path = format!("/admin/projects/{}/access-grants/{}", other.id, text(&grant["id"]));
        world.delete(path).bearer(&admin.token).refused(Code::NotFound);
    }

    fn a_grant_needs_a_reason_and_an_end(world) {
        let project = world.project();
        let admin = world.platform_admin();
        for (body, code) in [
            (json!({ "reason": " ", "expiresInMinutes": 60 }), Code::ReasonRequired),
            (json!({ "expiresInMinutes": 60 }), Code::MissingField),
            (json!({ "reason": "x", "expiresInMinutes": 481 }), Code::OutOfRange),
            (json!({ "reason": "x", "expiresInMinutes": 0 }), Code::OutOfRange),
            (json!({ "reason": "x" }), Code::MissingField),
        ] {
            open(world, &admin, &project, body).refused(code);
        }
        let nowhere = Project { id: "prj_00000000000000000000000000".to_owned(), ..project };
        open(world, &admin, &nowhere, an_hour()).refused(Code::NotFound);
    }

    // checklist 93
    fn the_trail_of_the_installation_shows_who_was_made_and_who_logged_in(world) {
        let admin = world.platform_admin();
        let person = world.person("somebody");
        let made = world.get(format!("/admin/audit?action=user.created&target={}", person.id)).bearer(&admin.token).expect(200);
        assert_eq!(made["data"].as_array().unwrap().len(), 1);
        assert_eq!(made["data"][0]["details"]["after"]["email"], person.email);
        assert!(!made.to_string().contains("argon2"));
        let begun = world.get("/admin/audit?action=session.begun&limit=200").bearer(&admin.token).expect(200);
        assert!(begun["data"].as_array().unwrap().iter().any(|entry| entry["actor"]["id"] == person.id));
    }

    fn a_platform_admin_makes_users(world) {
        let admin = world.platform_admin();
        let email = admin.email.replace("platform-admin", "made");
        let make = |email: &str, password: &str| {
            let body = json!({ "email": email, "name": "Made", "password": password });
            world.post("/admin/users").bearer(&admin.token).json(body).send()
        };
        let made = make(&email, PASSWORD).expect(201);
        assert_eq!((&made["email"], &made["platformAdmin"]), (&json!(email), &json!(false)));
        assert!(made.get("password").is_none());
        world.log_in(&email);
        make(&email, PASSWORD).refused(Code::EmailTaken);
        make("weak@example.com", "password1234").refused(Code::WeakPassword);
        make("nobody", PASSWORD).refused(Code::InvalidValue);
    }
}
