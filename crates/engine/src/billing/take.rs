//! What one chunk of a run looks at: some payers, each with everything that it pays for. Wallets, drafts and balances are the payer's, so
//! what a chunk comes to depends on no other chunk, and not on how a run is cut into chunks.

use std::collections::BTreeMap;

use domain::billing::run::{BillingRun, RunMode};
use domain::ids::CustomerId;
use storage::subscription_schedules::{self, SubscriptionSchedule};
use storage::{ProjectTx, customers};

use crate::error::Error;

/// The most subscriptions of one chunk, unless one payer has more; also the most payers.
const SUBSCRIPTIONS_MAX: usize = 200;

/// What a chunk looks at.
pub(super) struct Taken {
    pub schedules: Vec<SubscriptionSchedule>,
    /// Who is looked at, also those of whom nothing is due.
    pub payers: Vec<CustomerId>,
    /// The last of them, where a run goes through all payers in the order of their ids.
    pub last_payer: Option<CustomerId>,
    /// How many subscriptions are left beyond this chunk, as far as is known.
    pub left: i64,
}

/// The next payers; `None` when there are no more.
pub(super) fn take(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Option<Taken>, Error> {
    match (&run.scope.customer_key, run.scope.window, run.mode) {
        (Some(key), _, _) => of_customer(tx, run, key),
        (None, None, RunMode::Bill) => what_is_due(tx, run),
        (None, None, RunMode::DryRun) | (None, Some(_), _) => page(tx, run),
    }
}

/// The subscriptions of one customer, whether due or not, and nothing else of who pays for them.
fn of_customer(tx: &mut ProjectTx<'_>, run: &BillingRun, key: &str) -> Result<Option<Taken>, Error> {
    let Some(customer) = customers::find_by_key(tx, key)? else { return Ok(None) };
    if run.last_payer.is_some() {
        return Ok(None);
    }
    let schedules = subscription_schedules::of_customer(tx, customer.id)?;
    let payer = customer.payer_id();
    Ok(Some(Taken { schedules, payers: vec![payer], last_payer: Some(payer), left: 0 }))
}

/// Those of whom something is due longest. A run that bills moves them on, so that the next look finds others.
fn what_is_due(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Option<Taken>, Error> {
    let payers: Vec<CustomerId> = subscription_schedules::payers_due(tx, run.as_of, limit())?.into_iter().collect();
    let found = subscription_schedules::of_payers(tx, &payers, Some(run.as_of))?;
    if found.is_empty() {
        return Ok(None);
    }
    let mut by_payer = grouped(found).into_iter().collect::<Vec<_>>();
    by_payer.sort_by_key(|(payer, own)| (own.iter().filter_map(|schedule| schedule.next_due_at).min(), *payer));
    let (payers, schedules) = whole(by_payer);
    let left = subscription_schedules::count_due(tx, run.as_of)? - count(&schedules);
    Ok(Some(Taken { schedules, payers, last_payer: None, left }))
}

/// Those after the last one, for runs that leave schedules where they are: all subscriptions if a window is looked at again, else what is due.
fn page(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Option<Taken>, Error> {
    let until = run.scope.window.is_none().then_some(run.as_of);
    let payers = customers::page_payers(tx, run.last_payer, limit())?;
    if payers.is_empty() {
        return Ok(None);
    }
    let mut by_payer: BTreeMap<CustomerId, Vec<SubscriptionSchedule>> =
        payers.into_iter().map(|payer| (payer, Vec::new())).collect();
    by_payer.extend(grouped(subscription_schedules::of_payers(
        tx,
        &by_payer.keys().copied().collect::<Vec<_>>(),
        until,
    )?));
    let (payers, schedules) = whole(by_payer);
    let left = match until {
        Some(until) => {
            let due = subscription_schedules::count_due(tx, until)?;
            (due - run.counts.subscriptions - count(&schedules)).max(0)
        }
        None => 0,
    };
    Ok(Some(Taken { schedules, last_payer: payers.last().copied(), payers, left }))
}

fn grouped(found: Vec<(CustomerId, SubscriptionSchedule)>) -> BTreeMap<CustomerId, Vec<SubscriptionSchedule>> {
    let mut by_payer: BTreeMap<CustomerId, Vec<SubscriptionSchedule>> = BTreeMap::new();
    for (payer, schedule) in found {
        by_payer.entry(payer).or_default().push(schedule);
    }
    by_payer
}

/// As many payers as fit into a chunk, one at least, and what they pay for.
fn whole(
    by_payer: impl IntoIterator<Item = (CustomerId, Vec<SubscriptionSchedule>)>,
) -> (Vec<CustomerId>, Vec<SubscriptionSchedule>) {
    let (mut payers, mut schedules) = (Vec::new(), Vec::new());
    for (payer, own) in by_payer {
        if !payers.is_empty() && schedules.len() + own.len() > SUBSCRIPTIONS_MAX {
            break;
        }
        payers.push(payer);
        schedules.extend(own);
    }
    (payers, schedules)
}

fn limit() -> i64 {
    count(&[(); SUBSCRIPTIONS_MAX])
}

fn count<T>(items: &[T]) -> i64 {
    // Cannot fail: it is in memory.
    i64::try_from(items.len()).expect("a list has an end")
}
