//! The job: left in the middle, done twice, done by two nodes, it comes to the same bytes; and it sees its own project only.

use domain::backtests::ResultOrder;
use domain::catalog::metric::MetricDefinition;
use domain::ids::BacktestId;
use domain::jobs::{JobState, LEASE};
use engine::jobs::{Chunk, worker};
use serde_json::{Value, json};

use super::shop::{everything, per_unit, plan, price};
use crate::metrics::meaning::wish as metric_wish;
use crate::world::{World, on_both};

/// Customers that use something.
const CUSTOMERS: u32 = 60;
/// Customers that use nothing, so that there are more than one chunk holds.
const IDLE: u32 = 500;

fn stocked(world: &World) {
    world.open_shop(CUSTOMERS / 2);
    world.add_idle_customers(IDLE);
    world.add_customers(CUSTOMERS / 2..CUSTOMERS);
    world.use_shop(CUSTOMERS);
    world.fold();
    world.draft(plan(json!([price("calls", "calls", per_unit("0.11"))])));
    world.publish(1);
    world.draft(everything());
}

/// Everything a backtest tells of its figures.
fn bytes(world: &World, id: BacktestId) -> (Value, Value, Value) {
    let told = world.told(id);
    let results = world.results(id, ResultOrder::Increase);
    (json!(results), json!(told.totals), json!(told.customers))
}

on_both! {
    // promise P17
    fn a_backtest_that_was_killed_and_resumed_comes_to_the_same_bytes(world) {
        stocked(world);
        let whole = world.backtest(2);
        world.run_jobs();
        let killed = world.backtest(2);
        let mut held = world.claim();
        assert_eq!(worker::chunk(&world.engine, &mut held).unwrap(), Chunk::More);
        let told = world.told(killed);
        assert!(told.progress.done > 0 && told.progress.done < told.progress.total, "{:?}", told.progress);
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        other.clock.advance(LEASE);
        other.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(worker::chunk(&world.engine, &mut held).unwrap(), Chunk::LeaseLost);
        assert_eq!(world.told(killed).state, JobState::Done);
        assert_eq!(bytes(world, killed), bytes(world, whole));
        let progress = world.told(killed).progress;
        let everybody = i64::from(CUSTOMERS + IDLE + 1);
        assert_eq!((progress.done, progress.total), (everybody, everybody));
    }

    fn folded_or_not_the_same_range_comes_to_the_same_bytes(world) {
        world.open_shop(CUSTOMERS);
        world.use_shop(CUSTOMERS);
        world.draft(everything());
        let unfolded = world.backtest(1);
        world.run_jobs();
        world.fold();
        let folded = world.backtest(1);
        // Later usage is none of its business.
        world.send("later", &json!({ "metricKey": "calls", "units": "5", "customerKey": "customer-000" }));
        world.run_jobs();
        assert_eq!(bytes(world, folded), bytes(world, unfolded));
    }

    fn two_nodes_at_once_store_one_result_for_each_customer(world) {
        stocked(world);
        let id = world.backtest(2);
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        std::thread::scope(|scope| {
            for engine in [&world.engine, &other.engine, &world.engine] {
                scope.spawn(move || engine.run_jobs_of(world.project.id).unwrap());
            }
        });
        world.run_jobs();
        let told = world.told(id);
        assert_eq!((told.state, told.customers.counted), (JobState::Done, i64::from(CUSTOMERS)));
        assert_eq!(world.results(id, ResultOrder::Customer).len(), usize::try_from(CUSTOMERS).unwrap());
    }

    fn customers_of_other_projects_are_never_in_it(world) {
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        for shop in [world, &other] {
            shop.open_shop(5);
            shop.use_shop(5);
            shop.draft(plan(json!([price("calls", "calls", per_unit("1"))])));
        }
        let id = world.backtest(1);
        world.run_jobs();
        let own: Vec<_> = world.engine.list_customers(&world.owner(), None, None, 20).unwrap().into_iter().map(|customer| customer.id).collect();
        let results = world.results(id, ResultOrder::Customer);
        assert!(!results.is_empty() && results.iter().all(|result| own.contains(&result.customer_id)));
        let refused = other.engine.get_backtest(&other.owner(), id).unwrap_err();
        assert_eq!(refused.to_refusal().code, domain::refusal::Code::NotFound);
        assert_eq!(other.engine.list_backtests(&other.owner(), None, 10).unwrap(), []);
    }

    fn a_draft_that_changes_meanwhile_changes_no_figure(world) {
        stocked(world);
        let whole = world.backtest(2);
        world.run_jobs();
        let id = world.backtest(2);
        let mut held = world.claim();
        worker::chunk(&world.engine, &mut held).unwrap();
        held.release(&world.engine).unwrap();
        let cheaper = serde_json::from_value(plan(json!([price("calls", "calls", per_unit("0.001"))]))).unwrap();
        world.engine.change_plan_draft(&world.owner(), "team", 2, &cheaper).unwrap();
        world.run_jobs();
        assert_eq!(bytes(world, id), bytes(world, whole));
    }

    fn a_metric_that_gets_another_meaning_meanwhile_fails_the_backtest(world) {
        stocked(world);
        let id = world.backtest(2);
        let mut held = world.claim();
        worker::chunk(&world.engine, &mut held).unwrap();
        held.release(&world.engine).unwrap();
        let calls = json!({ "key": "calls", "name": "Calls", "aggregation": "max", "dimensions": ["region"] });
        let meaning: MetricDefinition = serde_json::from_value(calls).unwrap();
        let wish = engine::metrics::versions::NewMetricVersion { wish: metric_wish(meaning), reason: None };
        world.engine.change_metric(&world.owner(), "calls", &wish).unwrap();
        world.run_jobs();
        let told = world.told(id);
        assert_eq!(told.state, JobState::Failed);
        assert!(told.error.as_ref().is_some_and(|error| error.contains("`calls`")), "{told:?}");
    }

    fn a_figure_that_does_not_fit_fails_the_backtest_and_is_no_other_number(world) {
        world.open_shop(1);
        world.send("a", &json!({ "metricKey": "calls", "units": "9000000000000", "timestamp": "2026-01-05T00:00:00Z", "customerKey": "customer-000" }));
        world.draft(plan(json!([price("calls", "calls", per_unit("1000000"))])));
        let id = world.backtest(1);
        world.run_jobs();
        let told = world.told(id);
        assert_eq!((told.state, told.customers.counted), (JobState::Failed, 0));
        let error = told.error.unwrap();
        assert!(error.contains("customer-000") && error.contains("`calls`"), "{error}");
    }
}
