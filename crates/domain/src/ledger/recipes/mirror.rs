//! The mirror of entries that were posted: debit and credit swapped, so that together they move nothing.

use crate::ledger::account::Direction;
use crate::ledger::lines::{Draft, Lines};
use crate::refusal::Refusal;

/// Mirrors the lines of one entry.
///
/// # Errors
/// None that a posted entry can cause: its lines were balanced and few enough.
pub fn mirror(posted: &Lines) -> Result<Lines, Refusal> {
    let lines = posted.as_slice();
    let mut draft = Draft::new(lines[0].currency);
    assert!(
        lines.iter().all(|line| line.currency == lines[0].currency),
        "an entry of several currencies is mirrored by its own recipe"
    );
    for line in lines {
        match line.direction.opposite() {
            Direction::Debit => draft.debit(line.account, line.amount),
            Direction::Credit => draft.credit(line.account, line.amount),
        }
    }
    draft.finish()
}
