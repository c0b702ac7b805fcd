//! Everything about one customer's subscriptions that a decision needs, under the lock of the customer.

use std::collections::BTreeMap;

use domain::customers::Customer;
use domain::ids::{CustomerId, SubscriptionId};
use domain::projects::Project;
use domain::refusal::Refusal;
use domain::subscriptions::change::{Change, SubscriptionChange, Withdrawal};
use domain::subscriptions::history::History;
use domain::subscriptions::offers::Offers;
use domain::subscriptions::record::SubscriptionRecord;
use domain::subscriptions::segments::Subscription;
use domain::subscriptions::timeline::Timeline;
use domain::subscriptions::usage::{Keyed, check_overlap};
use domain::time::Instant;
use storage::{
    ProjectTx, customers, projects, subscription_changes, subscription_schedules, subscription_withdrawals,
    subscriptions,
};

use crate::error::Error;

/// A subscription with its history.
pub(crate) struct Loaded {
    pub record: SubscriptionRecord,
    pub history: History,
}

/// A customer and all its subscriptions: none of them changes until the transaction ends.
pub(crate) struct Household {
    pub project: Project,
    pub customer: Customer,
    pub subscriptions: Vec<Loaded>,
}

/// Locks the customer and loads its subscriptions. Whoever makes or changes one comes through here, so that no two of them ever price
/// one metric because each was judged without the other.
pub(crate) fn locked(tx: &mut ProjectTx<'_>, customer: CustomerId) -> Result<Household, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let customer = customers::get_for_update(tx, customer)?.ok_or_else(Error::not_found)?;
    let records = subscriptions::of_customer(tx, customer.id)?;
    Ok(Household { project, customer, subscriptions: histories(tx, records)? })
}

/// Each of these with its history, in their order.
pub(crate) fn histories(tx: &mut ProjectTx<'_>, records: Vec<SubscriptionRecord>) -> Result<Vec<Loaded>, Error> {
    let ids: Vec<SubscriptionId> = records.iter().map(|record| record.id).collect();
    let mut changes: BTreeMap<SubscriptionId, Vec<SubscriptionChange>> = BTreeMap::new();
    for (id, change) in subscription_changes::of_subscriptions(tx, &ids)? {
        changes.entry(id).or_default().push(change);
    }
    let mut withdrawals: BTreeMap<SubscriptionId, Vec<Withdrawal>> = BTreeMap::new();
    for (id, withdrawal) in subscription_withdrawals::of_subscriptions(tx, &ids)? {
        withdrawals.entry(id).or_default().push(withdrawal);
    }
    let loaded = records.into_iter().map(|record| {
        let changes = changes.remove(&record.id).unwrap_or_default();
        let withdrawals = withdrawals.remove(&record.id).unwrap_or_default();
        Loaded { record, history: History::of(changes, withdrawals) }
    });
    Ok(loaded.collect())
}

/// Tells billing that a subscription has changed: the next run looks at it.
pub(super) fn schedule(
    tx: &mut ProjectTx<'_>,
    record: &SubscriptionRecord,
    history: &History,
    now: Instant,
) -> Result<(), Error> {
    let newest = i64::try_from(history.next_sequence() - 1);
    let newest = newest.map_err(|_| Error::Bug(format!("{} has more changes than can be counted", record.id)))?;
    Ok(subscription_schedules::changed(tx, record.id, record.customer, newest, now)?)
}

impl Household {
    /// What the changes of all its subscriptions say.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.subscriptions.iter().flat_map(|loaded| loaded.history.live().map(|change| &change.change))
    }

    pub(super) fn subscription<'a>(&self, timeline: &'a Timeline, offers: &'a Offers) -> Subscription<'a> {
        Subscription { timeline, offers, policy: self.project.policies.proration() }
    }

    /// Checks that what a subscription shall be prices no metric that another one of the customer prices at the same time.
    ///
    /// # Errors
    /// [`domain::refusal::Code::MetricAlreadyPriced`].
    pub(super) fn require_own_metrics(
        &self,
        record: &SubscriptionRecord,
        timeline: &Timeline,
        offers: &Offers,
    ) -> Result<(), Refusal> {
        let others = self.subscriptions.iter().filter(|other| other.record.id != record.id);
        let others: Vec<(&str, Timeline)> =
            others.map(|other| (other.record.external_key.as_str(), other.history.timeline())).collect();
        let others: Vec<Keyed<'_>> = others
            .iter()
            .map(|(key, timeline)| Keyed { key, subscription: self.subscription(timeline, offers) })
            .collect();
        check_overlap(self.subscription(timeline, offers), &others)
    }
}
