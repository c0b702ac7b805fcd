//! What is still to be charged: the difference between what is wanted under each key and what was charged under it before.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::amount::Amount;
use crate::charges::charge::{Charge, ChargeKind};
use crate::ids::{BillingRunId, CustomerId, InvoiceId, ProjectId, SubscriptionId};
use crate::ratio::OutOfRange;
use crate::subscriptions::revisions::AlreadyBilled;
use crate::time::Instant;

use super::wanted::Wanted;

/// Whose charges they are, and what they were made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    pub project: ProjectId,
    pub customer: CustomerId,
    pub payer: CustomerId,
    pub subscription: SubscriptionId,
    /// Up to which place in the order of folded batches usage was counted.
    pub cut: Option<i64>,
    pub as_of: Instant,
    pub run: Option<BillingRunId>,
    pub revises: Revises,
}

/// What makes a revision of a charge that was made before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revises {
    /// It comes to something else.
    Amounts,
    /// Or it counts something else or further, while nothing of it was issued: an invoice shows what it counted, and up to where, also where
    /// that costs nothing.
    Contents,
}

/// What was charged under a key: the newest of its charges, and what all of them come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    pub newest: Charge,
    pub billed: AlreadyBilled,
    /// The issued invoice that the newest of them is on; absent while that is a draft.
    pub issued_on: Option<InvoiceId>,
    /// Whether any of them is on an issued invoice.
    pub was_issued: bool,
}

impl Before {
    /// With one more charge of the same key; they come in the order of revisions.
    ///
    /// # Errors
    /// [`OutOfRange`] when the sum does not fit.
    pub fn with(known: Option<Before>, charge: Charge, issued_on: Option<InvoiceId>) -> Result<Before, OutOfRange> {
        let was_issued = issued_on.is_some() || known.as_ref().is_some_and(|known| known.was_issued);
        let (amount, revisions) =
            known.map_or((Amount::ZERO, 0), |known| (known.billed.amount, known.billed.revisions));
        let amount = amount.checked_add(charge.amount).ok_or(OutOfRange)?;
        Ok(Before { billed: AlreadyBilled { amount, revisions: revisions + 1 }, newest: charge, issued_on, was_issued })
    }

    /// The revision by which this becomes what is wanted; `None` where there is nothing to revise.
    fn revised(&self, wanted: Wanted, charged: &Charged) -> Result<Option<Charge>, OutOfRange> {
        let amount = wanted.amount.checked_sub(self.billed.amount).ok_or(OutOfRange)?;
        // What closes says what its whole period used, also where that costs no more.
        let closes = self.newest.is_open() && !wanted.is_open;
        let may_count_else = closes || (charged.revises == Revises::Contents && !self.was_issued);
        if amount.is_zero() && !may_count_else {
            return Ok(None);
        }
        let charge = first(Wanted { amount, ..wanted }, charged);
        let counts_as_far = charge.kind != ChargeKind::Usage || charge.cut == self.newest.cut;
        let is_same = amount.is_zero() && charge.digest == self.newest.digest && counts_as_far;
        let revision = Charge { corrects: self.issued_on, ..charge }.revision(self.billed.revisions, charged.project);
        Ok(Some(revision).filter(|_| !is_same))
    }
}

/// A charge that is to be made, with the instant on whose day it is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCharge {
    pub charge: Charge,
    pub falls_on: Instant,
    /// The lots pay that are valid then.
    pub draws_at: Instant,
    pub windowed: Windowed,
}

/// Whether a charge is one of several of a period that is, or was, open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Windowed {
    No,
    /// It is the first of them.
    First,
    /// It goes on with those before: all of them are billed together.
    Further,
}

impl NewCharge {
    /// One that draws by its own time and stands alone.
    pub fn new(charge: Charge, falls_on: Instant) -> NewCharge {
        NewCharge { draws_at: charge.rates_at, charge, falls_on, windowed: Windowed::No }
    }
}

/// The charges that are missing, in the order in which they came up and of their keys. What was charged under a key that nobody wants any
/// more goes back, on the day of `withdrawn_on`. A key is charged once even if it comes to nothing, so that later usage has something to
/// be added to; but not while its period is open. What is wanted under one key in several windows comes in their order.
///
/// # Errors
/// [`OutOfRange`] when a difference does not fit.
pub fn missing(
    wanted: Vec<Wanted>,
    before: &BTreeMap<String, Before>,
    charged: &Charged,
    withdrawn_on: Instant,
) -> Result<Vec<NewCharge>, OutOfRange> {
    let mut new = Vec::new();
    let mut wanted_keys = BTreeSet::new();
    // With what is charged here in the windows before.
    let mut so_far: BTreeMap<String, Before> = BTreeMap::new();
    for wanted in wanted {
        let (key, is_open) = (wanted.key.clone(), wanted.is_open);
        wanted_keys.insert(key.clone());
        let stands = so_far.get(&key).or_else(|| before.get(&key));
        let Some(next) = next(wanted, stands, charged)? else { continue };
        if is_open {
            let together = Before::with(stands.cloned(), next.charge.clone(), None)?;
            so_far.insert(key, together);
        }
        new.push(next);
    }
    for (key, Before { newest, billed, issued_on, .. }) in before {
        if wanted_keys.contains(key) || billed.amount.is_zero() {
            continue;
        }
        let amount = Amount::ZERO.checked_sub(billed.amount).ok_or(OutOfRange)?;
        let Charged { cut, as_of, run, payer, .. } = *charged;
        let back = Charge {
            amount,
            prepaid: Amount::ZERO,
            promotional: Amount::ZERO,
            cut,
            as_of,
            run,
            payer,
            entry: None,
            corrects: *issued_on,
            ..newest.clone()
        };
        let charge = back.revision(billed.revisions, charged.project);
        new.push(NewCharge::new(charge, withdrawn_on));
    }
    // Revisions of one key stay in their order.
    new.sort_by(|left, right| (left.charge.at, &left.charge.key).cmp(&(right.charge.at, &right.charge.key)));
    Ok(new)
}

/// What is still to be charged for one that is wanted; `None` when nothing is.
fn next(wanted: Wanted, stands: Option<&Before>, charged: &Charged) -> Result<Option<NewCharge>, OutOfRange> {
    let Wanted { falls_on, draws_at, is_open, .. } = wanted;
    let windowed = match stands {
        Some(stands) if stands.newest.is_open() => Windowed::Further,
        None if is_open => Windowed::First,
        Some(_) | None => Windowed::No,
    };
    let charge = match stands {
        None if is_open && wanted.amount.is_zero() => None,
        None => Some(first(wanted, charged)),
        Some(stands) => stands.revised(wanted, charged)?,
    };
    Ok(charge.map(|charge| NewCharge { charge, falls_on, draws_at, windowed }))
}

fn first(wanted: Wanted, charged: &Charged) -> Charge {
    // Cannot fail: a line holds nothing that JSON cannot say.
    let content = serde_json::to_string(&wanted.line).expect("a charge line is JSON");
    Charge {
        id: Charge::id_of(charged.project, &wanted.key, 0, wanted.at),
        key: wanted.key,
        revision: 0,
        item: None,
        customer: charged.customer,
        payer: charged.payer,
        subscription: Some(charged.subscription),
        kind: wanted.kind,
        price: wanted.price,
        source: Some(wanted.source),
        period: Some(wanted.period),
        part: Some(wanted.part),
        at: wanted.at,
        rates_at: wanted.rates_at,
        currency: wanted.currency,
        amount: wanted.amount,
        prepaid: Amount::ZERO,
        promotional: Amount::ZERO,
        tax_category: wanted.tax_category,
        tax_behaviour: wanted.tax_behaviour,
        coupons: wanted.coupons,
        digest: Sha256::digest(content.as_bytes()).into(),
        content,
        cut: charged.cut,
        as_of: charged.as_of,
        entry: None,
        corrects: None,
        run: charged.run,
    }
}

impl Charge {
    fn revision(self, revision: u32, project: ProjectId) -> Charge {
        Charge { id: Charge::id_of(project, &self.key, revision, self.at), revision, ..self }
    }
}

#[cfg(test)]
mod tests;
