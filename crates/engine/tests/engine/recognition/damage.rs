//! Damage to deferred fees: each is done by hand, as the owner of the schema, and must be found by `verify` and named.

use storage::{Dialect, raw};

use super::{open, pass};
use crate::world::World;

/// A fee of which some days are earned, then the damage: what `verify` says of I9.
#[track_caller]
fn check(statement: &str, triggers: &[&str], words: &str) {
    let dropped: String = triggers.iter().map(|trigger| format!("drop trigger {trigger};")).collect();
    for (name, _, db) in testkit::fresh_databases() {
        let world = World::new(db.clone(), 17);
        open(&world, "30");
        pass(&world, "2026-04-11T09:00:00Z");
        world.verify();
        let damage = match db.dialect() {
            Dialect::Sqlite => format!("{dropped} {statement}"),
            Dialect::Postgres => statement.to_owned(),
        };
        raw::run_as_owner(&db, &damage).unwrap();
        let report = world.engine.verify().unwrap();
        let found: Vec<&String> =
            report.checks.iter().filter(|check| check.id == "I9").flat_map(|check| &check.findings).collect();
        assert!(found.iter().any(|finding| finding.contains(words)), "{name}: should say {words:?}: {found:#?}");
    }
}

#[test]
fn a_day_that_was_earned_and_not_kept_is_found() {
    // checklist 125
    let statement = "update recognitions set recognized_micros = recognized_micros - 1000000";
    check(statement, &[], "is kept with 9.000000 earned until 2026-04-10, but its days come to 10.000000");
}

#[test]
fn a_day_that_was_kept_and_not_booked_is_found() {
    // checklist 125
    let statement = "update recognitions set next_on = '2026-04-12', recognized_micros = 11000000";
    check(statement, &[], "holds 20.000000 USD, but 19.000000 is deferred and not earned");
}

#[test]
fn another_amount_is_found() {
    // checklist 125
    let statement = "update deferrals set amount_micros = amount_micros + 30000000";
    check(statement, &["deferrals_no_update"], "holds 20.000000 USD, but 50.000000 is deferred and not earned");
}

#[test]
fn a_deferral_whose_progress_is_lost_is_found() {
    // checklist 125
    check("delete from recognitions", &[], "is never earned: how far it is was not kept");
}
