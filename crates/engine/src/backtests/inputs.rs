//! What a backtest was asked of, kept as it was: drafts, rates and metrics may change while it runs, its figures may not.

use domain::catalog::asset::CustomAsset;
use domain::catalog::metric::MetricDefinition;
use domain::catalog::plan::PlanDefinition;
use domain::metrics::Metric;
use domain::proration::TimeBasis;
use domain::refusal::{Code, Refusal};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Everything that the figures follow from, besides usage and the zones of customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inputs {
    pub after: Side,
    pub before: Option<Side>,
    /// What the prices of both measure.
    pub metrics: Vec<MetricDefinition>,
    pub assets: Vec<CustomAsset>,
    pub basis: TimeBasis,
    /// Of customers without a zone of their own.
    pub time_zone: String,
}

/// One version of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Side {
    pub version: u32,
    pub plan: PlanDefinition,
}

impl Inputs {
    pub fn sides(&self) -> impl Iterator<Item = &Side> {
        [Some(&self.after), self.before.as_ref()].into_iter().flatten()
    }

    /// Keeps of the metrics those that a price measures.
    pub fn keep_measured(&mut self) {
        let sides = [Some(&self.after), self.before.as_ref()].into_iter().flatten();
        let measured: Vec<&str> =
            sides.flat_map(|side| &side.plan.prices).filter_map(|price| price.metric.as_deref()).collect();
        self.metrics.retain(|metric| measured.contains(&metric.key.as_str()));
    }

    /// # Errors
    /// Never for what was kept: it has nothing that JSON cannot hold.
    pub fn to_text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Bug(format!("inputs cannot be written as JSON: {error}")))
    }

    /// # Errors
    /// A bug when the text was not written by this program.
    pub fn from_text(text: &str) -> Result<Inputs, Error> {
        serde_json::from_str(text).map_err(|error| Error::Bug(format!("the inputs of a backtest: {error}")))
    }

    /// The metrics as they are now, in the order of the inputs, provided that they count as they did.
    ///
    /// # Errors
    /// [`Code::MetricConflict`] when one counts differently by now.
    pub fn current(&self, now: &[Metric]) -> Result<Vec<Metric>, Refusal> {
        let find = |pinned: &MetricDefinition| {
            let found = now.iter().find(|metric| metric.definition.key == pinned.key);
            let found = found.filter(|metric| !metric.definition.counts_unlike(pinned)).cloned();
            found.ok_or_else(|| {
                let detail = format!(
                    "The metric `{}` got another meaning while the backtest ran. Start the backtest again.",
                    pinned.key
                );
                Refusal::new(Code::MetricConflict, detail)
            })
        };
        self.metrics.iter().map(find).collect()
    }
}
