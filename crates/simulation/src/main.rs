//! The program behind the simulation: a node for its tests, and the long version of what they do.

use std::io::Read;
use std::process::ExitCode;

use simulation::crash::{Kills, crash};
use simulation::node::{self, Orders};
use simulation::outcome::Pdfs;
use simulation::process::Program;
use simulation::template::{Kind, Template};
use simulation::world::{Order, WorldPlan};
use simulation::{nodes, worker};

const USAGE: &str = "Usage:
  cargo run -p simulation -- crash sqlite|postgres [CUSTOMERS [ONE-PDF-OF]]
      kills a run at each failpoint and compares what the repeated run makes: JSON, HTML and PDF of all invoices, the ledger";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["node"] => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).unwrap();
            let orders: Orders = serde_json::from_str(&text).unwrap();
            println!("{}", serde_json::to_string(&node::run(&orders)).unwrap());
            ExitCode::SUCCESS
        }
        ["worker"] => {
            let (orders, ended) = nodes::orders_from_stdin();
            worker::work(&orders, ended);
            ExitCode::SUCCESS
        }
        ["crash", "sqlite", rest @ ..] => crash_all(Kind::Sqlite, rest),
        ["crash", "postgres", rest @ ..] => crash_all(Kind::Postgres, rest),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn crash_all(kind: Kind, rest: &[&str]) -> ExitCode {
    let number = |place: usize, usual: u64| rest.get(place).map_or(usual, |text| text.parse().unwrap());
    let (customers, pdfs) = (u32::try_from(number(0, 200)).unwrap(), Pdfs { one_of: number(1, 1) });
    let Some(template) = Template::write(kind, WorldPlan { customers, order: Order::Counted }) else {
        return ExitCode::FAILURE;
    };
    let program = Program::new(std::env::current_exe().unwrap());
    let report = crash(&program, &template, Kills::All, pdfs, |line| println!("{line}"));
    for (stop, difference) in &report.differences {
        println!("{} #{}:\n{}", stop.point, stop.hit, difference.join("\n"));
    }
    let (outcome, invoices) = (&report.undisturbed, report.undisturbed.count("issued"));
    println!(
        "{} failpoints, {} kills, {invoices} invoices, SHA-256 {}",
        report.failpoints,
        report.kills,
        outcome.digest()
    );
    println!("{} repeated runs made something else", report.differences.len());
    if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
