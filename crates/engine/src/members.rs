//! Members of a project: who is in it, and as what.

use domain::access::{Permission, Role};
use domain::idempotency::{Canonical, Family, IdempotencyKey};
use domain::ids::UserId;
use domain::members::{Member, MembershipChange};
use domain::refusal::{Code, Refusal};
use domain::users::Email;
use serde_json::json;
use storage::{ProjectTx, members, users};

use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// A user who shall become a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddMember {
    pub email: Email,
    pub role: Role,
}

impl Engine {
    /// The members in the order of their ids, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// [`Code::Forbidden`] without the permission to read them.
    pub fn list_members(&self, ctx: &Ctx, after: Option<UserId>, limit: usize) -> Result<Vec<Member>, Error> {
        ctx.require(Permission::MembersRead)?;
        self.read(ctx.project, "list_members", |tx| Ok(members::page(tx, after, page_limit(limit))?))
    }

    /// Makes a user a member.
    ///
    /// # Errors
    /// [`Code::UnknownUser`] when nobody has this address; [`Code::AlreadyMember`]; [`Code::Forbidden`] without the
    /// permission, which for an owner only owners hold.
    pub fn add_member(&self, ctx: &Ctx, key: Option<IdempotencyKey>, command: &AddMember) -> Result<Answer, Error> {
        let AddMember { email, role } = command;
        ctx.require(MembershipChange::Add { role: *role }.permission())?;
        let found = self.db().read_installation("find_user", |tx| -> Result<_, Error> {
            Ok(users::find_by_email(tx, email)?.map(|found| found.user))
        })?;
        let user = found.filter(|user| user.disabled_at.is_none()).ok_or_else(|| {
            let detail = "belongs to no user. A platform admin can make one with POST /admin/users.";
            Refusal::field(Code::UnknownUser, "email", detail)
        })?;
        let idempotency = key.map(|key| Idempotency {
            family: Family::Other,
            key,
            operation: "addMember",
            fingerprint: Canonical::new("addMember").text(email.as_str()).text(role.as_str()).fingerprint(),
        });
        self.command_answer(ctx, "add_member", 201, idempotency.as_ref(), |tx| {
            if !members::insert(tx, user.id, *role, ctx.now())? {
                let detail = format!("{email} is a member already. Change the role with PATCH.");
                return Err(Error::refused(Code::AlreadyMember, detail));
            }
            let member = found_member(tx, user.id)?;
            let record = AuditRecord::new("member.added", user.id).details(json!({ "after": member }));
            Ok(Audited::new(member, record))
        })
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`Code::LastOwner`]; [`Code::NotFound`] when the user is no member; [`Code::Forbidden`] without the permission,
    /// which to or from owner only owners hold.
    pub fn change_role(&self, ctx: &Ctx, user: UserId, role: Role) -> Result<Member, Error> {
        ctx.require(Permission::MembersManage)?;
        self.command(ctx, "change_role", |tx| {
            let owners = members::lock_owners(tx)?;
            let before = found_member(tx, user)?;
            let change = MembershipChange::ChangeRole { from: before.role, to: role };
            ctx.require(change.permission())?;
            change.keeps_an_owner(owners.len())?;
            members::set_role(tx, user, role)?;
            let after = Member { role, ..before.clone() };
            let record = AuditRecord::new("member.roleChanged", user).changed(&before, &after)?;
            Ok(Audited::new(after, record))
        })
    }

    /// Takes a member out of the project: nothing in it can be seen or done any more, at once.
    ///
    /// # Errors
    /// As [`Engine::change_role`].
    pub fn remove_member(&self, ctx: &Ctx, user: UserId) -> Result<(), Error> {
        ctx.require(Permission::MembersManage)?;
        self.command(ctx, "remove_member", |tx| {
            let owners = members::lock_owners(tx)?;
            let before = found_member(tx, user)?;
            let change = MembershipChange::Remove { role: before.role };
            ctx.require(change.permission())?;
            change.keeps_an_owner(owners.len())?;
            members::remove(tx, user)?;
            Ok(Audited::new((), AuditRecord::new("member.removed", user).details(json!({ "before": before }))))
        })
    }
}

fn found_member(tx: &mut ProjectTx<'_>, user: UserId) -> Result<Member, Error> {
    members::get(tx, user)?.ok_or_else(Error::not_found)
}
