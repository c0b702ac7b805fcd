//! Projects: made once, found by their creator's key, listed by member, changed in name, zone and policies.

use domain::idempotency::Fingerprint;
use domain::ids::{ProjectId, UserId};
use domain::invoices::settings::{Finalization, LatePolicy};
use domain::projects::{Mode, Policies, Project, UnknownPolicy};
use domain::proration::TimeBasis;
use domain::rounding::InvoiceRounding;
use domain::subscriptions::policy::{ProrationBilling, UnusedTime};

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// Adds a project: false when its creator used the external key before, and then nothing changed.
///
/// A concurrent transaction of the same creator with the same key is waited for.
pub fn insert(tx: &mut InstallationTx<'_>, project: &Project, fingerprint: Fingerprint) -> Result<bool, StorageError> {
    let inserted = tx.execute(
        sql!(
            "-- insert_project
            insert into projects (id, name, external_key, mode, currency, time_zone, unknown_metric, unknown_customer,
                require_customer_key, support_limit_micros, event_horizon_days, invoice_rounding, proration_basis,
                proration_unused, proration_billing, late_buffer_minutes, late_policy, late_limit_days,
                invoice_finalization, invoice_grace_minutes, payment_term_days, recompute_limit_days, fingerprint, created_by, created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
                ?25)
            on conflict (created_by, external_key) do nothing"
        ),
        &params![
            project.id,
            &project.name,
            &project.external_key,
            project.mode.as_str(),
            project.currency,
            &project.time_zone,
            project.policies.unknown_metric.as_str(),
            project.policies.unknown_customer.as_str(),
            project.policies.require_customer_key,
            project.policies.support_limit,
            project.policies.event_horizon_days,
            project.policies.invoice_rounding.as_str(),
            project.policies.proration_basis.as_str(),
            project.policies.proration_unused.as_str(),
            project.policies.proration_billing.as_str(),
            project.policies.late_buffer_minutes,
            project.policies.late_policy.as_str(),
            project.policies.late_limit_days,
            project.policies.invoice_finalization.as_str(),
            project.policies.invoice_grace_minutes,
            project.policies.payment_term_days,
            project.policies.recompute_limit_days,
            &fingerprint.0,
            project.created_by,
            project.created_at,
        ],
    )?;
    Ok(inserted == 1)
}

/// The project its creator made under this key, with the fingerprint of the request that made it.
pub fn find_by_external_key(
    tx: &mut InstallationTx<'_>,
    created_by: UserId,
    external_key: &str,
) -> Result<Option<(Project, Fingerprint)>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_project_by_external_key
            select id, name, external_key, mode, currency, time_zone, unknown_metric, unknown_customer,
                require_customer_key, support_limit_micros, event_horizon_days, invoice_rounding, proration_basis,
                proration_unused, proration_billing, late_buffer_minutes, late_policy, late_limit_days,
                invoice_finalization, invoice_grace_minutes, payment_term_days, recompute_limit_days, created_by, created_at, fingerprint
            from projects
            where created_by = ?1 and external_key = ?2"
        ),
        &params![created_by, external_key],
        |row| Ok((read(row)?, Fingerprint(row.get(24)?))),
    )
}

/// The project of the transaction.
pub fn get(tx: &mut ProjectTx<'_>) -> Result<Option<Project>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_project
            select id, name, external_key, mode, currency, time_zone, unknown_metric, unknown_customer,
                require_customer_key, support_limit_micros, event_horizon_days, invoice_rounding, proration_basis,
                proration_unused, proration_billing, late_buffer_minutes, late_policy, late_limit_days,
                invoice_finalization, invoice_grace_minutes, payment_term_days, recompute_limit_days, created_by, created_at
            from projects
            where id = ?1"
        ),
        &[],
        read,
    )
}

/// As [`get`], and nobody else changes the project until this transaction ends.
pub fn get_for_update(tx: &mut ProjectTx<'_>) -> Result<Option<Project>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_project_for_update
            select id, name, external_key, mode, currency, time_zone, unknown_metric, unknown_customer,
                require_customer_key, support_limit_micros, event_horizon_days, invoice_rounding, proration_basis,
                proration_unused, proration_billing, late_buffer_minutes, late_policy, late_limit_days,
                invoice_finalization, invoice_grace_minutes, payment_term_days, recompute_limit_days, created_by, created_at
            from projects
            where id = ?1
            {for_update}"
        ),
        &[],
        read,
    )
}

/// Stores what may change about a project: its name, its zone, its policies.
pub fn update(tx: &mut ProjectTx<'_>, project: &Project) -> Result<(), StorageError> {
    assert_eq!(project.id, tx.project(), "a transaction changes its own project");
    tx.execute(
        sql!(
            "-- update_project
            update projects
            set name = ?2, time_zone = ?3, unknown_metric = ?4, unknown_customer = ?5, require_customer_key = ?6,
                support_limit_micros = ?7, event_horizon_days = ?8, invoice_rounding = ?9, proration_basis = ?10,
                proration_unused = ?11, proration_billing = ?12, late_buffer_minutes = ?13, late_policy = ?14,
                late_limit_days = ?15, invoice_finalization = ?16, invoice_grace_minutes = ?17,
                payment_term_days = ?18, recompute_limit_days = ?19
            where id = ?1"
        ),
        &params![
            &project.name,
            &project.time_zone,
            project.policies.unknown_metric.as_str(),
            project.policies.unknown_customer.as_str(),
            project.policies.require_customer_key,
            project.policies.support_limit,
            project.policies.event_horizon_days,
            project.policies.invoice_rounding.as_str(),
            project.policies.proration_basis.as_str(),
            project.policies.proration_unused.as_str(),
            project.policies.proration_billing.as_str(),
            project.policies.late_buffer_minutes,
            project.policies.late_policy.as_str(),
            project.policies.late_limit_days,
            project.policies.invoice_finalization.as_str(),
            project.policies.invoice_grace_minutes,
            project.policies.payment_term_days,
            project.policies.recompute_limit_days,
        ],
    )?;
    Ok(())
}

/// The projects a user is a member of, the oldest first, after the given one.
pub fn page_of_member(
    tx: &mut InstallationTx<'_>,
    user: UserId,
    after: Option<ProjectId>,
    limit: i64,
) -> Result<Vec<Project>, StorageError> {
    tx.query(
        sql!(
            "-- page_projects_of_member
            select p.id, p.name, p.external_key, p.mode, p.currency, p.time_zone, p.unknown_metric, p.unknown_customer,
                p.require_customer_key, p.support_limit_micros, p.event_horizon_days, p.invoice_rounding,
                p.proration_basis, p.proration_unused, p.proration_billing, p.late_buffer_minutes, p.late_policy,
                p.late_limit_days, p.invoice_finalization, p.invoice_grace_minutes, p.payment_term_days,
                p.recompute_limit_days, p.created_by, p.created_at
            from members m
            join projects p on p.id = m.project_id
            where m.user_id = ?1
              and (cast(?2 as {uuid}) is null or m.project_id > ?2)
            order by m.project_id
            limit ?3"
        ),
        &params![user, after, limit],
        read,
    )
}

/// Every project of the installation, the oldest first, after the given one.
pub fn page_all(
    tx: &mut InstallationTx<'_>,
    after: Option<ProjectId>,
    limit: i64,
) -> Result<Vec<Project>, StorageError> {
    tx.query(
        sql!(
            "-- page_all_projects
            select id, name, external_key, mode, currency, time_zone, unknown_metric, unknown_customer,
                require_customer_key, support_limit_micros, event_horizon_days, invoice_rounding, proration_basis,
                proration_unused, proration_billing, late_buffer_minutes, late_policy, late_limit_days,
                invoice_finalization, invoice_grace_minutes, payment_term_days, recompute_limit_days, created_by, created_at
            from projects
            where cast(?1 as {uuid}) is null or id > ?1
            order by id
            limit ?2"
        ),
        &params![after, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<Project, StorageError> {
    Ok(Project {
        id: row.get(0)?,
        name: row.get(1)?,
        external_key: row.get(2)?,
        mode: row.named(3, Mode::parse)?,
        currency: row.get(4)?,
        time_zone: row.get(5)?,
        policies: Policies {
            unknown_metric: row.named(6, UnknownPolicy::parse)?,
            unknown_customer: row.named(7, UnknownPolicy::parse)?,
            require_customer_key: row.get(8)?,
            support_limit: row.get(9)?,
            event_horizon_days: row.get(10)?,
            invoice_rounding: row.named(11, InvoiceRounding::parse)?,
            proration_basis: row.named(12, TimeBasis::parse)?,
            proration_unused: row.named(13, UnusedTime::parse)?,
            proration_billing: row.named(14, ProrationBilling::parse)?,
            late_buffer_minutes: row.get(15)?,
            late_policy: row.named(16, LatePolicy::parse)?,
            late_limit_days: row.get(17)?,
            invoice_finalization: row.named(18, Finalization::parse)?,
            invoice_grace_minutes: row.get(19)?,
            payment_term_days: row.get(20)?,
            recompute_limit_days: row.get(21)?,
        },
        created_by: row.get(22)?,
        created_at: row.get(23)?,
    })
}
