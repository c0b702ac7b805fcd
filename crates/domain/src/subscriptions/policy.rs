//! The proration policy of a project: in what time is counted, whether unused time comes back, and when it is billed.

use crate::named::named;
use crate::proration::TimeBasis;

named! {
    /// What becomes of time that was paid in advance and is not used, because something changed.
    UnusedTime {
        /// It comes back as a negative line.
        Credited = "credited",
        /// It pays for what replaces it in the same period, and never comes back as money.
        Kept = "kept",
    }
}

named! {
    /// When the lines of a change in mid-period are billed.
    ProrationBilling {
        /// When the change takes effect.
        Now = "now",
        /// At the end of the period, with what is billed then.
        PeriodEnd = "periodEnd",
    }
}

/// What a project does when something changes in the middle of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProrationPolicy {
    pub basis: TimeBasis,
    pub unused: UnusedTime,
    pub billing: ProrationBilling,
}

impl ProrationPolicy {
    /// By days, unused time credited, billed when the change takes effect.
    pub const USUAL: ProrationPolicy =
        ProrationPolicy { basis: TimeBasis::Day, unused: UnusedTime::Credited, billing: ProrationBilling::Now };
}
