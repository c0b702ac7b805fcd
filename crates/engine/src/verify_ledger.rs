//! The invariants of money, recomputed from what is stored: I1 to I3, and I8 for transactions.
//!
//! Everything is read in pages: memory does not grow with the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{AccountId, EntryId};
use domain::ledger::account::{AccountMode, Direction};
use domain::ledger::balance::Balance;
use domain::ledger::lines::Lines;
use storage::accounts::{self, AccountRow};
use storage::{ProjectTx, balances, journal, ledger_checks, wallets};
use uuid::Uuid;

use crate::error::Error;
use crate::ledger::signed;

/// The most findings of one kind and project that are told.
const FINDINGS_MAX: usize = 20;
/// How many rows are looked at together.
const PAGE: i64 = 500;

/// What stands against I1 in one project: debits and credits differ, over all or in one entry.
pub(crate) fn postings(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let project = tx.project();
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for sum in ledger_checks::currency_sums(tx)? {
        let signed = if sum.direction == Direction::Debit { sum.micros } else { -sum.micros };
        *sums.entry(sum.currency).or_default() += signed;
    }
    let mut findings: Vec<String> = sums
        .into_iter()
        .filter(|(_, sum)| *sum != 0)
        .map(|(currency, sum)| {
            format!("{project}: debits exceed credits in {currency} by {}", Balance::from_micros(sum))
        })
        .collect();
    for (entry, line) in ledger_checks::postings_without_entry(tx, PAGE)? {
        findings.push(format!("{project}: line {line} belongs to the entry {entry}, which is not stored"));
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

/// What stands against I2 in one project: a stored balance is not the sum of its postings.
pub(crate) fn stored_balances(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let mut after = None;
    while findings.len() < FINDINGS_MAX {
        let rows = accounts::page(tx, None, after, PAGE)?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        let ids: Vec<AccountId> = rows.iter().map(|row| row.id).collect();
        let expected = signed(&rows, &balances::sums(tx, &ids)?);
        let stored: BTreeMap<AccountId, Amount> = ledger_checks::stored_balances(tx, &ids)?.into_iter().collect();
        let wrong = rows.iter().filter_map(|row| {
            let expected = expected.get(&row.id)?;
            wrong_balance(row, stored.get(&row.id).copied(), *expected)
        });
        findings.extend(wrong.map(|finding| format!("{}: {finding}", tx.project())));
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

/// What stands against I3 in one project: a wallet beyond its overdraft limit, a lot that cannot be.
pub(crate) fn wallets_within_limits(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let project = tx.project();
    let mut findings: Vec<String> = ledger_checks::impossible_lots(tx, PAGE)?
        .into_iter()
        .map(|lot| format!("{project}: the lot {lot} holds less than nothing or more than was granted"))
        .collect();
    let mut after = None;
    while findings.len() < FINDINGS_MAX {
        let rows = wallets::page(tx, after, PAGE)?;
        let Some(last) = rows.last() else { break };
        after = Some((last.customer, last.currency));
        let keys: Vec<_> = rows.iter().map(|row| (row.customer, row.currency)).collect();
        for held in ledger_checks::holdings(tx, &keys)? {
            let spendable = Balance::from_micros(held.lots_micros - held.overdrawn_micros);
            let limit = held.overdraft_limit;
            if spendable.micros() < -i128::from(limit.micros()) {
                let (customer, currency) = (held.customer, held.currency);
                findings.push(format!(
                    "{project}: the wallet of {customer} in {currency} holds {spendable}; its overdraft limit is {limit}"
                ));
            }
        }
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

/// What stands against I8 in one project, for transactions: an entry that does not balance by itself, is not audited, or
/// not announced; an audit entry or an announcement of a transaction that is not stored.
pub(crate) fn entries(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let mut start = Uuid::nil();
    while findings.len() < FINDINGS_MAX {
        let page = ledger_checks::entries_from(tx, start, PAGE)?;
        let end = page.last().map_or(Uuid::max(), |last| millisecond_after(*last));
        let range = start..end;
        findings.extend(traces(tx, &range)?);
        if end == Uuid::max() {
            break;
        }
        start = end;
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings.into_iter().map(|finding| format!("{}: {finding}", tx.project())).collect())
}

/// What one operation writes carries the operation's own time: an entry, its audit entry and its announcement lie in the
/// same millisecond of ids.
fn traces(tx: &mut ProjectTx<'_>, range: &Range<Uuid>) -> Result<Vec<String>, Error> {
    let found = ledger_checks::entries_in(tx, range)?;
    let ids: Vec<EntryId> = found.iter().map(|(id, _)| *id).collect();
    let mut findings = unbalanced(tx, &ids)?;
    let entries: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
    let told = found.iter().filter(|(_, kind)| kind.is_told_by_itself());
    let told: BTreeSet<String> = told.map(|(id, _)| id.to_string()).collect();
    let audited: BTreeSet<String> = ledger_checks::audited_in(tx, range)?.into_iter().collect();
    let announced: BTreeSet<String> = ledger_checks::announced_in(tx, range)?.into_iter().collect();
    findings.extend(told.difference(&audited).map(|id| format!("{id} is not in the audit trail")));
    findings.extend(told.difference(&announced).map(|id| format!("{id} was not announced")));
    findings.extend(audited.difference(&entries).map(|id| format!("the audit trail names {id}, which is not stored")));
    findings.extend(announced.difference(&entries).map(|id| format!("{id} was announced, but is not stored")));
    Ok(findings)
}

fn unbalanced(tx: &mut ProjectTx<'_>, ids: &[EntryId]) -> Result<Vec<String>, Error> {
    let mut lines = journal::lines_of(tx, ids)?;
    let wrong = ids.iter().filter_map(|id| {
        let lines = lines.remove(id).unwrap_or_default();
        Lines::check(lines).err().map(|error| format!("{id}: {error}"))
    });
    Ok(wrong.collect())
}

fn wrong_balance(row: &AccountRow, stored: Option<Amount>, expected: Balance) -> Option<String> {
    let (account, currency) = (row.account, row.currency);
    match (row.account.mode(), stored) {
        (AccountMode::Authorizing, Some(stored)) if Balance::from(stored) == expected => None,
        (AccountMode::Authorizing, Some(stored)) => {
            Some(format!("{account} in {currency} is stored as {stored}, its postings sum to {expected}"))
        }
        (AccountMode::Authorizing, None) => {
            Some(format!("{account} in {currency} has no stored balance, its postings sum to {expected}"))
        }
        (AccountMode::Recording, None) => None,
        (AccountMode::Recording, Some(stored)) => {
            Some(format!("{account} in {currency} is stored as {stored}, but its balance is never stored"))
        }
    }
}

/// The smallest id of the millisecond after this one (RFC 9562, section 5.7: the first 48 bits count milliseconds).
fn millisecond_after(id: EntryId) -> Uuid {
    let millisecond = (id.uuid().as_u128() >> 80) + 1;
    Uuid::from_u128(millisecond << 80)
}
