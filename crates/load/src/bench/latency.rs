//! Percentiles and medians by the nearest-rank method: every figure shown was really measured.

use serde::Serialize;

/// Times of single requests, in microseconds, from the first byte written to the last byte read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    pub p50_micros: u64,
    pub p99_micros: u64,
    pub max_micros: u64,
}

impl Latency {
    /// Of any number of samples in any order; all zero for none.
    #[must_use]
    pub fn of(samples: &[u64]) -> Latency {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        Latency {
            p50_micros: percentile(&sorted, 50),
            p99_micros: percentile(&sorted, 99),
            max_micros: percentile(&sorted, 100),
        }
    }
}

/// The smallest value that at least `percent` of 100 samples do not exceed; 0 for no samples.
#[must_use]
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The middle value, the lower of two; 0 for none.
#[must_use]
pub fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    percentile(&sorted, 50)
}
