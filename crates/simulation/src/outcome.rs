//! What came of a run, in lines that say everything that must not depend on how it came about: invoices with the bytes of their JSON, HTML
//! and PDF, numbers, charges, items, schedules, the ledger, reconciliations, the trail. Only when the system came to know of something is
//! left out: a run that is repeated does so later.

use std::collections::BTreeSet;

use domain::access::Permission;
use domain::charges::charge::Charge;
use domain::customers::Customer;
use domain::ids::{BillingRunId, CustomerId, EntryId, InvoiceId, ProjectId};
use domain::invoices::record::InvoiceRecord;
use domain::ledger::entry::JournalEntry;
use engine::documents::{DocumentForm, Drawing};
use engine::{Ctx, Engine};
use serde::{Deserialize, Serialize};
use storage::audit_entries::{self, AuditFilter};
use storage::invoices::InvoiceFilter;
use storage::journal::EntryFilter;
use storage::{ProjectTx, StorageError};

use crate::hash;

/// More than there is of anything.
const ALL: i64 = 1_000_000;

/// Sorted lines. Two outcomes are equal if and only if their digests are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub lines: Vec<String>,
}

/// Which of the issued invoices are drawn as PDF: it takes long without optimisation. HTML is drawn of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pdfs {
    /// One of so many; none for 0.
    pub one_of: u64,
}

impl Pdfs {
    pub const NONE: Pdfs = Pdfs { one_of: 0 };
    pub const ALL: Pdfs = Pdfs { one_of: 1 };
}

impl Outcome {
    pub fn digest(&self) -> String {
        hash(self.lines.join("\n"))
    }

    /// How many lines begin with this word.
    pub fn count(&self, word: &str) -> usize {
        self.lines.iter().filter(|line| line.split(' ').next() == Some(word)).count()
    }

    /// What is only here and what is only there; empty when both are equal.
    pub fn difference(&self, other: &Outcome) -> Vec<String> {
        let here: BTreeSet<&String> = self.lines.iter().collect();
        let there: BTreeSet<&String> = other.lines.iter().collect();
        let gone = here.difference(&there).map(|line| format!("- {line}"));
        let mut lines: Vec<String> = gone.chain(there.difference(&here).map(|line| format!("+ {line}"))).collect();
        if lines.is_empty() && self != other {
            lines.push("the same lines, some of them more often".to_owned());
        }
        lines
    }
}

/// Reads the outcome for a project.
pub fn read(engine: &Engine, ctx: &Ctx, pdfs: Pdfs) -> Outcome {
    ctx.require(Permission::BillingRead).unwrap();
    let mut lines = Vec::new();
    let invoices = stored(engine, ctx.project, &mut lines);
    for (count, invoice) in (0..).zip(invoices) {
        lines.push(drawn(engine, ctx, invoice, pdfs.one_of > 0 && count % pdfs.one_of == 0));
    }
    let mut after = None;
    loop {
        let page = engine.list_accounts(ctx, None, after, 200).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        lines.extend(
            page.iter().map(|account| format!("account {} {} {}", account.name, account.currency, account.balance)),
        );
    }
    lines.sort();
    Outcome { lines }
}

/// What is stored. Answers the issued invoices.
fn stored(engine: &Engine, project: ProjectId, lines: &mut Vec<String>) -> Vec<InvoiceId> {
    let read = |tx: &mut ProjectTx<'_>| -> Result<(Vec<InvoiceId>, Vec<String>), StorageError> {
        let mut lines = Vec::new();
        let records = storage::invoices::page(tx, &InvoiceFilter::default(), ALL)?;
        let ids: Vec<InvoiceId> = records.iter().map(|record| record.id).collect();
        lines.extend(records.iter().map(standing));
        let charges = storage::charges::of_invoices(tx, &ids)?;
        let runs: BTreeSet<BillingRunId> = charges.iter().filter_map(|(_, charge)| charge.run).collect();
        lines.extend(charges.iter().map(|(invoice, charge)| charged(*invoice, charge)));
        for run in runs {
            let items = storage::billing_items::page_of_run(tx, run, None, None, ALL)?;
            lines.extend(items.iter().map(|item| format!("item {} {} {item:?}", item.id, item.state)));
            let run = storage::billing_runs::get(tx, run)?;
            lines.extend(run.map(|run| format!("run {} {} {:?} {:?}", run.id, run.as_of, run.phase, run.counts)));
        }
        let customers = storage::customers::page(tx, None, ALL)?;
        let payers: BTreeSet<CustomerId> = customers.iter().map(Customer::payer_id).collect();
        let payers: Vec<CustomerId> = payers.into_iter().collect();
        let schedules = storage::subscription_schedules::of_payers(tx, &payers, None)?;
        lines.extend(schedules.iter().map(|(_, schedule)| format!("schedule {} {schedule:?}", schedule.subscription)));
        ledger(tx, &mut lines)?;
        let trail = audit_entries::page(tx, &AuditFilter::default(), ALL)?;
        lines.extend(trail.iter().map(|entry| format!("trail {} {}", entry.action, entry.target)));
        let issued = storage::issued_invoices::page(tx, None, ALL)?;
        for issued in &issued {
            assert_eq!(hash(&issued.document), hex(&issued.digest), "the digest of {}", issued.number.text);
            let (invoice, number) = (issued.invoice, &issued.number.text);
            lines.push(format!("issued {invoice} {number} {} json {}", issued.due, hash(&issued.document)));
            let Some(made) = storage::reconciliations::get(tx, invoice)? else { continue };
            assert!(made.agrees, "{number} does not reconcile: {}", made.content);
            lines.push(format!("reconciliation {invoice} {number} {} {}", made.agrees, hash(&made.content)));
        }
        Ok((issued.into_iter().map(|issued| issued.invoice).collect(), lines))
    };
    let (issued, found) = engine.db().read("read_outcome", project, read).unwrap();
    lines.extend(found);
    issued
}

fn standing(record: &InvoiceRecord) -> String {
    let InvoiceRecord { id, standing, name, .. } = record;
    let all = hash(format!("{record:?}"));
    format!("invoice {id} {} {} {} {} {all}", name.bills_on, name.currency, standing.state, standing.total)
}

fn charged(invoice: InvoiceId, charge: &Charge) -> String {
    let Charge { id, key, revision, amount, prepaid, .. } = charge;
    format!("charge {key} {revision} {id} {amount} {prepaid} on {invoice} {}", hash(format!("{charge:?}")))
}

fn ledger(tx: &mut ProjectTx<'_>, lines: &mut Vec<String>) -> Result<(), StorageError> {
    let entries = storage::journal::page(tx, &EntryFilter::default(), ALL)?;
    let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
    for entry in &entries {
        let JournalEntry { id, kind, amount, currency, effective_at, .. } = entry;
        // When we knew of it.
        let known = JournalEntry { recorded_at: *effective_at, ..entry.clone() };
        lines.push(format!("entry {id} {kind} {amount} {currency} {effective_at} {}", hash(format!("{known:?}"))));
    }
    for (entry, postings) in storage::journal::lines_of(tx, &ids)? {
        for (number, posting) in postings.iter().enumerate() {
            let (account, amount) = (posting.account, posting.amount);
            lines.push(format!(
                "posting {entry} {number} {account} {:?} {amount} {}",
                posting.direction, posting.currency
            ));
        }
    }
    Ok(())
}

fn drawn(engine: &Engine, ctx: &Ctx, invoice: InvoiceId, with_pdf: bool) -> String {
    let draw = |form| {
        let drawn = engine.draw_invoice(ctx, invoice, &Drawing { form, known: Vec::new() }).unwrap();
        hash(drawn.bytes.unwrap())
    };
    let pdf = if with_pdf { draw(DocumentForm::Pdf) } else { "-".to_owned() };
    format!("drawn {invoice} html {} pdf {pdf}", draw(DocumentForm::Html))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(lines: &[&str]) -> Outcome {
        Outcome { lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn a_difference_names_the_lines_of_either_side() {
        let one = outcome(&["charge a 1", "charge b 2"]);
        assert_eq!(one.difference(&outcome(&["charge a 1", "charge b 3"])), ["- charge b 2", "+ charge b 3"]);
        assert_eq!(one.difference(&one), [""; 0]);
        assert_eq!(outcome(&["trail x"]).difference(&outcome(&["trail x", "trail x"])).len(), 1);
    }

    #[test]
    fn equal_outcomes_have_equal_digests() {
        let one = outcome(&["charge a 1"]);
        assert_eq!(one.digest(), outcome(&["charge a 1"]).digest());
        assert_ne!(one.digest(), outcome(&["charge a 2"]).digest());
        assert_eq!((one.count("charge"), one.count("charg")), (1, 0));
    }
}
