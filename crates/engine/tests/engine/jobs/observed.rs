//! What a metrics surface counts: how jobs end, and who contends for what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::jobs::LEASE;
use domain::refusal::Code;
use engine::Error;
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::work::{chunk, queue};
use crate::ingest::send::tokens;
use crate::world::{World, on_both};

/// The value of each counter, by its name and labels.
#[derive(Clone, Default)]
struct Observed(Arc<Mutex<BTreeMap<String, u64>>>);

struct Series {
    name: String,
    observed: Observed,
}

impl Observed {
    fn of(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        *self.observed.0.lock().unwrap().entry(self.name.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Observed {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Counter::from_arc(Arc::new(Series { name, observed: self.clone() }))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

on_both! {
    // checklist 98
    fn the_end_of_every_run_is_counted_and_so_is_a_lease_that_was_lost(world) {
        let project = world.project.id;
        let observed = Observed::default();
        metrics::with_local_recorder(&observed, || {
            queue(world, project);
            let mut zombie = world.engine.claim_job(project).unwrap().unwrap();
            let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
            other.clock.advance(LEASE);
            other.engine.run_jobs_with(project, &|engine, held| chunk(engine, held, 2)).unwrap();
            chunk(&world.engine, &mut zombie, 2).unwrap();
            queue(world, project);
            world.engine.run_jobs_with(project, &|_, _| Err(Error::Bug("a bad day".to_owned()))).unwrap();
            world.clock.advance(Duration::from_secs(60));
            world.engine.run_jobs_with(project, &|_, _| Err(Error::refused(Code::OutOfRange, "Too much."))).unwrap();
        });
        let outcomes = |outcome: &str| observed.of(&format!("neruba_job_outcomes_total{{kind=backtest,outcome={outcome}}}"));
        assert_eq!(["done", "retried", "failed", "lease_lost"].map(outcomes), [1, 1, 1, 1]);
        assert_eq!(observed.of("neruba_lock_contention_total{lock=job_lease}"), 1);
    }

    // checklist 98
    fn a_cursor_that_somebody_holds_is_counted(world) {
        world.send("a", &tokens("1"));
        world.fold();
        world.send("b", &tokens("1"));
        let observed = Observed::default();
        // Holding the cursor and folding at once takes two connections: SQLite has one that writes.
        if world.db.dialect() == storage::Dialect::Postgres {
            let hold = |tx: &mut storage::ProjectTx<'_>| -> Result<(), storage::StorageError> {
                storage::rollup_cursors::lock(tx)?;
                metrics::with_local_recorder(&observed, || world.engine.fold_rollups()).unwrap();
                Ok(())
            };
            world.db.write("hold_cursor", world.project.id, hold).unwrap();
            assert!(observed.of("neruba_lock_contention_total{lock=rollup_cursor}") >= 1);
        }
        world.fold();
        assert_eq!(world.used("api_tokens"), ("2.000000".to_owned(), 2));
    }
}
