//! Metrics of a catalog file, by the same use cases as everywhere: new ones are declared, changed ones get a new version.

use domain::catalog::metric::{MetricChange, MetricDefinition};
use domain::ledger::reason::Reason;
use domain::metrics::Metric;
use domain::refusal::Code;
use storage::{ProjectTx, metrics};

use crate::ctx::Ctx;
use crate::error::Error;
use crate::metrics as metric_cases;

/// Makes a metric mean what the file says. The catalog is locked.
pub(super) fn make(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    wanted: &MetricDefinition,
    _reason: Option<&Reason>,
) -> Result<(), Error> {
    let wanted = &metric_cases::checked(wanted)?;
    let Some(metric) = metrics::find_by_key_for_update(tx, &wanted.key)?.filter(|metric| metric.declared) else {
        let _audited = metric_cases::declare(tx, ctx, wanted)?;
        return Ok(());
    };
    let metric = Metric { archived_at: None, ..metric };
    match metric.definition.change_to(wanted) {
        MetricChange::Nothing => Ok(metrics::update(tx, &metric)?),
        MetricChange::Words => Ok(metrics::update(tx, &Metric { definition: wanted.clone(), ..metric })?),
        MetricChange::SameRows | MetricChange::NewRows => {
            let detail =
                format!("The file changes what the metric {:?} means. Make a new version of it first.", wanted.key);
            Err(Error::refused(Code::MetricConflict, detail))
        }
    }
}
