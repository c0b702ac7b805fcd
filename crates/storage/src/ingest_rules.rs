//! What the ingest of several projects needs to know of each: its policies, its own customer, the customers named.

use domain::clock::ProjectClock;
use domain::ids::{CustomerId, ProjectId};
use domain::projects::UnknownPolicy;

use crate::error::StorageError;
use crate::project_clocks;
use crate::sql::{Value, bulk_sql, params};
use crate::tx::InstallationTx;

/// What a project decides about usage that leaves something open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestRules {
    pub unknown_metric: UnknownPolicy,
    pub unknown_customer: UnknownPolicy,
    pub require_customer_key: bool,
    /// Events older than this many days are refused.
    pub event_horizon_days: Option<u32>,
    /// The project's own customer.
    pub self_customer: CustomerId,
    /// The project's clock: what is received, is received by it.
    pub clock: ProjectClock,
    /// The epoch of the open series; read before the metrics are.
    pub metrics_epoch: i64,
}

/// The rules of those projects that exist.
pub fn of_projects(
    tx: &mut InstallationTx<'_>,
    projects: &[ProjectId],
) -> Result<Vec<(ProjectId, IngestRules)>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> =
        projects.iter().map(|project| params![*project, domain::customers::SELF_KEY]).collect();
    tx.query_many(
        bulk_sql!(
            "-- ingest_rules_of_projects
            select p.id, p.unknown_metric, p.unknown_customer, p.require_customer_key, p.event_horizon_days, c.id,
                coalesce(k.metrics_epoch, 0), p.clock_ahead_micros
            from {rows}
            join projects p on p.id = r.project_id
            join customers c on c.project_id = r.project_id and c.external_key = r.self_key
            left join rollup_cursors k on k.project_id = r.project_id",
            [project_id: Uuid, self_key: Text]
        ),
        &rows,
        |row| {
            let rules = IngestRules {
                unknown_metric: row.named(1, UnknownPolicy::parse)?,
                unknown_customer: row.named(2, UnknownPolicy::parse)?,
                require_customer_key: row.get(3)?,
                event_horizon_days: row.get(4)?,
                self_customer: row.get(5)?,
                metrics_epoch: row.get(6)?,
                clock: project_clocks::read(row, 7)?,
            };
            Ok((row.get(0)?, rules))
        },
    )
}

/// The ids of those customers that are known, in no order; name each once.
pub fn find_customers(
    tx: &mut InstallationTx<'_>,
    keys: &[(ProjectId, &str)],
) -> Result<Vec<(ProjectId, String, CustomerId)>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = keys.iter().map(|(project, key)| params![*project, *key]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_customers_of_projects
            select c.project_id, c.external_key, c.id
            from {rows}
            join customers c on c.project_id = r.project_id and c.external_key = r.external_key",
            [project_id: Uuid, external_key: Text]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}
