//! The invariant of deferred fees, recomputed from what is stored: I9.

use std::collections::BTreeMap;

use domain::ids::AccountId;
use domain::ledger::account::Account;
use domain::ledger::balance::Balance;
use domain::ledger::deferral::Deferral;
use domain::ratio::OutOfRange;
use storage::accounts::{self, AccountRow};
use storage::deferrals::{self, DeferredOf};
use storage::recognitions::{self, Recognition};
use storage::{ProjectTx, balances};

use crate::error::Error;
use crate::ledger::signed;

/// The most findings of one kind and project that are told.
const FINDINGS_MAX: usize = 20;
/// How many rows are looked at together.
const PAGE: i64 = 500;

/// What stands against I9 in one project: a deferral that is earned other than its days say, or an account that holds other than what is
/// deferred less what is earned and taken back.
pub(crate) fn deferred_fees(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = wrong_days(tx)?;
    findings.extend(wrong_accounts(tx)?);
    findings.truncate(FINDINGS_MAX);
    Ok(findings.into_iter().map(|finding| format!("{}: {finding}", tx.project())).collect())
}

fn wrong_days(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let mut after = None;
    while findings.len() < FINDINGS_MAX {
        let page = recognitions::page(tx, after, PAGE)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        for (deferral, recognition) in &page {
            findings.extend(wrong_day(deferral, recognition.as_ref())?);
        }
    }
    Ok(findings)
}

fn wrong_day(deferral: &Deferral, recognition: Option<&Recognition>) -> Result<Option<String>, OutOfRange> {
    let name = format!("the deferral {} of line {} of {}", deferral.id, deferral.line, deferral.invoice);
    let Some(Recognition { progress, voided_at }) = recognition else {
        return Ok(Some(format!("{name} is never earned: how far it is was not kept")));
    };
    if voided_at.is_some() {
        return Ok(None);
    }
    let through = match progress.next_on {
        Some(next) => next.yesterday().map_err(|_| OutOfRange)?,
        None => deferral.ends_on(),
    };
    let (earned, recognized) = (deferral.earned_through(through)?, progress.recognized);
    Ok((earned != recognized)
        .then(|| format!("{name} is kept with {recognized} earned until {through}, but its days come to {earned}")))
}

fn wrong_accounts(tx: &mut ProjectTx<'_>) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let mut after = None;
    while findings.len() < FINDINGS_MAX {
        let rows = accounts::page(tx, None, after, PAGE)?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        let rows: Vec<AccountRow> = rows.into_iter().filter(|row| key(row).is_some()).collect();
        let ids: Vec<AccountId> = rows.iter().map(|row| row.id).collect();
        let booked = signed(&rows, &balances::sums(tx, &ids)?);
        let keys: Vec<_> = rows.iter().filter_map(key).collect();
        let mut held: BTreeMap<DeferredOf, i128> = BTreeMap::new();
        for (key, micros) in deferrals::held(tx, &keys)? {
            *held.entry(key).or_default() += micros;
        }
        for row in &rows {
            let expected = match key(row).and_then(|key| held.get(&key)) {
                Some(micros) => Balance::from_micros(*micros),
                // Nothing is kept for the account, so it should hold nothing.
                None => Balance::ZERO,
            };
            let booked = booked.get(&row.id);
            if booked != Some(&expected) {
                let booked = booked.map_or_else(|| "nothing".to_owned(), Balance::to_string);
                let (account, currency) = (row.account, row.currency);
                findings
                    .push(format!("{account} holds {booked} {currency}, but {expected} is deferred and not earned"));
            }
        }
    }
    Ok(findings)
}

fn key(row: &AccountRow) -> Option<DeferredOf> {
    let Account::Deferred { customer, subscription } = row.account else { return None };
    Some((subscription, customer, row.currency))
}
