//! Starting: what is refused before a job exists, who may, and what the trail keeps.

use domain::access::Role;
use domain::backtests::PlanVersionKey;
use domain::jobs::JobState;
use domain::refusal::Code;
use engine::backtests::StartBacktest;
use serde_json::json;

use super::shop::{at, per_unit, plan, price, wish};
use crate::world::{World, key, on_both};

fn refused(world: &World, wish: &StartBacktest) -> (Code, Option<String>) {
    let refusal = world.start(wish).unwrap_err().to_refusal();
    (refusal.code, refusal.first_field().map(str::to_owned))
}

fn version(key: &str, version: u32) -> PlanVersionKey {
    PlanVersionKey { key: key.to_owned(), version }
}

on_both! {
    fn what_cannot_be_rated_is_refused_before_a_job_exists(world) {
        world.open_shop(1);
        world.draft(plan(json!([price("calls", "calls", per_unit("1"))])));
        let mut euros = plan(json!([price("calls", "calls", per_unit("1"))]));
        (euros["key"], euros["currency"]) = (json!("euros"), json!("EUR"));
        world.draft(euros);
        let mut broken = plan(json!([price("calls", "nothing", per_unit("1"))]));
        broken["key"] = json!("broken");
        world.draft(broken);
        let keys = |count: usize| Some(vec!["customer-000".to_owned(); count]);
        for (wish, code, field) in [
            (StartBacktest { plan: version("team", 7), ..wish(1) }, Code::UnknownPlan, "plan"),
            (StartBacktest { plan: version("other", 1), ..wish(1) }, Code::UnknownPlan, "plan"),
            (StartBacktest { baseline: Some(version("team", 9)), ..wish(1) }, Code::UnknownPlan, "baseline"),
            (StartBacktest { baseline: Some(version("euros", 1)), ..wish(1) }, Code::InvalidValue, "baseline"),
            (StartBacktest { plan: version("broken", 1), ..wish(1) }, Code::InvalidCatalog, "plan.prices[0].metric"),
            (StartBacktest { to: at("2026-03-17T10:20:00.001Z"), ..wish(1) }, Code::InvalidValue, "to"),
            (StartBacktest { to: at("2026-01-01T00:00:00Z"), ..wish(1) }, Code::InvalidValue, "to"),
            (StartBacktest { customer_keys: Some(vec!["nobody".to_owned()]), ..wish(1) }, Code::UnknownCustomer, "customerKeys[0]"),
            (StartBacktest { customer_keys: keys(0), ..wish(1) }, Code::OutOfRange, "customerKeys"),
            (StartBacktest { customer_keys: keys(201), ..wish(1) }, Code::OutOfRange, "customerKeys"),
        ] {
            assert_eq!(refused(world, &wish), (code, Some(field.to_owned())), "{wish:?}");
        }
        let endless = StartBacktest { from: at("1700-01-01T00:00:00Z"), ..wish(1) };
        assert_eq!(refused(world, &endless).0, Code::InvalidQuery);
        assert_eq!(world.engine.list_jobs(&world.owner(), Default::default(), 10).unwrap(), []);
    }

    fn finance_starts_one_and_everybody_of_the_project_may_look(world) {
        world.open_shop(1);
        world.draft(plan(json!([price("calls", "calls", per_unit("1"))])));
        for role in [Role::Support, Role::Developer, Role::Viewer] {
            let refusal = world.engine.start_backtest(&world.member(role), None, &wish(1)).unwrap_err().to_refusal();
            assert_eq!(refusal.code, Code::Forbidden);
        }
        let finance = world.member(Role::Finance);
        let first = world.engine.start_backtest(&finance, Some(key("b1")), &wish(1)).unwrap();
        let again = world.engine.start_backtest(&finance, Some(key("b1")), &wish(1)).unwrap();
        assert_eq!((first.status, first.replayed, again.replayed, &first.body), (202, false, true, &again.body));
        let other = StartBacktest { from: at("2026-02-01T00:00:00Z"), ..wish(1) };
        let conflict = world.engine.start_backtest(&finance, Some(key("b1")), &other).unwrap_err().to_refusal();
        assert_eq!(conflict.code, Code::IdempotencyConflict);
        let listed = world.engine.list_backtests(&world.member(Role::Viewer), None, 10).unwrap();
        assert_eq!((listed.len(), listed[0].state), (1, JobState::Queued));
        let trail = world.engine.list_audit_entries(&world.owner(), &Default::default(), 1).unwrap();
        assert_eq!((trail[0].action.as_str(), &trail[0].target), ("backtest.started", &listed[0].id.to_string()));
    }
}
