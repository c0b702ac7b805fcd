//! The one function that posts: it writes an entry with its lines and moves the balances that decisions depend on.

mod balances;
mod closings;
mod deferred;
mod entries;

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{AccountId, CustomerId, EntryId};
use domain::ledger::account::{Account, AccountMode};
use domain::ledger::balance::Balance;
use domain::ledger::closing::Closing;
use domain::ledger::entry::{ActorName, CANON_VERSION, Cause, CauseType, EntryKind, JournalEntry};
use domain::ledger::lines::Lines;
use domain::ledger::reason::Reason;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::wallets::Wallet;
use storage::{ProjectTx, accounts, balances as stored_balances, journal, ledger_closings};

pub(crate) use self::balances::signed;
pub use self::balances::{AccountBalance, AccountView, BalancesAsOf};
pub use self::closings::{BooksClosed, CloseBooks, ClosingView};
pub use self::deferred::{DeferredFee, DeferredFees};
pub use self::entries::{ActorView, EntryView, PostingView};
pub(crate) use self::entries::{read_lines, views};
use crate::command::Idempotency;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;

/// An entry that is about to be posted. Who, when and why it was asked for comes from the context.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Where it is derived from what is booked ([`domain::ids::derived`]); a new one if absent.
    pub id: Option<EntryId>,
    pub kind: EntryKind,
    pub customer: Option<CustomerId>,
    /// What moves, as people would say it; not negative.
    pub amount: Amount,
    pub currency: Currency,
    /// The balance of the customer's wallet after the entry.
    pub balance_after: Option<Amount>,
    pub description: String,
    pub idempotency: Option<&'a Idempotency>,
    /// When it happened, where that is not now.
    pub usage_at: Option<Instant>,
    pub reason: Option<Reason>,
    /// What brought it about; whoever acts if absent.
    pub cause: Option<Cause>,
    pub reverses: Option<EntryId>,
    pub refunds: Option<EntryId>,
    /// A JSON object in canonical form.
    pub metadata: Option<String>,
    pub lines: &'a Lines,
}

impl<'a> NewEntry<'a> {
    /// An entry of which nothing more is known: of no customer, now, brought about by whoever acts.
    pub fn of(kind: EntryKind, amount: Amount, currency: Currency, lines: &'a Lines) -> NewEntry<'a> {
        NewEntry {
            id: None,
            kind,
            customer: None,
            amount,
            currency,
            balance_after: None,
            description: String::new(),
            idempotency: None,
            usage_at: None,
            reason: None,
            cause: None,
            reverses: None,
            refunds: None,
            metadata: None,
            lines,
        }
    }
}

/// A posted entry, with the ids of the accounts it moved.
#[derive(Debug)]
pub(crate) struct Posted {
    pub entry: JournalEntry,
    pub accounts: BTreeMap<(Account, Currency), AccountId>,
}

/// Posted entries in the order in which they were given, with the ids of the accounts they moved.
#[derive(Debug, Default)]
pub struct PostedMany {
    pub entries: Vec<JournalEntry>,
    pub accounts: BTreeMap<(Account, Currency), AccountId>,
}

/// Posts one entry: [`post_many`].
///
/// # Errors
/// As [`post_many`].
pub(crate) fn post(tx: &mut ProjectTx<'_>, ctx: &Ctx, new: &NewEntry<'_>) -> Result<Posted, Error> {
    let PostedMany { mut entries, accounts } = post_many(tx, ctx, std::slice::from_ref(new))?;
    let entry = entries.pop().ok_or_else(|| Error::Bug("one entry was posted and none came back".to_owned()))?;
    Ok(Posted { entry, accounts })
}

/// Posts entries, all or none: what they would do one after another, with a few statements whatever their number. The caller holds the
/// locks on what they were decided by: wallets, invoices.
///
/// # Errors
/// [`Code::OutOfRange`] when a balance would leave the range of amounts; [`Error::Bug`] when one would be negative.
///
/// # Panics
/// When debits and credits of an entry differ: nothing unbalanced reaches the database.
pub fn post_many(tx: &mut ProjectTx<'_>, ctx: &Ctx, new: &[NewEntry<'_>]) -> Result<PostedMany, Error> {
    if new.is_empty() {
        return Ok(PostedMany::default());
    }
    let mut net = BTreeMap::new();
    for entry in new {
        let checked = Lines::check(entry.lines.as_slice().to_vec());
        assert!(checked.is_ok(), "only balanced lines are posted: {checked:?}");
        for (key, change) in entry.lines.net() {
            *net.entry(key).or_default() += change;
        }
    }
    let wanted: Vec<(Account, Currency)> = net.keys().copied().collect();
    let accounts = accounts::ensure(tx, &wanted, ctx.now(), || ctx.new_id())?;
    // Shares the lock until the commit: the books are not closed beyond the moments that the entries count from now on.
    let closing = ledger_closings::shared(tx)?;
    let entries: Vec<JournalEntry> = new.iter().map(|new| entry(ctx, closing, new)).collect();
    journal::insert_many(tx, &entries)?;
    let mut postings = Vec::with_capacity(new.len());
    for (entry, new) in entries.iter().zip(new) {
        let lines = new.lines.as_slice().iter().map(|line| Ok((id_of(&accounts, line.account, line.currency)?, *line)));
        postings.push((entry.id, lines.collect::<Result<Vec<_>, Error>>()?));
    }
    journal::insert_postings(tx, &postings)?;
    move_balances(tx, &net, &accounts)?;
    Ok(PostedMany { entries, accounts })
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

fn entry(ctx: &Ctx, closing: Closing, new: &NewEntry<'_>) -> JournalEntry {
    let actor = &ctx.caller.actor;
    let kind = match actor {
        Actor::User { .. } | Actor::Anonymous => CauseType::Operator,
        Actor::AccessKey { .. } => CauseType::AccessKey,
        Actor::System { .. } => CauseType::System,
    };
    JournalEntry {
        id: new.id.unwrap_or_else(|| ctx.new_id()),
        kind: new.kind,
        customer: new.customer,
        amount: new.amount,
        currency: new.currency,
        balance_after: new.balance_after,
        description: new.description.clone(),
        idempotency_key: new.idempotency.map(|idempotency| idempotency.key.as_str().to_owned()),
        fingerprint: new.idempotency.map(|idempotency| idempotency.fingerprint),
        effective_at: closing.effective_at(new.usage_at.unwrap_or(ctx.now())),
        usage_at: new.usage_at,
        recorded_at: ctx.now(),
        actor: ActorName { kind: actor.kind().to_owned(), id: actor.id(), name: actor.name().to_owned() },
        reason: new.reason.clone(),
        cause: new.cause.clone().unwrap_or_else(|| Cause { kind, id: actor.id() }),
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
