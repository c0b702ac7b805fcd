//! Ingest: many requests, one transaction, one answer each. Load, decide (pure), save, then answer.
//!
//! `submit_usage` hands a request to the writer thread ([`batcher`]); [`commit`] is what that thread runs, and may be
//! called directly where no thread is wanted.

mod additions;
mod batcher;
mod decide;
pub mod events;
pub mod events_of_metric;
mod fold;
mod load;
mod meaning;
pub mod outcomes;
pub mod queue;
mod recompute;
pub mod record;
pub mod rejections;
pub mod reply;
pub mod rollup_worker;
mod runtime;
mod save;
mod sums;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::access::Permission;
use domain::ids::{AccessKeyId, BatchId, EventId, ProjectId};
use domain::ingest::{Door, Item, Outcome, Receipt};
use domain::quantity::Quantity;
use domain::refusal::Refusal;
use domain::time::Instant;
use storage::usage_events::NewEvent;
use storage::{InstallationTx, StorageError};

use crate::ctx::{Actor, Ctx};
use crate::engine::Engine;
use crate::error::Error;
use crate::ids::IdSource;

pub(crate) use additions::{Event, Rows};
pub(crate) use batcher::run as run_batcher;
pub(crate) use fold::{events_of, expected_rows, rows_of_series};
pub(crate) use meaning::{Fits, Meaning, OpenRules};
pub use queue::QueueLimits;
pub(crate) use recompute::{Touched, all_time, recompute, runs};
pub(crate) use runtime::Runtime;

use meaning::Meanings;

/// One request: everything in it is committed together.
#[derive(Debug, Clone)]
pub struct Submission {
    pub project: ProjectId,
    pub access_key: Option<AccessKeyId>,
    pub request_id: Arc<str>,
    pub received_at: Instant,
    pub door: Door,
    pub items: Vec<Item>,
}

impl Submission {
    /// The request as its context tells it.
    ///
    /// # Errors
    /// When the caller may not send usage.
    pub fn new(ctx: &Ctx, door: Door, items: Vec<Item>) -> Result<Submission, Refusal> {
        ctx.require(Permission::UsageIngest)?;
        let access_key = match &ctx.caller.actor {
            Actor::AccessKey { id, .. } => Some(*id),
            Actor::Anonymous | Actor::User { .. } | Actor::System { .. } => None,
        };
        Ok(Submission {
            project: ctx.project,
            access_key,
            request_id: Arc::clone(&ctx.caller.request_id),
            received_at: ctx.now(),
            door,
            items,
        })
    }

    /// About how much memory it holds, in bytes.
    pub fn weight(&self) -> usize {
        const PER_ITEM: usize = 400;
        self.items.iter().map(|item| PER_ITEM + 2 * item.payload.len()).sum::<usize>() + PER_ITEM
    }
}

/// A request with what became of each of its items, in their order.
#[derive(Debug)]
pub struct Answered {
    pub submission: Submission,
    pub verdicts: Vec<Verdict>,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Accepted(Accepted),
    /// The key was used for the same request: what that was answered (`Accepted` or `Duplicate`), and about which event.
    Replay {
        first: Outcome,
        receipt: Box<Receipt<'static>>,
    },
    /// Another key for a stored event.
    Duplicate(Box<Receipt<'static>>),
    Conflict(Refusal),
    Failed(Refusal),
}

/// What was resolved for an accepted item; the rest stands in the item itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    pub event: EventId,
    pub units: Quantity,
    pub at: Instant,
    pub late: bool,
}

impl Verdict {
    pub fn outcome(&self) -> Outcome {
        match self {
            Verdict::Accepted(_) => Outcome::Accepted,
            Verdict::Replay { .. } => Outcome::Replay,
            Verdict::Duplicate(_) => Outcome::Duplicate,
            Verdict::Conflict(_) => Outcome::Conflict,
            Verdict::Failed(_) => Outcome::Failed,
        }
    }
}

/// What one request gets: a verdict per item, or a refusal of the whole (its key was revoked).
pub(crate) type Verdicts = Result<Vec<Verdict>, Refusal>;

/// Commits requests in one transaction and says what became of each. Nothing is stored when this is an error.
///
/// # Errors
/// When the database did not do its part; then no request was served.
pub fn commit(engine: &Engine, submissions: Vec<Submission>) -> Result<Vec<Result<Answered, Error>>, Error> {
    let verdicts = transact(engine, &submissions, |_| {})?;
    let answered = submissions.into_iter().zip(verdicts).map(|(submission, verdicts)| match verdicts {
        Ok(verdicts) => Ok(Answered { submission, verdicts }),
        Err(refusal) => Err(Error::Refused(refusal)),
    });
    Ok(answered.collect())
}

/// The transaction. `before_commit` sees the verdicts before they are true: only the mutant of the crash test uses it.
pub(crate) fn transact(
    engine: &Engine,
    submissions: &[Submission],
    mut before_commit: impl FnMut(&[Verdicts]),
) -> Result<Vec<Verdicts>, Error> {
    let now = engine.now();
    let ids = engine.ids(now);
    let done = engine.db().write_installation("ingest", |tx| -> Result<Done, Error> {
        let done = run(tx, submissions, now, &ids, &engine.ingest.meanings)?;
        before_commit(&done.verdicts);
        Ok(done)
    })?;
    count(&done.verdicts);
    if done.schema_misses > 0 {
        metrics::counter!("neruba_ingest_schema_misses_total").increment(done.schema_misses);
    }
    engine.ingest.sums.keep(done.sums);
    engine.ingest.announce_commit(submissions.iter().map(|submission| submission.items.len()).sum());
    Ok(done.verdicts)
}

/// What a transaction did, once it is committed.
pub(crate) struct Done {
    pub verdicts: Vec<Verdicts>,
    /// How many of the accepted events missed the schema of their metric.
    pub schema_misses: u64,
    pub sums: HashMap<BatchId, sums::BatchSums>,
}

/// Load, decide, save.
pub(crate) fn run(
    tx: &mut InstallationTx<'_>,
    submissions: &[Submission],
    now: Instant,
    ids: &IdSource,
    meanings: &Meanings,
) -> Result<Done, Error> {
    let known = load::load(tx, submissions, now, meanings)?;
    let rules = known.open_rules();
    let epochs = known.epochs();
    let decision = decide::decide(submissions, known, now, ids);
    let epoch = |event: &NewEvent<'_>| epochs.get(&event.project).copied().unwrap_or_default();
    let sums = sums::of_events(&decision.changes.events, &rules, epoch);
    let missed = decision.changes.events.iter().filter(|event| event.schema_miss).count();
    // Cannot fail: what fits in memory fits in 64 bits.
    let schema_misses = u64::try_from(missed).expect("a length fits in 64 bits");
    save::save(tx, decision.changes, now, ids)?;
    Ok(Done { verdicts: decision.verdicts, schema_misses, sums })
}

fn count(verdicts: &[Verdicts]) {
    let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
    for verdict in verdicts.iter().flatten().flatten() {
        *counts.entry(verdict.outcome()).or_insert(0) += 1;
    }
    for (outcome, number) in counts {
        metrics::counter!("neruba_ingest_total", "operation" => "usage", "outcome" => outcome.as_str())
            .increment(number);
    }
}

/// What another transaction did in between: this one is run again and sees it.
pub(crate) fn overtaken() -> Error {
    Error::Storage(StorageError::Serialization)
}
