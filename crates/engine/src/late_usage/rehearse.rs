//! The late desk in a transaction that is undone: what it would find and decide now, by the code that finds and decides.

use std::collections::BTreeMap;

use domain::ids::InvoiceId;
use domain::late_usage::{LateState, LateUsage, Outcome};
use domain::refusal::Code;
use storage::{ProjectTx, late_usage};

use super::find;
use super::settle::{PAGE, decide, hold_failed};
use crate::ctx::Ctx;
use crate::error::Error;

/// What the desk would decide about one invoice.
pub(crate) struct Rehearsed {
    pub late: LateUsage,
    /// What waited for a person before, and is decided together with it.
    pub waiting: Option<Outcome>,
}

/// Finds what is late now, and decides about it as if nobody else did. The caller undoes it.
pub(crate) fn rehearse(tx: &mut ProjectTx<'_>, ctx: &Ctx) -> Result<BTreeMap<InvoiceId, Rehearsed>, Error> {
    loop {
        let step = find::look(tx)?;
        if step.is_last() {
            break;
        }
        find::keep(tx, &step, ctx.now())?;
    }
    let mut decided = BTreeMap::new();
    let mut after = None;
    loop {
        let open = late_usage::open_after(tx, after, PAGE)?;
        let Some((last, _)) = open.last() else { return Ok(decided) };
        after = Some(*last);
        for (id, invoice) in open {
            let held = late_usage::lock_waiting(tx, invoice)?.into_iter();
            let waiting = held.filter(|late| late.state == LateState::Held).map(|late| late.outcome).next_back();
            match decide(tx, ctx, (id, invoice), None) {
                Err(Error::Refused(refusal)) if refusal.code == Code::AlreadyResolved => {}
                Err(Error::Refused(_)) => hold_failed(tx, id, invoice).map(|_| ())?,
                other => other.map(|_| ())?,
            }
            let late = late_usage::get(tx, id)?.ok_or_else(Error::not_found)?;
            decided.insert(invoice, Rehearsed { late, waiting });
        }
    }
}
