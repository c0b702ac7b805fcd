//! Finding late usage. Two things make usage late: a batch that is folded after the cut of an issued invoice, and an invoice that is issued
//! while batches after its cut are folded already. Both are looked for from a cursor on; what is found is stored with the new cursor in one
//! transaction, so that nothing is found twice or missed. Looking again finds nothing new.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::charges::events::EventsQuery;
use domain::ids::{BatchId, CustomerId, InvoiceId, MetricId, ProjectId};
use domain::late_usage::{IssuedUsage, LateState, LateTurn, LateUsage, NamedSubscription, Outcome};
use domain::metrics::Metric;
use domain::time::Instant;
use serde::Deserialize;
use storage::ingest_batches::{self, IngestBatch};
use storage::late_usage::{self, ChargedOn, ChargedUsage, LateCursor};
use storage::usage_events::{MeasuredEvent, Properties};
use storage::{ProjectTx, metrics, rollup_cursors, usage_voids};

use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::{events_of, overtaken};

/// The most batches, and the most invoices, of one step.
const STEP: i64 = 500;

/// What one step found, and how far it looked.
pub(super) struct Step {
    from: LateCursor,
    to: LateCursor,
    found: BTreeMap<InvoiceId, Found>,
}

/// What is late for one invoice.
struct Found {
    payer: CustomerId,
    since: i64,
    charge_keys: Vec<String>,
}

/// A turn with what it says for itself.
struct Turn {
    metric: MetricId,
    customer: CustomerId,
    at: Instant,
    seq: i64,
    /// `None` where it is not looked at.
    subscription: Option<Option<String>>,
}

/// What the content of a charge says about its events.
#[derive(Deserialize)]
struct Content {
    events: Option<EventsQuery>,
}

impl Engine {
    /// Looks for late usage, over all projects.
    ///
    /// # Errors
    /// When the database did not do its part; what was found until then is kept.
    pub fn find_late_usage(&self) -> Result<(), Error> {
        let projects = self.db().read_installation("find_projects_to_look", |tx| -> Result<_, Error> {
            Ok(late_usage::projects_to_look(tx)?)
        })?;
        projects.into_iter().try_for_each(|project| self.find_late_usage_of(project))
    }

    /// Looks for late usage in everything of a project that is folded and issued now.
    ///
    /// # Errors
    /// As [`Engine::find_late_usage`].
    pub fn find_late_usage_of(&self, project: ProjectId) -> Result<(), Error> {
        let now = self.now();
        loop {
            let step = self.read(project, "look_for_late_usage", look)?;
            if step.is_last() {
                return Ok(());
            }
            self.db().write("keep_late_usage", project, |tx| -> Result<(), Error> { keep(tx, &step, now) })?;
        }
    }
}

/// One step: what is folded after the cursor, against the invoices up to it; then the next invoices, against what is folded.
pub(super) fn look(tx: &mut ProjectTx<'_>) -> Result<Step, Error> {
    let from = late_usage::cursor(tx)?;
    let folded = rollup_cursors::get(tx)?.last_seq;
    let metrics = metrics::all(tx)?.into_iter().map(|metric| (metric.id, metric)).collect();
    let mut step = Step { from, to: from, found: BTreeMap::new() };
    let until = late_usage::charged_until(tx)?;
    match until {
        None => step.to.last_seq = folded,
        Some(until) => {
            let batches = ingest_batches::folded_before(tx, (from.last_seq, folded), until, STEP)?;
            let is_full = i64::try_from(batches.len()).is_ok_and(|count| count >= STEP);
            let last = batches.last().and_then(|batch| batch.rollup_seq).filter(|_| is_full);
            step.to.last_seq = last.unwrap_or(folded);
            let turns = turns(tx, &batches, (from.last_seq, step.to.last_seq), until)?;
            let charged = late_usage::charged_of_customers(tx, ChargedOn::Issued, &earliest(&turns))?;
            step.add(charged, &turns, &metrics)?;
        }
    }
    let issued = late_usage::issued_after(tx, from.last_number, STEP)?;
    if let Some((number, _)) = issued.last() {
        step.to.last_number = *number;
        let invoices: Vec<InvoiceId> = issued.iter().map(|(_, invoice)| *invoice).collect();
        let charged = late_usage::charged_on_invoices(tx, &invoices)?;
        let cut = charged.iter().map(|charged| charged.cut).min();
        let until = charged.iter().map(|charged| charged.part.end).max();
        if let Some((cut, until)) = cut.zip(until) {
            let range = (cut, step.to.last_seq);
            let batches = ingest_batches::folded_before(tx, range, until, i64::MAX)?;
            let turns = turns(tx, &batches, range, until)?;
            step.add(charged, &turns, &metrics)?;
        }
    }
    Ok(step)
}

impl Step {
    /// Whether nothing is left to look at.
    pub fn is_last(&self) -> bool {
        self.from == self.to
    }

    /// Notes the charges that may come to something else by these turns.
    fn add(
        &mut self,
        charged: Vec<ChargedUsage>,
        turns: &[Turn],
        metrics: &HashMap<MetricId, Metric>,
    ) -> Result<(), Error> {
        for (payer, issued) in touched(charged, turns, metrics)? {
            let since = issued.cut;
            let found =
                self.found.entry(issued.invoice).or_insert_with(|| Found { payer, since, charge_keys: Vec::new() });
            found.since = found.since.min(since);
            if !found.charge_keys.contains(&issued.charge_key) {
                found.charge_keys.push(issued.charge_key);
            }
        }
        Ok(())
    }
}

/// The charges that may come to something else by these turns, with who pays.
fn touched(
    charged: Vec<ChargedUsage>,
    turns: &[Turn],
    metrics: &HashMap<MetricId, Metric>,
) -> Result<Vec<(CustomerId, IssuedUsage)>, Error> {
    let mut of_customer: BTreeMap<CustomerId, Vec<LateTurn<'_>>> = BTreeMap::new();
    for turn in turns {
        if let Some(metric) = metrics.get(&turn.metric) {
            of_customer.entry(turn.customer).or_default().push(late_turn(turn, metric));
        }
    }
    let mut found = Vec::new();
    for charged in charged {
        let payer = charged.payer;
        let Some(issued) = issued_usage(charged)? else { continue };
        let turns = of_customer.get(&issued.customer).map(Vec::as_slice).unwrap_or_default();
        if turns.iter().any(|turn| issued.may_change_by(turn)) {
            found.push((payer, issued));
        }
    }
    Ok(found)
}

/// The charges on drafts that may come to something else by what was folded after a place and happened before an instant, by draft.
pub(crate) fn outdated_drafts(
    tx: &mut ProjectTx<'_>,
    since: i64,
    until: Instant,
) -> Result<BTreeMap<InvoiceId, BTreeSet<String>>, Error> {
    let mut outdated: BTreeMap<InvoiceId, BTreeSet<String>> = BTreeMap::new();
    let range = (since, rollup_cursors::get(tx)?.last_seq);
    if range.0 >= range.1 {
        return Ok(outdated);
    }
    let batches = ingest_batches::folded_before(tx, range, until, i64::MAX)?;
    let turns = turns(tx, &batches, range, until)?;
    if turns.is_empty() {
        return Ok(outdated);
    }
    let metrics = metrics::all(tx)?.into_iter().map(|metric| (metric.id, metric)).collect();
    let drafted = late_usage::charged_of_customers(tx, ChargedOn::Drafts, &earliest(&turns))?;
    for (_, drafted) in touched(drafted, &turns, &metrics)? {
        outdated.entry(drafted.invoice).or_default().insert(drafted.charge_key);
    }
    Ok(outdated)
}

/// Everything in these batches that happened before an instant, and what was corrected between the places.
fn turns(
    tx: &mut ProjectTx<'_>,
    batches: &[IngestBatch],
    (after_seq, up_to_seq): (i64, i64),
    until: Instant,
) -> Result<Vec<Turn>, Error> {
    let mut turns = Vec::new();
    // Batches that follow one another are one stretch of the table; what lies between others is not read.
    for run in batches.chunk_by(|one, other| one.rollup_seq.map(|seq| seq + 1) == other.rollup_seq) {
        let seqs: HashMap<BatchId, i64> = run.iter().filter_map(|batch| Some((batch.id, batch.rollup_seq?))).collect();
        events_of(tx, run, Properties::Skip, |event: MeasuredEvent| {
            if event.measurement.at < until
                && let Some(seq) = seqs.get(&event.batch)
            {
                turns.push(Turn {
                    metric: event.metric,
                    customer: event.customer,
                    at: event.measurement.at,
                    seq: *seq,
                    subscription: Some(event.subscription_key),
                });
            }
        })?;
    }
    let corrected = usage_voids::between(tx, after_seq, up_to_seq)?;
    turns.extend(corrected.into_iter().filter(|turn| turn.at < until).map(|turn| Turn {
        metric: turn.metric,
        customer: turn.customer,
        at: turn.at,
        seq: turn.seq,
        subscription: None,
    }));
    Ok(turns)
}

/// When the first of it happened, by customer.
fn earliest(turns: &[Turn]) -> Vec<(CustomerId, Instant)> {
    let mut earliest: BTreeMap<CustomerId, Instant> = BTreeMap::new();
    for turn in turns {
        let known = earliest.entry(turn.customer).or_insert(turn.at);
        *known = turn.at.min(*known);
    }
    earliest.into_iter().collect()
}

fn late_turn<'t>(turn: &'t Turn, metric: &'t Metric) -> LateTurn<'t> {
    LateTurn {
        customer: turn.customer,
        metric_key: &metric.definition.key,
        aggregation: metric.definition.aggregation,
        at: turn.at,
        seq: turn.seq,
        subscription: match &turn.subscription {
            None => NamedSubscription::Unknown,
            Some(None) => NamedSubscription::None,
            Some(Some(key)) => NamedSubscription::Key(key),
        },
    }
}

/// The metric whose events a charge counts, by its content; `None` where it counts none.
pub(crate) fn metric_of(content: &str) -> Option<String> {
    let content: Content = serde_json::from_str(content).ok()?;
    Some(content.events?.metric_key)
}

/// `None` for a charge whose line counts no events.
pub(super) fn issued_usage(charged: ChargedUsage) -> Result<Option<IssuedUsage>, Error> {
    let content: Content = serde_json::from_str(&charged.content)
        .map_err(|error| Error::Bug(format!("the content of {:?} cannot be read: {error}", charged.charge_key)))?;
    Ok(content.events.map(|events| IssuedUsage {
        invoice: charged.invoice,
        charge_key: charged.charge_key,
        customer: charged.customer,
        metric_key: events.metric_key,
        naming: events.naming,
        span: charged.part,
        cut: charged.cut,
    }))
}

/// Stores what was found with how far it was looked. Whoever was first has moved the cursor; then nothing is stored.
pub(super) fn keep(tx: &mut ProjectTx<'_>, step: &Step, now: Instant) -> Result<(), Error> {
    if late_usage::lock_cursor(tx)? != step.from {
        return Ok(());
    }
    let invoices: Vec<InvoiceId> = step.found.keys().copied().collect();
    let open: BTreeMap<InvoiceId, LateUsage> =
        late_usage::open_of_invoices(tx, &invoices)?.into_iter().map(|late| (late.invoice, late)).collect();
    let cut = step.to.last_seq;
    let (mut new, mut longer, mut charges) = (Vec::new(), Vec::new(), Vec::new());
    for (invoice, found) in &step.found {
        let id = match open.get(invoice) {
            Some(late) => {
                longer.push((late.id, cut));
                late.id
            }
            None => {
                let id = LateUsage::id_of(tx.project(), *invoice, cut, now);
                new.push(LateUsage {
                    id,
                    invoice: *invoice,
                    customer: found.payer,
                    state: LateState::Open,
                    since: found.since,
                    cut,
                    found_at: now,
                    outcome: Outcome::default(),
                });
                id
            }
        };
        charges.extend(found.charge_keys.iter().map(|key| (id, key.as_str())));
    }
    late_usage::insert_many(tx, &new)?;
    if usize::try_from(late_usage::extend_many(tx, &longer)?).is_ok_and(|extended| extended != longer.len()) {
        // One of them was settled meanwhile: what is late now is another one.
        return Err(overtaken());
    }
    late_usage::add_charges(tx, &charges)?;
    late_usage::move_cursor(tx, step.to)?;
    Ok(())
}
