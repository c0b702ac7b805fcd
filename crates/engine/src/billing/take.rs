//! What one chunk of a run looks at: some payers, each with everything that it pays for. Wallets, drafts and balances are the payer's, so
//! what a chunk comes to depends on no other chunk, and not on how a run is cut into chunks.

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::run::{BillingRun, RunMode};
use domain::ids::{CustomerId, SubscriptionId};
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
}

impl Taken {
    /// Whether it looks at this subscription, or at anything else of its payer.
    fn holds(&self, payer: CustomerId, subscription: SubscriptionId) -> bool {
        self.payers.contains(&payer) || self.schedules.iter().any(|schedule| schedule.subscription == subscription)
    }
}

/// The next payers; `None` when there are no more. A chunk that is being stored just now is not taken again, whether this snapshot shows
/// it as stored or not.
pub(super) fn take(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    being_stored: Option<&Taken>,
) -> Result<Option<Taken>, Error> {
    match (&run.scope.customer_key, run.scope.window, run.mode) {
        (Some(key), _, _) => of_customer(tx, run, key),
        (None, None, RunMode::Bill) => what_is_due(tx, run, being_stored),
        (None, None, RunMode::DryRun) | (None, Some(_), _) => page(tx, run),
    }
}

/// How many subscriptions are left beyond those that were looked at, as far as is known.
pub(super) fn left(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<i64, Error> {
    if run.scope.customer_key.is_some() || run.scope.window.is_some() {
        return Ok(0);
    }
    let due = subscription_schedules::count_due(tx, run.as_of)?;
    Ok(match run.mode {
        RunMode::Bill => due,
        // It leaves them where they are.
        RunMode::DryRun => (due - run.counts.subscriptions).max(0),
    })
}

/// The subscriptions of one customer, whether due or not, and nothing else of who pays for them.
fn of_customer(tx: &mut ProjectTx<'_>, run: &BillingRun, key: &str) -> Result<Option<Taken>, Error> {
    let Some(customer) = customers::find_by_key(tx, key)? else { return Ok(None) };
    if run.last_payer.is_some() {
        return Ok(None);
    }
    let schedules = subscription_schedules::of_customer(tx, customer.id)?;
    let payer = customer.payer_id();
    Ok(Some(Taken { schedules, payers: vec![payer], last_payer: Some(payer) }))
}

/// Those of whom something is due longest. A run that bills moves them on, so that the next look finds others.
fn what_is_due(tx: &mut ProjectTx<'_>, run: &BillingRun, being_stored: Option<&Taken>) -> Result<Option<Taken>, Error> {
    let is_free = |(payer, subscription): &(CustomerId, SubscriptionId)| {
        being_stored.is_none_or(|taken| !taken.holds(*payer, *subscription))
    };
    // In this snapshot those that are being stored may still be due, and would be the first.
    let beside = being_stored.map_or(0, |taken| taken.schedules.len());
    let due = subscription_schedules::due_first(tx, run.as_of, limit(beside))?;
    let payers: BTreeSet<CustomerId> =
        due.into_iter().filter(is_free).take(SUBSCRIPTIONS_MAX).map(|(payer, _)| payer).collect();
    let payers: Vec<CustomerId> = payers.into_iter().collect();
    let mut found = subscription_schedules::of_payers(tx, &payers, Some(run.as_of))?;
    found.retain(|(payer, schedule)| is_free(&(*payer, schedule.subscription)));
    if found.is_empty() {
        return Ok(None);
    }
    let mut by_payer = grouped(found).into_iter().collect::<Vec<_>>();
    by_payer.sort_by_key(|(payer, own)| (own.iter().filter_map(|schedule| schedule.next_due_at).min(), *payer));
    let (payers, schedules) = whole(by_payer);
    Ok(Some(Taken { schedules, payers, last_payer: None }))
}

/// Those after the last one, for runs that leave schedules where they are: all subscriptions if a window is looked at again, else what is due.
fn page(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Option<Taken>, Error> {
    let until = run.scope.window.is_none().then_some(run.as_of);
    let payers = customers::page_payers(tx, run.last_payer, limit(0))?;
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
    Ok(Some(Taken { schedules, last_payer: payers.last().copied(), payers }))
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

fn limit(beside: usize) -> i64 {
    // Cannot fail: as many are in memory.
    i64::try_from(SUBSCRIPTIONS_MAX + beside).expect("a chunk has an end")
}
