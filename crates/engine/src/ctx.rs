//! Who asks, when, and what they may do: fixed at the start of an operation and the same until its end.

use std::sync::Arc;

use domain::access::{Permission, Role, Scope};
use domain::ids::{AccessGrantId, AccessKeyId, ProjectId, SessionId, TypedId, UserId};
use domain::ledger::entry::ActorName;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;

use crate::ids::IdSource;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody has proven who they are yet.
    Anonymous,
    User {
        id: UserId,
        name: String,
        session: SessionId,
        platform_admin: bool,
    },
    AccessKey {
        id: AccessKeyId,
        name: String,
        scopes: Vec<Scope>,
    },
    /// The system itself: a worker or a command on the server's own machine.
    System {
        name: &'static str,
    },
}

impl Actor {
    /// The kind of actor as it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Actor::Anonymous => "anonymous",
            Actor::User { .. } => "user",
            Actor::AccessKey { .. } => "accessKey",
            Actor::System { .. } => "system",
        }
    }

    /// The id as it is stored; empty for actors without one.
    pub fn id(&self) -> String {
        match self {
            Actor::Anonymous => String::new(),
            Actor::User { id, .. } => id.to_string(),
            Actor::AccessKey { id, .. } => id.to_string(),
            Actor::System { name } => (*name).to_owned(),
        }
    }

    /// The name people know the actor by.
    pub fn name(&self) -> &str {
        match self {
            Actor::Anonymous => "anonymous",
            Actor::User { name, .. } | Actor::AccessKey { name, .. } => name,
            Actor::System { name } => name,
        }
    }
}

/// One request outside any project: its time, its id, who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Fixed for the whole operation: retries, entries and audit of one request carry one time.
    pub now: Instant,
    /// The same moment by the world's clock: for what is of the installation and not of a project (keys, sessions, leases).
    pub received_at: Instant,
    pub request_id: Arc<str>,
    pub actor: Actor,
    pub(crate) ids: Arc<IdSource>,
}

impl Caller {
    pub fn new(now: Instant, request_id: impl Into<Arc<str>>, actor: Actor, ids: IdSource) -> Caller {
        Caller { now, received_at: now, request_id: request_id.into(), actor, ids: Arc::new(ids) }
    }

    /// A new id, greater than those this request made before.
    pub fn new_id<T: TypedId>(&self) -> T {
        self.ids.next()
    }

    /// Who acts, as it is stored beside what they did.
    pub fn actor_name(&self) -> ActorName {
        ActorName { kind: self.actor.kind().to_owned(), id: self.actor.id(), name: self.actor.name().to_owned() }
    }

    /// The same request, now that the actor is known.
    pub fn with_actor(self, actor: Actor) -> Caller {
        Caller { actor, ..self }
    }
}

/// What an actor holds inside a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// A member, by role.
    Role(Role),
    /// An access key, by its scopes.
    Scopes(Vec<Scope>),
    /// A platform admin with an open access grant: reads what a viewer reads.
    Grant(AccessGrantId),
    /// The system itself: everything.
    Everything,
}

/// One request inside one project.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub caller: Caller,
    pub project: ProjectId,
    pub held: Held,
}

impl Ctx {
    /// The project's time.
    pub fn now(&self) -> Instant {
        self.caller.now
    }

    /// The world's time: for keys, sessions and leases.
    pub fn received_at(&self) -> Instant {
        self.caller.received_at
    }

    pub fn new_id<T: TypedId>(&self) -> T {
        self.caller.new_id()
    }

    pub fn holds(&self, permission: Permission) -> bool {
        match &self.held {
            Held::Role(role) => permission.held_by_role(*role),
            Held::Scopes(scopes) => permission.held_by_scopes(scopes),
            Held::Grant(_) => permission.held_by_role(Role::Viewer),
            Held::Everything => true,
        }
    }

    /// # Errors
    /// [`Code::Forbidden`] or, for an access key, [`Code::MissingScope`] when the permission is not held.
    pub fn require(&self, permission: Permission) -> Result<(), Refusal> {
        if self.holds(permission) {
            return Ok(());
        }
        match &self.held {
            Held::Scopes(_) => {
                let scopes: Vec<&str> = permission.scopes().iter().map(|scope| scope.as_str()).collect();
                let detail = match scopes.as_slice() {
                    [] => "No access key can do this. Use a user's token.".to_owned(),
                    names => format!("The access key needs the scope {}.", names.join(" or ")),
                };
                Err(Refusal::new(Code::MissingScope, detail))
            }
            Held::Role(role) => Err(Refusal::new(
                Code::Forbidden,
                format!("The role {role} does not hold {permission}. Ask an owner of the project."),
            )),
            Held::Grant(_) | Held::Everything => {
                Err(Refusal::new(Code::Forbidden, "An access grant reads; it never changes a project."))
            }
        }
    }
}
