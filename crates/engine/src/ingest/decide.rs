//! What becomes of each item: a pure function of the items, in their order, and of what is known. Items of one transaction
//! see each other: a key used twice in it is judged as if the first had been stored before.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use domain::catalog::metric::MetricDefinition;
use domain::customer_tax::CustomerTax;
use domain::customers::{Customer, SELF_KEY};
use domain::idempotency::{Fingerprint, IdempotencyKey};
use domain::ids::{BatchId, CustomerId, MetricId, ProjectId};
use domain::ingest::event::is_late;
use domain::ingest::usage::not_positive;
use domain::ingest::{Item, Operation, Outcome, OutcomeCounts, Receipt, UsageRequest};
use domain::invoices::parties::BillingDetails;
use domain::metrics::{Aggregation, FIRST, Metric};
use domain::projects::UnknownPolicy;
use domain::quantity::Quantity;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use storage::ingest_attempts::NewAttempt;
use storage::ingest_batches::IngestBatch;
use storage::ingest_rules::IngestRules;
use storage::rejections::NewRejection;
use storage::usage_events::NewEvent;
use storage::usage_keys::{NewEventId, NewKey};

use super::meaning::{Fits, Meaning, Open, OpenRules};
use super::{Accepted, Submission, Verdict, Verdicts};
use crate::command::idempotency_conflict;
use crate::ids::IdSource;

/// How far ahead of its receipt an event may claim to be: clocks differ.
const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);
const ONE: Quantity = Quantity::from_micros(1_000_000);
const DAY_SECONDS: u64 = 86_400;

/// What is known before the first item: everything the items of the transaction name, as far as it exists.
#[derive(Debug, Default)]
pub(crate) struct Known<'a> {
    pub projects: HashMap<ProjectId, KnownProject<'a>>,
    /// Access keys that do not work any more.
    pub dead_access_keys: Vec<domain::ids::AccessKeyId>,
}

#[derive(Debug)]
pub(crate) struct KnownProject<'a> {
    pub rules: IngestRules,
    pub metrics: HashMap<Cow<'a, str>, KnownMetric>,
    pub customers: HashMap<Cow<'a, str>, CustomerId>,
    pub keys: HashMap<Cow<'a, str>, KeyUse<'a>>,
    pub event_ids: HashMap<Cow<'a, str>, KeyUse<'a>>,
    /// The place of its batch among the changes, once it has one.
    pub batch: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct KnownMetric {
    pub id: MetricId,
    pub is_archived: bool,
    /// What its current version means.
    pub meaning: Arc<Meaning>,
    /// Every series that takes its events.
    pub series: Vec<Open>,
}

impl Known<'_> {
    /// The series that take the events of each metric.
    pub fn open_rules(&self) -> OpenRules {
        let mut rules = OpenRules::new();
        for metric in self.projects.values().flat_map(|project| project.metrics.values()) {
            metric.series.iter().for_each(|open| rules.add(metric.id, open.clone()));
        }
        rules
    }

    /// The epoch of the series of each project.
    pub fn epochs(&self) -> HashMap<ProjectId, i64> {
        self.projects.iter().map(|(id, project)| (*id, project.rules.metrics_epoch)).collect()
    }
}

/// What a key, or an event id, was used for.
#[derive(Debug)]
pub(crate) struct KeyUse<'a> {
    /// What the first request was answered.
    pub outcome: Outcome,
    pub fingerprint: Cow<'a, Fingerprint>,
    pub event: UsedFor,
}

/// The event behind a key.
#[derive(Debug, Clone)]
pub(crate) enum UsedFor {
    Stored(Box<Receipt<'static>>),
    /// Accepted in this transaction, at this place of the changes.
    Here(usize),
}

/// What is to be stored.
#[derive(Debug, Default)]
pub(crate) struct Changes<'a> {
    pub metrics: Vec<(ProjectId, Metric)>,
    pub customers: Vec<(ProjectId, Customer)>,
    pub keys: Vec<NewKey<'a>>,
    pub event_ids: Vec<NewEventId<'a>>,
    pub events: Vec<NewEvent<'a>>,
    pub attempts: Vec<(ProjectId, NewAttempt<'a>)>,
    pub rejections: Vec<(ProjectId, NewRejection<'a>)>,
    pub batches: Vec<(ProjectId, IngestBatch)>,
}

#[derive(Debug)]
pub(crate) struct Decision<'a> {
    pub verdicts: Vec<Verdicts>,
    pub changes: Changes<'a>,
}

/// Judges every item of every request.
pub(crate) fn decide<'a>(
    submissions: &'a [Submission],
    mut known: Known<'a>,
    now: Instant,
    ids: &IdSource,
) -> Decision<'a> {
    let mut changes = Changes::default();
    let mut verdicts = Vec::with_capacity(submissions.len());
    for submission in submissions {
        verdicts.push(decide_submission(submission, &mut known, &mut changes, now, ids));
    }
    Decision { verdicts, changes }
}

fn decide_submission<'a>(
    submission: &'a Submission,
    known: &mut Known<'a>,
    changes: &mut Changes<'a>,
    now: Instant,
    ids: &IdSource,
) -> Verdicts {
    if submission.access_key.is_some_and(|key| known.dead_access_keys.contains(&key)) {
        return Err(Refusal::new(Code::Unauthenticated, "The access key was revoked or has expired."));
    }
    let Some(project) = known.projects.get_mut(&submission.project) else {
        return Err(Refusal::not_found());
    };
    let now = project.rules.clock.now(now);
    let batch = *project.batch.get_or_insert_with(|| begin_batch(changes, submission.project, now, ids));
    let mut turn = Turn { submission, project, batch, changes, now, ids };
    Ok(submission.items.iter().map(|item| turn.decide_counted(item)).collect())
}

/// One batch per project; answers its place among the changes.
fn begin_batch(changes: &mut Changes<'_>, project: ProjectId, now: Instant, ids: &IdSource) -> usize {
    let batch = IngestBatch {
        id: ids.next::<BatchId>(),
        operation: Operation::Usage,
        received_at: now,
        events: 0,
        first_event: None,
        last_event: None,
        earliest_at: None,
        counts: OutcomeCounts::default(),
        rollup_seq: None,
    };
    changes.batches.push((project, batch));
    changes.batches.len() - 1
}

/// One request's turn to change what is known and what is stored.
struct Turn<'t, 'a> {
    submission: &'a Submission,
    project: &'t mut KnownProject<'a>,
    batch: usize,
    changes: &'t mut Changes<'a>,
    now: Instant,
    ids: &'t IdSource,
}

/// What an item means once every default is filled in.
struct Resolved<'a> {
    metric: Option<MetricId>,
    customer: Option<CustomerId>,
    customer_key: &'a str,
    units: Quantity,
    at: Instant,
    schema_miss: bool,
}

impl<'a> Turn<'_, 'a> {
    fn decide_counted(&mut self, item: &'a Item) -> Verdict {
        let verdict = self.decide(item);
        let outcome = verdict.outcome();
        self.changes.batches[self.batch].1.counts.count(outcome);
        match &verdict {
            Verdict::Accepted(_) | Verdict::Replay { .. } | Verdict::Duplicate(_) => {}
            Verdict::Conflict(refusal) | Verdict::Failed(refusal) => self.keep_rejection(item, outcome, refusal),
        }
        verdict
    }

    /// Identity first, then the item's own text, then the event id, then the policies: what was accepted once stays
    /// accepted, whatever the rules are today.
    fn decide(&mut self, item: &'a Item) -> Verdict {
        if let Some(verdict) = self.known_key(item) {
            return verdict;
        }
        let (request, key) = match (&item.request, &item.key) {
            (Ok(request), Some(key)) => (request, key),
            (Err(refusal), _) => return Verdict::Failed(refusal.clone()),
            (Ok(_), None) => return Verdict::Failed(key_missing()),
        };
        if let Some(verdict) = self.known_event_id(item, request, key) {
            return verdict;
        }
        match self.resolve(request) {
            Ok(resolved) => Verdict::Accepted(self.accept(item, request, key, &resolved)),
            Err(refusal) => Verdict::Failed(refusal),
        }
    }

    fn known_key(&mut self, item: &'a Item) -> Option<Verdict> {
        let key = item.key.as_ref()?;
        let used = self.project.keys.get(key.as_str())?;
        if *used.fingerprint == item.fingerprint {
            let receipt = self.receipt(&used.event);
            let first = used.outcome;
            self.keep_attempt(key, Outcome::Replay, &receipt);
            return Some(Verdict::Replay { first, receipt: Box::new(receipt) });
        }
        // What cannot be read cannot be compared: it fails for its own reason.
        item.request.is_ok().then(|| Verdict::Conflict(idempotency_conflict(key.as_str())))
    }

    fn known_event_id(
        &mut self,
        item: &'a Item,
        request: &'a UsageRequest,
        key: &'a IdempotencyKey,
    ) -> Option<Verdict> {
        let used = self.project.event_ids.get(request.event_id.as_deref()?)?;
        if *used.fingerprint != item.fingerprint {
            let detail = "was used for an event with other content. The first event stands unchanged. Send a new eventId \
                          for a new event.";
            return Some(Verdict::Conflict(Refusal::field(Code::EventIdConflict, "eventId", detail)));
        }
        let event = used.event.clone();
        let receipt = self.receipt(&event);
        self.use_key(item, key, Outcome::Duplicate, event);
        self.changes.keys.push(NewKey {
            project: self.submission.project,
            key: key.as_str(),
            outcome: Outcome::Duplicate,
            event: receipt.event,
            fingerprint: &item.fingerprint,
        });
        self.keep_attempt(key, Outcome::Duplicate, &receipt);
        Some(Verdict::Duplicate(Box::new(receipt)))
    }

    fn use_key(&mut self, item: &'a Item, key: &'a IdempotencyKey, outcome: Outcome, event: UsedFor) {
        let used = KeyUse { outcome, fingerprint: Cow::Borrowed(&item.fingerprint), event };
        self.project.keys.insert(Cow::Borrowed(key.as_str()), used);
    }

    /// The rules of the project, and what the request leaves open.
    fn resolve(&self, request: &'a UsageRequest) -> Result<Resolved<'a>, Refusal> {
        let metric = self.project.metrics.get(request.metric_key.as_str());
        if metric.is_none() && self.project.rules.unknown_metric == UnknownPolicy::Reject {
            let detail =
                format!("{:?} is not declared. Declare it with POST /projects/:id/metrics.", request.metric_key);
            return Err(Refusal::field(Code::UnknownMetric, "metricKey", detail));
        }
        if metric.is_some_and(|metric| metric.is_archived) {
            let detail = format!("{:?} is archived and takes no events.", request.metric_key);
            return Err(Refusal::field(Code::MetricArchived, "metricKey", detail));
        }
        let counts = metric.is_some_and(|metric| metric.meaning.aggregation == Aggregation::Count);
        let units = match request.units {
            Some(units) => units,
            None if counts => ONE,
            None => {
                let detail = "is required: only a count metric has a default.";
                return Err(Refusal::field(Code::MissingField, "units", detail));
            }
        };
        if units.is_zero() && !metric.is_some_and(|metric| metric.meaning.takes_zero()) {
            return Err(not_positive("units"));
        }
        let (customer_key, customer) = self.resolve_customer(request)?;
        let at = self.resolve_time(request)?;
        let schema_miss = match metric.map(|metric| metric.meaning.check(request.properties.as_deref())) {
            Some(Fits::Refused(refusal)) => return Err(*refusal),
            Some(Fits::Warned) => true,
            Some(Fits::Yes) | None => false,
        };
        Ok(Resolved { metric: metric.map(|metric| metric.id), customer, customer_key, units, at, schema_miss })
    }

    /// The customer's id; `None` when the customer is to be made.
    fn resolve_customer(&self, request: &'a UsageRequest) -> Result<(&'a str, Option<CustomerId>), Refusal> {
        let rules = &self.project.rules;
        match request.customer_key.as_deref() {
            None if rules.require_customer_key => {
                let detail = "is required by this project.";
                Err(Refusal::field(Code::CustomerKeyRequired, "customerKey", detail))
            }
            None | Some(SELF_KEY) => Ok((SELF_KEY, Some(rules.self_customer))),
            Some(key) => match (self.project.customers.get(key), rules.unknown_customer) {
                (Some(id), _) => Ok((key, Some(*id))),
                (None, UnknownPolicy::AutoCreate) => Ok((key, None)),
                (None, UnknownPolicy::Reject) => {
                    let detail = format!("{key:?} does not exist. Create it with POST /projects/:id/customers.");
                    Err(Refusal::field(Code::UnknownCustomer, "customerKey", detail))
                }
            },
        }
    }

    fn resolve_time(&self, request: &UsageRequest) -> Result<Instant, Refusal> {
        let received_at = self.submission.received_at;
        let at = request.timestamp.unwrap_or(received_at);
        if received_at.checked_add(AHEAD_MAX).is_some_and(|latest| at > latest) {
            let detail =
                format!("lies more than 5 minutes after its receipt at {received_at}. Check the sender's clock.");
            return Err(Refusal::field(Code::TimestampInFuture, "timestamp", detail));
        }
        let Some(days) = self.project.rules.event_horizon_days else {
            return Ok(at);
        };
        let horizon = Duration::from_secs(u64::from(days) * DAY_SECONDS);
        if received_at.checked_sub(horizon).is_some_and(|oldest| at < oldest) {
            let detail = format!("is older than the {days} days this project accepts.");
            return Err(Refusal::field(Code::TooOld, "timestamp", detail));
        }
        Ok(at)
    }

    fn accept(
        &mut self,
        item: &'a Item,
        request: &'a UsageRequest,
        key: &'a IdempotencyKey,
        resolved: &Resolved<'a>,
    ) -> Accepted {
        let metric = resolved.metric.unwrap_or_else(|| self.make_metric(&request.metric_key));
        let customer = resolved.customer.unwrap_or_else(|| self.make_customer(resolved.customer_key));
        let submission = self.submission;
        let project = submission.project;
        let id = self.ids.next();
        let late = is_late(resolved.at, submission.received_at);
        let place = self.changes.events.len();
        let batch = &mut self.changes.batches[self.batch].1;
        batch.events += 1;
        batch.first_event = batch.first_event.or(Some(id));
        batch.last_event = Some(id);
        batch.earliest_at = Some(batch.earliest_at.map_or(resolved.at, |earliest| earliest.min(resolved.at)));
        self.changes.events.push(NewEvent {
            project,
            id,
            batch: batch.id,
            metric,
            metric_key: &request.metric_key,
            customer,
            customer_key: resolved.customer_key,
            subscription_key: request.subscription_key.as_deref(),
            external_id: request.event_id.as_deref(),
            idempotency_key: key.as_str(),
            units: resolved.units,
            at: resolved.at,
            received_at: submission.received_at,
            late,
            door: submission.door,
            access_key: submission.access_key,
            request_id: &submission.request_id,
            properties: request.properties.as_deref(),
            payload: &item.payload,
            schema_miss: resolved.schema_miss,
        });
        self.use_key(item, key, Outcome::Accepted, UsedFor::Here(place));
        let fingerprint = &item.fingerprint;
        self.changes.keys.push(NewKey {
            project,
            key: key.as_str(),
            outcome: Outcome::Accepted,
            event: id,
            fingerprint,
        });
        if let Some(external_id) = request.event_id.as_deref() {
            let used = KeyUse {
                outcome: Outcome::Accepted,
                fingerprint: Cow::Borrowed(fingerprint),
                event: UsedFor::Here(place),
            };
            self.project.event_ids.insert(Cow::Borrowed(external_id), used);
            self.changes.event_ids.push(NewEventId { project, external_id, event: id });
        }
        Accepted { event: id, units: resolved.units, at: resolved.at, late }
    }

    /// A sum metric that nobody declared.
    fn make_metric(&mut self, key: &'a str) -> MetricId {
        match self.project.metrics.entry(Cow::Borrowed(key)) {
            Entry::Occupied(known) => known.get().id,
            Entry::Vacant(place) => {
                let metric = Metric {
                    id: self.ids.next(),
                    definition: MetricDefinition::plain(key),
                    version: FIRST,
                    series: FIRST,
                    declared: false,
                    archived_at: None,
                    created_at: self.now,
                };
                let meaning = Arc::new(Meaning::of(&metric.definition));
                let open = Open { series: FIRST, meaning: Arc::clone(&meaning), gap: None };
                let id = metric.id;
                place.insert(KnownMetric { id, is_archived: false, meaning, series: vec![open] });
                self.changes.metrics.push((self.submission.project, metric));
                id
            }
        }
    }

    fn make_customer(&mut self, key: &'a str) -> CustomerId {
        let customer = Customer {
            id: self.ids.next(),
            external_key: key.to_owned(),
            name: key.to_owned(),
            time_zone: None,
            built_in: false,
            created_at: self.now,
            tax: CustomerTax::UNKNOWN,
            billing: BillingDetails::unknown(),
            payer: None,
        };
        let id = customer.id;
        self.project.customers.insert(Cow::Borrowed(key), id);
        self.changes.customers.push((self.submission.project, customer));
        id
    }

    fn receipt(&self, event: &UsedFor) -> Receipt<'static> {
        match event {
            UsedFor::Stored(receipt) => Receipt::clone(receipt),
            UsedFor::Here(place) => {
                let event = &self.changes.events[*place];
                Receipt {
                    event: event.id,
                    external_id: event.external_id.map(|id| Cow::Owned(id.to_owned())),
                    idempotency_key: Cow::Owned(event.idempotency_key.to_owned()),
                    metric_key: Cow::Owned(event.metric_key.to_owned()),
                    units: event.units,
                    at: event.at,
                    received_at: event.received_at,
                    customer_key: Cow::Owned(event.customer_key.to_owned()),
                    late: event.late,
                }
            }
        }
    }

    fn keep_attempt(&mut self, key: &'a IdempotencyKey, outcome: Outcome, receipt: &Receipt<'_>) {
        let attempt = NewAttempt {
            id: self.ids.next(),
            operation: Operation::Usage,
            idempotency_key: key.as_str(),
            outcome,
            event: Some(receipt.event),
            received_at: self.submission.received_at,
            access_key: self.submission.access_key,
            request_id: &self.submission.request_id,
        };
        self.changes.attempts.push((self.submission.project, attempt));
    }

    fn keep_rejection(&mut self, item: &'a Item, outcome: Outcome, refusal: &Refusal) {
        let rejection = NewRejection {
            id: self.ids.next(),
            operation: Operation::Usage,
            outcome,
            code: refusal.code,
            field: refusal.first_field().map(str::to_owned),
            detail: refusal.detail.clone(),
            idempotency_key: item.key.as_ref().map(IdempotencyKey::as_str),
            source: self.submission.door.as_str(),
            payload: &item.payload,
            received_at: self.submission.received_at,
            access_key: self.submission.access_key,
            request_id: &self.submission.request_id,
        };
        self.changes.rejections.push((self.submission.project, rejection));
    }
}

/// An item whose text is fine always has a key; this is what its sender would be told.
fn key_missing() -> Refusal {
    Refusal::new(Code::IdempotencyKeyRequired, "An Idempotency-Key is required.")
}
