//! Drafts whose usage is still counted: what was charged in windows of a period that has not closed yet is billed with the rest of it.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::amount::Amount;
use domain::charges::charge::{Charge, ChargeKind};
use domain::invoices::record::InvoiceRecord;
use domain::ratio::OutOfRange;
use domain::refusal::{Code, Refusal};
use storage::{ProjectTx, charges};

use super::drafts::Drafts;
use crate::error::Error;

/// Checks that the periods of everything on these drafts have closed.
///
/// # Errors
/// [`Code::InvoiceOpen`] with the first price whose has not.
pub(super) fn require_closed(tx: &mut ProjectTx<'_>, loaded: &Drafts, drafts: &[InvoiceRecord]) -> Result<(), Error> {
    for draft in drafts {
        for (newest, amount) in newest_by_key(loaded.charges(draft.id))? {
            if !amount.is_zero() && may_be_open(loaded, newest) && is_open(tx, newest)? {
                let detail = format!(
                    "The usage of `{}` is counted until {} and charged with the rest of its period. The draft is issued after that.",
                    newest.price, newest.at
                );
                return Err(Refusal::new(Code::InvoiceOpen, detail).into());
            }
        }
    }
    Ok(())
}

/// The newest charge of each key, with what all of them on the draft come to.
fn newest_by_key(charges: &[Charge]) -> Result<Vec<(&Charge, Amount)>, Error> {
    let mut by_key: BTreeMap<&str, (&Charge, Amount)> = BTreeMap::new();
    for charge in charges.iter().filter(|charge| charge.kind == ChargeKind::Usage) {
        let (newest, amount) = by_key.entry(&charge.key).or_insert((charge, Amount::ZERO));
        *amount = amount.checked_add(charge.amount).ok_or(OutOfRange).map_err(Refusal::from)?;
        if charge.revision > newest.revision {
            *newest = charge;
        }
    }
    Ok(by_key.into_values().collect())
}

/// What was charged after its period had closed and waited is not open, whatever it says: nothing has to be read.
fn may_be_open(loaded: &Drafts, charge: &Charge) -> bool {
    let late_buffer = Duration::from_secs(u64::from(loaded.project.policies.late_buffer_minutes) * 60);
    charge.at.checked_add(late_buffer).is_none_or(|closed_at| charge.as_of < closed_at)
}

fn is_open(tx: &mut ProjectTx<'_>, charge: &Charge) -> Result<bool, Error> {
    // The rest may be paid by somebody else, who pays for the customer since.
    Ok(charge.is_open() && charges::of_key(tx, &charge.key)?.last().is_some_and(Charge::is_open))
}
