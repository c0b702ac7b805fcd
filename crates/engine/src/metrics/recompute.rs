//! How far back usage may be recomputed without anybody saying why.

use domain::access::Permission;
use domain::catalog::metric::MetricDefinition;
use domain::ledger::reason::Reason;
use domain::metrics::Metric;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use std::time::Duration;
use storage::{ProjectTx, projects, usage_events};

use crate::ctx::Ctx;
use crate::error::Error;

/// Usage that a change counts anew, when some of it is older than the project's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BeyondLimit {
    /// The oldest event that counts before or after the change.
    pub oldest: Instant,
    pub limit_days: u32,
}

/// Demands a reason, from somebody who may give one, for a change that counts old usage anew. What nobody declared yet may be
/// declared however old it is: nobody was billed for it.
///
/// # Errors
/// [`Code::RecomputeLimit`] without a reason in words; `forbidden` for a role that may not go beyond the limit.
pub(super) fn require(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    metric: &Metric,
    next: &MetricDefinition,
    reason: Option<&Reason>,
) -> Result<(), Error> {
    // checklist 40
    let Some(BeyondLimit { oldest, limit_days }) = beyond_limit(tx, metric, next, ctx.now())? else {
        return Ok(());
    };
    // It changes what is charged, as a price would.
    ctx.require(Permission::CatalogManage)?;
    if reason.is_some_and(|reason| reason.text.is_some()) {
        return Ok(());
    }
    let detail = format!(
        "Usage from {oldest} on would be counted anew, and the project allows {limit_days} days (`recomputeLimitDays`). Look at the \
         preview, then send `reasonCode` and `reason` with the change."
    );
    Err(Refusal::new(Code::RecomputeLimit, detail).into())
}

/// What [`require`] would want a reason for.
pub(super) fn beyond_limit(
    tx: &mut ProjectTx<'_>,
    metric: &Metric,
    next: &MetricDefinition,
    now: Instant,
) -> Result<Option<BeyondLimit>, Error> {
    if !metric.declared || !metric.definition.counts_unlike(next) {
        return Ok(None);
    }
    // Events before both dates count neither before nor after.
    let from = metric.definition.effective_from.min(next.effective_from);
    let Some(oldest) = usage_events::oldest_at(tx, metric.id, from)? else {
        return Ok(None);
    };
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let limit_days = project.policies.recompute_limit_days;
    let limit = now.checked_sub(Duration::from_secs(u64::from(limit_days) * 24 * 60 * 60));
    Ok(limit.filter(|limit| oldest < *limit).map(|_| BeyondLimit { oldest, limit_days }))
}
