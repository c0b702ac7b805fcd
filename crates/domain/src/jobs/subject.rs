//! What a job is about, per kind.

use crate::ids::{BacktestId, BillingRunId, MetricId};

use super::JobKind;

/// The new version of a metric that gets its rows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricBackfillSubject {
    pub metric_id: MetricId,
    pub metric_key: String,
    pub version: i64,
}

/// The backtest that gets its results.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BacktestSubject {
    pub backtest_id: BacktestId,
}

/// The run that is worked off.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillingRunSubject {
    pub billing_run_id: BillingRunId,
}

/// What a job is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Subject {
    MetricBackfill(MetricBackfillSubject),
    Backtest(BacktestSubject),
    BillingRun(BillingRunSubject),
}

impl Subject {
    pub const fn kind(&self) -> JobKind {
        match self {
            Subject::MetricBackfill(_) => JobKind::MetricBackfill,
            Subject::Backtest(_) => JobKind::Backtest,
            Subject::BillingRun(_) => JobKind::BillingRun,
        }
    }

    /// The subject of a job of this kind, from the JSON it was stored as.
    pub fn read(kind: JobKind, json: &str) -> Option<Subject> {
        match kind {
            JobKind::MetricBackfill => serde_json::from_str(json).ok().map(Subject::MetricBackfill),
            JobKind::Backtest => serde_json::from_str(json).ok().map(Subject::Backtest),
            JobKind::BillingRun => serde_json::from_str(json).ok().map(Subject::BillingRun),
        }
    }
}
