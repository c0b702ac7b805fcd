//! Subscriptions that are to be billed, with everything that a decision about them needs, as of one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::billing::plan::Unseen;
use domain::catalog::asset::CustomAsset;
use domain::catalog::item::ItemKind;
use domain::currency::Currency;
use domain::customers::Customer;
use domain::ids::{CustomerId, SubscriptionId};
use domain::metrics::{Aggregation, Metric};
use domain::projects::Project;
use domain::subscriptions::change::SubscriptionChange;
use domain::subscriptions::history::History;
use domain::subscriptions::offers::Offers;
use domain::subscriptions::record::SubscriptionRecord;
use domain::subscriptions::segments::Subscription;
use domain::subscriptions::timeline::Timeline;
use domain::subscriptions::windows::Windows;
use domain::time::Instant;
use storage::subscription_schedules::SubscriptionSchedule;
use storage::{ProjectTx, catalog_items, credit_lots, customers, metrics, projects, subscriptions};

use crate::catalog;
use crate::error::Error;
use crate::metering;
use crate::subscriptions::load::{Loaded, histories};
use crate::subscriptions::offers;

/// One subscription that is to be billed.
pub(crate) struct Candidate {
    pub schedule: SubscriptionSchedule,
    pub record: SubscriptionRecord,
    pub timeline: Timeline,
    pub customer: Customer,
    pub payer: Customer,
    /// Changes that no run saw.
    pub unseen: Vec<Unseen>,
}

/// Subscriptions with what of the catalog they name.
pub(crate) struct Batch {
    pub project: Project,
    pub candidates: Vec<Candidate>,
    pub offers: Offers,
    pub metrics: BTreeMap<String, Metric>,
    pub assets: Vec<CustomAsset>,
    /// Up to which place in the order of folded batches usage is counted.
    pub cut: i64,
    /// From when on each payer has, or had, credit in a currency.
    prepaid_from: BTreeMap<(CustomerId, Currency), Instant>,
    /// Metrics whose latest reading counts.
    read_at_end: BTreeSet<String>,
}

impl Batch {
    pub fn late_buffer(&self) -> Duration {
        Duration::from_secs(u64::from(self.project.policies.late_buffer_minutes) * 60)
    }

    /// In which windows the usage of a candidate is rated where its prices name none.
    pub fn windows(&self, candidate: &Candidate) -> Windows<'_> {
        let state = &candidate.timeline.points()[0].state;
        let currency = self.offers.plans.get(&state.plan).map(|plan| plan.definition.currency);
        let prepaid_from = currency.and_then(|currency| self.prepaid_from.get(&(candidate.payer.id, currency)));
        Windows { prepaid_from: prepaid_from.copied(), read_at_end: &self.read_at_end }
    }

    pub fn subscription<'a>(&'a self, candidate: &'a Candidate) -> Subscription<'a> {
        Subscription { timeline: &candidate.timeline, offers: &self.offers, policy: self.project.policies.proration() }
    }
}

/// Loads these subscriptions, in the order of their customers.
pub(crate) fn batch(tx: &mut ProjectTx<'_>, schedules: &[SubscriptionSchedule]) -> Result<Batch, Error> {
    let loaded = stored(tx, schedules)?.into_iter();
    with_histories(tx, schedules, loaded.map(|Loaded { record, history }| (record, history)).collect())
}

/// Loads these subscriptions as the last run saw them, without the changes that no run saw yet.
pub(crate) fn batch_as_billed(tx: &mut ProjectTx<'_>, schedules: &[SubscriptionSchedule]) -> Result<Batch, Error> {
    let mut histories = Vec::with_capacity(schedules.len());
    for Loaded { record, history } in stored(tx, schedules)? {
        let own = schedules.iter().find(|schedule| schedule.subscription == record.id);
        let seen = own.and_then(|schedule| u64::try_from(schedule.billed_sequence).ok());
        let seen = seen.ok_or_else(|| Error::Bug(format!("the subscription {} has no schedule", record.id)))?;
        histories.push((record, history.as_of(seen)));
    }
    with_histories(tx, schedules, histories)
}

fn stored(tx: &mut ProjectTx<'_>, schedules: &[SubscriptionSchedule]) -> Result<Vec<Loaded>, Error> {
    let ids: Vec<SubscriptionId> = schedules.iter().map(|schedule| schedule.subscription).collect();
    let records = subscriptions::find_many(tx, &ids)?;
    histories(tx, records)
}

fn with_histories(
    tx: &mut ProjectTx<'_>,
    schedules: &[SubscriptionSchedule],
    histories: Vec<(SubscriptionRecord, History)>,
) -> Result<Batch, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let changes = histories.iter().flat_map(|(_, history)| history.live().map(|change| &change.change));
    let offers = offers::load(tx, changes)?;
    let people = people(tx, &histories)?;
    let mut by_id: BTreeMap<SubscriptionId, (SubscriptionRecord, History)> =
        histories.into_iter().map(|(record, history)| (record.id, (record, history))).collect();
    let mut candidates = Vec::with_capacity(schedules.len());
    for schedule in schedules {
        let gone = || Error::Bug(format!("the subscription {} is scheduled and not there", schedule.subscription));
        let (record, history) = by_id.remove(&schedule.subscription).ok_or_else(gone)?;
        let customer = person(&people, record.customer)?;
        let payer = person(&people, customer.payer_id())?;
        let (timeline, unseen) = (history.timeline(), unseen(&history, schedule.billed_sequence));
        candidates.push(Candidate { schedule: *schedule, record, timeline, customer, payer, unseen });
    }
    candidates.sort_by_key(|candidate| (candidate.customer.id, candidate.record.id));
    let metrics: BTreeMap<String, Metric> =
        metrics::all(tx)?.into_iter().map(|metric| (metric.definition.key.clone(), metric)).collect();
    let (assets, cut) = (assets(tx)?, metering::cut(tx)?);
    let payers: BTreeSet<CustomerId> = candidates.iter().map(|candidate| candidate.payer.id).collect();
    let first_lots = credit_lots::first_valid(tx, &payers.into_iter().collect::<Vec<_>>())?;
    let prepaid_from = first_lots.into_iter().map(|(payer, currency, from)| ((payer, currency), from)).collect();
    let latest = metrics.values().filter(|metric| metric.definition.aggregation == Aggregation::Latest);
    let read_at_end = latest.map(|metric| metric.definition.key.clone()).collect();
    Ok(Batch { project, candidates, offers, metrics, assets, cut, prepaid_from, read_at_end })
}

/// The changes that came after the newest one that a run has seen.
fn unseen(history: &History, seen: i64) -> Vec<Unseen> {
    let is_new = |change: &&SubscriptionChange| i64::try_from(change.sequence).is_ok_and(|sequence| sequence > seen);
    let unseen = history.live().filter(is_new);
    unseen.map(|change| Unseen { effective_at: change.effective_at, submitted_at: change.submitted_at }).collect()
}

/// The customers of these subscriptions, and who pays for them.
fn people(
    tx: &mut ProjectTx<'_>,
    histories: &[(SubscriptionRecord, History)],
) -> Result<BTreeMap<CustomerId, Customer>, Error> {
    let mut ids: Vec<CustomerId> = histories.iter().map(|(record, _)| record.customer).collect();
    ids.sort();
    ids.dedup();
    let mut people: BTreeMap<CustomerId, Customer> =
        customers::find_by_ids(tx, &ids)?.into_iter().map(|customer| (customer.id, customer)).collect();
    let mut payers: Vec<CustomerId> = people.values().map(Customer::payer_id).collect();
    payers.retain(|id| !people.contains_key(id));
    payers.sort();
    payers.dedup();
    people.extend(customers::find_by_ids(tx, &payers)?.into_iter().map(|customer| (customer.id, customer)));
    Ok(people)
}

fn person(people: &BTreeMap<CustomerId, Customer>, id: CustomerId) -> Result<Customer, Error> {
    people.get(&id).cloned().ok_or_else(|| Error::Bug(format!("the customer {id} of a subscription is not there")))
}

fn assets(tx: &mut ProjectTx<'_>) -> Result<Vec<CustomAsset>, Error> {
    let items = catalog_items::all(tx)?;
    let assets = items.iter().filter(|item| item.kind == ItemKind::CustomAsset);
    assets.map(catalog::stored).collect()
}
