//! Metrics and the catalog: those of a file are made by the same use cases as everywhere, and no change of a metric takes away what a
//! current price reads.

use domain::catalog::Catalog;
use domain::catalog::metric::MetricDefinition;
use domain::catalog::whole::Rest;
use domain::ledger::reason::Reason;
use storage::{ProjectTx, metrics};

use super::{intended, items};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::metrics as metric_cases;

/// Makes a metric mean what the file says: a new one is declared, a known one gets a new version. The catalog is locked; tell the job
/// worker afterwards.
pub(super) fn make(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    wanted: &MetricDefinition,
    reason: Option<&Reason>,
) -> Result<(), Error> {
    let wanted = metric_cases::checked(wanted)?;
    let Some(mut metric) = metrics::find_by_key_for_update(tx, &wanted.key)?.filter(|metric| metric.declared) else {
        let _audited = metric_cases::declare(tx, ctx, &wanted)?;
        return Ok(());
    };
    if metric.archived_at.take().is_some() {
        metrics::update(tx, &metric)?;
    }
    let _audited = metric_cases::versions::change_metric(tx, ctx, &metric, &wanted, reason)?;
    Ok(())
}

/// Demands that every current price can still be read when the metric means this. The catalog is locked.
///
/// # Errors
/// `invalid_catalog` naming each price that cannot.
pub(crate) fn require_prices_hold(tx: &mut ProjectTx<'_>, next: &MetricDefinition) -> Result<(), Error> {
    let file = Catalog { metrics: vec![next.clone()], ..Catalog::default() };
    let whole = file.applied_to(&intended(tx)?, Rest::Stays);
    Ok(file.check_applied(&whole).into_result()?)
}

/// Demands that no current price reads the metric. The catalog is locked.
///
/// # Errors
/// `catalog_item_in_use` naming each price that does.
pub(crate) fn require_unpriced(tx: &mut ProjectTx<'_>, key: &str) -> Result<(), Error> {
    Ok(items::require_unused("metric", key, intended(tx)?.uses_of_metric(key))?)
}
