//! Reading what a run comes to: of a dry run what it would have done, of a run that bills what it did. The numbers are those that the run
//! stored; only who is missing is found when it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use domain::access::Permission;
use domain::amount::Amount;
use domain::billing::report::{
    Figures, InvoiceTotal, ItemReason, PlanTotal, ReportFilter, ReportFlag, ReportInvoice, ReportLine, ReportOutcome,
    days_before,
};
use domain::billing::run::{BillingRun, RunScope};
use domain::charges::charge::{Charge, ChargeKind};
use domain::currency::Currency;
use domain::ids::{BillingRunId, ChargeId, CustomerId, InvoiceId, SubscriptionId};
use domain::invoices::freeze::{day_of, hex};
use domain::invoices::record::InvoiceKind;
use domain::time::Instant;
use domain::window::Span;
use jiff::civil::Date;
use storage::billing_report_invoices::{Expected, MissingPayer};
use storage::{
    ProjectTx, billing_report_invoices, billing_report_items, billing_report_lines, billing_runs, customers, projects,
    subscription_schedules, subscriptions,
};

use super::runs::{RunView, view};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;
use crate::subscriptions::load::{Loaded, histories};

/// The most reasons that a report tells apart.
const REASONS_MAX: i64 = 50;
/// How many runs back the last one of the whole project is looked for.
const RUNS_BACK_MAX: i64 = 100;
/// How many missing payers are read at once to be counted.
const MISSING_CHUNK: i64 = 1_000;

/// What a run comes to.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingReport)]
pub struct RunReport {
    pub run: RunView,
    /// The charges of the run, by plan or add-on, kind and currency.
    pub plans: Vec<PlanTotal>,
    /// The invoices that the run issued or put something on, by currency, with everything that is on them.
    pub invoices: Vec<InvoiceTotal>,
    /// Why items were skipped or failed, the most frequent reasons first.
    pub reasons: Vec<ItemReason>,
    /// `null` for a run that did not look at the whole project, and for the first one.
    pub missing: Option<MissingCount>,
}

/// Payers who were to be expected on an invoice and have none.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingReportMissing)]
pub struct MissingCount {
    /// Those are expected who had an invoice from this day on.
    #[schema(value_type = String, format = Date)]
    pub expected_from: Date,
    /// The last of these days.
    #[schema(value_type = String, format = Date)]
    pub expected_to: Date,
    pub customers: i64,
}

/// A charge of a run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingReportLine)]
pub struct LineView {
    /// Of the charge: a dry run and the run that follows it name it alike.
    pub id: ChargeId,
    pub key: String,
    /// From 1 on the amount is the difference to what was charged under the key before.
    pub revision: u32,
    pub customer_id: CustomerId,
    /// Who pays.
    pub payer_id: CustomerId,
    pub subscription_id: Option<SubscriptionId>,
    pub kind: ChargeKind,
    pub price: String,
    pub plan: Option<String>,
    pub plan_version: Option<u32>,
    pub period: Option<Span>,
    /// The part of it that is charged.
    pub part: Option<Span>,
    pub currency: Currency,
    pub amount: Amount,
    /// What of it a wallet paid.
    pub prepaid: Amount,
    /// SHA-256 of inputs, price and steps, in hexadecimal.
    pub digest: String,
    pub invoice_id: Option<InvoiceId>,
}

/// An invoice as a run left it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingReportInvoice)]
pub struct ReportInvoiceView {
    /// A dry run and the run that follows it name it alike.
    pub id: InvoiceId,
    pub customer_id: CustomerId,
    pub customer_key: String,
    pub currency: Currency,
    pub kind: InvoiceKind,
    #[schema(value_type = String, format = Date)]
    pub bills_on: Date,
    pub outcome: ReportOutcome,
    /// Why it was refused.
    pub reason: Option<String>,
    /// What it comes to, with what other runs put on it; `null` for one that cannot be billed.
    pub figures: Option<Figures>,
    pub flags: Vec<ReportFlag>,
    /// The median of the totals of the last invoices before it; `null` for fewer than three.
    pub median: Option<Amount>,
}

/// A payer without an invoice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MissingCustomer)]
pub struct MissingView {
    pub customer_id: CustomerId,
    pub customer_key: String,
    /// The day of the invoice by which another one was to be expected.
    #[schema(value_type = String, format = Date)]
    pub billed_on: Date,
    /// Whether the customer pays for a subscription that has not ended; else it is gone.
    pub is_subscribed: bool,
}

/// A place in the lists of a report: by payer, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportPosition<T> {
    pub payer: CustomerId,
    pub id: T,
}

/// A text that names no place in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a place in a report")]
pub struct ReportPositionError;

impl<T: fmt::Display> fmt::Display for ReportPosition<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.payer, self.id)
    }
}

impl<T: FromStr> FromStr for ReportPosition<T> {
    type Err = ReportPositionError;
    fn from_str(text: &str) -> Result<ReportPosition<T>, ReportPositionError> {
        let (payer, id) = text.split_once(':').ok_or(ReportPositionError)?;
        let payer = payer.parse().map_err(|_| ReportPositionError)?;
        Ok(ReportPosition { payer, id: id.parse().map_err(|_| ReportPositionError)? })
    }
}

impl Engine {
    /// What a run comes to, as far as it is.
    ///
    /// # Errors
    /// `not_found`; `forbidden` without the permission to read billing.
    pub fn billing_report(&self, ctx: &Ctx, id: BillingRunId) -> Result<RunReport, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "billing_report", |tx| {
            let run = existing(tx, id)?;
            Ok(RunReport {
                plans: billing_report_lines::totals(tx, &run)?,
                invoices: billing_report_invoices::totals(tx, id)?,
                reasons: billing_report_items::reasons(tx, &run, REASONS_MAX)?,
                missing: count_missing(tx, &run)?,
                run: view(tx, run)?,
            })
        })
    }

    /// The charges of a run by payer, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// As [`Engine::billing_report`].
    pub fn list_billing_report_lines(
        &self,
        ctx: &Ctx,
        id: BillingRunId,
        after: Option<ReportPosition<ChargeId>>,
        limit: usize,
    ) -> Result<Vec<LineView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_billing_report_lines", |tx| {
            let run = existing(tx, id)?;
            let after = after.map(|after| (after.payer, after.id));
            let lines = billing_report_lines::page(tx, &run, after, page_limit(limit))?;
            Ok(lines.into_iter().map(LineView::of).collect())
        })
    }

    /// The invoices of a run by payer, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// As [`Engine::billing_report`].
    pub fn list_billing_report_invoices(
        &self,
        ctx: &Ctx,
        id: BillingRunId,
        filter: ReportFilter,
        after: Option<ReportPosition<InvoiceId>>,
        limit: usize,
    ) -> Result<Vec<ReportInvoiceView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_billing_report_invoices", |tx| {
            existing(tx, id)?;
            let after = after.map(|after| (after.payer, after.id));
            let found = billing_report_invoices::page(tx, id, filter, after, page_limit(limit))?;
            invoice_views(tx, found)
        })
    }

    /// The payers who are missing in a run, in the order of their ids, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// As [`Engine::billing_report`].
    pub fn list_missing_customers(
        &self,
        ctx: &Ctx,
        id: BillingRunId,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<MissingView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_missing_customers", |tx| {
            let run = existing(tx, id)?;
            let Some(expected) = expected(tx, &run)? else { return Ok(Vec::new()) };
            let missing = billing_report_invoices::missing(tx, &expected, after, page_limit(limit))?;
            let payers: Vec<CustomerId> = missing.iter().map(|payer| payer.customer).collect();
            let (keys, subscribed) = (keys(tx, payers.iter().copied())?, subscribed(tx, &payers, run.as_of)?);
            let views = missing.into_iter().map(|MissingPayer { customer, billed_on }| {
                let is_subscribed = subscribed.contains(&customer);
                Ok(MissingView {
                    customer_id: customer,
                    customer_key: key_of(&keys, customer)?,
                    billed_on,
                    is_subscribed,
                })
            });
            views.collect()
        })
    }
}

pub(super) fn existing(tx: &mut ProjectTx<'_>, id: BillingRunId) -> Result<BillingRun, Error> {
    billing_runs::get(tx, id)?.ok_or_else(Error::not_found)
}

pub(super) fn invoice_views(
    tx: &mut ProjectTx<'_>,
    found: Vec<ReportInvoice>,
) -> Result<Vec<ReportInvoiceView>, Error> {
    let keys = keys(tx, found.iter().map(|invoice| invoice.name.customer))?;
    let views = found.into_iter().map(|invoice| {
        let flags = invoice.flags();
        Ok(ReportInvoiceView {
            id: invoice.id,
            customer_id: invoice.name.customer,
            customer_key: key_of(&keys, invoice.name.customer)?,
            currency: invoice.name.currency,
            kind: invoice.name.kind,
            bills_on: invoice.name.bills_on,
            outcome: invoice.outcome,
            reason: invoice.reason,
            figures: invoice.figures,
            flags,
            median: invoice.history.median,
        })
    });
    views.collect()
}

/// The external keys of customers.
pub(super) fn keys(
    tx: &mut ProjectTx<'_>,
    ids: impl Iterator<Item = CustomerId>,
) -> Result<BTreeMap<CustomerId, String>, Error> {
    let ids: Vec<CustomerId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
    let customers = customers::find_by_ids(tx, &ids)?;
    Ok(customers.into_iter().map(|customer| (customer.id, customer.external_key)).collect())
}

pub(super) fn key_of(keys: &BTreeMap<CustomerId, String>, id: CustomerId) -> Result<String, Error> {
    keys.get(&id).cloned().ok_or_else(|| Error::Bug(format!("the customer {id} of a report is not stored")))
}

/// Those of the payers who pay for a subscription that has not ended.
fn subscribed(tx: &mut ProjectTx<'_>, payers: &[CustomerId], at: Instant) -> Result<BTreeSet<CustomerId>, Error> {
    let paid_for = subscription_schedules::of_payers(tx, payers, None)?;
    let payer_of: BTreeMap<SubscriptionId, CustomerId> =
        paid_for.into_iter().map(|(payer, schedule)| (schedule.subscription, payer)).collect();
    let records = subscriptions::find_many(tx, &payer_of.keys().copied().collect::<Vec<_>>())?;
    let loaded = histories(tx, records)?;
    let lives = |own: &&Loaded| own.history.timeline().ended_at().is_none_or(|end| end > at);
    Ok(loaded.iter().filter(lives).filter_map(|own| payer_of.get(&own.record.id)).copied().collect())
}

fn count_missing(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Option<MissingCount>, Error> {
    let Some(expected) = expected(tx, run)? else { return Ok(None) };
    let (mut customers, mut last) = (0_i64, None);
    loop {
        let found = billing_report_invoices::missing(tx, &expected, last, MISSING_CHUNK)?;
        let Some(newest) = found.last() else { break };
        last = Some(newest.customer);
        customers += i64::try_from(found.len()).map_err(|_| Error::Bug("a page has an end".to_owned()))?;
    }
    Ok(Some(MissingCount { expected_from: expected.from, expected_to: expected.to, customers }))
}

/// Who is to be expected: who had an invoice on the days that lie whole months before the days since the last run of the whole project.
fn expected(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Option<Expected>, Error> {
    if run.scope != RunScope::default() {
        return Ok(None);
    }
    let before = billing_runs::done_before(tx, run.as_of, RUNS_BACK_MAX)?;
    let Some(before) = before.into_iter().find(|before| before.scope == RunScope::default()) else { return Ok(None) };
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let day = |at| day_of(at, &project.time_zone);
    let until = day(run.as_of);
    let days = days_before(day(before.as_of), until);
    Ok(days.map(|(from, to)| Expected { run: run.id, from, to, until, as_of: run.as_of }))
}

impl LineView {
    pub(super) fn of(line: ReportLine) -> LineView {
        let ReportLine { charge, invoice } = line;
        let Charge { id, key, revision, customer, payer, subscription, kind, price, source, .. } = charge;
        let (plan, plan_version) = source.map(|source| (source.key, source.version)).unzip();
        LineView {
            id,
            key,
            revision,
            customer_id: customer,
            payer_id: payer,
            subscription_id: subscription,
            kind,
            price,
            plan,
            plan_version,
            period: charge.period,
            part: charge.part,
            currency: charge.currency,
            amount: charge.amount,
            prepaid: charge.prepaid,
            digest: hex(&charge.digest),
            invoice_id: invoice,
        }
    }

    pub fn position(&self) -> ReportPosition<ChargeId> {
        ReportPosition { payer: self.payer_id, id: self.id }
    }
}

impl ReportInvoiceView {
    pub fn position(&self) -> ReportPosition<InvoiceId> {
        ReportPosition { payer: self.customer_id, id: self.id }
    }
}
