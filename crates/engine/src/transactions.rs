//! Transactions: journal entries as a customer sees them. Credits, debits, refunds and reversals by people; the list of all.

mod credit;
mod debit;
mod explain;
mod post;
mod refund;
mod reverse;
mod view;

use domain::access::Permission;
use domain::currency::Currency;
use domain::ids::EntryId;
use domain::ledger::entry::TransactionType;
use domain::time::Instant;
use storage::journal::{self, EntryFilter};
use storage::{ProjectTx, customers};

pub use self::credit::GrantCredit;
pub(crate) use self::credit::within_limit;
pub use self::debit::DebitWallet;
pub use self::explain::{TransactionExplanation, TransactionInputs};
pub(crate) use self::post::{Movement, final_refusal, post_movement};
pub use self::refund::RefundCharge;
pub use self::reverse::ReverseTransaction;
pub use self::view::{CauseView, Transaction};
pub(crate) use self::view::{customer_keys, raw_metadata, transactions};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// What a list of transactions is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct TransactionFilter {
    pub customer_key: Option<String>,
    pub currency: Option<Currency>,
    pub kind: Option<TransactionType>,
    /// Transactions that count at this instant or later.
    pub from: Option<Instant>,
    /// Transactions that count before this instant.
    pub to: Option<Instant>,
}

impl Engine {
    /// The newest transactions; `limit` of them at most.
    ///
    /// # Errors
    /// [`Code::Forbidden`](domain::refusal::Code::Forbidden) without the permission to read billing.
    pub fn list_transactions(
        &self,
        ctx: &Ctx,
        filter: &TransactionFilter,
        before: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<Transaction>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_transactions", |tx| {
            let Some(filter) = filter.for_journal(tx, before)? else {
                return Ok(Vec::new());
            };
            let entries = journal::page(tx, &filter, page_limit(limit))?;
            view::transactions(tx, entries)
        })
    }

    /// One transaction.
    ///
    /// # Errors
    /// [`Code::NotFound`](domain::refusal::Code::NotFound), or no permission to read billing.
    pub fn get_transaction(&self, ctx: &Ctx, id: EntryId) -> Result<Transaction, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "get_transaction", |tx| {
            let entry = journal::get(tx, id)?.ok_or_else(Error::not_found)?;
            view::transactions(tx, vec![entry])?.pop().ok_or_else(Error::not_found)
        })
    }
}

impl TransactionFilter {
    /// The same for the journal; `None` when the customer does not exist, and so has no transactions.
    pub(crate) fn for_journal(
        &self,
        tx: &mut ProjectTx<'_>,
        before: Option<EntryId>,
    ) -> Result<Option<EntryFilter>, Error> {
        let customer = match self.customer_key.as_deref() {
            Some(key) => match customers::find_by_key(tx, key)? {
                Some(customer) => Some(customer.id),
                None => return Ok(None),
            },
            None => None,
        };
        let TransactionFilter { customer_key: _, currency, kind, from, to } = self;
        Ok(Some(EntryFilter { customer, currency: *currency, kind: *kind, from: *from, to: *to, before }))
    }
}
