//! How the stories move money and look at it.

use std::time::Duration;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::EntryId;
use domain::ingest::charge::ChargeItem;
use domain::ledger::reason::{Reason, ReasonCode};
use domain::refusal::Code;
use engine::ledger::EntryView;
use engine::transactions::{
    DebitWallet, GrantCredit, RefundCharge, ReverseTransaction, Transaction, TransactionFilter,
};
use engine::wallets::{SetOverdraftLimit, WalletFilter, WalletView};
use engine::{Answer, Error};
use serde_json::Value;

use crate::world::{World, key};

pub fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

/// A promotional credit for the project itself.
pub fn grant(text: &str) -> GrantCredit {
    GrantCredit {
        amount: amount(text),
        currency: None,
        customer_key: None,
        description: "Launch credit".to_owned(),
        paid: None,
        expires_at: None,
        priority: None,
        reason: None,
    }
}

pub fn paid(text: &str) -> GrantCredit {
    GrantCredit { paid: Some(true), ..grant(text) }
}

pub fn debit(text: &str) -> DebitWallet {
    DebitWallet {
        amount: amount(text),
        currency: None,
        customer_key: None,
        description: None,
        reason: reason(ReasonCode::Contract),
    }
}

pub fn reason(code: ReasonCode) -> Reason {
    Reason { code, text: None }
}

/// What a caller gets to see of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub status: u16,
    pub body: Value,
    pub replayed: bool,
}

impl Seen {
    #[track_caller]
    pub fn accepted(&self) -> &Value {
        assert_eq!(self.status, 201, "{}", self.body);
        &self.body
    }

    /// The id of the transaction.
    #[track_caller]
    pub fn id(&self) -> EntryId {
        self.accepted()["id"].as_str().unwrap().parse().unwrap()
    }

    #[track_caller]
    pub fn balance_after(&self) -> &str {
        self.accepted()["balanceAfter"].as_str().unwrap()
    }

    #[track_caller]
    pub fn refused(&self, code: Code) {
        assert_eq!((self.status, &self.body["code"]), (code.status(), &Value::from(code.as_str())), "{}", self.body);
    }
}

pub fn seen(answer: Result<Answer, Error>) -> Seen {
    match answer {
        Ok(answer) => {
            Seen { status: answer.status, body: serde_json::from_str(&answer.body).unwrap(), replayed: answer.replayed }
        }
        Err(Error::Refused(refusal)) => {
            let body = serde_json::json!({ "code": refusal.code, "field": refusal.first_field() });
            Seen { status: refusal.code.status(), body, replayed: false }
        }
        Err(error) => panic!("{error:?}"),
    }
}

impl World {
    /// What happens later has a later time, as everywhere: ids of one millisecond have no order.
    fn then(&self, answer: Result<Answer, Error>) -> Seen {
        self.clock.advance(Duration::from_millis(1));
        seen(answer)
    }

    pub fn credit(&self, name: &str, credit: &GrantCredit) -> Seen {
        self.then(self.engine.grant_credit(&self.owner(), key(name), credit))
    }

    pub fn debit(&self, name: &str, debit: &DebitWallet) -> Seen {
        self.then(self.engine.debit_wallet(&self.owner(), key(name), debit))
    }

    /// A charge with this amount and nothing else.
    pub fn charge(&self, name: &str, text: &str) -> Seen {
        self.charge_body(name, &format!("{{\"amount\":\"{text}\"}}"))
    }

    pub fn charge_body(&self, name: &str, body: &str) -> Seen {
        self.then(self.engine.charge(&self.system(), &ChargeItem::read(Some(name), body.as_bytes())))
    }

    pub fn refund(&self, name: &str, transaction: EntryId, text: Option<&str>) -> Seen {
        let refund = RefundCharge {
            transaction,
            amount: text.map(amount),
            description: None,
            reason: reason(ReasonCode::ServiceIssue),
        };
        self.then(self.engine.refund_charge(&self.owner(), key(name), &refund))
    }

    pub fn reverse(&self, name: &str, transaction: EntryId) -> Seen {
        let reversal = ReverseTransaction { transaction, description: None, reason: reason(ReasonCode::BillingError) };
        self.then(self.engine.reverse_transaction(&self.owner(), key(name), &reversal))
    }

    pub fn allow_overdraft(&self, text: &str) -> Result<WalletView, Error> {
        let command = SetOverdraftLimit {
            customer_key: None,
            currency: None,
            limit: amount(text),
            reason: reason(ReasonCode::Contract),
        };
        self.engine.set_overdraft_limit(&self.owner(), &command)
    }

    /// The project's own wallet in this currency.
    pub fn wallet(&self, currency: &str) -> WalletView {
        let filter = WalletFilter { customer_key: Some("self".to_owned()) };
        let wallets = self.engine.list_wallets(&self.owner(), &filter, None, 100).unwrap();
        let currency = Currency::parse(currency).unwrap();
        wallets.into_iter().find(|wallet| wallet.currency == currency).unwrap()
    }

    /// What the project's own wallet holds in US dollars.
    pub fn balance(&self) -> String {
        self.wallet("USD").balance.to_string()
    }

    /// All transactions, the newest first.
    pub fn transactions(&self) -> Vec<Transaction> {
        self.engine.list_transactions(&self.owner(), &TransactionFilter::default(), None, 200).unwrap()
    }

    /// The lines of a transaction as people write them: `D bank 5.000000`; customers and lots left out.
    pub fn written(&self, id: EntryId) -> Vec<String> {
        let entry: EntryView = self.engine.get_entry(&self.owner(), id).unwrap();
        let line = |posting: &engine::ledger::PostingView| {
            let account = posting.account.split(":cus").next().unwrap();
            let side = if posting.direction.as_str() == "debit" { "D" } else { "C" };
            format!("{side} {account} {}", posting.amount)
        };
        entry.postings.iter().map(line).collect()
    }
}
