//! Members: users in a project, each with a role; and who may change whose.

use crate::access::{Permission, Role};
use crate::ids::UserId;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;
use crate::users::Email;

/// A user in a project.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub user_id: UserId,
    pub email: Email,
    pub name: String,
    pub role: Role,
    /// When the user became a member.
    pub created_at: Instant,
}

/// One change of who is in a project and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipChange {
    Add { role: Role },
    ChangeRole { from: Role, to: Role },
    Remove { role: Role },
}

impl MembershipChange {
    /// What somebody must hold to make this change: only owners make, change and remove owners.
    pub fn permission(self) -> Permission {
        if self.before() == Some(Role::Owner) || self.after() == Some(Role::Owner) {
            Permission::OwnersManage
        } else {
            Permission::MembersManage
        }
    }

    /// Checks that the project keeps an owner, of whom there are `owners` before the change.
    ///
    /// # Errors
    /// [`Code::LastOwner`] when none would be left.
    pub fn keeps_an_owner(self, owners: usize) -> Result<(), Refusal> {
        let takes_one = self.before() == Some(Role::Owner) && self.after() != Some(Role::Owner);
        if takes_one && owners <= 1 {
            return Err(Refusal::new(
                Code::LastOwner,
                "This is the only owner of the project. Make another member an owner first.",
            ));
        }
        Ok(())
    }

    fn before(self) -> Option<Role> {
        match self {
            MembershipChange::Add { .. } => None,
            MembershipChange::ChangeRole { from: role, .. } | MembershipChange::Remove { role } => Some(role),
        }
    }

    fn after(self) -> Option<Role> {
        match self {
            MembershipChange::Add { role } | MembershipChange::ChangeRole { to: role, .. } => Some(role),
            MembershipChange::Remove { .. } => None,
        }
    }
}

/// The role with this name.
///
/// # Errors
/// [`Code::UnknownRole`] when there is none.
pub fn role(field: &str, name: &str) -> Result<Role, Refusal> {
    Role::parse(name).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        Refusal::field(Code::UnknownRole, field, format!("is not a role. Roles are {}.", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use MembershipChange::{Add, ChangeRole, Remove};
    use Role::{Admin, Owner, Viewer};

    #[rstest::rstest]
    #[case(Add { role: Owner })]
    #[case(ChangeRole { from: Owner, to: Viewer })]
    #[case(ChangeRole { from: Viewer, to: Owner })]
    #[case(Remove { role: Owner })]
    fn only_owners_manage_owners(#[case] change: MembershipChange) {
        assert_eq!(change.permission(), Permission::OwnersManage);
        assert!(!change.permission().held_by_role(Admin));
    }

    #[rstest::rstest]
    #[case(Add { role: Admin })]
    #[case(ChangeRole { from: Admin, to: Viewer })]
    #[case(Remove { role: Admin })]
    fn admins_manage_everybody_else(#[case] change: MembershipChange) {
        assert!(change.permission().held_by_role(Admin));
    }

    #[test]
    fn the_last_owner_stays() {
        let changes = [Remove { role: Owner }, ChangeRole { from: Owner, to: Admin }];
        for change in changes {
            assert_eq!(change.keeps_an_owner(1).unwrap_err().code, Code::LastOwner);
            assert_eq!(change.keeps_an_owner(2), Ok(()));
        }
        assert_eq!(ChangeRole { from: Owner, to: Owner }.keeps_an_owner(1), Ok(()));
        assert_eq!(Remove { role: Viewer }.keeps_an_owner(1), Ok(()));
    }

    #[test]
    fn a_role_that_does_not_exist_is_refused() {
        assert_eq!(role("role", "superuser").unwrap_err().code, Code::UnknownRole);
    }
}
