//! Wallets: loading one under its lock, reading what a customer holds, and setting how far it may be overdrawn.

mod drawn;
mod expiry;

pub(crate) use self::expiry::LotExpiry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use domain::access::Permission;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::customers::Customer;
use domain::ids::{CustomerId, LotId};
use domain::ledger::account::Account;
use domain::ledger::balance::Balance;
use domain::ledger::reason::Reason;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::wallets::{Lot, LotKind, Wallet};
use serde_json::json;
use storage::wallets::{self, WalletRow};
use storage::{ProjectTx, balances, credit_lots, projects};

pub(crate) use self::drawn::{draw_of, drawn_by};
use crate::audit::{AuditRecord, Audited};
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;
use crate::transactions::within_limit;

/// What a customer has prepaid in one currency.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WalletView {
    pub customer_id: CustomerId,
    pub customer_key: String,
    pub currency: Currency,
    /// What the lots hold, expired ones too until their expiry is booked, minus what was overdrawn.
    pub balance: Balance,
    /// What is reserved by open holds.
    pub held: Balance,
    /// What is the customer's own to spend: lots that can be spent now, minus what was overdrawn and what is held.
    pub available: Balance,
    /// The available, minus usage that is not posted yet.
    pub projected: Balance,
    /// How far beyond the available a charge may go.
    pub overdraft_limit: Amount,
    /// What was charged beyond the lots and not repaid yet.
    pub overdrawn: Amount,
    /// The lots that hold something, in the order in which they are drawn.
    pub lots: Vec<LotView>,
}

/// One grant of credit and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotView {
    pub id: LotId,
    pub kind: LotKind,
    /// 0 to 100; the lower number is drawn first.
    pub priority: i64,
    pub granted: Amount,
    pub balance: Amount,
    pub valid_from: Instant,
    /// From this instant on it cannot be spent.
    pub expires_at: Option<Instant>,
    pub created_at: Instant,
}

/// How far a wallet may be charged beyond what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetOverdraftLimit {
    pub customer_key: Option<String>,
    pub currency: Option<Currency>,
    pub limit: Amount,
    pub reason: Reason,
}

/// Which wallets are asked for.
#[derive(Debug, Clone, Default)]
pub struct WalletFilter {
    pub customer_key: Option<String>,
}

/// The place of a wallet in the list of a project: by customer, then by currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WalletPosition {
    pub customer: CustomerId,
    pub currency: Currency,
}

/// A text that names no place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the place of a wallet")]
pub struct WalletPositionError;

impl WalletView {
    pub fn position(&self) -> WalletPosition {
        WalletPosition { customer: self.customer_id, currency: self.currency }
    }
}

impl fmt::Display for WalletPosition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.customer, self.currency)
    }
}

impl FromStr for WalletPosition {
    type Err = WalletPositionError;
    fn from_str(text: &str) -> Result<WalletPosition, WalletPositionError> {
        let (customer, currency) = text.split_once(':').ok_or(WalletPositionError)?;
        let customer = customer.parse().map_err(|_| WalletPositionError)?;
        let currency = Currency::parse(currency).map_err(|_| WalletPositionError)?;
        Ok(WalletPosition { customer, currency })
    }
}

impl Engine {
    /// Wallets by customer and currency, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// [`Code::Forbidden`] without the permission to read billing.
    pub fn list_wallets(
        &self,
        ctx: &Ctx,
        filter: &WalletFilter,
        after: Option<WalletPosition>,
        limit: usize,
    ) -> Result<Vec<WalletView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_wallets", |tx| {
            let rows = match filter.customer_key.as_deref() {
                Some(key) => match storage::customers::find_by_key(tx, key)? {
                    Some(customer) => of_customer(tx, customer.id, after, limit)?,
                    None => Vec::new(),
                },
                None => wallets::page(tx, after.map(|after| (after.customer, after.currency)), page_limit(limit))?,
            };
            let ids: BTreeSet<CustomerId> = rows.iter().map(|row| row.customer).collect();
            let ids: Vec<CustomerId> = ids.into_iter().collect();
            let customers: BTreeMap<CustomerId, Customer> = storage::customers::find_by_ids(tx, &ids)?
                .into_iter()
                .map(|customer| (customer.id, customer))
                .collect();
            let each = |wallet: Wallet| {
                let customer = customers.get(&wallet.customer);
                let customer = customer
                    .ok_or_else(|| Error::Bug(format!("the customer {} of a wallet is not stored", wallet.customer)))?;
                Ok(view(customer, &wallet, ctx.now()))
            };
            load(tx, rows)?.into_iter().map(each).collect()
        })
    }

    /// Sets how far a wallet may be charged beyond what it holds.
    ///
    /// # Errors
    /// [`Code::OutOfRange`] below what is overdrawn already, [`Code::AboveLimit`] beyond what the caller's role may move,
    /// [`Code::UnknownCustomer`].
    pub fn set_overdraft_limit(&self, ctx: &Ctx, command: &SetOverdraftLimit) -> Result<WalletView, Error> {
        ctx.require(Permission::MoneyAdjust)?;
        self.command(ctx, "set_overdraft_limit", |tx| {
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            within_limit(ctx, &project, "overdraftLimit", command.limit)?;
            let customer = customers::existing(tx, command.customer_key.as_deref())?;
            let currency = command.currency.unwrap_or(project.currency);
            let mut wallet = lock(tx, customer.id, currency, ctx.now())?;

            let before = wallet.overdraft_limit;
            if command.limit < wallet.overdrawn {
                let detail = format!("must not be below {}, which is overdrawn already.", wallet.overdrawn);
                return Err(Refusal::field(Code::OutOfRange, "overdraftLimit", detail).into());
            }
            wallet.overdraft_limit = command.limit;

            wallets::set_overdraft_limit(tx, customer.id, currency, command.limit)?;
            let view = view(&customer, &wallet, ctx.now());
            let target = format!("{}:{currency}", customer.id);
            let record = AuditRecord::new("wallet.overdraftLimitSet", target)
                .because(command.reason.code.as_str(), command.reason.text.clone())
                .details(json!({
                    "customerKey": customer.external_key,
                    "currency": currency,
                    "before": { "overdraftLimit": before },
                    "after": { "overdraftLimit": command.limit },
                }));
            let body = json!({
                "customerKey": customer.external_key,
                "currency": currency,
                "overdraftLimit": command.limit,
            });
            Ok(Audited::new(view, record).announce("wallet.overdraftLimitSet", body))
        })
    }
}

/// The wallet with its open lots, made if there is none, and locked until the transaction ends. Whoever moves a
/// customer's money begins here.
pub(crate) fn lock(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    currency: Currency,
    now: Instant,
) -> Result<Wallet, Error> {
    let row = wallets::lock(tx, customer, currency, now)?;
    // Read after the lock is held: whoever held it before has committed.
    load_one(tx, row)
}

/// Adds these lots to a loaded wallet, even if they hold nothing.
pub(crate) fn load_lots(tx: &mut ProjectTx<'_>, wallet: &mut Wallet, lots: &[LotId]) -> Result<(), Error> {
    let mut missing: Vec<LotId> = lots.iter().copied().filter(|id| wallet.lot(*id).is_none()).collect();
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        wallet.lots.extend(credit_lots::find_by_ids(tx, &missing)?);
    }
    Ok(())
}

/// The wallet of a customer in one currency, empty if nothing was ever booked in it.
pub(crate) fn view_of(
    tx: &mut ProjectTx<'_>,
    customer: &Customer,
    currency: Currency,
    now: Instant,
) -> Result<WalletView, Error> {
    let row = wallets::find(tx, customer.id, currency)?;
    let row =
        row.unwrap_or(WalletRow { customer: customer.id, currency, overdraft_limit: Amount::ZERO, created_at: now });
    Ok(view(customer, &load_one(tx, row)?, now))
}

/// All wallets of a customer, by currency.
pub(crate) fn views_of(tx: &mut ProjectTx<'_>, customer: &Customer, now: Instant) -> Result<Vec<WalletView>, Error> {
    let rows = wallets::of_customer(tx, customer.id)?;
    Ok(load(tx, rows)?.iter().map(|wallet| view(customer, wallet, now)).collect())
}

fn load_one(tx: &mut ProjectTx<'_>, row: WalletRow) -> Result<Wallet, Error> {
    load(tx, vec![row])?.pop().ok_or_else(|| Error::Bug("one wallet is loaded as one".to_owned()))
}

/// Wallets with their open lots, in the same order.
fn load(tx: &mut ProjectTx<'_>, rows: Vec<WalletRow>) -> Result<Vec<Wallet>, Error> {
    let keys: Vec<(CustomerId, Currency)> = rows.iter().map(|row| (row.customer, row.currency)).collect();
    let overdraft = |row: &WalletRow| (Account::WalletOverdraft { customer: row.customer }, row.currency);
    let overdrafts: Vec<(Account, Currency)> = rows.iter().map(overdraft).collect();
    let overdrawn: BTreeMap<(Account, Currency), Amount> = balances::of_accounts(tx, &overdrafts)?
        .iter()
        .map(|stored| ((stored.account, stored.currency), stored.balance))
        .collect();
    let mut lots: BTreeMap<(CustomerId, Currency), Vec<Lot>> = BTreeMap::new();
    for held in credit_lots::open(tx, &keys)? {
        lots.entry((held.customer, held.currency)).or_default().push(held.lot);
    }
    let each = |row: WalletRow| Wallet {
        customer: row.customer,
        currency: row.currency,
        overdraft_limit: row.overdraft_limit,
        overdrawn: match overdrawn.get(&overdraft(&row)) {
            Some(overdrawn) => *overdrawn,
            // It was never overdrawn.
            None => Amount::ZERO,
        },
        lots: lots.remove(&(row.customer, row.currency)).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(each).collect())
}

fn of_customer(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    after: Option<WalletPosition>,
    limit: usize,
) -> Result<Vec<WalletRow>, Error> {
    let rows = wallets::of_customer(tx, customer)?;
    let later = rows.into_iter().filter(|row| after.is_none_or(|after| row.currency > after.currency));
    Ok(later.take(limit).collect())
}

fn view(customer: &Customer, wallet: &Wallet, now: Instant) -> WalletView {
    let mut lots: Vec<&Lot> = wallet.lots.iter().filter(|lot| lot.balance.is_positive()).collect();
    lots.sort_by(|one, other| one.draw_order(other));
    let available = wallet.available(now);
    WalletView {
        customer_id: customer.id,
        customer_key: customer.external_key.clone(),
        currency: wallet.currency,
        balance: wallet.balance(),
        // Nothing reserves money yet.
        held: Balance::ZERO,
        available,
        // Usage is not rated yet: nothing waits to be posted.
        projected: available,
        overdraft_limit: wallet.overdraft_limit,
        overdrawn: wallet.overdrawn,
        lots: lots.into_iter().map(lot_view).collect(),
    }
}

fn lot_view(lot: &Lot) -> LotView {
    LotView {
        id: lot.id,
        kind: lot.kind,
        priority: lot.priority,
        granted: lot.granted,
        balance: lot.balance,
        valid_from: lot.valid_from,
        expires_at: lot.expires_at,
        created_at: lot.created_at,
    }
}
