//! Projects: made once per creator and key, listed by member, changed with an audit trail.

use domain::access::{Permission, Role};
use domain::customer_tax::CustomerTax;
use domain::customers::{Customer, SELF_KEY};
use domain::ids::ProjectId;
use domain::invoices::parties::BillingDetails;
use domain::projects::{NewProject, Project, ProjectChange};
use domain::refusal::{Code, Refusal};
use serde_json::json;
use storage::{InstallationTx, customers, members, projects};

use crate::audit::{AuditRecord, Audited};
use crate::ctx::{Caller, Ctx};
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// What a request for a new project came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectCreation {
    Created(Project),
    /// The caller sent the same request before.
    Existing(Project),
}

impl Engine {
    /// Makes a project with the caller as its owner and the project itself as its first customer.
    ///
    /// The external key makes it safe to send again: the same request finds the project it made.
    ///
    /// # Errors
    /// [`Code::ExternalKeyConflict`] when the caller used the external key for another request.
    pub fn create_project(&self, caller: &Caller, new: &NewProject) -> Result<ProjectCreation, Error> {
        let (user, _) = caller.user()?;
        let fingerprint = new.fingerprint();
        let mut existing = None;
        let created = self.installation_command(caller, "create_project", |tx| {
            let project = new.clone().into_project(caller.new_id(), user, caller.now);
            if !projects::insert(tx, &project, fingerprint)? {
                existing = Some(earlier_project(tx, caller, new)?);
                // Nothing is written; the refusal only ends the transaction.
                return Err(conflict(new).into());
            }
            let mut in_project = tx.in_project(project.id);
            members::insert(&mut in_project, user, Role::Owner, caller.now)?;
            customers::insert(&mut in_project, &own_customer(caller, &project))?;
            let record = AuditRecord::new("project.created", project.id).details(json!({ "after": project }));
            let id = project.id;
            Ok(Audited::new(project, record).in_project(id))
        });
        match existing {
            Some(project) => Ok(ProjectCreation::Existing(project)),
            None => created.map(ProjectCreation::Created),
        }
    }

    /// The projects the caller is a member of, the oldest first, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// [`Code::Forbidden`] when the caller is not a user.
    pub fn list_projects(
        &self,
        caller: &Caller,
        after: Option<ProjectId>,
        limit: usize,
    ) -> Result<Vec<Project>, Error> {
        let (user, _) = caller.user()?;
        self.db().read_installation("list_projects", |tx| -> Result<_, Error> {
            Ok(projects::page_of_member(tx, user, after, page_limit(limit))?)
        })
    }

    /// # Errors
    /// [`Code::Forbidden`] without the permission to read the project.
    pub fn get_project(&self, ctx: &Ctx) -> Result<Project, Error> {
        ctx.require(Permission::ProjectRead)?;
        self.read(ctx.project, "get_project", |tx| projects::get(tx)?.ok_or_else(Error::not_found))
    }

    /// Changes name, time zone and policies of the project.
    ///
    /// # Errors
    /// [`Code::Forbidden`] without the permission to change the project.
    pub fn update_project(&self, ctx: &Ctx, change: &ProjectChange) -> Result<Project, Error> {
        ctx.require(Permission::ProjectUpdate)?;
        self.command(ctx, "update_project", |tx| {
            let before = projects::get_for_update(tx)?.ok_or_else(Error::not_found)?;
            let after = change.clone().applied_to(&before);
            projects::update(tx, &after)?;
            let record = AuditRecord::new("project.updated", after.id).changed(&before, &after)?;
            Ok(Audited::new(after, record))
        })
    }
}

/// The project that the same request made, if it was the same and the caller is still a member.
fn earlier_project(tx: &mut InstallationTx<'_>, caller: &Caller, new: &NewProject) -> Result<Project, Error> {
    let (user, _) = caller.user()?;
    let (project, fingerprint) = projects::find_by_external_key(tx, user, &new.external_key)?
        .ok_or_else(|| Error::Bug(format!("the external key {:?} is taken and not found", new.external_key)))?;
    let role = members::role_of(&mut tx.in_project(project.id), user)?;
    if fingerprint == new.fingerprint() && role.is_some() { Ok(project) } else { Err(conflict(new).into()) }
}

fn conflict(new: &NewProject) -> Refusal {
    let detail = format!(
        "You made a project with the externalKey {:?} from another request. Send the same body again to find it, or take \
         another externalKey.",
        new.external_key
    );
    Refusal::new(Code::ExternalKeyConflict, detail)
}

/// The customer that stands for the project itself.
fn own_customer(caller: &Caller, project: &Project) -> Customer {
    Customer {
        id: caller.new_id(),
        external_key: SELF_KEY.to_owned(),
        name: project.name.clone(),
        time_zone: None,
        built_in: true,
        created_at: caller.now,
        tax: CustomerTax::UNKNOWN,
        billing: BillingDetails::unknown(),
        payer: None,
    }
}
