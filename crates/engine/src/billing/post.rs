//! The entries of new charges: what is rated is posted when it is charged. A payer without credit gets one entry for all of them that are on
//! one invoice; one with credit gets one for each usage charge, in the order in which they draw. So does usage in windows, which may be moved to
//! another draft. Fees in advance are posted when their invoice is issued.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::billing::diff::{NewCharge, Windowed};
use domain::charges::charge::{Charge, ChargeKind};
use domain::currency::Currency;
use domain::ids::{BillingRunId, CustomerId, EntryId, InvoiceId, LateUsageId, derived};
use domain::ledger::entry::{Cause, CauseType, EntryKind};
use domain::ledger::lines::Lines;
use domain::ledger::recipes::{Income, ReturnRated, ReturnReason, postpaid_charges, rated_usage, return_rated};
use domain::ratio::OutOfRange;
use domain::refusal::Refusal;
use domain::wallets::{LotKind, Wallet};
use storage::{ProjectTx, charges, credit_lots};

use crate::ctx::Ctx;
use crate::error::Error;
use crate::ledger::{self, NewEntry};
use crate::wallets;

/// An entry on its way, with the charges that it posts.
struct Entry {
    lines: Lines,
    kind: EntryKind,
    amount: Amount,
    charges: Vec<usize>,
}

/// What charges are made by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    Run(BillingRunId),
    LateUsage(LateUsageId),
    /// A draft that is about to be issued.
    Invoice(InvoiceId),
}

impl By {
    const fn description(self) -> &'static str {
        match self {
            By::Run(_) => "Rated by a billing run",
            By::LateUsage(_) => "Late usage of an invoice",
            By::Invoice(_) => "Counted before its invoice was issued",
        }
    }

    fn cause(self) -> Cause {
        match self {
            By::Run(run) => Cause { kind: CauseType::BillingRun, id: run.to_string() },
            By::LateUsage(late) => Cause { kind: CauseType::LateUsage, id: late.to_string() },
            By::Invoice(invoice) => Cause { kind: CauseType::Invoice, id: invoice.to_string() },
        }
    }
}

/// Posts what has to be posted now, and says in each charge what a wallet paid of it and by which entry; `invoices` are those that they are
/// on, one for each.
///
/// # Errors
/// A refusal when a balance would leave the range of amounts; otherwise only when the database fails.
pub(crate) fn post(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    new: &mut [NewCharge],
    invoices: &[InvoiceId],
    by: By,
) -> Result<(), Error> {
    assert_eq!(new.len(), invoices.len(), "each charge is on an invoice");
    let mut of_payer: BTreeMap<(CustomerId, Currency), Vec<usize>> = BTreeMap::new();
    for (index, NewCharge { charge, .. }) in new.iter().enumerate() {
        if charge.kind.income().is_some() && !charge.amount.is_zero() {
            of_payer.entry((charge.payer, charge.currency)).or_default().push(index);
        }
    }
    let payers: Vec<(CustomerId, Currency)> = of_payer.keys().copied().collect();
    let with_credit: Vec<(CustomerId, Currency)> =
        credit_lots::open(tx, &payers)?.into_iter().map(|lot| (lot.customer, lot.currency)).collect();
    let mut entries = Vec::new();
    for (payer, indexes) in of_payer {
        let stands_alone = |new: &NewCharge| new.charge.revision > 0 || new.windowed != Windowed::No;
        if with_credit.contains(&payer) || indexes.iter().any(|index| stands_alone(&new[*index])) {
            entries.extend(with_wallet(tx, ctx, by, payer, new, &indexes)?);
        } else {
            let mut of_invoice: BTreeMap<InvoiceId, Vec<usize>> = BTreeMap::new();
            indexes.iter().for_each(|index| of_invoice.entry(invoices[*index]).or_default().push(*index));
            for indexes in of_invoice.values() {
                entries.extend(postpaid(payer, new, indexes)?);
            }
        }
    }
    store(tx, ctx, new, by, &entries)
}

/// One entry for all charges of a payer without credit on one invoice: its reconciliation finds all that the entry books.
fn postpaid(
    (payer, currency): (CustomerId, Currency),
    new: &[NewCharge],
    indexes: &[usize],
) -> Result<Option<Entry>, Error> {
    let amounts = indexes.iter().filter_map(|index| {
        let charge = &new[*index].charge;
        Some((charge.kind.income()?, charge.amount))
    });
    let amounts: Vec<(Income, Amount)> = amounts.collect();
    let total =
        Amount::checked_sum(amounts.iter().map(|(_, amount)| *amount)).ok_or(OutOfRange).map_err(Refusal::from)?;
    let Some(lines) = postpaid_charges(payer, currency, &amounts)? else { return Ok(None) };
    let kind = if total.is_negative() { EntryKind::RatedReturn } else { EntryKind::RatedCharge };
    Ok(Some(Entry { lines, kind, amount: absolute(total)?, charges: indexes.to_vec() }))
}

/// An entry for each charge of a payer who may have credit: usage draws on it, the rest is unbilled. Answers those that are not stored yet.
fn with_wallet(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    by: By,
    (payer, currency): (CustomerId, Currency),
    new: &mut [NewCharge],
    indexes: &[usize],
) -> Result<Vec<Entry>, Error> {
    let mut wallet = wallets::lock(tx, payer, currency, ctx.now())?;
    let mut entries = Vec::new();
    let mut ordered = indexes.to_vec();
    // Draws of one payer are in the order of window end, subscription and price.
    ordered.sort_by(|left, right| {
        let order = |index: &usize| {
            let NewCharge { charge, draws_at, .. } = &new[*index];
            (*draws_at, charge.subscription, charge.price.clone(), charge.key.clone(), charge.revision)
        };
        order(left).cmp(&order(right))
    });
    for (place, index) in ordered.iter().copied().enumerate() {
        let earlier = earlier_of_key(new, index, &ordered[..place]);
        if !earlier.is_empty() && new[index].charge.amount.is_negative() {
            // What comes back looks for what was drawn in an earlier window, which is charged beside.
            store(tx, ctx, new, by, &entries)?;
            entries.clear();
        }
        let earlier: Vec<Charge> = earlier.into_iter().map(|index| new[index].charge.clone()).collect();
        let NewCharge { charge, draws_at, .. } = &mut new[index];
        let amount = absolute(charge.amount)?;
        let lines = match (charge.kind, charge.amount.is_negative()) {
            (ChargeKind::Usage, false) => rated_usage(&wallet, amount, *draws_at)?,
            (ChargeKind::Usage, true) => give_back(tx, &mut wallet, (charge, earlier), amount)?,
            (
                ChargeKind::ArrearsFee
                | ChargeKind::Commitment
                | ChargeKind::OneOff
                | ChargeKind::AdvanceFee
                | ChargeKind::AdvanceCredit,
                _,
            ) => {
                let income = charge.kind.income().unwrap_or(Income::Subscription);
                let lines = postpaid_charges(payer, currency, &[(income, charge.amount)])?;
                lines.ok_or_else(|| Error::Bug("a charge of nothing was to be posted".to_owned()))?
            }
        };
        draw(charge, &mut wallet, &lines)?;
        let kind = if charge.amount.is_negative() { EntryKind::RatedReturn } else { EntryKind::RatedCharge };
        entries.push(Entry { lines, kind, amount, charges: vec![index] });
    }
    Ok(entries)
}

/// Those of these that charge the same key.
fn earlier_of_key(new: &[NewCharge], index: usize, before: &[usize]) -> Vec<usize> {
    let is_same = |other: &usize| new[*other].charge.key == new[index].charge.key;
    before.iter().copied().filter(is_same).collect()
}

/// Usage comes to less: what it drew goes back, what is not invoiced first. `earlier` is charged with it, and not stored as a charge yet.
fn give_back(
    tx: &mut ProjectTx<'_>,
    wallet: &mut Wallet,
    (charge, earlier): (&Charge, Vec<Charge>),
    amount: Amount,
) -> Result<Lines, Error> {
    let mut before = charges::of_keys(tx, &[charge.key.as_str()])?;
    before.extend(earlier);
    let entries: Vec<EntryId> = before.iter().filter_map(|charge| charge.entry).collect();
    let drawn = wallets::drawn_by(tx, wallet.customer, &entries)?;
    let lots: Vec<_> = drawn.iter().map(|part| part.lot).collect();
    wallets::load_lots(tx, wallet, &lots)?;
    let sum = |amounts: Vec<Amount>| Amount::checked_sum(amounts).ok_or(OutOfRange).map_err(Refusal::from);
    let charged = sum(before.iter().map(|charge| charge.amount).collect())?;
    let prepaid = sum(before.iter().map(|charge| charge.prepaid).collect())?;
    let unbilled = charged.checked_sub(prepaid).ok_or(OutOfRange).map_err(Refusal::from)?;
    let request =
        ReturnRated { wallet, drawn: &drawn, unbilled, amount, reason: ReturnReason::Revision, at: charge.as_of };
    Ok(return_rated(&request)?)
}

/// Notes in the charge what the wallet paid of it, and in the wallet what is left.
fn draw(charge: &mut Charge, wallet: &mut Wallet, lines: &Lines) -> Result<(), Error> {
    let (mut prepaid, mut promotional) = (0_i128, 0_i128);
    for line in lines.as_slice() {
        let Some((lot, kind, micros)) = wallets::draw_of(line, wallet.customer) else { continue };
        prepaid += micros;
        if kind == LotKind::Promotional {
            promotional += micros;
        }
        if let Some(lot) = wallet.lots.iter_mut().find(|known| known.id == lot) {
            let left = i128::from(lot.balance.micros()) - micros;
            lot.balance = amount_of(left)?;
        }
    }
    (charge.prepaid, charge.promotional) = (amount_of(prepaid)?, amount_of(promotional)?);
    Ok(())
}

fn store(tx: &mut ProjectTx<'_>, ctx: &Ctx, new: &mut [NewCharge], by: By, entries: &[Entry]) -> Result<(), Error> {
    let mut prepared = Vec::with_capacity(entries.len());
    for entry in entries {
        let charge = &new[entry.charges[0]].charge;
        let last = entry.charges.iter().map(|index| new[*index].charge.at).max();
        let id = EntryId::from_uuid(derived(charge.as_of, ctx.project, "charge entry", &charge.id.to_string()));
        prepared.push(NewEntry {
            id: Some(id),
            customer: Some(charge.payer),
            description: by.description().to_owned(),
            usage_at: last,
            cause: Some(by.cause()),
            ..NewEntry::of(entry.kind, entry.amount, charge.currency, &entry.lines)
        });
    }
    let posted = ledger::post_many(tx, ctx, &prepared)?;
    for (entry, posted) in entries.iter().zip(&posted.entries) {
        for index in &entry.charges {
            new[*index].charge.entry = Some(posted.id);
        }
    }
    Ok(())
}

fn absolute(amount: Amount) -> Result<Amount, Error> {
    if amount.is_negative() {
        return Ok(Amount::ZERO.checked_sub(amount).ok_or(OutOfRange).map_err(Refusal::from)?);
    }
    Ok(amount)
}

fn amount_of(micros: i128) -> Result<Amount, Error> {
    let micros = i64::try_from(micros).map_err(|_| OutOfRange).map_err(Refusal::from)?;
    Ok(Amount::from_micros(micros))
}
