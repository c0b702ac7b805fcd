//! Runs the stories of `tests/stories/`: months of a sandbox, told as text through the API, on both databases, with the invoices that are
//! expected worked out by hand.
//!
//! A story is a text file. Lines that begin with `#` are for people. Dates and times are UTC; a date alone is its midnight. What a line
//! can say:
//!
//! ```text
//! policies { "latePolicy": "creditNote" }
//! catalog                                             a block of YAML, as catalog files have it
//!   plans: …
//! customer acme { "tax": { "country": "DE" } }
//! grant acme 100 USD
//! subscribe acme team from 2026-04-01 { "quantities": { "seats": "3" } }
//! use acme calls 1000 at 2026-04-05 12:00 { "region": "eu" }
//! clock 2026-05-01 03:00
//! change acme 2026-05-11 { "type": "cancelled" }
//! credit INV-000001 10.00
//! pay INV-000001 100.00
//! void INV-000001
//! resolve nextInvoice
//! expect invoices | invoice INV-000001 | late | upcoming acme | balance acme USD
//!   …                                                 a block of what is found
//! ```

mod expected;
mod told;

use std::path::Path;

use crate::world::World;
use told::Story;

/// Each file of the folder as a test of its own on each database.
macro_rules! stories {
    ($($name:ident)*) => {
        const TOLD: &[&str] = &[$(stringify!($name)),*];

        $(
            mod $name {
                const STORY: &str = include_str!(concat!("../stories/", stringify!($name), ".txt"));

                #[test]
                fn sqlite() {
                    crate::world::World::tell("sqlite", module_path!(), |world| super::comes_out(world, STORY));
                }

                #[test]
                fn postgres() {
                    crate::world::World::tell("postgres", module_path!(), |world| super::comes_out(world, STORY));
                }
            }
        )*
    };
}

stories! {
    annual_fee_with_monthly_usage
    currency_with_three_decimals
    currency_without_decimals
    late_usage_as_an_own_invoice
    late_usage_for_a_person_to_decide
    late_usage_in_a_new_version
    late_usage_on_the_next_invoice
    minimum_commitment
    paid_from_a_wallet
    payer_of_two_customers
    price_change_in_mid_period
    reverse_charge_and_tax
    tax_inclusive
    usage_rated_by_the_day
}

#[test]
fn every_file_of_the_folder_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().path().file_stem().unwrap().to_owned();
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(name).collect();
    files.sort();
    assert_eq!(files, TOLD);
}

fn comes_out(world: &World, text: &str) {
    assert!(text.starts_with("# "), "a story begins with a title");
    let failures = run(world, text);
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// What does not come out, each with the number of its line.
fn run(world: &World, text: &str) -> Vec<String> {
    let mut story = Story::open(world);
    let mut failures = Vec::new();
    let mut expectations = 0;
    let lines: Vec<(usize, &str)> = (1..).zip(text.lines()).filter(|(_, line)| is_told(line)).collect();
    let mut next = 0;
    while let Some((number, line)) = lines.get(next) {
        next += 1;
        let block: Vec<&str> =
            lines[next..].iter().map(|(_, line)| *line).take_while(|line| line.starts_with(' ')).collect();
        next += block.len();
        if let Some(question) = line.strip_prefix("expect ") {
            expectations += 1;
            let block: Vec<&str> = block.iter().map(|line| line.trim()).collect();
            let found = expected::answer(&story, question);
            if found != block {
                let (block, found) = (block.join("\n    "), found.join("\n    "));
                failures.push(format!("{number}: {line}\n  expected\n    {block}\n  found\n    {found}"));
            }
        } else {
            story.hear(line, &block);
        }
    }
    if expectations == 0 {
        failures.push("0: expects nothing".to_owned());
    }
    failures
}

fn is_told(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with('#')
}

/// A runner that accepts everything proves nothing.
#[test]
fn a_story_that_is_wrong_is_told_by_its_line() {
    World::tell("sqlite", "a_story_that_is_wrong_is_told_by_its_line", |world| {
        let failures =
            run(world, "# A title\ncustomer acme\nexpect invoices\n  INV-000001 2026-04-01 acme 1.00 USD paid\n");
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].starts_with("3: expect invoices"), "{failures:?}");
        assert_eq!(run(world, "# A title\ncustomer zeta\n"), ["0: expects nothing"]);
    });
}
