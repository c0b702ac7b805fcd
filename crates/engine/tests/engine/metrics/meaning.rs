//! Metrics, events and answers in few words.

use std::hash::{DefaultHasher, Hash, Hasher};

use domain::catalog::metric::MetricDefinition;
use domain::ids::JobId;
use domain::metrics::Aggregation;
use domain::projects::{Change, ProjectChange, UnknownPolicy};
use domain::time::Instant;
use engine::jobs::HeldJob;
use engine::metering::usage::UsageQuery;
use engine::metrics::versions::{MetricChanged, MetricWish, NewMetricVersion};
use serde_json::{Value, json};

use crate::ingest::send::event;
use crate::world::World;

/// The key of the metric that the stories change.
pub const KEY: &str = "calls";

/// A meaning of the metric: a sum, changed.
pub fn meaning(change: impl FnOnce(&mut MetricDefinition)) -> MetricDefinition {
    let mut meaning = MetricDefinition::plain(KEY);
    change(&mut meaning);
    meaning
}

pub fn by_region() -> MetricDefinition {
    meaning(|metric| metric.dimensions = vec!["region".to_owned()])
}

pub fn unique_users() -> MetricDefinition {
    meaning(|metric| {
        metric.aggregation = Aggregation::Unique;
        metric.unique_property = Some("user".to_owned());
    })
}

pub fn level() -> MetricDefinition {
    meaning(|metric| metric.aggregation = Aggregation::WeightedSum)
}

pub fn since(text: &str) -> MetricDefinition {
    meaning(|metric| metric.effective_from = Some(Instant::parse(text).unwrap()))
}

pub fn wish(meaning: MetricDefinition) -> MetricWish {
    MetricWish { meaning, name: None, unit_label: None }
}

/// The body of the event with this number: units, time, region and user follow from it.
pub fn body(number: u32) -> Value {
    let minute = 11 * number % (24 * 60);
    let (day, hour, minute, second) = (number % 15 + 1, minute / 60, minute % 60, number % 60);
    let customer = ["self", "beta", "gamma"][usize::try_from(number % 3).unwrap()];
    let region = ["eu", "us"][usize::try_from(number / 2 % 2).unwrap()];
    json!({
        "metricKey": KEY,
        "units": (number % 7 + 1).to_string(),
        "timestamp": format!("2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z"),
        "customerKey": customer,
        "properties": { "region": region, "user": format!("u{}", number % 11) },
    })
}

impl World {
    /// A declared metric whose customers are made by their events.
    pub fn declare(&self) {
        self.engine.declare_metric(&self.owner(), &meaning(|_| ())).unwrap();
        self.accept_customers();
    }

    pub fn accept_customers(&self) {
        let unknown_customer = Change::Set(UnknownPolicy::AutoCreate);
        let change = ProjectChange { unknown_customer, ..Default::default() };
        self.engine.update_project(&self.owner(), &change).unwrap();
    }

    /// One batch for each of the numbers.
    pub fn call(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            self.send(&format!("call-{number}"), &body(number));
        }
    }

    /// All the numbers in one batch.
    pub fn call_at_once(&self, numbers: std::ops::Range<u32>) {
        let events: Vec<Value> = numbers.map(|number| event(&format!("call-{number}"), &body(number))).collect();
        self.send_batch(&events);
    }

    pub fn change(&self, meaning: MetricDefinition) -> MetricChanged {
        let wish = NewMetricVersion { wish: wish(meaning), reason: None };
        self.engine.change_metric(&self.owner(), KEY, &wish).unwrap()
    }

    /// Everything that was used in March, told apart as finely as the metric allows.
    pub fn answer(&self) -> Value {
        let now = self.engine.get_metric(&self.owner(), KEY).unwrap();
        let query = UsageQuery {
            from: Some(Instant::parse("2026-03-01T00:00:00Z").unwrap()),
            to: Some(Instant::parse("2026-04-01T00:00:00Z").unwrap()),
            by_customer: true,
            by_dimensions: now.dimensions,
            ..Default::default()
        };
        serde_json::to_value(self.engine.metric_usage(&self.owner(), KEY, &query).unwrap().data).unwrap()
    }

    /// What the metric would answer had it always meant this: told by another project with the same events.
    pub fn answer_if(&self, meaning: &MetricDefinition, events: u32) -> Value {
        let mut hasher = DefaultHasher::new();
        format!("{meaning:?}").hash(&mut hasher);
        let other = World::new(self.db.clone(), self.seed.wrapping_add(hasher.finish()));
        other.engine.declare_metric(&other.owner(), meaning).unwrap();
        other.accept_customers();
        other.clock.set(&self.owner().now().to_string());
        other.call_at_once(0..events);
        other.answer()
    }

    pub fn run_jobs(&self) {
        self.engine.run_jobs_of(self.project.id).unwrap();
    }

    pub fn claim(&self) -> HeldJob {
        self.engine.claim_job(self.project.id).unwrap().unwrap()
    }
}

/// The job that a change began.
#[track_caller]
pub fn job_of(changed: &MetricChanged) -> JobId {
    match changed {
        MetricChanged::Building(version) => version.job_id.unwrap(),
        other => panic!("no job was needed: {other:?}"),
    }
}
