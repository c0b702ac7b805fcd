//! What a platform admin may do from outside: see which projects exist, and open a look into one of them, in plain sight
//! of its owners.

use std::time::Duration;

use domain::access_grants::AccessGrant;
use domain::ids::{AccessGrantId, ProjectId};
use domain::projects::Project;
use serde_json::json;
use storage::{access_grants, projects};

use crate::audit::{AuditRecord, Audited};
use crate::ctx::Caller;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// A look into one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAccessGrant {
    pub reason: String,
    pub lifetime: Duration,
}

impl Engine {
    /// Every project of the installation, the oldest first, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` when the caller is no platform admin.
    pub fn list_all_projects(
        &self,
        caller: &Caller,
        after: Option<ProjectId>,
        limit: usize,
    ) -> Result<Vec<Project>, Error> {
        caller.platform_admin()?;
        self.db().read_installation("list_all_projects", |tx| -> Result<_, Error> {
            Ok(projects::page_all(tx, after, page_limit(limit))?)
        })
    }

    /// Opens a look into a project for the caller. Its owners see it in their audit trail.
    ///
    /// # Errors
    /// `forbidden` when the caller is no platform admin; `not_found` when there is no such project.
    pub fn open_access_grant(
        &self,
        caller: &Caller,
        project: ProjectId,
        command: &OpenAccessGrant,
    ) -> Result<AccessGrant, Error> {
        let user_id = caller.platform_admin()?;
        let expires_at = caller
            .now
            .checked_add(command.lifetime)
            .ok_or_else(|| Error::Bug("a grant would end after the end of the calendar".to_owned()))?;
        self.installation_command(caller, "open_access_grant", |tx| {
            let mut in_project = tx.in_project(project);
            projects::get(&mut in_project)?.ok_or_else(Error::not_found)?;
            let grant = AccessGrant {
                id: caller.new_id(),
                project_id: project,
                user_id,
                reason: command.reason.clone(),
                created_at: caller.now,
                expires_at,
                closed_at: None,
            };
            access_grants::insert(&mut in_project, &grant)?;
            let record =
                AuditRecord { reason: Some(grant.reason.clone()), ..AuditRecord::new("accessGrant.opened", grant.id) }
                    .details(json!({ "after": grant }));
            Ok(Audited::new(grant, record).in_project(project))
        })
    }

    /// Ends a look into a project. Ending it again changes nothing.
    ///
    /// # Errors
    /// `forbidden` when the caller is no platform admin; `not_found` when there is no such grant.
    pub fn close_access_grant(&self, caller: &Caller, project: ProjectId, id: AccessGrantId) -> Result<(), Error> {
        caller.platform_admin()?;
        let mut closed_before = false;
        let closed = self.installation_command(caller, "close_access_grant", |tx| {
            let mut in_project = tx.in_project(project);
            let grant = access_grants::get(&mut in_project, id)?.ok_or_else(Error::not_found)?;
            if !access_grants::close(&mut in_project, id, caller.now)? {
                closed_before = true;
                // Nothing is written; the refusal only ends the transaction.
                return Err(Error::not_found());
            }
            let after = AccessGrant { closed_at: Some(caller.now), ..grant.clone() };
            let record = AuditRecord::new("accessGrant.closed", id).changed(&grant, &after)?;
            Ok(Audited::new((), record).in_project(project))
        });
        if closed_before { Ok(()) } else { closed }
    }

    /// The looks into a project, the newest first, before the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` when the caller is no platform admin.
    pub fn list_access_grants(
        &self,
        caller: &Caller,
        project: ProjectId,
        before: Option<AccessGrantId>,
        limit: usize,
    ) -> Result<Vec<AccessGrant>, Error> {
        caller.platform_admin()?;
        self.read(project, "list_access_grants", |tx| {
            projects::get(tx)?.ok_or_else(Error::not_found)?;
            Ok(access_grants::page(tx, before, page_limit(limit))?)
        })
    }
}
