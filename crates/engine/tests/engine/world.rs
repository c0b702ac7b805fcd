//! A world for one test: an engine on a migrated database, a clock that stands still, randomness from a seed, a project.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use domain::access::Role;
use domain::currency::Currency;
use domain::idempotency::IdempotencyKey;
use domain::ids::{ProjectId, SessionId, TypedId, UserId};
use domain::password::Password;
use domain::projects::{Mode, NewProject, Project};
use domain::users::Email;
use engine::access::AccessSettings;
use engine::ctx::Held;
use engine::ingest::QueueLimits;
use engine::projects::ProjectCreation;
use engine::users::NewUser;
use engine::{Actor, Caller, Ctx, Engine, EngineParts, Secrets};
use storage::Database;
use testkit::clock::TestClock;
use testkit::random::SeededRandom;

/// When every story begins.
pub const BEGINNING: &str = "2026-03-17T10:20:00.000Z";

/// Writes one story and runs it on both databases, as `name::sqlite` and `name::postgres`.
macro_rules! on_both {
    ($($(#[$attribute:meta])* fn $name:ident($world:ident) $story:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports, reason = "a story uses what its file uses")]
            use super::*;

            fn story($world: &$crate::world::World) $story

            #[test]
            fn sqlite() {
                $crate::world::World::tell("sqlite", module_path!(), story);
            }

            #[test]
            fn postgres() {
                $crate::world::World::tell("postgres", module_path!(), story);
            }
        }
    )*};
}
pub(crate) use on_both;

pub struct World {
    pub engine: Engine,
    pub clock: Arc<TestClock>,
    pub random: Arc<SeededRandom>,
    pub db: Database,
    pub project: Project,
    pub owner: Actor,
    pub seed: u64,
    projects: Mutex<Vec<ProjectId>>,
}

impl World {
    /// Runs a story on one of the shared databases. Tests on it keep apart by their projects; their names seed their ids.
    pub fn tell(dialect: &str, name: &str, story: impl FnOnce(&World)) {
        let databases = testkit::databases();
        let Some((_, db)) = databases.into_iter().find(|(known, _)| *known == dialect) else {
            return;
        };
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let world = World::new(db, hasher.finish());
        story(&world);
        world.verify();
    }

    /// A world whose ids follow from the seed, with a user and a project in US dollars.
    pub fn new(db: Database, seed: u64) -> World {
        World::with_queue(db, seed, QueueLimits::STANDARD)
    }

    /// The same with another queue of ingest.
    pub fn with_queue(db: Database, seed: u64, limits: QueueLimits) -> World {
        let clock = Arc::new(TestClock::at(BEGINNING));
        let random = Arc::new(SeededRandom::new(seed));
        let parts = EngineParts {
            db: db.clone(),
            clock: Arc::clone(&clock) as _,
            random: Arc::clone(&random) as _,
            access: AccessSettings::for_tests(),
            secrets: Secrets::derive(b"a secret that only tests know: 0123456789").unwrap(),
        };
        let engine = Engine::with_queue(parts, limits);
        let owner = user(&engine, seed);
        let project = project(&engine, &owner, "acme");
        let projects = Mutex::new(vec![project.id]);
        World { engine, clock, random, db, project, owner, seed, projects }
    }

    /// The owner of the project, now.
    pub fn owner(&self) -> Ctx {
        self.ctx(Held::Role(Role::Owner))
    }

    /// A member of the project with this role, now.
    pub fn member(&self, role: Role) -> Ctx {
        self.ctx(Held::Role(role))
    }

    /// The system itself, now.
    pub fn system(&self) -> Ctx {
        self.engine.system_ctx("test", self.project.id)
    }

    /// One more project of the same owner.
    pub fn another_project(&self, external_key: &str) -> Project {
        let another = project(&self.engine, &self.owner, external_key);
        self.projects.lock().unwrap().push(another.id);
        another
    }

    /// A project of the same owner whose clock can be moved.
    pub fn sandbox(&self) -> Project {
        let sandbox = create(&self.engine, &self.owner, "sandbox", Some(Mode::Sandbox));
        self.projects.lock().unwrap().push(sandbox.id);
        sandbox
    }

    fn ctx(&self, held: Held) -> Ctx {
        let caller = self.engine.caller("req_test").with_actor(self.owner.clone());
        Ctx { caller, project: self.project.id, held }
    }

    /// Folds everything that was accepted, even if another test's worker is at it.
    pub fn fold(&self) {
        self.engine.fold_all(self.project.id).unwrap();
    }

    /// Every standing invariant holds in every project of this world.
    pub fn verify(&self) {
        for project in self.projects.lock().unwrap().iter() {
            let report = self.engine.verify_project(*project).unwrap();
            assert!(report.holds(), "{report:#?}");
        }
    }
}

/// A key of this test.
pub fn key(text: impl AsRef<str>) -> IdempotencyKey {
    IdempotencyKey::parse(text.as_ref()).unwrap()
}

fn user(engine: &Engine, seed: u64) -> Actor {
    let email = Email::parse("email", &format!("owner.{seed:016x}@example.com")).unwrap();
    let password = Password::chosen("password", "strong-password", &email).unwrap();
    let new = NewUser { email, name: "Olivia Owner".to_owned(), password, platform_admin: false };
    let operator = engine.caller("test").with_actor(Actor::System { name: "test" });
    let id: UserId = engine.create_user(&operator, &new).unwrap().id;
    let session: SessionId = TypedId::from_uuid(id.uuid());
    Actor::User { id, name: "Olivia Owner".to_owned(), session, platform_admin: false }
}

fn project(engine: &Engine, owner: &Actor, external_key: &str) -> Project {
    create(engine, owner, external_key, None)
}

fn create(engine: &Engine, owner: &Actor, external_key: &str, mode: Option<Mode>) -> Project {
    let new = NewProject {
        name: format!("Project {external_key}"),
        external_key: external_key.to_owned(),
        mode,
        currency: Some(Currency::USD),
        time_zone: None,
    };
    let caller: Caller = engine.caller("test").with_actor(owner.clone());
    match engine.create_project(&caller, &new).unwrap() {
        ProjectCreation::Created(project) | ProjectCreation::Existing(project) => project,
    }
}
