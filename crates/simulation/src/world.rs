//! A world to be billed: 200 customers by default, of all zones, currencies, taxes and habits. It is written through the use cases of the
//! engine, so that it could be. What is asked of it is a run in the morning of the first of March.

mod catalog;
mod people;
mod usage;

use std::time::Duration;

use domain::currency::Currency;
use domain::ids::{ProjectId, TypedId, UserId};
use domain::password::Password;
use domain::projects::NewProject;
use domain::time::Instant;
use domain::users::Email;
use engine::Actor;
use engine::projects::ProjectCreation;
use engine::users::NewUser;
use testkit::random::SeededRandom;

use crate::installation::Installation;

/// When the world begins.
pub const BEGINNING: &str = "2026-01-05T00:00:00Z";
/// When January is billed, before the run that is looked at.
pub const JANUARY_BILLED: &str = "2026-02-01T12:00:00Z";
/// When what came late for January is settled: by whoever comes first, which is no question of the run.
pub const LATE_SETTLED: &str = "2026-02-13T00:00:00Z";
/// When the run that is looked at begins: in every zone it is March.
pub const NOW: &str = "2026-03-01T12:00:00Z";

/// What a world is made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorldPlan {
    pub customers: u32,
    /// In which order its rows are written. They are the same rows.
    pub order: Order,
}

/// The order of deeds that do not depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Counted,
    Shuffled { seed: u64 },
}

/// A world that is being written.
struct Writer<'a> {
    installation: &'a Installation,
    project: ProjectId,
    plan: WorldPlan,
}

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// `count` milliseconds after an instant.
fn after(text: &str, count: u32) -> Instant {
    at(text).checked_add(Duration::from_millis(u64::from(count))).unwrap()
}

/// Writes the world into a migrated, empty database, up to the moment before the run.
pub fn write(installation: &Installation, plan: WorldPlan) -> ProjectId {
    let project = open_project(installation);
    let writer = Writer { installation, project, plan };
    catalog::write(&writer);
    people::write(&writer);
    usage::january(&writer);
    writer.bill(JANUARY_BILLED);
    people::change_their_minds(&writer);
    usage::late_january(&writer);
    writer.bill(LATE_SETTLED);
    usage::february(&writer);
    project
}

fn open_project(installation: &Installation) -> ProjectId {
    installation.begin("user", at(BEGINNING));
    let engine = &installation.engine;
    let email = Email::parse("email", "owner@example.com").unwrap();
    let password = Password::chosen("password", "strong-password", &email).unwrap();
    let new = NewUser { email, name: "Olivia Owner".to_owned(), password, platform_admin: false };
    let operator = engine.caller("simulation").with_actor(Actor::System { name: "simulation" });
    let id: UserId = engine.create_user(&operator, &new).unwrap().id;
    let session = TypedId::from_uuid(id.uuid());
    let owner = Actor::User { id, name: new.name, session, platform_admin: false };
    let new = NewProject {
        name: "Simulation".to_owned(),
        external_key: "simulation".to_owned(),
        mode: None,
        currency: Some(Currency::USD),
        time_zone: Some("Europe/Berlin".to_owned()),
    };
    installation.begin("project", after(BEGINNING, 1));
    match engine.create_project(&engine.caller("simulation").with_actor(owner), &new).unwrap() {
        ProjectCreation::Created(project) | ProjectCreation::Existing(project) => project.id,
    }
}

impl Writer<'_> {
    fn customers(&self) -> std::ops::Range<u32> {
        0..self.plan.customers
    }

    /// In the order of the plan.
    fn ordered(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut numbers: Vec<u32> = numbers.into_iter().collect();
        if let Order::Shuffled { seed } = self.plan.order {
            let random = SeededRandom::new(seed);
            for last in (1..numbers.len()).rev() {
                let bound = u64::try_from(last).unwrap() + 1;
                numbers.swap(last, usize::try_from(random.below(bound)).unwrap());
            }
        }
        numbers
    }

    /// Everything that is due.
    fn bill(&self, when: &str) {
        self.installation.begin("bill", at(when));
        let engine = &self.installation.engine;
        engine.run_due_work(&engine.clocked_ctx("simulation", self.project).unwrap()).unwrap();
    }
}
