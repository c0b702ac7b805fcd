//! A world for one test: the real router on a migrated database, a clock that stands still, and randomness from a seed.

mod accounts;
mod request;
mod transcript;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use ::http::Method;
use axum::Router;
use domain::ids::ProjectId;
use engine::access::AccessSettings;
use engine::workers::Workers;
use engine::{Engine, EngineParts, Secrets};
use server::settings::{Rate, Rates};
use server::{App, Settings};
use storage::Database;
use testkit::clock::TestClock;
use testkit::random::SeededRandom;
use tokio::runtime::Runtime;

use self::transcript::Transcript;

#[allow(unused_imports, reason = "whatever the stories need of it")]
pub use accounts::{PASSWORD, Person, Project, text};
pub use request::{Reply, Request};

/// When every story begins: the day of the published examples.
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
    pub router: Router,
    pub runtime: Runtime,
    pub db: Database,
    /// Distinguishes the names this test makes from those of other tests on the same database.
    pub name: String,
    pub seed: u64,
    /// What this world made and answers for at its end.
    projects: Arc<Mutex<BTreeSet<ProjectId>>>,
    transcript: Arc<Mutex<Transcript>>,
    /// The ingest writer and the rollups, until the world ends.
    _workers: Workers,
}

/// Rates are counted in real time, which no story may depend on: they are out of reach.
fn unhurried() -> Settings {
    let beyond_reach = Rate { per_second: 1_000_000, burst: 1_000_000 };
    let rates = Rates { per_project: beyond_reach, per_key: beyond_reach, per_user: beyond_reach };
    Settings { rates, ..Settings::development() }
}

impl World {
    /// Runs a story on one of the shared databases. Tests on it keep apart by their names, which also seed their ids.
    pub fn tell(dialect: &str, name: &str, story: impl FnOnce(&World)) {
        let databases = testkit::databases();
        let Some((_, db)) = databases.into_iter().find(|(known, _)| *known == dialect) else {
            return;
        };
        let world = World::new(db, name, unhurried());
        story(&world);
        world.verify();
        transcript::agree(name, dialect, &world.transcript.lock().unwrap());
    }

    /// A world with settings of its own; end it with [`World::verify`].
    pub fn new(db: Database, name: &str, settings: Settings) -> World {
        let clock = Arc::new(TestClock::at(BEGINNING));
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let seed = hasher.finish();
        let engine = Engine::new(EngineParts {
            db: db.clone(),
            clock: Arc::clone(&clock) as _,
            random: Arc::new(SeededRandom::new(seed)),
            access: AccessSettings::for_tests(),
            secrets: Secrets::derive(b"a secret that only tests know: 0123456789").unwrap(),
        });
        let workers = engine.start_ingest().unwrap();
        let router = server::router(App::new(engine.clone(), settings, None));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        World {
            engine,
            clock,
            router,
            runtime,
            db,
            name: name.to_owned(),
            seed,
            projects: Arc::default(),
            transcript: Arc::default(),
            _workers: workers,
        }
    }

    pub fn get(&self, path: impl AsRef<str>) -> Request<'_> {
        Request::new(self, Method::GET, path.as_ref())
    }

    pub fn post(&self, path: impl AsRef<str>) -> Request<'_> {
        Request::new(self, Method::POST, path.as_ref())
    }

    pub fn patch(&self, path: impl AsRef<str>) -> Request<'_> {
        Request::new(self, Method::PATCH, path.as_ref())
    }

    pub fn delete(&self, path: impl AsRef<str>) -> Request<'_> {
        Request::new(self, Method::DELETE, path.as_ref())
    }

    pub fn request(&self, method: Method, path: &str) -> Request<'_> {
        Request::new(self, method, path)
    }

    /// Sends requests at the same time; the replies come in the order of the requests.
    pub fn at_once(&self, requests: Vec<Request<'_>>) -> Vec<Reply> {
        self.transcript.lock().unwrap().is_unordered();
        let sent: Vec<_> = requests.into_iter().map(|request| self.runtime.spawn(request.into_future())).collect();
        sent.into_iter().map(|reply| self.runtime.block_on(reply).unwrap()).collect()
    }

    /// Every standing invariant holds in every project of this world.
    pub fn verify(&self) {
        for project in self.projects.lock().unwrap().iter() {
            let report = self.engine.verify_project(*project).unwrap();
            assert!(report.holds(), "{report:#?}");
        }
    }

    /// Every standing invariant holds, over everything that is in the database, whoever put it there.
    pub fn verify_all(&self) {
        let report = self.engine.verify().unwrap();
        assert!(report.holds(), "{report:#?}");
    }
}
