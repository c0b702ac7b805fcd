//! What entries took from the lots of a wallet: by it money goes back the way it came.

use domain::amount::Amount;
use domain::ids::{CustomerId, EntryId, LotId};
use domain::ledger::account::{Account, Direction};
use domain::ledger::lines::Line;
use domain::wallets::{LotKind, Part};
use storage::{ProjectTx, journal};

use crate::error::Error;

/// What entries drew from the lots of a customer and did not get back, in draw order.
///
/// # Errors
/// Only when the database fails, or a lot gave more than an amount can say.
pub(crate) fn drawn_by(tx: &mut ProjectTx<'_>, customer: CustomerId, entries: &[EntryId]) -> Result<Vec<Part>, Error> {
    let lines = journal::lines_of(tx, entries)?;
    let mut parts: Vec<(LotId, LotKind, i128)> = Vec::new();
    for line in entries.iter().filter_map(|entry| lines.get(entry)).flatten() {
        let Some((lot, kind, micros)) = draw_of(line, customer) else { continue };
        match parts.iter_mut().find(|(known, _, _)| *known == lot) {
            Some((_, _, sum)) => *sum += micros,
            None => parts.push((lot, kind, micros)),
        }
    }
    let left = parts.into_iter().filter(|(_, _, micros)| *micros > 0);
    let parts = left.map(|(lot, kind, micros)| {
        let micros = i64::try_from(micros);
        let micros = micros.map_err(|_| Error::Bug(format!("{lot} gave more than an amount can say")))?;
        Ok(Part { lot, kind, amount: Amount::from_micros(micros) })
    });
    parts.collect()
}

/// What a line takes from a lot of a customer, in micros; negative when it gives back.
pub(crate) fn draw_of(line: &Line, customer: CustomerId) -> Option<(LotId, LotKind, i128)> {
    let lot = line.account.lot().filter(|_| line.account.customer() == Some(customer))?;
    let is_promotional = matches!(line.account, Account::WalletPromo { .. });
    let kind = if is_promotional { LotKind::Promotional } else { LotKind::Paid };
    let micros = i128::from(line.amount.micros());
    Some((lot, kind, if line.direction == Direction::Debit { micros } else { -micros }))
}
