//! Accounts with their balances, now and as of any instant, summed from the postings.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::currency::Currency;
use domain::ids::AccountId;
use domain::ledger::account::{Account, AccountMode, Class};
use domain::ledger::balance::{Axis, Balance};
use domain::time::Instant;
use storage::accounts::{self, AccountRow};
use storage::balances::{self, SideSum};
use storage::{ProjectTx, customers};

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// An account and what it holds.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    pub id: AccountId,
    #[schema(example = "revenue:usage")]
    pub name: String,
    pub class: Class,
    /// Whether decisions lock its balance.
    pub mode: AccountMode,
    pub currency: Currency,
    /// The sum of its postings, positive on the normal side of its class.
    pub balance: Balance,
    pub created_at: Instant,
}

/// What an account held at one instant.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountBalance {
    #[schema(example = "revenue:usage")]
    pub account: String,
    #[serde(skip)]
    pub id: AccountId,
    pub class: Class,
    pub currency: Currency,
    /// The sum of the postings that count, positive on the normal side of the class.
    pub balance: Balance,
}

/// Which balances are asked for.
#[derive(Debug, Clone)]
pub struct BalancesAsOf {
    pub at: Instant,
    pub axis: Axis,
    /// Accounts of this customer only.
    pub customer_key: Option<String>,
}

impl Engine {
    /// The accounts after the given one, in the order in which they were made, with what they hold now.
    ///
    /// # Errors
    /// [`Code::Forbidden`](domain::refusal::Code::Forbidden) without the permission to read billing.
    pub fn list_accounts(
        &self,
        ctx: &Ctx,
        customer_key: Option<&str>,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_accounts", |tx| {
            let Some(rows) = page(tx, customer_key, after, limit)? else {
                return Ok(Vec::new());
            };
            let sums = balances::sums(tx, &ids(&rows))?;
            let balances = signed(&rows, &sums);
            Ok(rows.iter().map(|row| account_view(row, &balances)).collect())
        })
    }

    /// What the accounts after the given one held at an instant.
    ///
    /// # Errors
    /// [`Code::Forbidden`](domain::refusal::Code::Forbidden) without the permission to read billing.
    pub fn balances_as_of(
        &self,
        ctx: &Ctx,
        asked: &BalancesAsOf,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountBalance>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "balances_as_of", |tx| {
            let Some(rows) = page(tx, asked.customer_key.as_deref(), after, limit)? else {
                return Ok(Vec::new());
            };
            let sums = balances::sums_as_of(tx, &ids(&rows), asked.axis, asked.at)?;
            let balances = signed(&rows, &sums);
            Ok(rows.iter().map(|row| account_balance(row, &balances)).collect())
        })
    }
}

/// Adds up the two sides of each account, positive on the normal side of its class.
pub(crate) fn signed(rows: &[AccountRow], sums: &[SideSum]) -> BTreeMap<AccountId, Balance> {
    let classes: BTreeMap<AccountId, Account> = rows.iter().map(|row| (row.id, row.account)).collect();
    let mut micros: BTreeMap<AccountId, i128> = rows.iter().map(|row| (row.id, 0)).collect();
    for sum in sums {
        if let Some(account) = classes.get(&sum.account) {
            let normal = account.class().normal_side() == sum.direction;
            *micros.entry(sum.account).or_default() += if normal { sum.micros } else { -sum.micros };
        }
    }
    micros.into_iter().map(|(id, micros)| (id, Balance::from_micros(micros))).collect()
}

/// A page of accounts; `None` when they are asked for a customer that does not exist.
fn page(
    tx: &mut ProjectTx<'_>,
    customer_key: Option<&str>,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Option<Vec<AccountRow>>, Error> {
    let customer = match customer_key {
        Some(key) => match customers::find_by_key(tx, key)? {
            Some(customer) => Some(customer.id),
            None => return Ok(None),
        },
        None => None,
    };
    Ok(Some(accounts::page(tx, customer, after, page_limit(limit))?))
}

fn ids(rows: &[AccountRow]) -> Vec<AccountId> {
    rows.iter().map(|row| row.id).collect()
}

fn balance_of(row: &AccountRow, balances: &BTreeMap<AccountId, Balance>) -> Balance {
    match balances.get(&row.id) {
        Some(balance) => *balance,
        // No posting counts at that instant.
        None => Balance::ZERO,
    }
}

fn account_view(row: &AccountRow, balances: &BTreeMap<AccountId, Balance>) -> AccountView {
    AccountView {
        id: row.id,
        name: row.account.to_string(),
        class: row.account.class(),
        mode: row.account.mode(),
        currency: row.currency,
        balance: balance_of(row, balances),
        created_at: row.created_at,
    }
}

fn account_balance(row: &AccountRow, balances: &BTreeMap<AccountId, Balance>) -> AccountBalance {
    AccountBalance {
        account: row.account.to_string(),
        id: row.id,
        class: row.account.class(),
        currency: row.currency,
        balance: balance_of(row, balances),
    }
}
