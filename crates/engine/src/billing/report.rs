//! How a run leaves invoices: what each comes to, and whether it is like those before it. Stored in the transactions of the run itself.

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::report::{Figures, History, ReportInvoice, ReportOutcome};
use domain::billing::run::BillingRun;
use domain::ids::InvoiceId;
use domain::invoices::record::{InvoiceName, InvoiceRecord};
use domain::invoices::settings::Finalization;
use domain::invoices::standing::InvoiceState;
use storage::issued_invoices::PlaceInHistory;
use storage::{ProjectTx, billing_report_invoices, invoices, issued_invoices, projects};

use crate::error::Error;
use crate::invoices::{IssuedDrafts, drafts};

/// Notes those of the drafts that something was put on which the run will not issue.
pub(super) fn store_drafts(tx: &mut ProjectTx<'_>, run: &BillingRun, ids: &BTreeSet<InvoiceId>) -> Result<(), Error> {
    let left = left_as_drafts(tx, run, ids)?;
    Ok(billing_report_invoices::store_many(tx, &left)?)
}

/// Notes what was issued.
pub(super) fn store_issued(tx: &mut ProjectTx<'_>, run: &BillingRun, issued: &IssuedDrafts) -> Result<(), Error> {
    let issued = of_issued(tx, run, issued)?;
    Ok(billing_report_invoices::store_many(tx, &issued)?)
}

/// Notes drafts that cannot be issued, for their reasons.
pub(super) fn store_refused(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    refused: &BTreeMap<InvoiceId, String>,
) -> Result<(), Error> {
    let refused = of_refused(tx, run, refused)?;
    Ok(billing_report_invoices::store_many(tx, &refused)?)
}

pub(super) fn left_as_drafts(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    ids: &BTreeSet<InvoiceId>,
) -> Result<Vec<ReportInvoice>, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let mut records = invoices::find_by_ids(tx, &ids.iter().copied().collect::<Vec<_>>())?;
    let is_issued_later = |record: &InvoiceRecord| match project.policies.invoice_finalization {
        Finalization::Automatic => record.issues_at <= run.as_of,
        Finalization::Manual => false,
    };
    records.retain(|record| record.standing.state == InvoiceState::Draft && !is_issued_later(record));
    of_drafts(tx, run, &records, &BTreeMap::new())
}

pub(super) fn of_issued(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    issued: &IssuedDrafts,
) -> Result<Vec<ReportInvoice>, Error> {
    let rows = issued.records.iter().filter_map(|record| {
        let figures = issued.figures.get(&record.id)?;
        Some(row(run, record, ReportOutcome::Issued, Some(*figures)))
    });
    let rows = rows.collect();
    compared(tx, rows)
}

pub(super) fn of_refused(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    refused: &BTreeMap<InvoiceId, String>,
) -> Result<Vec<ReportInvoice>, Error> {
    let records = invoices::find_by_ids(tx, &refused.keys().copied().collect::<Vec<_>>())?;
    of_drafts(tx, run, &records, refused)
}

/// Drafts as they would be billed now. One that cannot be is refused like those that are given with their reasons.
fn of_drafts(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    records: &[InvoiceRecord],
    refused: &BTreeMap<InvoiceId, String>,
) -> Result<Vec<ReportInvoice>, Error> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let loaded = drafts::load(tx, records)?;
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        let (figures, reason) = match loaded.bill(record) {
            Ok(bill) => (Some(Figures::from(&bill)), None),
            Err(Error::Refused(refusal)) => (None, Some(refusal.detail)),
            Err(error) => return Err(error),
        };
        let reason = refused.get(&record.id).cloned().or(reason);
        let outcome = if reason.is_some() { ReportOutcome::Refused } else { ReportOutcome::Draft };
        rows.push(ReportInvoice { reason, ..row(run, record, outcome, figures) });
    }
    compared(tx, rows)
}

fn row(run: &BillingRun, record: &InvoiceRecord, outcome: ReportOutcome, figures: Option<Figures>) -> ReportInvoice {
    ReportInvoice {
        run: run.id,
        id: record.id,
        name: record.name.clone(),
        outcome,
        reason: None,
        figures,
        history: History::default(),
        is_outlier: false,
    }
}

/// With what each payer got before.
fn compared(tx: &mut ProjectTx<'_>, rows: Vec<ReportInvoice>) -> Result<Vec<ReportInvoice>, Error> {
    let place = |InvoiceName { customer, currency, bills_on, .. }: &InvoiceName| PlaceInHistory {
        payer: *customer,
        currency: *currency,
        day: *bills_on,
    };
    let places: BTreeSet<PlaceInHistory> = rows.iter().map(|row| place(&row.name)).collect();
    let totals = issued_invoices::totals_before(tx, &places.into_iter().collect::<Vec<_>>())?;
    let rows = rows.into_iter().map(|row| {
        let history = totals.get(&place(&row.name)).map_or_else(History::default, |totals| History::of(totals));
        row.compared_with(history)
    });
    Ok(rows.collect())
}
