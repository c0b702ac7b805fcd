//! People, projects and keys of the stories, made the way everybody makes them: through the API.

use domain::access::{Role, Scope};
use domain::password::Password;
use domain::refusal::Code;
use domain::users::Email;
use engine::users::NewUser;
use engine::{Actor, Error};
use serde_json::{Value, json};

use super::World;

/// The password of everybody in the tests.
pub const PASSWORD: &str = "strong-password";

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub token: String,
}

/// A project of the world's owner.
#[derive(Debug, Clone)]
pub struct Project {
    pub id: String,
    pub owner: Person,
}

impl World {
    /// A user of this test alone, logged in. The same name gives the same user.
    pub fn person(&self, name: &str) -> Person {
        let email = format!("{name}.{:016x}@example.com", self.seed);
        self.create_user(&email, name, false);
        self.log_in(&email)
    }

    /// Somebody who runs the installation and is in no project.
    pub fn platform_admin(&self) -> Person {
        let email = format!("platform-admin.{:016x}@example.com", self.seed);
        self.create_user(&email, "platform admin", true);
        self.log_in(&email)
    }

    /// Logs in a user with the password of all tests.
    pub fn log_in(&self, email: &str) -> Person {
        let reply = self.post("/auth/login").json(json!({ "email": email, "password": PASSWORD })).expect(200);
        Person { id: text(&reply["user"]["id"]), email: email.to_owned(), token: text(&reply["accessToken"]) }
    }

    /// A user without a project yet.
    pub fn owner(&self) -> Person {
        self.person("owner")
    }

    /// A project in US dollars with its owner.
    pub fn project(&self) -> Project {
        let owner = self.owner();
        self.project_of(&owner, "acme")
    }

    /// One more project; the same external key would give the same project.
    pub fn project_of(&self, owner: &Person, external_key: &str) -> Project {
        let body = json!({ "name": format!("Project {external_key}"), "externalKey": external_key });
        let project = self.post("/projects").bearer(&owner.token).json(body).expect(201);
        Project { id: text(&project["id"]), owner: owner.clone() }
    }

    /// The text of a new access key.
    pub fn access_key(&self, project: &Project, scopes: &[Scope]) -> String {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let body = json!({ "name": "Test key", "scopes": scopes });
        let made = self.post(project.path("/access-keys")).bearer(&project.owner.token).json(body).expect(201);
        text(&made["accessKey"])
    }

    /// A new member of the project, logged in.
    pub fn member(&self, project: &Project, role: Role) -> Person {
        let member = self.person(role.as_str());
        let body = json!({ "email": member.email, "role": role.as_str() });
        self.post(project.path("/members")).bearer(&project.owner.token).json(body).expect(201);
        member
    }

    /// What `neruba admin create-user` does. A name used before in the test is the same person.
    fn create_user(&self, email: &str, name: &str, platform_admin: bool) {
        let email = Email::parse("email", email).unwrap();
        let password = Password::chosen("password", PASSWORD, &email).unwrap();
        let new = NewUser { email, name: name.to_owned(), password, platform_admin };
        let operator = self.engine.caller("test").with_actor(Actor::System { name: "test" });
        match self.engine.create_user(&operator, &new) {
            Ok(_) => {}
            Err(Error::Refused(refusal)) if refusal.code == Code::EmailTaken => {}
            Err(error) => panic!("{name} cannot be created: {error:?}"),
        }
    }
}

impl Project {
    /// A path inside the project.
    pub fn path(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.id)
    }
}

/// A text of a reply.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}
