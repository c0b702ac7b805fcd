//! Which invoice a charge is put on: everything of one payer in one currency that falls on one civil day; and what keeps it a draft.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::amount::Amount;
use crate::charges::charge::{Charge, ChargeKind};
use crate::invoices::settings::InvoicePolicy;
use crate::ratio::OutOfRange;
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

/// The usage on a draft that is still counted, as far as its charges say: the newest of each key that ends with a window, in the order of
/// keys. What comes to nothing keeps no draft.
///
/// # Errors
/// [`OutOfRange`] when a sum does not fit.
pub fn still_counted(charges: &[Charge], late_buffer: Duration) -> Result<Vec<&Charge>, OutOfRange> {
    let mut by_key: BTreeMap<&str, (&Charge, Amount)> = BTreeMap::new();
    for charge in charges.iter().filter(|charge| charge.kind == ChargeKind::Usage) {
        let (newest, amount) = by_key.entry(&charge.key).or_insert((charge, Amount::ZERO));
        *amount = amount.checked_add(charge.amount).ok_or(OutOfRange)?;
        if charge.revision > newest.revision {
            *newest = charge;
        }
    }
    // What was made after its period had closed and waited is not open: nothing of it has to be read.
    let may_be_open = |charge: &Charge| charge.at.checked_add(late_buffer).is_none_or(|closed| charge.as_of < closed);
    let open = by_key.into_values().filter(|(newest, amount)| !amount.is_zero() && may_be_open(newest));
    Ok(open.map(|(newest, _)| newest).filter(|newest| newest.is_open()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;
    use crate::ids::{ChargeId, CustomerId};
    use crate::projects::Policies;
    use crate::tax::TaxBehaviour;
    use crate::window::Span;
    use jiff::civil::date;
    use uuid::Uuid;

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

    const BUFFER: Duration = Duration::from_secs(3_600);

    /// Usage of March that counts until an instant, charged at another.
    fn usage(revision: u32, amount: &str, counts_until: &str, as_of: &str) -> Charge {
        let march = Span { start: at("2026-03-01T00:00:00Z"), end: at("2026-04-01T00:00:00Z") };
        Charge {
            id: ChargeId::from_uuid(Uuid::from_u128(u128::from(revision))),
            key: "calls".to_owned(),
            revision,
            item: None,
            customer: CustomerId::from_uuid(Uuid::nil()),
            payer: CustomerId::from_uuid(Uuid::nil()),
            subscription: None,
            kind: ChargeKind::Usage,
            price: "calls".to_owned(),
            source: None,
            period: Some(march),
            part: Some(march),
            at: march.end,
            rates_at: march.end,
            currency: Currency::USD,
            amount: Amount::parse(amount).unwrap(),
            prepaid: Amount::ZERO,
            promotional: Amount::ZERO,
            tax_category: None,
            tax_behaviour: TaxBehaviour::Exclusive,
            coupons: Vec::new(),
            content: format!(r#"{{"events":{{"to":"{counts_until}"}}}}"#),
            digest: [0; 32],
            cut: Some(1),
            as_of: at(as_of),
            entry: None,
            corrects: None,
            run: None,
        }
    }

    fn counted(charges: &[Charge]) -> Vec<u32> {
        still_counted(charges, BUFFER).unwrap().iter().map(|charge| charge.revision).collect()
    }

    #[test]
    fn usage_is_counted_until_the_newest_of_its_charges_tells_the_whole_period() {
        let window = usage(0, "5", "2026-03-10T00:00:00Z", "2026-03-10T01:00:00Z");
        let next = usage(1, "2", "2026-03-11T00:00:00Z", "2026-03-11T01:00:00Z");
        let last = usage(2, "0", "2026-04-01T00:00:00Z", "2026-04-01T01:00:00Z");
        assert_eq!(counted(&[next.clone(), window.clone()]), [1]);
        assert_eq!(counted(&[window.clone(), last, next]), Vec::<u32>::new());
        // A late buffer that has grown opens nothing again.
        let whole = usage(0, "5", "2026-04-01T00:00:00Z", "2026-04-01T01:00:00Z");
        assert_eq!(still_counted(&[whole], BUFFER * 100).unwrap(), Vec::<&Charge>::new());
        // What was taken back keeps no draft.
        let back = usage(1, "-5", "2026-03-10T00:00:00Z", "2026-03-20T00:00:00Z");
        assert_eq!(counted(&[window, back]), Vec::<u32>::new());
    }

    #[test]
    fn a_draft_waits_for_what_is_billed_in_arrears_at_the_same_moment() {
        let policy = InvoicePolicy { grace_minutes: 1, ..Policies::NEW_PROJECT.invoices() };
        assert_eq!(issues_at(at("2026-03-01T00:00:00Z"), &policy), at("2026-03-01T01:01:00Z"));
    }
}
