//! The same world comes to the same bytes, whatever the process finds around it: threads, time zone, language, the order in which rows were
//! written, the database. Promise P17.

use simulation::node::Orders;
use simulation::outcome::{Outcome, Pdfs};
use simulation::process::Program;
use simulation::template::{Kind, Template};
use simulation::world::{Order, WorldPlan};

use crate::world::{CUSTOMERS, program, template};

/// Without optimisation a PDF takes seconds: one is drawn.
const ONE_PDF: Pdfs = Pdfs { one_of: 100_000 };

fn outcome(program: &Program, template: &Template, threads: usize) -> Outcome {
    let copy = template.copy();
    let orders =
        Orders { database: copy.address.clone(), project: template.project, stop: None, threads, pdfs: ONE_PDF };
    program.finish(&orders).outcome
}

#[track_caller]
fn are_equal(one: &Outcome, other: &Outcome) {
    assert_eq!(one.difference(other), [""; 0]);
    assert_eq!(one.digest(), other.digest());
}

// checklist 69, promise P17
#[test]
fn other_threads_and_surroundings_make_the_same_bytes() {
    let template = template(Kind::Sqlite).unwrap();
    let plain = outcome(&program().with("TZ", "UTC").with("LANG", "C.UTF-8"), template, 1);
    let foreign = program().with("TZ", "Pacific/Auckland").with("LANG", "tr_TR.UTF-8").with("LC_ALL", "tr_TR.UTF-8");
    are_equal(&plain, &outcome(&foreign, template, 4));
}

// checklist 69, promise P17
#[test]
fn rows_in_another_order_make_the_same_bytes() {
    let counted = outcome(&program(), template(Kind::Sqlite).unwrap(), 1);
    let order = Order::Shuffled { seed: 11 };
    let shuffled = Template::write(Kind::Sqlite, WorldPlan { customers: CUSTOMERS, order }).unwrap();
    are_equal(&counted, &outcome(&program(), &shuffled, 1));
}

// checklist 69, promise P17
#[test]
fn both_databases_make_the_same_bytes() {
    let Some(postgres) = template(Kind::Postgres) else { return };
    let sqlite = outcome(&program(), template(Kind::Sqlite).unwrap(), 1);
    are_equal(&sqlite, &outcome(&program(), postgres, 1));
}
