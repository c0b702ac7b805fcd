//! The chart of accounts: what each account is called, what it is, and whether a decision needs its balance at once.

use std::fmt;
use std::str::FromStr;

use crate::ids::{CustomerId, LotId, SubscriptionId};
use crate::ledger::jurisdiction::Jurisdiction;
use crate::named::named;

named! {
    /// What an account is in a balance sheet or an income statement.
    Class {
        Asset = "asset",
        Liability = "liability",
        ContraLiability = "contra_liability",
        Income = "income",
        ContraIncome = "contra_income",
        Expense = "expense",
        Equity = "equity",
    }
}

named! {
    /// The side of a posting.
    Direction {
        Debit = "debit",
        Credit = "credit",
    }
}

named! {
    /// Whether the balance is stored and locked, or summed when somebody asks.
    AccountMode {
        /// A balance row, never negative, locked by whoever decides on it.
        Authorizing = "authorizing",
        /// Postings only.
        Recording = "recording",
    }
}

impl Class {
    /// The side that increases an account of this class.
    pub const fn normal_side(self) -> Direction {
        match self {
            Class::Asset | Class::ContraLiability | Class::ContraIncome | Class::Expense => Direction::Debit,
            Class::Liability | Class::Income | Class::Equity => Direction::Credit,
        }
    }
}

impl Direction {
    pub const fn opposite(self) -> Direction {
        match self {
            Direction::Debit => Direction::Credit,
            Direction::Credit => Direction::Debit,
        }
    }
}

macro_rules! accounts {
    (
        fixed { $($(#[$fixed_doc:meta])* $fixed:ident = $fixed_name:literal, $fixed_class:ident, $fixed_mode:ident;)* }
        customer { $($(#[$own_doc:meta])* $own:ident = $own_name:literal, $own_class:ident, $own_mode:ident;)* }
        lot { $($(#[$lot_doc:meta])* $lot:ident = $lot_name:literal, $lot_class:ident, $lot_mode:ident;)* }
        subscription { $($(#[$sub_doc:meta])* $sub:ident = $sub_name:literal, $sub_class:ident, $sub_mode:ident;)* }
        place { $($(#[$place_doc:meta])* $place:ident = $place_name:literal, $place_class:ident, $place_mode:ident;)* }
    ) => {
        /// An account of a project; with a currency beside it, one row of the ledger.
        ///
        /// ```
        /// use domain::ledger::account::{Account, Class};
        /// let account: Account = "revenue:usage".parse().unwrap();
        /// assert_eq!(account.class(), Class::Income);
        /// assert!("revenue:gifts".parse::<Account>().is_err());
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Account {
            $($(#[$fixed_doc])* $fixed,)*
            $($(#[$own_doc])* $own { customer: CustomerId },)*
            $($(#[$lot_doc])* $lot { customer: CustomerId, lot: LotId },)*
            $($(#[$sub_doc])* $sub { customer: CustomerId, subscription: SubscriptionId },)*
            $($(#[$place_doc])* $place { jurisdiction: Jurisdiction },)*
        }

        impl Account {
            pub const fn class(self) -> Class {
                match self {
                    $(Account::$fixed => Class::$fixed_class,)*
                    $(Account::$own { .. } => Class::$own_class,)*
                    $(Account::$lot { .. } => Class::$lot_class,)*
                    $(Account::$sub { .. } => Class::$sub_class,)*
                    $(Account::$place { .. } => Class::$place_class,)*
                }
            }

            pub const fn mode(self) -> AccountMode {
                match self {
                    $(Account::$fixed => AccountMode::$fixed_mode,)*
                    $(Account::$own { .. } => AccountMode::$own_mode,)*
                    $(Account::$lot { .. } => AccountMode::$lot_mode,)*
                    $(Account::$sub { .. } => AccountMode::$sub_mode,)*
                    $(Account::$place { .. } => AccountMode::$place_mode,)*
                }
            }

            pub const fn customer(self) -> Option<CustomerId> {
                match self {
                    $(Account::$fixed => None,)*
                    $(Account::$own { customer } => Some(customer),)*
                    $(Account::$lot { customer, .. } => Some(customer),)*
                    $(Account::$sub { customer, .. } => Some(customer),)*
                    $(Account::$place { .. } => None,)*
                }
            }

            pub const fn lot(self) -> Option<LotId> {
                match self {
                    $(Account::$fixed => None,)*
                    $(Account::$own { .. } => None,)*
                    $(Account::$lot { lot, .. } => Some(lot),)*
                    $(Account::$sub { .. } => None,)*
                    $(Account::$place { .. } => None,)*
                }
            }
        }

        impl fmt::Display for Account {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Account::$fixed => out.write_str($fixed_name),)*
                    $(Account::$own { customer } => write!(out, concat!($own_name, ":{}"), customer),)*
                    $(Account::$lot { customer, lot } => write!(out, concat!($lot_name, ":{}:{}"), customer, lot),)*
                    $(Account::$sub { customer, subscription } => {
                        write!(out, concat!($sub_name, ":{}:{}"), customer, subscription)
                    })*
                    $(Account::$place { jurisdiction } => write!(out, concat!($place_name, ":{}"), jurisdiction),)*
                }
            }
        }

        impl FromStr for Account {
            type Err = UnknownAccount;
            fn from_str(name: &str) -> Result<Account, UnknownAccount> {
                $(if name == $fixed_name {
                    return Ok(Account::$fixed);
                })*
                let (head, ids) = name.split_once(':').ok_or(UnknownAccount)?;
                $(if head == $own_name {
                    return Ok(Account::$own { customer: ids.parse().map_err(|_| UnknownAccount)? });
                })*
                $(if head == $place_name {
                    return Ok(Account::$place { jurisdiction: ids.parse().map_err(|_| UnknownAccount)? });
                })*
                let (customer, id) = ids.split_once(':').ok_or(UnknownAccount)?;
                let customer = customer.parse().map_err(|_| UnknownAccount)?;
                $(if head == $lot_name {
                    return Ok(Account::$lot { customer, lot: id.parse().map_err(|_| UnknownAccount)? });
                })*
                $(if head == $sub_name {
                    return Ok(Account::$sub { customer, subscription: id.parse().map_err(|_| UnknownAccount)? });
                })*
                Err(UnknownAccount)
            }
        }
    };
}

accounts! {
    fixed {
        /// Money at the bank.
        Bank = "bank", Asset, Recording;
        /// Money a payment provider holds back while a payment is disputed.
        DisputeReceivable = "dispute_receivable", Asset, Recording;
        /// The other side of all promotional lots.
        PromoIssued = "promo_issued", ContraLiability, Recording;
        RevenueUsage = "revenue:usage", Income, Recording;
        RevenueSubscription = "revenue:subscription", Income, Recording;
        RevenueOneoff = "revenue:oneoff", Income, Recording;
        /// Paid credit that expired unspent.
        RevenueBreakage = "revenue:breakage", Income, Recording;
        /// What customers paid with promotional credit.
        ContraPromo = "contra:promo", ContraIncome, Recording;
        ContraCreditNote = "contra:credit_note", ContraIncome, Recording;
        ContraDiscount = "contra:discount", ContraIncome, Recording;
        PspFee = "psp_fee", Expense, Recording;
        BadDebt = "bad_debt", Expense, Recording;
        ChargebackLoss = "chargeback_loss", Expense, Recording;
        Goodwill = "goodwill", Expense, Recording;
        Rounding = "rounding", Equity, Recording;
        /// Waiting for a person to say where it belongs.
        Suspense = "suspense", Equity, Recording;
        Opening = "opening", Equity, Recording;
    }
    customer {
        Receivable = "receivable", Asset, Authorizing;
        /// Rated, not invoiced.
        Unbilled = "unbilled", Asset, Recording;
        /// What was spent beyond the wallet, within its limit.
        WalletOverdraft = "wallet_overdraft", Asset, Authorizing;
        TopupUnpaid = "topup_unpaid", Liability, Recording;
        /// Overpayment and credit notes.
        CustomerBalance = "customer_balance", Liability, Authorizing;
        RefundPayable = "refund_payable", Liability, Recording;
    }
    lot {
        /// Paid credit: deferred revenue.
        WalletPaid = "wallet_paid", Liability, Authorizing;
        /// Granted credit, a memo liability.
        WalletPromo = "wallet_promo", Liability, Authorizing;
    }
    subscription {
        /// Billed in advance, not earned yet.
        Deferred = "deferred", Liability, Recording;
    }
    place {
        /// Tax that was billed and is owed to an authority.
        TaxPayable = "tax_payable", Liability, Recording;
    }
}

/// A text that names no account of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the name of an account")]
pub struct UnknownAccount;

impl Account {
    /// Whether the account is a part of a customer's wallet: its lots and its overdraft.
    pub const fn is_wallet(self) -> bool {
        matches!(self, Account::WalletPaid { .. } | Account::WalletPromo { .. } | Account::WalletOverdraft { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const CUSTOMER: CustomerId = CustomerId::from_uuid(Uuid::from_u128(1));
    const LOT: LotId = LotId::from_uuid(Uuid::from_u128(2));

    #[rstest::rstest]
    #[case(Account::Bank, "bank")]
    #[case(Account::RevenueUsage, "revenue:usage")]
    #[case(Account::WalletOverdraft { customer: CUSTOMER }, "wallet_overdraft:cus_00000000000000000000000001")]
    #[case(
        Account::WalletPaid { customer: CUSTOMER, lot: LOT },
        "wallet_paid:cus_00000000000000000000000001:lot_00000000000000000000000002"
    )]
    #[case(
        Account::Deferred { customer: CUSTOMER, subscription: SubscriptionId::from_uuid(Uuid::from_u128(3)) },
        "deferred:cus_00000000000000000000000001:sub_00000000000000000000000003"
    )]
    #[case(Account::TaxPayable { jurisdiction: Jurisdiction::WORLD }, "tax_payable:ZZ")]
    fn a_name_says_which_account_it_is(#[case] account: Account, #[case] name: &str) {
        assert_eq!(account.to_string(), name);
        assert_eq!(name.parse(), Ok(account));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("bank:")]
    #[case("wallet_paid")]
    #[case("wallet_paid:cus_00000000000000000000000001")]
    #[case("wallet_paid:lot_00000000000000000000000002:cus_00000000000000000000000001")]
    #[case("receivable:prj_00000000000000000000000001")]
    #[case("deferred:cus_00000000000000000000000001:lot_00000000000000000000000002")]
    #[case("tax_payable:de")]
    fn any_other_text_names_no_account(#[case] name: &str) {
        assert_eq!(name.parse::<Account>(), Err(UnknownAccount));
    }

    #[test]
    fn what_a_wallet_holds_is_owed_to_the_customer_and_an_overdraft_is_owed_by_him() {
        let paid = Account::WalletPaid { customer: CUSTOMER, lot: LOT };
        assert_eq!(paid.class().normal_side(), Direction::Credit);
        let overdraft = Account::WalletOverdraft { customer: CUSTOMER };
        assert_eq!(overdraft.class().normal_side(), Direction::Debit);
    }
}
