//! Two runs beside each other, payer by payer: where their charges and invoices differ, and why one comes to something else than the other.
//! Dry runs and runs that bill, of the same time or of two months.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::amount::Amount;
use domain::billing::difference::{CausePart, Difference, Side, amount, explain, explain_key};
use domain::billing::report::{ReportInvoice, ReportLine};
use domain::billing::run::BillingRun;
use domain::charges::charge::{Charge, ChargeKind};
use domain::currency::Currency;
use domain::ids::{BillingRunId, ChargeId, CustomerId, InvoiceId};
use domain::refusal::Refusal;
use storage::{ProjectTx, billing_report_invoices, billing_report_lines, charges};

use super::reports::{LineView, ReportInvoiceView, existing, invoice_views, key_of, keys};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// The most payers that are read at once.
const PAYERS_MAX: usize = 100;

/// Two runs that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunPair {
    pub before: BillingRunId,
    pub after: BillingRunId,
}

/// Where two runs differ about a payer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingRunMismatch)]
pub struct Mismatch {
    /// Who pays.
    pub customer_id: CustomerId,
    pub customer_key: String,
    pub lines: Vec<LineMismatch>,
    pub invoices: Vec<InvoiceMismatch>,
}

/// A charge that two runs do not have alike.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineMismatch {
    pub id: ChargeId,
    /// `null` where the first run does not have it.
    pub before: Option<LineView>,
    /// `null` where the second run does not have it.
    pub after: Option<LineView>,
    /// Why it comes to something else, less what wallets paid. None of them: only its place or what explains it differs.
    pub causes: Vec<CausePart>,
}

/// An invoice that two runs do not leave alike.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceMismatch {
    pub id: InvoiceId,
    pub before: Option<ReportInvoiceView>,
    pub after: Option<ReportInvoiceView>,
}

/// Why two runs come to something else.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingRunDifferences)]
pub struct RunDifference {
    pub currencies: Vec<DifferenceView>,
}

/// Why two runs come to something else in one currency. The causes sum to `after − before`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingRunDifference)]
pub struct DifferenceView {
    pub currency: Currency,
    /// What the invoices of the first run come to, after what wallets paid.
    pub before: Amount,
    pub after: Amount,
    pub difference: Amount,
    pub causes: Vec<CausePart>,
}

/// The same for one payer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingRunCustomerDifference)]
pub struct CustomerDifference {
    pub customer_id: CustomerId,
    pub customer_key: String,
    pub currencies: Vec<DifferenceView>,
}

/// What one run has of one payer.
#[derive(Default)]
struct Has {
    lines: Vec<ReportLine>,
    invoices: Vec<ReportInvoice>,
}

/// Some payers with what two runs have of them.
struct Slice {
    payers: Vec<(CustomerId, Has, Has)>,
    last: CustomerId,
}

impl Engine {
    /// The payers about whom two runs differ, by id, after the given one; `limit` of them at most. None: the runs match line by line.
    ///
    /// # Errors
    /// `not_found` for an unknown run; `forbidden` without the permission to read billing.
    pub fn compare_billing_runs(
        &self,
        ctx: &Ctx,
        runs: RunPair,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<Mismatch>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "compare_billing_runs", |tx| {
            let mut found = Vec::new();
            each(tx, runs, after, |tx, payer, before, after| {
                let (lines, invoices) = (line_mismatches(&before, &after)?, invoice_mismatches(tx, before, after)?);
                if !lines.is_empty() || !invoices.is_empty() {
                    let customer_key = key_of(&keys(tx, [payer].into_iter())?, payer)?;
                    found.push(Mismatch { customer_id: payer, customer_key, lines, invoices });
                }
                Ok(found.len() < limit)
            })?;
            Ok(found)
        })
    }

    /// Why two runs come to something else, by currency.
    ///
    /// # Errors
    /// As [`Engine::compare_billing_runs`].
    pub fn explain_billing_runs(&self, ctx: &Ctx, runs: RunPair) -> Result<RunDifference, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "explain_billing_runs", |tx| {
            let mut all: BTreeMap<Currency, Difference> = BTreeMap::new();
            each(tx, runs, None, |_, _, before, after| {
                for (currency, difference) in explain(before.side(), after.side()) {
                    all.entry(currency).or_default().add(&difference);
                }
                Ok(true)
            })?;
            let views = all.iter().map(|(currency, difference)| DifferenceView::of(*currency, difference));
            Ok(RunDifference { currencies: views.collect::<Result<_, _>>()? })
        })
    }

    /// The payers who pay something else by two runs, and why, by id, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// As [`Engine::compare_billing_runs`].
    pub fn explain_billing_runs_by_customer(
        &self,
        ctx: &Ctx,
        runs: RunPair,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerDifference>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "explain_billing_runs_by_customer", |tx| {
            let mut found = Vec::new();
            each(tx, runs, after, |tx, payer, before, after| {
                let mut differences = explain(before.side(), after.side());
                differences.retain(|_, difference| !difference.is_nothing());
                if !differences.is_empty() {
                    let views = differences.iter().map(|(currency, own)| DifferenceView::of(*currency, own));
                    let currencies = views.collect::<Result<_, _>>()?;
                    let customer_key = key_of(&keys(tx, [payer].into_iter())?, payer)?;
                    found.push(CustomerDifference { customer_id: payer, customer_key, currencies });
                }
                Ok(found.len() < limit)
            })?;
            Ok(found)
        })
    }
}

/// Goes through all payers of either run, a slice in memory at a time, until it is told to stop.
fn each(
    tx: &mut ProjectTx<'_>,
    runs: RunPair,
    after: Option<CustomerId>,
    mut look: impl FnMut(&mut ProjectTx<'_>, CustomerId, Has, Has) -> Result<bool, Error>,
) -> Result<(), Error> {
    let (before, later) = (existing(tx, runs.before)?, existing(tx, runs.after)?);
    let mut last = after;
    while let Some(slice) = next(tx, [&before, &later], last)? {
        for (payer, one, other) in slice.payers {
            if !look(tx, payer, one, other)? {
                return Ok(());
            }
        }
        last = Some(slice.last);
    }
    Ok(())
}

/// The next payers of either run; `None` when there are no more.
fn next(tx: &mut ProjectTx<'_>, runs: [&BillingRun; 2], after: Option<CustomerId>) -> Result<Option<Slice>, Error> {
    let limit = i64::try_from(PAYERS_MAX).unwrap_or(i64::MAX);
    let mut named = BTreeSet::new();
    for run in runs {
        named.extend(billing_report_lines::payers(tx, run, after, limit)?);
        named.extend(billing_report_invoices::payers(tx, run.id, after, limit)?);
    }
    // Each list goes on without a gap as far as the first of so many.
    let payers: Vec<CustomerId> = named.into_iter().take(PAYERS_MAX).collect();
    let Some(last) = payers.last().copied() else { return Ok(None) };
    let mut has = [BTreeMap::new(), BTreeMap::new()];
    for (run, has) in runs.into_iter().zip(&mut has) {
        let has: &mut BTreeMap<CustomerId, Has> = has;
        let mut lines = billing_report_lines::of_payers(tx, run, &payers)?;
        lines.extend(windows_before(tx, &lines)?);
        for line in lines {
            has.entry(line.charge.payer).or_default().lines.push(line);
        }
        for invoice in billing_report_invoices::of_payers(tx, run.id, &payers)? {
            has.entry(invoice.name.customer).or_default().invoices.push(invoice);
        }
    }
    let [mut before, mut later] = has;
    let payers = payers
        .into_iter()
        .map(|payer| (payer, before.remove(&payer).unwrap_or_default(), later.remove(&payer).unwrap_or_default()));
    Ok(Some(Slice { payers: payers.collect(), last }))
}

/// What was charged in windows before a run closed their period: the run stands for all of it.
fn windows_before(tx: &mut ProjectTx<'_>, lines: &[ReportLine]) -> Result<Vec<ReportLine>, Error> {
    let mut first: BTreeMap<&str, &ReportLine> = BTreeMap::new();
    for line in lines {
        let known = first.entry(&line.charge.key).or_insert(line);
        if line.charge.revision < known.charge.revision {
            *known = line;
        }
    }
    first.retain(|_, line| line.charge.revision > 0 && line.charge.kind == ChargeKind::Usage);
    let keys: Vec<&str> = first.keys().copied().collect();
    let mut earlier = charges::of_keys(tx, &keys)?;
    earlier.retain(|charge| {
        let known = first.get(charge.key.as_str()).map(|line| &line.charge);
        known.is_some_and(|known| charge.revision < known.revision && charge.payer == known.payer) && charge.is_open()
    });
    Ok(earlier.into_iter().map(|charge| ReportLine { invoice: first[charge.key.as_str()].invoice, charge }).collect())
}

fn line_mismatches(before: &Has, after: &Has) -> Result<Vec<LineMismatch>, Error> {
    let by_id = |has: &Has| -> BTreeMap<ChargeId, ReportLine> {
        has.lines.iter().map(|line| (line.charge.id, line.clone())).collect()
    };
    let (one, other) = (by_id(before), by_id(after));
    let ids: BTreeSet<ChargeId> = one.keys().chain(other.keys()).copied().collect();
    let mut mismatches = Vec::new();
    for id in ids {
        let pair = [one.get(&id), other.get(&id)];
        let [before, after] = pair.map(|line| line.cloned().map(LineView::of));
        if before != after {
            let [charged_before, charged_after] =
                pair.map(|line| line.map(|line| &line.charge).into_iter().collect::<Vec<&Charge>>());
            let difference = explain_key(&charged_before, &charged_after);
            let causes = difference.parts().map_err(Refusal::from)?;
            mismatches.push(LineMismatch { id, before, after, causes });
        }
    }
    Ok(mismatches)
}

fn invoice_mismatches(tx: &mut ProjectTx<'_>, before: Has, after: Has) -> Result<Vec<InvoiceMismatch>, Error> {
    let alike = |one: &ReportInvoice, other: &ReportInvoice| *one == ReportInvoice { run: one.run, ..other.clone() };
    let is_same = before.invoices.len() == after.invoices.len()
        && before.invoices.iter().zip(&after.invoices).all(|(one, other)| alike(one, other));
    if is_same {
        return Ok(Vec::new());
    }
    let mut views = |has: Has| -> Result<BTreeMap<InvoiceId, ReportInvoiceView>, Error> {
        Ok(invoice_views(tx, has.invoices)?.into_iter().map(|view| (view.id, view)).collect())
    };
    let (mut one, mut other) = (views(before)?, views(after)?);
    let ids: BTreeSet<InvoiceId> = one.keys().chain(other.keys()).copied().collect();
    let pairs = ids.into_iter().map(|id| InvoiceMismatch { id, before: one.remove(&id), after: other.remove(&id) });
    Ok(pairs.filter(|pair| pair.before != pair.after).collect())
}

impl Has {
    fn side(&self) -> Side<'_> {
        Side { lines: &self.lines, invoices: &self.invoices }
    }
}

impl DifferenceView {
    fn of(currency: Currency, difference: &Difference) -> Result<DifferenceView, Error> {
        let money = |micros| amount(micros).map_err(Refusal::from);
        Ok(DifferenceView {
            currency,
            before: money(difference.before)?,
            after: money(difference.after)?,
            difference: money(difference.after - difference.before)?,
            causes: difference.parts().map_err(Refusal::from)?,
        })
    }
}
