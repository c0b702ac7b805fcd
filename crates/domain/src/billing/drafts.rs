//! Which invoice a charge is put on: everything of one payer in one currency that falls on one civil day.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::invoices::settings::InvoicePolicy;
use crate::time::Instant;

/// A day of a payer, as far as invoices go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillingDay {
    pub date: Date,
    /// When the day begins: the time in the ids of its invoices.
    pub starts_at: Instant,
}

/// The day on which something falls in the zone of who pays.
pub fn billing_day(falls_on: Instant, zone: &TimeZone) -> BillingDay {
    let local = falls_on.timestamp().to_zoned(zone.clone());
    let start = local.start_of_day().map_or(falls_on, |start| Instant::from_timestamp(start.timestamp()));
    BillingDay { date: local.date(), starts_at: start.min(falls_on) }
}

/// When a draft is issued whose first charge falls on an instant: after the late buffer, so that what is billed in arrears at the same
/// moment is on it, and the grace time.
pub fn issues_at(falls_on: Instant, policy: &InvoicePolicy) -> Instant {
    let wait = Duration::from_secs(u64::from(policy.wait_minutes()) * 60);
    falls_on.checked_add(wait).unwrap_or(falls_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projects::Policies;
    use jiff::civil::date;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn a_day_is_that_of_the_payer() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let day = billing_day(at("2026-03-28T23:30:00Z"), &berlin);
        assert_eq!((day.date, day.starts_at), (date(2026, 3, 29), at("2026-03-28T23:00:00Z")));
        // Clocks go forward on that day.
        let late = billing_day(at("2026-03-29T21:59:59Z"), &berlin);
        assert_eq!(late, day);
        assert_eq!(billing_day(at("2026-03-29T22:00:00Z"), &berlin).date, date(2026, 3, 30));
    }

    #[test]
    fn a_draft_waits_for_what_is_billed_in_arrears_at_the_same_moment() {
        let policy = InvoicePolicy { grace_minutes: 1, ..Policies::NEW_PROJECT.invoices() };
        assert_eq!(issues_at(at("2026-03-01T00:00:00Z"), &policy), at("2026-03-01T01:01:00Z"));
    }
}
