//! Reason codes: the closed list an operator picks from when money is corrected.

use super::account::Account;
use crate::named::named;
use crate::refusal::{Code, Refusal};
use crate::text;

named! {
    /// Why a person corrected money.
    ReasonCode {
        /// A gesture to keep a customer.
        Goodwill = "goodwill",
        /// The service did not do what was sold.
        ServiceIssue = "service_issue",
        /// The bill was wrong.
        BillingError = "billing_error",
        /// The same thing was booked twice.
        Duplicate = "duplicate",
        /// The customer deceived.
        Fraud = "fraud",
        /// The contract says so.
        Contract = "contract",
        /// Somebody tried things out.
        Test = "test",
        /// Anything else; the text beside it says what.
        Other = "other",
    }
}

impl ReasonCode {
    /// Where a debit by an operator goes: what the customer pays for is income; what should never have been there waits
    /// in `suspense` until a person says where it belongs.
    pub const fn debit_account(self) -> Account {
        match self {
            ReasonCode::Goodwill
            | ReasonCode::ServiceIssue
            | ReasonCode::BillingError
            | ReasonCode::Contract
            | ReasonCode::Other => Account::RevenueOneoff,
            ReasonCode::Duplicate | ReasonCode::Fraud | ReasonCode::Test => Account::Suspense,
        }
    }
}

/// A reason code and the words beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub code: ReasonCode,
    pub text: Option<String>,
}

impl Reason {
    /// Reads the two fields of a correction.
    ///
    /// # Errors
    /// [`Code::ReasonRequired`] without a code or with one that is not on the list, [`Code::InvalidValue`] for a text
    /// that [`text::reason`] does not accept.
    pub fn required(code: Option<&str>, words: Option<&str>) -> Result<Reason, Refusal> {
        Reason::optional(code, words)?.ok_or_else(missing)
    }

    /// Reads the two fields where a reason may be given; a text alone is not a reason.
    ///
    /// # Errors
    /// As [`Reason::required`], except that a code may be missing when there is no text either.
    pub fn optional(code: Option<&str>, words: Option<&str>) -> Result<Option<Reason>, Refusal> {
        let words = words.map(str::trim).filter(|words| !words.is_empty());
        let text = words.map(|words| text::reason("reason", words)).transpose()?;
        match (code, text) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(missing()),
            (Some(code), text) => {
                let code = ReasonCode::parse(code).ok_or_else(missing)?;
                Ok(Some(Reason { code, text }))
            }
        }
    }
}

fn missing() -> Refusal {
    let names: Vec<&str> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
    Refusal::field(Code::ReasonRequired, "reasonCode", format!("must be one of {}.", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(None, None, Code::ReasonRequired)]
    #[case(None, Some("words alone"), Code::ReasonRequired)]
    #[case(Some("because"), None, Code::ReasonRequired)]
    fn a_correction_needs_a_code_from_the_list(
        #[case] code: Option<&str>,
        #[case] words: Option<&str>,
        #[case] refused: Code,
    ) {
        // checklist 92
        assert_eq!(Reason::required(code, words).unwrap_err().code, refused);
    }

    #[test]
    fn every_code_is_documented_with_the_account_of_its_debits() {
        let page = include_str!("../../../../docs/reference/reason-codes.md");
        for code in ReasonCode::ALL {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{code}` |")));
            let account = format!("| `{}` |", code.debit_account());
            assert!(row.is_some_and(|row| row.ends_with(&account)), "{code}");
        }
    }

    #[test]
    fn a_reason_may_carry_words() {
        let reason = Reason::required(Some("fraud"), Some("  stolen card ")).unwrap();
        assert_eq!(reason, Reason { code: ReasonCode::Fraud, text: Some("stolen card".to_owned()) });
        assert_eq!(Reason::optional(None, Some("  ")), Ok(None));
    }

    #[test]
    fn a_novel_is_refused() {
        let novel = "x".repeat(text::REASON_LENGTH_MAX + 1);
        assert_eq!(Reason::required(Some("other"), Some(&novel)).unwrap_err().code, Code::InvalidValue);
    }
}
