//! The audit trail of a project, as its people read it, and that of the installation, for platform admins.

use domain::access::Permission;
use domain::ids::AuditId;
use domain::time::Instant;
use storage::audit_entries::{self, AuditEntry, AuditFilter};

use crate::ctx::{Caller, Ctx};
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// One audited action.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntryView {
    pub id: AuditId,
    pub happened_at: Instant,
    pub actor: AuditActor,
    /// What was done, as `noun.verb`.
    #[schema(example = "accessKey.revoked")]
    pub action: String,
    /// The id of what it was done to.
    pub target: String,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    /// The request that did it: the same as in the reply's `X-Request-Id` and in the logs.
    pub request_id: String,
    /// Before and after, or what else explains the action.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    #[schema(example = "user")]
    pub kind: String,
    pub id: String,
    pub name: String,
}

/// What a list of the trail is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    pub action: Option<String>,
    pub target: Option<String>,
    /// Only entries before this one.
    pub before: Option<AuditId>,
}

impl Engine {
    /// The newest entries first; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read the trail.
    pub fn list_audit_entries(
        &self,
        ctx: &Ctx,
        query: &AuditQuery,
        limit: usize,
    ) -> Result<Vec<AuditEntryView>, Error> {
        ctx.require(Permission::AuditRead)?;
        let filter = query.filter();
        let entries = self
            .read(ctx.project, "list_audit_entries", |tx| Ok(audit_entries::page(tx, &filter, page_limit(limit))?))?;
        Ok(entries.into_iter().map(AuditEntryView::from).collect())
    }

    /// What happened outside of projects (logins, users), the newest entries first; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` when the caller is no platform admin.
    pub fn list_installation_audit_entries(
        &self,
        caller: &Caller,
        query: &AuditQuery,
        limit: usize,
    ) -> Result<Vec<AuditEntryView>, Error> {
        caller.platform_admin()?;
        let filter = query.filter();
        let entries = self.db().read_installation("list_installation_audit_entries", |tx| -> Result<_, Error> {
            Ok(audit_entries::page_installation(tx, &filter, page_limit(limit))?)
        })?;
        Ok(entries.into_iter().map(AuditEntryView::from).collect())
    }
}

impl AuditQuery {
    fn filter(&self) -> AuditFilter {
        let AuditQuery { action, target, before } = self.clone();
        AuditFilter { action, target, before }
    }
}

impl From<AuditEntry> for AuditEntryView {
    fn from(entry: AuditEntry) -> AuditEntryView {
        AuditEntryView {
            id: entry.id,
            happened_at: entry.happened_at,
            actor: AuditActor { kind: entry.actor_kind, id: entry.actor_id, name: entry.actor_name },
            action: entry.action,
            target: entry.target,
            reason_code: entry.reason_code,
            reason: entry.reason,
            request_id: entry.request_id,
            details: entry.details,
        }
    }
}
