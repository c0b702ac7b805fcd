//! Several nodes with their schedulers on one PostgreSQL, one of which stands still past its lease in the middle of a run: promise P18.

use std::collections::BTreeMap;

use domain::ids::ProjectId;
use simulation::installation::Installation;
use simulation::node::{Ending, Orders, Stop};
use simulation::nodes::{Cluster, WorkingNode};
use simulation::outcome::{Outcome, Pdfs};
use simulation::template::{Copied, Kind, Template};
use simulation::world::{NOW, at};

use crate::world::{program, template};

/// The first decides and stands still; the second stores the same and stands still in turn, with the run in its middle; then the first goes
/// on. Of everything that keeps it from charging again the unique key of charges is the last: `mutant_charge_key_dropped`.
// checklist 53, checklist 55, promise P18
#[test]
fn a_node_that_wakes_in_the_middle_of_a_run_bills_nothing_twice() {
    let Some(template) = template(Kind::Postgres) else { return };
    let Scheduled { copy, expected } = scheduled(template);
    let program = program();
    let cluster = Cluster::new(&program, &copy, template.project);
    let stands_still = |point: &str| Some(Stop { point: point.to_owned(), hit: 1, how: Ending::StandsStill });
    let first = cluster.start(1, stands_still("begun store_billing"));
    first.wait_until_it_stands_still();
    let second = cluster.start(2, stands_still("begun issue_invoices"));
    second.wait_until_it_stands_still();
    first.goes_on();
    cluster.wait_until_billed();
    second.goes_on();
    first.end();
    second.end();
    let outcome = come_to(&copy, template.project);
    // With the mutants ids are others.
    if !cfg!(feature = "mutant_charge_key_alone") {
        assert_eq!(expected.difference(&outcome), [""; 0]);
    }
}

// checklist 53, checklist 55, promise P18
#[test]
fn of_four_nodes_one_stands_still_while_it_stores_and_nothing_is_billed_twice() {
    one_stands_still(4, "statement insert_charges", 1);
}

// checklist 76, promise P18
#[test]
fn of_two_nodes_one_stands_still_while_it_issues_and_numbers_have_no_gap() {
    one_stands_still(2, "begun issue_invoices", 2);
}

/// One node begins and stands still; the others take over when its lease has ended; then it goes on.
fn one_stands_still(nodes: u64, point: &str, hit: u64) {
    let Some(template) = template(Kind::Postgres) else { return };
    let Scheduled { copy, expected } = scheduled(template);
    let program = program();
    let cluster = Cluster::new(&program, &copy, template.project);
    let stop = Stop { point: point.to_owned(), hit, how: Ending::StandsStill };
    let first = cluster.start(1, Some(stop));
    first.wait_until_it_stands_still();
    let others: Vec<_> = (1..nodes).map(|node| cluster.start(1 + node, None)).collect();
    cluster.wait_until_billed();
    first.goes_on();
    first.end();
    others.into_iter().for_each(WorkingNode::end);

    let outcome = come_to(&copy, template.project);
    assert_eq!(expected.difference(&outcome), [""; 0]);
}

// checklist 52, promise P18
#[test]
fn four_schedulers_that_see_the_same_window_start_one_run() {
    let Some(template) = template(Kind::Postgres) else { return };
    let (program, project) = (program(), template.project);
    let copy = template.copy();
    let cluster = Cluster::new(&program, &copy, project);
    let nodes: Vec<_> = (1..=4).map(|node| cluster.start(node, None)).collect();
    cluster.wait_until_billed();
    nodes.into_iter().for_each(WorkingNode::end);
    let outcome = come_to(&copy, project);
    let alone = template.copy();
    let expected = program.finish(&orders(&alone, project)).outcome;
    assert_eq!(charges(&expected), charges(&outcome));
    let runs =
        |outcome: &Outcome| outcome.lines.iter().filter(|line| line.starts_with("trail billingRun.scheduled")).count();
    assert_eq!((runs(&outcome), outcome.count("run")), (runs(&expected), expected.count("run")));
}

/// A world in which the run is started, so that nodes do the same run as a single process, and what that makes of it.
struct Scheduled {
    copy: Copied,
    expected: Outcome,
}

fn scheduled(template: &Template) -> Scheduled {
    let (copy, project) = (template.copy(), template.project);
    let installation = Installation::open(&copy.address);
    installation.begin("schedule", at(NOW));
    let ctx = installation.engine.clocked_ctx("simulation", project).unwrap();
    installation.engine.schedule_billing(&ctx).unwrap();
    drop(installation);
    let alone = copy.copy();
    let expected = program().finish(&orders(&alone, project)).outcome;
    Scheduled { copy, expected }
}

fn orders(copy: &Copied, project: ProjectId) -> Orders {
    Orders { database: copy.address.clone(), project, stop: None, threads: 1, pdfs: Pdfs::NONE }
}

/// What came of it, with what a scheduler does next; whatever it was, nothing is billed twice and every invariant holds.
fn come_to(copy: &Copied, project: ProjectId) -> Outcome {
    let outcome = program().finish(&orders(copy, project)).outcome;
    nothing_is_billed_twice(&outcome);
    let installation = Installation::open(&copy.address);
    let report = installation.engine.verify_project(project).unwrap();
    assert!(report.holds(), "{report:#?}");
    outcome
}

/// Key, revision, amount and what a wallet paid of it.
fn charges(outcome: &Outcome) -> Vec<Vec<&str>> {
    let words = outcome.lines.iter().filter(|line| line.starts_with("charge ")).map(|line| line.split(' '));
    let mut charges: Vec<Vec<&str>> = words
        .map(|words| words.skip(1).collect())
        .map(|words: Vec<&str>| vec![words[0], words[1], words[3], words[4]])
        .collect();
    charges.sort_unstable();
    charges
}

/// Each key is charged once for each revision, and the numbers have no gap.
fn nothing_is_billed_twice(outcome: &Outcome) {
    let mut charged: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for charge in charges(outcome) {
        *charged.entry((charge[0], charge[1])).or_default() += 1;
    }
    let twice: Vec<_> = charged.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "billed twice: {twice:?}");
    let mut numbers: Vec<&str> =
        outcome.lines.iter().filter_map(|line| line.strip_prefix("issued ")?.split(' ').nth(1)).collect();
    numbers.sort_unstable();
    let expected: Vec<String> = (1..=numbers.len()).map(|number| format!("S-{number:05}")).collect();
    assert_eq!(numbers, expected);
}
