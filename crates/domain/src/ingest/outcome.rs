//! The five outcomes of an ingest request, the operations that have them, and their counts.

use crate::named::named;

named! {
    /// What became of one ingest request; the same words in replies, counters and metrics.
    Outcome {
        /// Committed and synced.
        Accepted = "accepted",
        /// The same request again: answered as the first time, nothing stored.
        Replay = "replay",
        /// Another key for an event that is stored already.
        Duplicate = "duplicate",
        /// A used key or event id with other content.
        Conflict = "conflict",
        /// Not acceptable as it stands; kept as a rejection, the key is not burned.
        Failed = "failed",
    }
}

named! {
    /// What an ingest request asks for.
    Operation {
        Usage = "usage",
        Charge = "charge",
        /// An operator corrected events; no request of a machine, and counted under no outcome.
        UsageCorrection = "usageCorrection",
    }
}

named! {
    /// The way by which an event came in.
    Door {
        Single = "single",
        Batch = "batch",
        Ndjson = "ndjson",
        CloudEvent = "cloudEvent",
        CloudEventBatch = "cloudEventBatch",
        /// A rejection that an operator fixed and replayed.
        RejectionReplay = "rejectionReplay",
        /// An operator amended an event; this one counts in its place.
        Correction = "correction",
    }
}

/// How many requests had each outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeCounts {
    pub accepted: i64,
    pub replayed: i64,
    pub duplicates: i64,
    pub conflicts: i64,
    pub failed: i64,
}

impl OutcomeCounts {
    pub fn count(&mut self, outcome: Outcome) {
        *self.of_mut(outcome) += 1;
    }

    /// The counts of one request with this outcome.
    pub fn one(outcome: Outcome) -> OutcomeCounts {
        let mut counts = OutcomeCounts::default();
        counts.count(outcome);
        counts
    }

    pub fn add(&mut self, other: OutcomeCounts) {
        self.accepted += other.accepted;
        self.replayed += other.replayed;
        self.duplicates += other.duplicates;
        self.conflicts += other.conflicts;
        self.failed += other.failed;
    }

    pub fn total(self) -> i64 {
        self.accepted + self.replayed + self.duplicates + self.conflicts + self.failed
    }

    fn of_mut(&mut self, outcome: Outcome) -> &mut i64 {
        match outcome {
            Outcome::Accepted => &mut self.accepted,
            Outcome::Replay => &mut self.replayed,
            Outcome::Duplicate => &mut self.duplicates,
            Outcome::Conflict => &mut self.conflicts,
            Outcome::Failed => &mut self.failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_own_count() {
        let mut counts = OutcomeCounts::default();
        for outcome in Outcome::ALL {
            counts.count(*outcome);
        }
        let each = OutcomeCounts { accepted: 1, replayed: 1, duplicates: 1, conflicts: 1, failed: 1 };
        assert_eq!(counts, each);
        counts.add(OutcomeCounts::one(Outcome::Failed));
        assert_eq!((counts.failed, counts.total()), (2, 6));
    }
}
