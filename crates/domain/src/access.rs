//! Who may do what: roles of people and scopes of access keys, in the one table from which checks, tests and docs come.

use crate::named::named;

named! {
    /// What a person may do in one project.
    Role {
        /// Everything, members and deletion included.
        Owner = "owner",
        /// All but ownership.
        Admin = "admin",
        /// Catalog, invoices, credits, refunds, runs.
        Finance = "finance",
        /// Reads; adjustments and credits up to a limit; replays.
        Support = "support",
        /// Metrics, keys, webhooks, ingest views.
        Developer = "developer",
        /// Reads.
        Viewer = "viewer",
    }
}

named! {
    /// What an access key may do.
    Scope {
        IngestUsage = "ingest:usage",
        IngestCharge = "ingest:charge",
        IngestHold = "ingest:hold",
        BillingRead = "billing:read",
        CustomersRead = "customers:read",
        CustomersWrite = "customers:write",
        SubscriptionsWrite = "subscriptions:write",
    }
}

named! {
    /// One thing a route or a use case may demand inside a project.
    Permission {
        ProjectRead = "project:read",
        ProjectUpdate = "project:update",
        MembersRead = "members:read",
        MembersManage = "members:manage",
        OwnersManage = "owners:manage",
        AccessKeysRead = "accessKeys:read",
        AccessKeysManage = "accessKeys:manage",
        CustomersRead = "customers:read",
        CustomersWrite = "customers:write",
        MetricsRead = "metrics:read",
        MetricsManage = "metrics:manage",
        CatalogRead = "catalog:read",
        CatalogManage = "catalog:manage",
        SubscriptionsRead = "subscriptions:read",
        SubscriptionsWrite = "subscriptions:write",
        UsageIngest = "usage:ingest",
        ChargeIngest = "charge:ingest",
        IngestRead = "ingest:read",
        RejectionsReplay = "rejections:replay",
        UsageCorrectionsPropose = "usageCorrections:propose",
        UsageCorrectionsApply = "usageCorrections:apply",
        BillingRead = "billing:read",
        BillingRun = "billing:run",
        CreditGrant = "credit:grant",
        BillingSettings = "billing:settings",
        LedgerClose = "ledger:close",
        ClockAdvance = "clock:advance",
        InvoicesIssue = "invoices:issue",
        InvoicesSettle = "invoices:settle",
        MoneyAdjust = "money:adjust",
        MoneyRefund = "money:refund",
        MoneyReverse = "money:reverse",
        JobsRead = "jobs:read",
        AuditRead = "audit:read",
    }
}

use Role::{Admin, Developer, Finance, Owner, Support};

const EVERYONE: &[Role] = Role::ALL;
const MONEY: &[Role] = &[Owner, Admin, Finance, Support];

impl Permission {
    /// The roles that hold this permission.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Permission::ProjectRead
            | Permission::MembersRead
            | Permission::CustomersRead
            | Permission::MetricsRead
            | Permission::CatalogRead
            | Permission::SubscriptionsRead
            | Permission::IngestRead
            | Permission::BillingRead
            | Permission::JobsRead
            | Permission::AuditRead => EVERYONE,
            Permission::ProjectUpdate | Permission::MembersManage => &[Owner, Admin],
            Permission::OwnersManage => &[Owner],
            Permission::AccessKeysRead | Permission::AccessKeysManage => &[Owner, Admin, Developer],
            Permission::CustomersWrite => &[Owner, Admin, Finance, Support, Developer],
            Permission::MetricsManage | Permission::ClockAdvance => &[Owner, Admin, Finance, Developer],
            Permission::RejectionsReplay => &[Owner, Admin, Support, Developer],
            Permission::CreditGrant | Permission::MoneyAdjust | Permission::UsageCorrectionsPropose => MONEY,
            // A change of a subscription or of past usage moves money without a limit, which the role support does not.
            Permission::CatalogManage
            | Permission::SubscriptionsWrite
            | Permission::BillingSettings
            | Permission::UsageCorrectionsApply
            | Permission::LedgerClose
            | Permission::InvoicesIssue
            | Permission::InvoicesSettle
            | Permission::BillingRun
            | Permission::MoneyRefund
            | Permission::MoneyReverse => &[Owner, Admin, Finance],
            // Machines only: a person corrects with a reason, a machine measures.
            Permission::UsageIngest | Permission::ChargeIngest => &[],
        }
    }

    /// The scopes of access keys that carry this permission.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Permission::UsageIngest => &[Scope::IngestUsage],
            Permission::ChargeIngest => &[Scope::IngestCharge],
            Permission::BillingRead | Permission::IngestRead | Permission::MetricsRead | Permission::CatalogRead => {
                &[Scope::BillingRead]
            }
            Permission::CustomersRead => &[Scope::CustomersRead, Scope::CustomersWrite],
            Permission::CustomersWrite => &[Scope::CustomersWrite],
            Permission::SubscriptionsRead => &[Scope::BillingRead, Scope::SubscriptionsWrite],
            Permission::SubscriptionsWrite => &[Scope::SubscriptionsWrite],
            Permission::ProjectRead
            | Permission::ProjectUpdate
            | Permission::MembersRead
            | Permission::MembersManage
            | Permission::OwnersManage
            | Permission::AccessKeysRead
            | Permission::AccessKeysManage
            | Permission::MetricsManage
            | Permission::CatalogManage
            | Permission::RejectionsReplay
            | Permission::UsageCorrectionsPropose
            | Permission::UsageCorrectionsApply
            | Permission::CreditGrant
            | Permission::BillingSettings
            | Permission::LedgerClose
            | Permission::ClockAdvance
            | Permission::InvoicesIssue
            | Permission::InvoicesSettle
            | Permission::BillingRun
            | Permission::MoneyAdjust
            | Permission::MoneyRefund
            | Permission::MoneyReverse
            | Permission::JobsRead
            | Permission::AuditRead => &[],
        }
    }

    pub fn held_by_role(self, role: Role) -> bool {
        self.roles().contains(&role)
    }

    pub fn held_by_scopes(self, scopes: &[Scope]) -> bool {
        self.scopes().iter().any(|scope| scopes.contains(scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::Viewer;

    #[test]
    fn a_viewer_only_reads() {
        // checklist 12
        for permission in Permission::ALL {
            let reads = permission.as_str().ends_with(":read");
            let keys = *permission == Permission::AccessKeysRead;
            assert_eq!(permission.held_by_role(Viewer), reads && !keys, "{permission}");
        }
    }

    #[test]
    fn no_scope_grants_credit_or_manages_a_project() {
        // checklist 10
        let every_scope = Scope::ALL;
        for permission in [Permission::CreditGrant, Permission::ProjectUpdate, Permission::AccessKeysManage] {
            assert!(!permission.held_by_scopes(every_scope), "{permission}");
        }
    }

    #[test]
    fn an_owner_may_do_whatever_any_person_may() {
        for permission in Permission::ALL {
            assert_eq!(permission.held_by_role(Owner), !permission.roles().is_empty(), "{permission}");
        }
    }
}
