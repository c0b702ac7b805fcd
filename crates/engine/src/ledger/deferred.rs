//! What fees in advance still have to earn, line by line, at the end of a day of the books: the schedule behind the deferred balances.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{CreditNoteId, CustomerId, DeferralId, InvoiceId, SubscriptionId};
use domain::ledger::closing::civil_day;
use domain::ledger::deferral::Deferral;
use domain::ledger::recognition::{end_of, last_day_over};
use domain::ratio::OutOfRange;
use domain::window::zone;
use jiff::civil::Date;
use storage::deferrals::{self, DeferredAsOf};
use storage::{ProjectTx, customers, projects};

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// What one line of an issued invoice deferred, or a credit note took back of it, and how much of that is earned.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeferredFee {
    pub id: DeferralId,
    pub invoice_id: InvoiceId,
    #[schema(example = "INV-000042")]
    pub number: String,
    /// The number of the line, from 1.
    pub line: u32,
    /// The credit note that took it back.
    pub credit_note_id: Option<CreditNoteId>,
    /// Who pays.
    pub customer_key: String,
    pub subscription_id: SubscriptionId,
    pub currency: Currency,
    /// The days it is for, in the zone of who pays.
    #[schema(value_type = String, format = Date)]
    pub first_day: Date,
    #[schema(value_type = String, format = Date)]
    pub last_day: Date,
    /// Net of discount and tax; negative for unused time that came back, and for what a credit note took back.
    pub deferred: Amount,
    /// With the entry of the day, and those before.
    pub earned: Amount,
    /// `deferred − earned`; all of a subscription sum to the balance of its account `deferred`.
    pub left: Amount,
}

/// The fees of which something is left after a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeferredFees {
    /// A day of the books.
    pub as_of: Date,
    pub fees: Vec<DeferredFee>,
}

impl Engine {
    /// What is left of fees in advance at the end of a day, the last one that is over if none is given; after the given one, `limit` of them
    /// at most. A day that lies ahead tells what will be left of what is billed until then.
    ///
    /// # Errors
    /// `invalid_value` for a text that is no day; `forbidden` without the permission to read billing.
    pub fn deferred_fees(
        &self,
        ctx: &Ctx,
        as_of: Option<&str>,
        customer_key: Option<&str>,
        (after, limit): (Option<DeferralId>, usize),
    ) -> Result<DeferredFees, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "deferred_fees", |tx| {
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            let zone = zone(&project.time_zone);
            let day = match as_of {
                Some(text) => civil_day("asOf", text)?,
                None => last_day_over(ctx.now(), &zone)?,
            };
            let customer = match customer_key {
                None => None,
                Some(key) => match customers::find_by_key(tx, key)? {
                    Some(customer) => Some(customer.id),
                    None => return Ok(DeferredFees { as_of: day, fees: Vec::new() }),
                },
            };
            let asked = DeferredAsOf { day, end: end_of(day, &zone)?, customer };
            let found = deferrals::open_as_of(tx, &asked, after, page_limit(limit))?;
            Ok(DeferredFees { as_of: day, fees: views(tx, found, day)? })
        })
    }
}

fn views(tx: &mut ProjectTx<'_>, found: Vec<(Deferral, String)>, day: Date) -> Result<Vec<DeferredFee>, Error> {
    let mut payers: Vec<CustomerId> = found.iter().map(|(deferral, _)| deferral.customer).collect();
    payers.sort();
    payers.dedup();
    let keys: BTreeMap<CustomerId, String> =
        customers::find_by_ids(tx, &payers)?.into_iter().map(|customer| (customer.id, customer.external_key)).collect();
    let view = |(deferral, number): (Deferral, String)| {
        let unknown = || Error::Bug(format!("the payer {} of a fee is not stored", deferral.customer));
        Ok(DeferredFee {
            id: deferral.id,
            invoice_id: deferral.invoice,
            number,
            line: deferral.line,
            credit_note_id: deferral.credit_note,
            customer_key: keys.get(&deferral.customer).cloned().ok_or_else(unknown)?,
            subscription_id: deferral.subscription,
            currency: deferral.currency,
            first_day: deferral.days.first,
            last_day: deferral.days.end.yesterday().map_err(|_| OutOfRange)?,
            deferred: deferral.amount,
            earned: deferral.earned_through(day)?,
            left: deferral.unearned_after(day)?,
        })
    };
    found.into_iter().map(view).collect()
}
