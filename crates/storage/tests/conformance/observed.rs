//! Every named transaction is counted and timed, with its outcome and its retries.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use storage::StorageError;

use crate::probe::{self, count};

/// Counts what was recorded under each name and its labels.
#[derive(Clone, Default)]
struct Observed(Arc<Mutex<BTreeMap<String, u64>>>);

struct Series {
    name: String,
    observed: Observed,
}

impl Observed {
    fn series(&self, key: &Key) -> Arc<Series> {
        let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Series { name: format!("{}{{{}}}", key.name(), labels.join(",")), observed: self.clone() })
    }

    fn of(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

impl Series {
    fn add(&self, value: u64) {
        *self.observed.0.lock().unwrap().entry(self.name.clone()).or_default() += value;
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Observed {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.series(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        // One per transaction: what it records is a duration, which no test can know.
        self.series(key).add(1);
        Histogram::noop()
    }
}

#[test]
fn a_transaction_is_counted_with_its_outcome_and_its_retries() {
    for (name, database) in probe::databases() {
        let observed = Observed::default();
        metrics::with_local_recorder(&observed, || {
            let project = probe::project();
            database.read::<_, StorageError>("look", project, count).unwrap();
            let mut runs = 0;
            let result = database.write::<(), _>("lose", project, |_| {
                runs += 1;
                Err(if runs < 3 { StorageError::Serialization } else { StorageError::DiskFull })
            });
            assert!(matches!(result, Err(StorageError::DiskFull)));
        });
        let transactions = |labels: &str| observed.of(&format!("neruba_db_transactions_total{{{labels}}}"));
        assert_eq!(transactions("name=look,outcome=committed"), 1, "{name}");
        assert_eq!(transactions("name=lose,outcome=rolled_back"), 1, "{name}");
        assert_eq!(observed.of("neruba_db_retries_total{name=lose}"), 2, "{name}");
        assert_eq!(observed.of("neruba_db_transaction_seconds{name=look}"), 1, "{name}");
    }
}
