//! Starting a backtest: everything that can be refused is refused here, before a job exists.

use std::collections::BTreeSet;

use domain::access::Permission;
use domain::backtests::{Backtest, BacktestTotals, PlanVersionKey};
use domain::calendar::{Anchor, RatingWindow};
use domain::catalog::plan::{PlanDefinition, PlanState};
use domain::catalog::{Catalog, References};
use domain::charges::cut::{CutRules, cut_price};
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::BacktestId;
use domain::jobs::{BacktestSubject, Subject};
use domain::projects::Project;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::window::{Span, zone};
use serde_json::json;
use storage::{ProjectTx, backtests, customers, plans, projects};

use super::inputs::{Inputs, Side};
use super::{BacktestView, view};
use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::estimates::offer::{check, load_tried};
use crate::jobs::queue_job;

/// The most customers that one backtest names.
pub const CUSTOMER_KEYS_MAX: usize = 200;

/// What is to be rated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartBacktest {
    /// A version of a plan, draft or published.
    pub plan: PlanVersionKey,
    /// What it is compared with; the latest published version of the same plan if not given.
    pub baseline: Option<PlanVersionKey>,
    pub from: Instant,
    /// Exclusive.
    pub to: Instant,
    /// Only these customers; all that used something if not given.
    pub customer_keys: Option<Vec<String>>,
}

impl Engine {
    /// Starts a backtest; a job makes its results.
    ///
    /// # Errors
    /// `unknown_plan`, `unknown_customer`; `invalid_catalog` for a draft with mistakes; `invalid_value` for versions in different
    /// currencies and for a range that has not passed; `invalid_query` for one with too many periods.
    pub fn start_backtest(
        &self,
        ctx: &Ctx,
        key: Option<IdempotencyKey>,
        command: &StartBacktest,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::CatalogManage)?;
        let idempotency = key.map(|key| Idempotency {
            family: Family::Other,
            key,
            operation: "startBacktest",
            fingerprint: command.fingerprint(),
        });
        let answer =
            self.command_answer(ctx, "start_backtest", 202, idempotency.as_ref(), |tx| start(tx, ctx, command))?;
        self.jobs.announce();
        Ok(answer)
    }
}

fn start(tx: &mut ProjectTx<'_>, ctx: &Ctx, command: &StartBacktest) -> Result<Audited<BacktestView>, Error> {
    let range = range(ctx, command)?;
    let customer_keys = named_customers(tx, command)?;
    let inputs = inputs(tx, command, range)?;
    let id: BacktestId = ctx.new_id();
    let job = queue_job(tx, ctx, Subject::Backtest(BacktestSubject { backtest_id: id }))?;
    let backtest = Backtest {
        id,
        job,
        plan: PlanVersionKey { key: inputs.after.plan.key.clone(), version: inputs.after.version },
        baseline: inputs
            .before
            .as_ref()
            .map(|side| PlanVersionKey { key: side.plan.key.clone(), version: side.version }),
        currency: inputs.after.plan.currency,
        from: range.start,
        to: range.end,
        customer_keys,
        totals: BacktestTotals::NOTHING,
        created_by: ctx.caller.actor.name().to_owned(),
        created_at: ctx.now(),
    };
    backtests::insert(tx, &backtest, &inputs.to_text()?)?;
    let record = AuditRecord::new("backtest.started", id).details(json!({
        "plan": backtest.plan, "baseline": backtest.baseline, "from": backtest.from, "to": backtest.to, "job": job,
    }));
    Ok(Audited::new(view(tx, backtest)?, record))
}

fn range(ctx: &Ctx, command: &StartBacktest) -> Result<Span, Refusal> {
    let StartBacktest { from, to, .. } = *command;
    if to > ctx.now() {
        return Err(Refusal::field(Code::InvalidValue, "to", "must have passed: a backtest rates what was used."));
    }
    if from >= to {
        return Err(Refusal::field(Code::InvalidValue, "to", format!("must come after `from` ({from}).")));
    }
    Ok(Span { start: from, end: to })
}

/// The customers that are named, each once, in the order of their keys.
fn named_customers(tx: &mut ProjectTx<'_>, command: &StartBacktest) -> Result<Option<Vec<String>>, Error> {
    let Some(keys) = &command.customer_keys else {
        return Ok(None);
    };
    if keys.is_empty() || keys.len() > CUSTOMER_KEYS_MAX {
        let detail = format!("must name 1 to {CUSTOMER_KEYS_MAX} customers, or be left out.");
        return Err(Refusal::field(Code::OutOfRange, "customerKeys", detail).into());
    }
    let named: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let named: Vec<&str> = named.into_iter().collect();
    let found = customers::find_by_keys(tx, &named)?;
    match keys.iter().position(|key| !found.iter().any(|customer| customer.external_key == *key)) {
        None => Ok(Some(named.into_iter().map(str::to_owned).collect())),
        Some(index) => {
            let detail = format!("names `{}`, which does not exist.", keys[index]);
            Err(Refusal::field(Code::UnknownCustomer, format!("customerKeys[{index}]"), detail).into())
        }
    }
}

fn inputs(tx: &mut ProjectTx<'_>, command: &StartBacktest, range: Span) -> Result<Inputs, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let (catalog, _) = load_tried(tx)?;
    let known = catalog.references();
    let after = side(tx, &command.plan, "plan", &known)?;
    let before = match &command.baseline {
        Some(baseline) => Some(side(tx, baseline, "baseline", &known)?),
        None => plans::get_version(tx, &command.plan.key, None)?
            .map(|(_, version)| Side { version: version.number, plan: version.definition }),
    };
    if let Some(before) = before.as_ref().filter(|before| before.plan.currency != after.plan.currency) {
        let detail = format!("is in {}, and the plan in {}.", before.plan.currency, after.plan.currency);
        return Err(Refusal::field(Code::InvalidValue, "baseline", detail).into());
    }
    let Catalog { metrics, custom_assets, .. } = catalog;
    let mut inputs = Inputs {
        after,
        before,
        metrics,
        assets: custom_assets,
        basis: project.policies.proration_basis,
        time_zone: project.time_zone.clone(),
    };
    inputs.keep_measured();
    for side in inputs.sides() {
        check_range(&side.plan, range, &project)?;
    }
    Ok(inputs)
}

fn side(tx: &mut ProjectTx<'_>, wanted: &PlanVersionKey, field: &str, known: &References) -> Result<Side, Error> {
    let PlanVersionKey { key, version } = wanted;
    let found = plans::get_version(tx, key, Some(*version))?;
    let (_, found) = found.ok_or_else(|| {
        Refusal::field(Code::UnknownPlan, field, format!("`{key}` has no version {version}, or does not exist."))
    })?;
    if found.state == PlanState::Draft {
        // A published version was checked when it was published.
        check(&found.definition, field, known)?;
    }
    Ok(Side { version: found.number, plan: found.definition })
}

/// Cuts every price once, for the project's zone: what is too long is refused now and not by the job.
fn check_range(plan: &PlanDefinition, range: Span, project: &Project) -> Result<(), Refusal> {
    let zone = zone(&project.time_zone);
    let rules = CutRules {
        zone: &zone,
        basis: project.policies.proration_basis,
        anniversary: Anchor::day_of(range.start, &zone),
    };
    plan.prices.iter().try_for_each(|price| cut_price(price, range, &rules, RatingWindow::Period).map(|_| ()))
}

impl StartBacktest {
    fn fingerprint(&self) -> Fingerprint {
        let plan = |form: Canonical, plan: &PlanVersionKey| form.text(&plan.key).integer(i64::from(plan.version));
        let form = plan(Canonical::new("startBacktest"), &self.plan);
        let form = match &self.baseline {
            Some(baseline) => plan(form, baseline),
            None => form.absent(),
        };
        let form = form.instant(self.from).instant(self.to);
        let keys = self.customer_keys.iter().flatten();
        keys.fold(form, |form, key| form.text(key)).fingerprint()
    }
}
