//! Rating again what was charged before, as the last run saw it: a change that no run has seen is left to the next run. The subscriptions
//! are locked: nobody else bills them meanwhile.

use std::collections::BTreeSet;

use domain::charges::charge::Charge;
use domain::ids::{CustomerId, SubscriptionId};
use domain::window::Span;
use storage::subscription_schedules::SubscriptionSchedule;
use storage::{ProjectTx, rollup_cursors, subscription_schedules};

use super::decide::{Again, Decision, Issued, Purpose, decide_prices};
use super::load::{Batch, batch_as_billed};
use crate::error::Error;
use crate::ingest::overtaken;

/// Nothing is folded until this transaction ends: the cut of what is charged in it is what was counted. To be called first, before anything
/// else is locked.
///
/// # Errors
/// Only when the database fails.
pub(crate) fn hold_counting(tx: &mut ProjectTx<'_>) -> Result<(), Error> {
    // The mutant lets others fold meanwhile: the race tests notice.
    if !cfg!(feature = "mutant_counting_not_held") {
        rollup_cursors::lock(tx)?;
    }
    Ok(())
}

/// What was rated again. True-ups are left open.
pub(crate) struct RatedAgain {
    pub batch: Batch,
    pub decisions: Vec<Decision>,
    pub purpose: Purpose,
}

/// Rates everything of the periods of these charges, and of their subscriptions. `None` when they are of no period, or of no subscription.
///
/// # Errors
/// [`overtaken`] when one of the subscriptions was changed just now; otherwise only when the database fails.
pub(crate) fn rate_again(
    tx: &mut ProjectTx<'_>,
    charges: &[Charge],
    issued: Issued,
    purpose: Purpose,
) -> Result<Option<RatedAgain>, Error> {
    let Some(time) = time_of(charges) else { return Ok(None) };
    let Some(schedules) = lock_schedules(tx, charges)? else { return Ok(None) };
    let batch = batch_as_billed(tx, &schedules)?;
    let purpose = Purpose { again: Some(Again { time, issued }), ..purpose };
    let decisions = decide_prices(tx, &batch, purpose)?;
    Ok(Some(RatedAgain { batch, decisions, purpose }))
}

/// The time of the periods of these charges; `None` when there are none.
fn time_of(charges: &[Charge]) -> Option<Span> {
    let periods = || charges.iter().filter_map(|charge| charge.period);
    let (start, end) = (periods().map(|period| period.start).min()?, periods().map(|period| period.end).max()?);
    Some(Span { start, end })
}

/// The schedules of their subscriptions, locked: no run bills them meanwhile.
fn lock_schedules(tx: &mut ProjectTx<'_>, charges: &[Charge]) -> Result<Option<Vec<SubscriptionSchedule>>, Error> {
    let subscriptions: BTreeSet<SubscriptionId> = charges.iter().filter_map(|charge| charge.subscription).collect();
    let customers: BTreeSet<CustomerId> = charges.iter().map(|charge| charge.customer).collect();
    let mut schedules = Vec::with_capacity(subscriptions.len());
    for customer in customers {
        schedules.extend(subscription_schedules::of_customer(tx, customer)?);
    }
    schedules.retain(|schedule| subscriptions.contains(&schedule.subscription));
    if subscriptions.is_empty() || schedules.len() != subscriptions.len() {
        return Ok(None);
    }
    if subscription_schedules::lock_unchanged(tx, &schedules)?.len() != schedules.len() {
        return Err(overtaken());
    }
    Ok(Some(schedules))
}
