//! The world and the program that these tests share.

use std::sync::OnceLock;

use simulation::process::Program;
use simulation::template::{Kind, Template};
use simulation::world::{Order, WorldPlan};

pub const CUSTOMERS: u32 = 200;

pub fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_simulation"))
}

/// The world on a database, written once per test process; `None` on a machine without it.
pub fn template(kind: Kind) -> Option<&'static Template> {
    static SQLITE: OnceLock<Option<Template>> = OnceLock::new();
    static POSTGRES: OnceLock<Option<Template>> = OnceLock::new();
    let written = match kind {
        Kind::Sqlite => &SQLITE,
        Kind::Postgres => &POSTGRES,
    };
    let write = || Template::write(kind, WorldPlan { customers: CUSTOMERS, order: Order::Counted });
    written.get_or_init(write).as_ref()
}
