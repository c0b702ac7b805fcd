//! The clock of a sandbox: moved forward, it does everything that becomes due on the way.

use std::time::Duration;

use domain::clock::ClockTarget;
use domain::ids::ProjectId;
use domain::ingest::charge::ChargeItem;
use domain::projects::{Mode, NewProject};
use domain::refusal::Code;
use domain::time::Instant;
use engine::clock::ClockView;
use engine::projects::ProjectCreation;
use engine::transactions::{GrantCredit, Transaction, TransactionFilter};
use engine::wallets::WalletFilter;
use engine::{Ctx, Error};

use crate::ledger::money::{grant, paid, seen};
use crate::world::{World, key, on_both};

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// A sandbox of the owner of the world.
fn sandbox(world: &World) -> ProjectId {
    let new = NewProject {
        name: "Sandbox".to_owned(),
        external_key: "sandbox".to_owned(),
        mode: Some(Mode::Sandbox),
        currency: None,
        time_zone: None,
    };
    match world.engine.create_project(&world.owner().caller, &new).unwrap() {
        ProjectCreation::Created(project) | ProjectCreation::Existing(project) => project.id,
    }
}

/// The owner at the door of the project: here the project's clock becomes the time of the request.
fn owner(world: &World, project: ProjectId) -> Ctx {
    let caller = world.engine.caller("test").with_actor(world.owner.clone());
    world.engine.enter_project(caller, project, None).unwrap()
}

fn advance(world: &World, project: ProjectId, to: &str) -> Result<ClockView, Error> {
    world.engine.advance_clock(&owner(world, project), &ClockTarget::read(Some(to), None)?)
}

fn credit(world: &World, project: ProjectId, name: &str, credit: &GrantCredit) {
    seen(world.engine.grant_credit(&owner(world, project), key(name), credit)).accepted();
}

fn transactions(world: &World, project: ProjectId) -> Vec<Transaction> {
    let ctx = owner(world, project);
    world.engine.list_transactions(&ctx, &TransactionFilter::default(), None, 100).unwrap()
}

fn balance(world: &World, project: ProjectId) -> String {
    let ctx = owner(world, project);
    world.engine.list_wallets(&ctx, &WalletFilter { customer_key: None }, None, 1).unwrap()[0].balance.to_string()
}

on_both! {
    fn a_sandbox_goes_on_from_where_it_was_moved_and_never_back(world) {
        let project = sandbox(world);
        let view = advance(world, project, "2027-03-17T10:20:00Z").unwrap();
        assert_eq!((view.mode, view.now, view.world_now), (Mode::Sandbox, at("2027-03-17T10:20:00Z"), world.owner().now()));
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(owner(world, project).now(), at("2027-03-17T10:20:05Z"));
        let Err(Error::Refused(refusal)) = advance(world, project, "2027-03-17T10:20:00Z") else { panic!("went back") };
        assert_eq!((refusal.code, refusal.first_field()), (Code::OutOfRange, Some("to")));
        assert_eq!(world.engine.clocked_ctx("test", project).unwrap().now(), at("2027-03-17T10:20:05Z"));
        // What is written carries the project's time, what is asked of it follows.
        credit(world, project, "c", &grant("5"));
        assert_eq!(transactions(world, project)[0].created_at, at("2027-03-17T10:20:05Z"));
        // Every other project stays with the world.
        assert_eq!(world.engine.get_clock(&world.owner()).unwrap().now, world.owner().now());
    }

    fn a_live_project_has_no_clock_of_its_own(world) {
        let target = ClockTarget::read(None, Some("P1D")).unwrap();
        let Err(Error::Refused(refusal)) = world.engine.advance_clock(&world.owner(), &target) else { panic!("moved") };
        assert_eq!(refusal.code, Code::LiveClock);
    }

    fn lots_expire_on_the_way_in_calendar_order_each_at_its_time(world) {
        let project = sandbox(world);
        let until = |text, credit: GrantCredit| GrantCredit { expires_at: Some(at(text)), ..credit };
        credit(world, project, "later", &until("2026-09-01T00:00:00Z", paid("7")));
        credit(world, project, "sooner", &until("2026-05-01T00:00:00Z", grant("3")));
        credit(world, project, "never", &grant("1"));
        let charge = ChargeItem::read(Some("charge"), br#"{"amount":"2"}"#);
        let system = world.engine.clocked_ctx("test", project).unwrap();
        seen(world.engine.charge(&system, &charge)).accepted();
        // Its charges may come an hour late: on its last day nothing is booked.
        advance(world, project, "2026-05-01T00:59:59Z").unwrap();
        assert_eq!(balance(world, project), "9.000000");
        advance(world, project, "2027-03-17T00:00:00Z").unwrap();
        assert_eq!(balance(world, project), "1.000000");
        let expired: Vec<Transaction> =
            transactions(world, project).into_iter().filter(|found| found.kind.as_str() == "expiry").collect();
        let told: Vec<(String, Instant, Option<String>)> = expired
            .iter()
            .map(|found| (found.amount.to_string(), found.effective_at, found.balance_after.map(|left| left.to_string())))
            .collect();
        assert_eq!(told, [
            ("7.000000".to_owned(), at("2026-09-01T00:00:00Z"), Some("1.000000".to_owned())),
            ("1.000000".to_owned(), at("2026-05-01T00:00:00Z"), Some("8.000000".to_owned())),
        ]);
        assert_eq!(expired[0].created_at, at("2026-09-01T01:00:00Z"));
        // Moved once more, nothing expires twice.
        advance(world, project, "2028-03-17T00:00:00Z").unwrap();
        assert_eq!(balance(world, project), "1.000000");
    }

    fn a_year_in_one_request_is_the_same_as_day_by_day(world) {
        let project = sandbox(world);
        for day in 1..=28 {
            let expiring = GrantCredit { expires_at: Some(at(&format!("2026-04-{day:02}T00:00:00Z"))), ..paid("1") };
            credit(world, project, &format!("lot-{day}"), &expiring);
        }
        advance(world, project, "2026-04-10T12:00:00Z").unwrap();
        assert_eq!(balance(world, project), "18.000000");
        advance(world, project, "2027-04-10T12:00:00Z").unwrap();
        assert_eq!(balance(world, project), "0.000000");
        let expired = transactions(world, project);
        let times: Vec<Instant> =
            expired.iter().filter(|found| found.kind.as_str() == "expiry").map(|found| found.effective_at).collect();
        assert_eq!(times.len(), 28);
        assert!(times.is_sorted_by(|one, other| one > other), "the newest first: {times:?}");
    }

    fn credit_of_a_live_project_expires_when_a_worker_looks(world) {
        let expiring = GrantCredit { expires_at: Some(at("2026-03-18T00:00:00Z")), ..paid("4") };
        world.credit("c", &expiring);
        let look = || {
            let ctx = world.engine.clocked_ctx("test", world.project.id).unwrap();
            world.engine.run_due_work(&ctx).unwrap();
            world.balance()
        };
        assert_eq!(look(), "4.000000");
        world.clock.set("2026-03-18T01:00:00Z");
        assert_eq!((look(), look()), ("0.000000".to_owned(), "0.000000".to_owned()));
        assert_eq!(world.transactions().len(), 2);
    }
}
