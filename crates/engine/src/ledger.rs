//! The one function that posts: it writes an entry with its lines and moves the balances that decisions depend on.

mod balances;
mod entries;

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{AccountId, CustomerId, EntryId};
use domain::ledger::account::{Account, AccountMode};
use domain::ledger::balance::Balance;
use domain::ledger::entry::{ActorName, CANON_VERSION, Cause, CauseType, EntryKind, JournalEntry};
use domain::ledger::lines::Lines;
use domain::ledger::reason::Reason;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::wallets::Wallet;
use storage::{ProjectTx, accounts, balances as stored_balances, journal};

pub(crate) use self::balances::signed;
pub use self::balances::{AccountBalance, AccountView, BalancesAsOf};
pub use self::entries::{ActorView, EntryView, PostingView};
pub(crate) use self::entries::{read_lines, views};
use crate::command::Idempotency;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;

/// An entry that is about to be posted. Who, when and why it was asked for comes from the context.
#[derive(Debug)]
pub(crate) struct NewEntry<'a> {
    pub kind: EntryKind,
    pub customer: Option<CustomerId>,
    /// What moves, as people would say it; positive.
    pub amount: Amount,
    pub currency: Currency,
    /// The balance of the customer's wallet after the entry.
    pub balance_after: Option<Amount>,
    pub description: String,
    pub idempotency: &'a Idempotency,
    /// When it happened, where the request said so.
    pub usage_at: Option<Instant>,
    pub reason: Option<Reason>,
    pub reverses: Option<EntryId>,
    pub refunds: Option<EntryId>,
    /// A JSON object in canonical form.
    pub metadata: Option<String>,
    pub lines: &'a Lines,
}

/// A posted entry, with the ids of the accounts it moved.
#[derive(Debug)]
pub(crate) struct Posted {
    pub entry: JournalEntry,
    pub accounts: BTreeMap<(Account, Currency), AccountId>,
}

/// Posts an entry. The caller holds the lock on what the entry was decided by: the wallet.
///
/// # Errors
/// [`Code::OutOfRange`] when a balance would leave the range of amounts; [`Error::Bug`] when one would be negative.
///
/// # Panics
/// When debits and credits differ: nothing unbalanced reaches the database.
pub(crate) fn post(tx: &mut ProjectTx<'_>, ctx: &Ctx, new: NewEntry<'_>) -> Result<Posted, Error> {
    let checked = Lines::check(new.lines.as_slice().to_vec());
    assert!(checked.is_ok(), "only balanced lines are posted: {checked:?}");
    let net = new.lines.net();
    let wanted: Vec<(Account, Currency)> = net.keys().copied().collect();
    let accounts = accounts::ensure(tx, &wanted, ctx.now(), || ctx.new_id())?;
    let entry = entry(ctx, &new);
    journal::insert(tx, &entry)?;
    let mut lines = Vec::with_capacity(new.lines.as_slice().len());
    for line in new.lines.as_slice() {
        lines.push((id_of(&accounts, line.account, line.currency)?, *line));
    }
    journal::insert_postings(tx, entry.id, &lines)?;
    move_balances(tx, &net, &accounts)?;
    Ok(Posted { entry, accounts })
}

/// What the wallet holds after these lines.
///
/// # Errors
/// [`Code::OutOfRange`] when that is more than an amount can say.
pub(crate) fn balance_after(wallet: &Wallet, lines: &Lines) -> Result<Amount, Refusal> {
    let effect = lines.effect_on_wallet(wallet.customer, wallet.currency);
    let after = Balance::from_micros(wallet.balance().micros() + effect.micros());
    after
        .amount()
        .ok_or_else(|| Refusal::field(Code::OutOfRange, "amount", "would take the wallet beyond the largest balance."))
}

/// The refusal to undo an entry that was reversed already. The caller holds the lock on the wallet.
pub(crate) fn reversal_refusal(tx: &mut ProjectTx<'_>, id: EntryId) -> Result<Option<Refusal>, Error> {
    let reversal = journal::reversal_of(tx, id)?;
    let refuse = |by| Refusal::new(Code::AlreadyReversed, format!("{id} was reversed already, by {by}."));
    Ok(reversal.map(refuse))
}

fn entry(ctx: &Ctx, new: &NewEntry<'_>) -> JournalEntry {
    let actor = &ctx.caller.actor;
    let kind = match actor {
        Actor::User { .. } | Actor::Anonymous => CauseType::Operator,
        Actor::AccessKey { .. } => CauseType::AccessKey,
        Actor::System { .. } => CauseType::System,
    };
    JournalEntry {
        id: ctx.new_id(),
        kind: new.kind,
        customer: new.customer,
        amount: new.amount,
        currency: new.currency,
        balance_after: new.balance_after,
        description: new.description.clone(),
        idempotency_key: Some(new.idempotency.key.as_str().to_owned()),
        fingerprint: Some(new.idempotency.fingerprint),
        // No accounting period is closed yet: an entry counts when it happened.
        effective_at: new.usage_at.unwrap_or(ctx.now()),
        usage_at: new.usage_at,
        recorded_at: ctx.now(),
        actor: ActorName { kind: actor.kind().to_owned(), id: actor.id(), name: actor.name().to_owned() },
        reason: new.reason.clone(),
        cause: Cause { kind, id: actor.id() },
        reverses: new.reverses,
        refunds: new.refunds,
        metadata: new.metadata.clone(),
        request_id: ctx.caller.request_id.to_string(),
        canon_version: CANON_VERSION,
    }
}

/// Adds the net change to each stored balance, locked and written in the order of the accounts' ids.
fn move_balances(
    tx: &mut ProjectTx<'_>,
    net: &BTreeMap<(Account, Currency), i128>,
    accounts: &BTreeMap<(Account, Currency), AccountId>,
) -> Result<(), Error> {
    let mut changes = BTreeMap::new();
    for ((account, currency), change) in net {
        match account.mode() {
            AccountMode::Authorizing => {
                changes.insert(id_of(accounts, *account, *currency)?, (*account, *currency, *change));
            }
            AccountMode::Recording => {}
        }
    }
    let ids: Vec<AccountId> = changes.keys().copied().collect();
    let before: BTreeMap<AccountId, Amount> = stored_balances::lock(tx, &ids)?.into_iter().collect();
    let mut after = Vec::with_capacity(changes.len());
    for (id, (account, currency, change)) in changes {
        let held = match before.get(&id) {
            Some(held) => *held,
            // Nothing was posted to it before.
            None => Amount::ZERO,
        };
        let micros = i128::from(held.micros()) + change;
        if micros < 0 {
            return Err(Error::Bug(format!("{account} holds {held} {currency} and would lose {change} micros")));
        }
        let balance = Balance::from_micros(micros).amount().ok_or_else(|| {
            Refusal::field(Code::OutOfRange, "amount", "would take an account beyond the largest balance.")
        })?;
        after.push((id, currency, balance));
    }
    stored_balances::store(tx, &after)?;
    Ok(())
}

fn id_of(
    accounts: &BTreeMap<(Account, Currency), AccountId>,
    account: Account,
    currency: Currency,
) -> Result<AccountId, Error> {
    accounts
        .get(&(account, currency))
        .copied()
        .ok_or_else(|| Error::Bug(format!("the account {account} in {currency} was not made")))
}
