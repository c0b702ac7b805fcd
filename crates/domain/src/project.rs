//! Projects: the tenant, its defaults and its policies.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{ProjectId, UserId};
use crate::named::named;
use crate::time::Instant;

named! {
    /// Whether a project handles real money or is for trying things out.
    Mode {
        Live = "live",
        Sandbox = "sandbox",
    }
}

named! {
    /// What happens when a request names a metric or a customer that does not exist.
    UnknownPolicy {
        AutoCreate = "autoCreate",
        Reject = "reject",
    }
}

/// What a project decides about requests that leave something open.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    pub unknown_metric: UnknownPolicy,
    pub unknown_customer: UnknownPolicy,
    /// Refuse usage that names no customer, instead of taking the project's own.
    pub require_customer_key: bool,
    /// The most one credit or adjustment by the role `support` may move, in units of its currency.
    pub support_limit: Amount,
    /// Events older than this many days are refused `too_old`; `null` accepts any age.
    pub event_horizon_days: Option<u32>,
}

impl Policies {
    /// What a new project starts with.
    pub const NEW_PROJECT: Policies = Policies {
        unknown_metric: UnknownPolicy::AutoCreate,
        unknown_customer: UnknownPolicy::Reject,
        require_customer_key: false,
        support_limit: Amount::from_micros(100_000_000),
        event_horizon_days: None,
    };
}

/// The tenant and boundary of everything.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    /// The creator's own name for the project, unique per creator.
    pub external_key: String,
    pub mode: Mode,
    pub currency: Currency,
    /// IANA name of the zone in which days and periods of the project begin.
    pub time_zone: String,
    pub policies: Policies,
    #[serde(skip)]
    pub created_by: UserId,
    pub created_at: Instant,
}
