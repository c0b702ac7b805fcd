//! An engine whose clock and randomness are set for each deed: its ids follow from what it is, not from what was done before it.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::{ProjectId, TypedId, UserId};
use domain::time::Instant;
use engine::access::AccessSettings;
use engine::ctx::Held;
use engine::ports::Clock;
use engine::{Actor, Ctx, Engine, EngineParts, Secrets};
use storage::{Database, DatabaseUrl, OpenOptions};
use testkit::clock::TestClock;
use testkit::random::SeededRandom;

use crate::seed_of;

pub struct Installation {
    pub engine: Engine,
    pub clock: Arc<TestClock>,
    pub random: Arc<SeededRandom>,
}

impl Installation {
    /// Opens a migrated database; the clock stands at 1970 until the first deed.
    pub fn open(address: &str) -> Installation {
        let clock = Arc::new(TestClock::at("1970-01-01T00:00:00Z"));
        let random = Arc::new(SeededRandom::new(0));
        let engine = open(address, STATEMENT_MAX, Arc::clone(&clock) as _, Arc::clone(&random));
        Installation { engine, clock, random }
    }

    /// From now on it is this instant, and what is random follows from the name.
    pub fn begin(&self, name: &str, at: Instant) {
        self.clock.set(&at.to_string());
        self.random.restart(seed_of(name));
    }

    /// The context in which a deed of this name happens at this instant. Each deed has a millisecond of its own: within one, ids follow each
    /// other in the order in which they are asked for.
    pub fn deed(&self, project: ProjectId, name: &str, at: Instant) -> Ctx {
        self.begin(name, at);
        let id = UserId::from_uuid(project.uuid());
        let session = TypedId::from_uuid(project.uuid());
        let actor = Actor::User { id, name: "Olivia Owner".to_owned(), session, platform_admin: false };
        Ctx { caller: self.engine.caller("simulation").with_actor(actor), project, held: Held::Everything }
    }
}

/// For machines that are slow and do other things, too.
const STATEMENT_MAX: Duration = Duration::from_secs(120);

/// An engine on a migrated database. PostgreSQL gives up a statement that takes longer than `statement_max`, and a transaction in which
/// nothing happens for so long.
pub fn open(address: &str, statement_max: Duration, clock: Arc<dyn Clock>, random: Arc<SeededRandom>) -> Engine {
    let mut options = OpenOptions::standard();
    options.wait_max = Duration::from_secs(30);
    options.statement_time_max = statement_max;
    let url = DatabaseUrl::parse(address).unwrap();
    let db = Database::open(&url, &options).unwrap_or_else(|error| panic!("{url}: {error}"));
    Engine::new(EngineParts {
        db,
        clock,
        random,
        access: AccessSettings::for_tests(),
        secrets: Secrets::derive(b"a secret that only simulations know: 0123").unwrap(),
    })
}
