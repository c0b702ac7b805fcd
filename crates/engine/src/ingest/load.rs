//! Everything the items of a transaction name, read set by set: the number of statements does not depend on the number of
//! items or projects.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::customers::SELF_KEY;
use domain::idempotency::IdempotencyKey;
use domain::ids::{AccessKeyId, ProjectId};
use domain::ingest::Outcome;
use domain::metrics::VersionState;
use domain::time::Instant;
use storage::{InstallationTx, StorageError, access_keys, ingest_rules, metrics, usage_keys};

use super::Submission;
use super::decide::{KeyUse, Known, KnownMetric, KnownProject, UsedFor};
use super::meaning::{Meanings, Open};

/// The names, each with its project.
type Names<'a> = Vec<(ProjectId, &'a str)>;

/// Reads what is known.
pub(crate) fn load<'a>(
    tx: &mut InstallationTx<'_>,
    submissions: &'a [Submission],
    now: Instant,
    meanings: &Meanings,
) -> Result<Known<'a>, StorageError> {
    // The epoch is read here, before the series of the metrics are: sums that saw an older set of series than their epoch says would be
    // stored, sums that saw a newer one are only forgotten.
    let mut known = Known { projects: load_projects(tx, submissions)?, dead_access_keys: dead(tx, submissions, now)? };
    let projects = &mut known.projects;
    for (project, metric) in metrics::find_open(tx, &metric_names(submissions))? {
        let meaning = meanings.of(&metric.definition)?;
        let open = Open { series: metric.series, meaning: Arc::clone(&meaning), gap: None };
        let KnownProject { metrics, .. } = of(projects, project)?;
        let known = metrics.entry(Cow::Owned(metric.key)).or_insert_with(|| KnownMetric {
            id: metric.id,
            is_archived: metric.is_archived,
            meaning: Arc::clone(&meaning),
            series: Vec::with_capacity(1),
        });
        if metric.state == VersionState::Current {
            known.meaning = meaning;
        }
        known.series.push(open);
    }
    let customers = customer_names(submissions);
    if !customers.is_empty() {
        for (project, key, id) in ingest_rules::find_customers(tx, &customers)? {
            of(projects, project)?.customers.insert(Cow::Owned(key), id);
        }
    }
    for found in usage_keys::find_many(tx, &keys(submissions))? {
        let used = KeyUse {
            outcome: found.outcome,
            fingerprint: Cow::Owned(found.fingerprint),
            event: UsedFor::Stored(Box::new(found.receipt)),
        };
        of(projects, found.project)?.keys.insert(Cow::Owned(found.key), used);
    }
    let event_ids = event_ids(submissions);
    if !event_ids.is_empty() {
        for found in usage_keys::find_event_ids(tx, &event_ids)? {
            let used = KeyUse {
                outcome: Outcome::Accepted,
                fingerprint: Cow::Owned(found.fingerprint),
                event: UsedFor::Stored(Box::new(found.receipt)),
            };
            of(projects, found.project)?.event_ids.insert(Cow::Owned(found.external_id), used);
        }
    }
    Ok(known)
}

fn load_projects<'a>(
    tx: &mut InstallationTx<'_>,
    submissions: &[Submission],
) -> Result<HashMap<ProjectId, KnownProject<'a>>, StorageError> {
    let projects: BTreeSet<ProjectId> = submissions.iter().map(|submission| submission.project).collect();
    let projects: Vec<ProjectId> = projects.into_iter().collect();
    let known = ingest_rules::of_projects(tx, &projects)?.into_iter().map(|(project, rules)| {
        let known = KnownProject {
            rules,
            metrics: HashMap::new(),
            customers: HashMap::new(),
            keys: HashMap::new(),
            event_ids: HashMap::new(),
            batch: None,
        };
        (project, known)
    });
    Ok(known.collect())
}

fn dead(
    tx: &mut InstallationTx<'_>,
    submissions: &[Submission],
    now: Instant,
) -> Result<Vec<AccessKeyId>, StorageError> {
    let used: BTreeSet<(ProjectId, AccessKeyId)> = submissions
        .iter()
        .filter_map(|submission| submission.access_key.map(|key| (submission.project, key)))
        .collect();
    if used.is_empty() {
        return Ok(Vec::new());
    }
    let used: Vec<(ProjectId, AccessKeyId)> = used.into_iter().collect();
    access_keys::dead_among(tx, &used, now)
}

/// Rows come back only for projects that were asked for, and those that exist were loaded first.
fn of<'m, 'a>(
    projects: &'m mut HashMap<ProjectId, KnownProject<'a>>,
    project: ProjectId,
) -> Result<&'m mut KnownProject<'a>, StorageError> {
    projects
        .get_mut(&project)
        .ok_or_else(|| StorageError::Corrupt { what: format!("{project} has rows but no customer") })
}

fn metric_names(submissions: &[Submission]) -> Names<'_> {
    distinct(submissions, |item| item.request.as_ref().ok().map(|request| request.metric_key.as_str()))
}

fn customer_names(submissions: &[Submission]) -> Names<'_> {
    distinct(submissions, |item| {
        let key = item.request.as_ref().ok()?.customer_key.as_deref();
        key.filter(|key| *key != SELF_KEY)
    })
}

fn keys(submissions: &[Submission]) -> Names<'_> {
    every(submissions, |item| item.key.as_ref().map(IdempotencyKey::as_str)).collect()
}

fn event_ids(submissions: &[Submission]) -> Names<'_> {
    every(submissions, |item| item.request.as_ref().ok()?.event_id.as_deref()).collect()
}

fn every<'a>(
    submissions: &'a [Submission],
    name: impl Fn(&'a domain::ingest::Item) -> Option<&'a str>,
) -> impl Iterator<Item = (ProjectId, &'a str)> {
    let items = submissions.iter().flat_map(|one| one.items.iter().map(move |item| (one.project, item)));
    items.filter_map(move |(project, item)| name(item).map(|name| (project, name)))
}

/// Each name once. Most neighbours name the same, so these are looked at first.
fn distinct<'a>(
    submissions: &'a [Submission],
    name: impl Fn(&'a domain::ingest::Item) -> Option<&'a str>,
) -> Names<'a> {
    let mut names = BTreeSet::new();
    let mut last = None;
    for pair in every(submissions, name) {
        if last != Some(pair) {
            names.insert(pair);
            last = Some(pair);
        }
    }
    names.into_iter().collect()
}
