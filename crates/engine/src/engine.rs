//! The engine: the one object every front door holds. Cheap to clone, safe to share.

use std::sync::Arc;

use domain::time::Instant;
use storage::Database;

use crate::access::{AccessSettings, AccessState};
use crate::ctx::{Actor, Caller, Ctx, Held};
use crate::ids::{IdSeries, IdSource};
use crate::ingest::{QueueLimits, Runtime};
use crate::jobs;
use crate::ports::{Clock, Random};
use crate::secrets::Secrets;

/// What an engine is made of.
pub struct EngineParts {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub secrets: Secrets,
    pub access: AccessSettings,
}

/// All use cases of the system, on one database.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<EngineParts>,
    pub(crate) access: Arc<AccessState>,
    pub(crate) ingest: Arc<Runtime>,
    pub(crate) jobs: Arc<jobs::Runtime>,
    ids: Arc<IdSeries>,
}

impl Engine {
    pub fn new(parts: EngineParts) -> Engine {
        Engine::with_queue(parts, QueueLimits::STANDARD)
    }

    /// An engine whose ingest queue has other limits than the standard ones.
    pub fn with_queue(parts: EngineParts, limits: QueueLimits) -> Engine {
        let access = Arc::new(AccessState::new(parts.access.clone()));
        Engine {
            shared: Arc::new(parts),
            access,
            ingest: Arc::new(Runtime::new(limits)),
            jobs: Arc::default(),
            ids: Arc::default(),
        }
    }

    /// The time as the clock of this engine tells it.
    pub(crate) fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    pub fn db(&self) -> &Database {
        &self.shared.db
    }

    pub fn random(&self) -> &dyn Random {
        self.shared.random.as_ref()
    }

    pub fn secrets(&self) -> &Secrets {
        &self.shared.secrets
    }

    /// Ids for an operation that happens at `now`.
    pub(crate) fn ids(&self, now: Instant) -> IdSource {
        self.ids.source(now, self.random())
    }

    /// A request that begins now; nobody has proven who they are yet.
    pub fn caller(&self, request_id: impl Into<Arc<str>>) -> Caller {
        let now = self.shared.clock.now();
        Caller::new(now, request_id, Actor::Anonymous, self.ids(now))
    }

    /// The same request at another time: by the clock of its project.
    pub(crate) fn at(&self, caller: Caller, now: Instant) -> Caller {
        if now == caller.now {
            return caller;
        }
        Caller { now, ids: Arc::new(self.ids(now)), ..caller }
    }

    /// The system's own work inside a project: a worker, or a command on the server's own machine.
    pub fn system_ctx(&self, name: &'static str, project: domain::ids::ProjectId) -> Ctx {
        Ctx { caller: self.caller(name).with_actor(Actor::System { name }), project, held: Held::Everything }
    }
}
