//! Why a transaction is what it is: derived from what is stored, so that the answer is the same for ever.

use domain::access::Permission;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{EntryId, LotId};
use domain::ledger::explanation::{DRAW_ORDER, Explanation, explain};
use domain::ledger::lines::Lines;
use domain::time::Instant;
use serde_json::value::RawValue;
use storage::{ProjectTx, credit_lots, journal};

use super::view::raw_metadata;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::{EntryView, read_lines, views};

/// Why a transaction is what it is.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionExplanation {
    pub inputs: TransactionInputs,
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The rule by which lots are drawn; money returns in the reverse order.
    #[schema(example = "priority, then soonest expiry, then promotional before paid, then oldest")]
    pub draw_order: &'static str,
    /// The steps as sentences that can be read aloud.
    pub text: String,
    /// The entry with its lines, its idempotency key, who acted and what brought it about.
    pub entry: EntryView,
}

/// What was sent.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionInputs {
    pub amount: Amount,
    pub currency: Currency,
    pub customer_key: Option<String>,
    /// When it happened, where the request said so.
    pub usage_at: Option<Instant>,
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
}

impl Engine {
    /// Explains a transaction.
    ///
    /// # Errors
    /// [`Code::NotFound`](domain::refusal::Code::NotFound), or no permission to read billing.
    pub fn explain_transaction(&self, ctx: &Ctx, id: EntryId) -> Result<TransactionExplanation, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "explain_transaction", |tx| explanation(tx, id))
    }
}

fn explanation(tx: &mut ProjectTx<'_>, id: EntryId) -> Result<TransactionExplanation, Error> {
    let entry = journal::get(tx, id)?.ok_or_else(Error::not_found)?;
    let lines = read_lines(tx, id)?;
    let lots = credit_lots::find_by_ids(tx, &lots_of(&lines))?;
    let explanation = explain(&entry, &lines, &lots);
    let metadata = raw_metadata(entry.metadata.as_deref())?;
    let view = views(tx, vec![entry])?.pop().ok_or_else(Error::not_found)?;
    let inputs = TransactionInputs {
        amount: view.amount,
        currency: view.currency,
        customer_key: view.customer_key.clone(),
        usage_at: view.usage_at,
        metadata,
    };
    let text = explanation.text(view.currency.code());
    Ok(TransactionExplanation { inputs, explanation, draw_order: DRAW_ORDER, text, entry: view })
}

/// The lots that the lines name, each once.
fn lots_of(lines: &Lines) -> Vec<LotId> {
    let mut lots: Vec<LotId> = lines.as_slice().iter().filter_map(|line| line.account.lot()).collect();
    lots.sort_unstable();
    lots.dedup();
    lots
}
