//! Drafts whose usage is still counted: what was charged in windows of a period that has not closed yet is billed with the rest of it.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::billing::drafts::still_counted;
use domain::charges::charge::Charge;
use domain::invoices::record::InvoiceRecord;
use domain::refusal::{Code, Refusal};
use storage::{ProjectTx, charges};

use super::drafts::Drafts;
use crate::error::Error;

/// Checks that the periods of everything on these drafts have closed.
///
/// # Errors
/// [`Code::InvoiceOpen`] with the first price whose has not.
pub(super) fn require_closed(tx: &mut ProjectTx<'_>, loaded: &Drafts, drafts: &[InvoiceRecord]) -> Result<(), Error> {
    let late_buffer = Duration::from_secs(u64::from(loaded.project.policies.late_buffer_minutes) * 60);
    let mut counted: BTreeMap<&str, &Charge> = BTreeMap::new();
    for draft in drafts {
        let of_draft = still_counted(loaded.charges(draft.id), late_buffer).map_err(Refusal::from)?;
        counted.extend(of_draft.into_iter().map(|charge| (charge.key.as_str(), charge)));
    }
    // Somebody else may pay since: then the rest is on another draft, and this one has waited for it.
    let keys: Vec<&str> = counted.keys().copied().collect();
    let newest: BTreeMap<String, bool> =
        charges::of_keys(tx, &keys)?.into_iter().map(|charge| (charge.key.clone(), charge.is_open())).collect();
    match counted.values().find(|charge| newest.get(&charge.key).copied().unwrap_or(true)) {
        None => Ok(()),
        Some(charge) => Err(Refusal::new(
            Code::InvoiceOpen,
            format!(
                "The usage of `{}` is counted until {} and charged with the rest of its period. The draft is issued after that.",
                charge.price, charge.at
            ),
        )
        .into()),
    }
}
