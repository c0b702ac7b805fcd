//! The billing overview: how one customer stands, in one snapshot that holds every write answered before it was asked.

use domain::access::Permission;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{CustomerId, ProjectId};
use domain::ingest::OutcomeCounts;
use domain::projects::Mode;
use domain::time::Instant;
use domain::window::{Span, month_of, zone};
use storage::journal::{self, EntryFilter};
use storage::{ProjectTx, invoices, projects};

use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::outcomes;
use crate::metering::usage::{self, MetricTotal};
use crate::page::page_limit;
use crate::transactions::{Transaction, transactions};
use crate::wallets::{self, WalletView};

/// How many of the newest transactions are shown.
const RECENT_TRANSACTIONS: usize = 10;

/// How a customer stands.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BillingOverview {
    pub project: OverviewProject,
    /// The customer the figures are of.
    pub customer_key: String,
    pub as_of: Instant,
    /// The currency of `wallet` and of the charges.
    pub currency: Currency,
    /// The customer's wallet in the project's currency.
    pub wallet: WalletView,
    /// The customer's wallets in every currency.
    pub wallets: Vec<WalletView>,
    pub current_period: CurrentPeriod,
    pub invoices: InvoiceCounts,
    /// The customer's newest transactions.
    pub recent_transactions: Vec<Transaction>,
    /// The outcomes of all ingest requests of the project.
    pub ingest: OutcomeCounts,
}

/// The project, as far as an overview needs it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewProject {
    pub id: ProjectId,
    pub name: String,
    pub external_key: String,
    pub mode: Mode,
    pub currency: Currency,
    pub time_zone: String,
}

/// The calendar month that holds `asOf`, in the customer's zone.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentPeriod {
    pub start: Instant,
    /// Exclusive.
    pub end: Instant,
    pub usage: Vec<MetricTotal>,
    /// What is charged in the currency and not issued yet: the charges on the customer's drafts, less what wallets paid; before coupons and tax.
    pub unbilled_charges: Amount,
    /// What the usage so far will cost; zero until usage is rated.
    pub estimated_charges: Amount,
}

/// How many invoices that the customer pays are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceCounts {
    pub draft: i64,
    pub open: i64,
    pub overdue: i64,
}

impl Engine {
    /// How the project's own customer stands, or another one.
    ///
    /// # Errors
    /// [`Code::UnknownCustomer`](domain::refusal::Code::UnknownCustomer), or no permission to read billing.
    pub fn billing_overview(&self, ctx: &Ctx, customer_key: Option<&str>) -> Result<BillingOverview, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "billing_overview", |tx| {
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            let customer = customers::existing(tx, customer_key)?;
            let zone = zone(customer.time_zone.as_deref().unwrap_or(&project.time_zone));
            let period = month_of(ctx.now(), &zone);
            let recent = EntryFilter { customer: Some(customer.id), ..EntryFilter::default() };
            let recent = journal::page(tx, &recent, page_limit(RECENT_TRANSACTIONS))?;
            Ok(BillingOverview {
                customer_key: customer.external_key.clone(),
                as_of: ctx.now(),
                currency: project.currency,
                wallet: wallets::view_of(tx, &customer, project.currency, ctx.now())?,
                wallets: wallets::views_of(tx, &customer, ctx.now())?,
                current_period: current_period(
                    period,
                    usage::totals(tx, customer.id, period, ctx.now())?,
                    invoices::charged_on_drafts(tx, customer.id, project.currency)?,
                ),
                invoices: invoice_counts(tx, customer.id, ctx.now())?,
                recent_transactions: transactions(tx, recent)?,
                ingest: outcomes::totals(tx)?,
                project: OverviewProject {
                    id: project.id,
                    name: project.name,
                    external_key: project.external_key,
                    mode: project.mode,
                    currency: project.currency,
                    time_zone: project.time_zone,
                },
            })
        })
    }
}

fn invoice_counts(tx: &mut ProjectTx<'_>, payer: CustomerId, now: Instant) -> Result<InvoiceCounts, Error> {
    let storage::invoices::InvoiceCounts { draft, open, overdue } = invoices::counts(tx, Some(payer), now)?;
    Ok(InvoiceCounts { draft, open, overdue })
}

fn current_period(period: Span, usage: Vec<MetricTotal>, unbilled_charges: Amount) -> CurrentPeriod {
    CurrentPeriod { start: period.start, end: period.end, usage, unbilled_charges, estimated_charges: Amount::ZERO }
}
