//! What entries did to earlier ones: reversals, refunds, and repayments of an overdraft that a return may undo.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{CustomerId, EntryId, LotId};
use domain::ledger::account::Account;
use domain::wallets::{LotKind, Part};

use crate::accounts::read_account;
use crate::error::StorageError;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;

/// The entry that reverses this one.
pub fn reversal_of(tx: &mut ProjectTx<'_>, id: EntryId) -> Result<Option<EntryId>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_reversal
            select id
            from journal_entries
            where project_id = ?1 and reverses_id = ?2"
        ),
        &params![id],
        |row| row.get(0),
    )
}

/// The amounts of all refunds of this charge.
pub fn refunded(tx: &mut ProjectTx<'_>, id: EntryId) -> Result<Vec<Amount>, StorageError> {
    tx.query(
        sql!(
            "-- refunds_of_entry
            select amount_micros
            from journal_entries
            where project_id = ?1 and refunds_id = ?2"
        ),
        &params![id],
        |row| row.get(0),
    )
}

/// What lots paid to settle overdrafts of a wallet and did not get back, the latest lot first.
///
/// A repayment is a debit of a lot followed by a credit of the overdraft; undoing it is a debit of the overdraft followed
/// by a credit of the lot.
pub fn repayments(tx: &mut ProjectTx<'_>, customer: CustomerId, currency: Currency) -> Result<Vec<Part>, StorageError> {
    let overdraft = Account::WalletOverdraft { customer }.to_string();
    let moved = tx.query(
        sql!(
            "-- repayments_of_overdraft
            select a.name, l.direction, l.amount_micros
            from accounts o
            join postings p on p.project_id = o.project_id and p.account_id = o.id
            join postings l on l.project_id = p.project_id and l.entry_id = p.entry_id and l.direction <> p.direction
                and l.line = p.line + case when p.direction = 'credit' then -1 else 1 end
            join accounts a on a.project_id = l.project_id and a.id = l.account_id and a.lot_id is not null
            where o.project_id = ?1 and o.name = ?2 and o.currency = ?3"
        ),
        &params![overdraft, currency],
        |row| {
            let direction: String = row.get(1)?;
            let amount: Amount = row.get(2)?;
            let repaid = if direction == "debit" { amount.micros() } else { -amount.micros() };
            Ok((read_account(row, 0)?, repaid))
        },
    )?;
    let mut net: BTreeMap<(LotId, LotKind), i64> = BTreeMap::new();
    for (account, repaid) in moved {
        let kind = if matches!(account, Account::WalletPaid { .. }) { LotKind::Paid } else { LotKind::Promotional };
        let lot =
            account.lot().ok_or_else(|| StorageError::corrupt(format!("{account} is not the account of a lot")))?;
        *net.entry((lot, kind)).or_default() += repaid;
    }
    let parts = net.into_iter().rev().filter(|(_, repaid)| *repaid > 0);
    Ok(parts.map(|((lot, kind), repaid)| Part { lot, kind, amount: Amount::from_micros(repaid) }).collect())
}
