//! What a project decides about its invoices: when drafts are issued and due, what becomes of late usage, how numbers look. The
//! policies are fields of [`crate::projects::Policies`]; seller and numbers are replaced as a whole.

use super::parties::Seller;
use super::series::Series;
use crate::named::named;
use crate::refusal::{Code, Refusal};

/// The longest grace: 30 days.
pub const GRACE_MINUTES_MAX: u32 = 43_200;
/// The longest term of payment: one year.
pub const PAYMENT_TERM_DAYS_MAX: u32 = 365;
/// The furthest that late usage is corrected by itself: 100 years.
pub const LATE_LIMIT_DAYS_MAX: u32 = 36_500;

named! {
    /// Who turns a draft into an invoice.
    Finalization {
        /// It is issued when its late buffer and grace have passed.
        Automatic = "automatic",
        /// It waits for a person.
        Manual = "manual",
    }
}

named! {
    /// What becomes of usage that arrives after its invoice was issued.
    LatePolicy {
        /// A dated line on the next invoice.
        NextInvoice = "nextInvoice",
        /// A credit note, or a debit note, at once.
        CreditNote = "creditNote",
        /// A new version of the invoice in place of the one before.
        Reissue = "reissue",
        /// A person decides.
        Hold = "hold",
    }
}

named! {
    /// Which numbers a document takes.
    SeriesName {
        Invoice = "invoice",
        CreditNote = "creditNote",
    }
}

/// When a draft is issued and when the invoice is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvoicePolicy {
    pub finalization: Finalization,
    /// How long windows wait for late events, in minutes.
    pub late_buffer_minutes: u32,
    /// How long a draft stays a draft after that, for people to look at it, in minutes.
    pub grace_minutes: u32,
    /// Days from the day of issue to the day it is due.
    pub payment_term_days: u32,
}

impl InvoicePolicy {
    /// How long after the first item falls on its day a draft is issued, in minutes.
    pub const fn wait_minutes(&self) -> u32 {
        // Cannot overflow: both are at most 43,200.
        self.late_buffer_minutes + self.grace_minutes
    }
}

/// How the numbers of a series are printed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeriesFormat {
    /// At most 20 letters, digits, `-`, `/`, `.` or `_`.
    #[schema(example = "INV-")]
    pub prefix: String,
    /// Filled up with zeros to 1 to 12 digits.
    #[schema(example = 6)]
    pub digits: usize,
}

/// The formats of both series. A change holds for numbers that are given later; the count goes on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeriesFormats {
    #[serde(default = "invoice_format")]
    pub invoice: SeriesFormat,
    #[serde(default = "credit_note_format")]
    pub credit_note: SeriesFormat,
}

/// What a project prints on its documents beside the lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BillingSettings {
    #[serde(default)]
    pub seller: Seller,
    #[serde(default)]
    pub series: SeriesFormats,
}

impl SeriesFormat {
    /// A series in this format, of which nothing was given yet.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a prefix or a number of digits that is not accepted.
    pub fn series(&self) -> Result<Series, Refusal> {
        Series::new(&self.prefix, self.digits)
    }

    fn checked(self, path: &str) -> Result<SeriesFormat, Refusal> {
        let within = |refusal: Refusal| match refusal.errors.into_iter().next() {
            Some(error) => Refusal::field(error.code, format!("{path}.{}", error.field), error.detail),
            None => Refusal::field(refusal.code, path, refusal.detail),
        };
        self.series().map_err(within)?;
        Ok(self)
    }
}

impl SeriesFormats {
    /// The format of one series.
    pub const fn of(&self, name: SeriesName) -> &SeriesFormat {
        match name {
            SeriesName::Invoice => &self.invoice,
            SeriesName::CreditNote => &self.credit_note,
        }
    }
}

impl Default for SeriesFormats {
    /// `INV-000001` and `CN-000001`.
    fn default() -> SeriesFormats {
        SeriesFormats { invoice: invoice_format(), credit_note: credit_note_format() }
    }
}

impl BillingSettings {
    /// Refuses what cannot be printed, and two series that would give the same numbers.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] with the field.
    pub fn checked(self) -> Result<BillingSettings, Refusal> {
        let seller = self.seller.checked("seller")?;
        let invoice = self.series.invoice.checked("series.invoice")?;
        let credit_note = self.series.credit_note.checked("series.creditNote")?;
        if invoice.prefix == credit_note.prefix {
            let detail = "must differ from the prefix of invoices: one number must not mean two documents.";
            return Err(Refusal::field(Code::InvalidValue, "series.creditNote.prefix", detail));
        }
        Ok(BillingSettings { seller, series: SeriesFormats { invoice, credit_note } })
    }
}

/// Who issues drafts.
///
/// # Errors
/// [`Code::InvalidValue`] for any other text.
pub fn finalization(field: &str, text: &str) -> Result<Finalization, Refusal> {
    Finalization::parse(text)
        .ok_or_else(|| Refusal::field(Code::InvalidValue, field, "must be \"automatic\" or \"manual\"."))
}

/// What becomes of late usage.
///
/// # Errors
/// [`Code::InvalidValue`] for any other text.
pub fn late_policy(field: &str, text: &str) -> Result<LatePolicy, Refusal> {
    let detail = "must be \"nextInvoice\", \"creditNote\", \"reissue\" or \"hold\".";
    LatePolicy::parse(text).ok_or_else(|| Refusal::field(Code::InvalidValue, field, detail))
}

/// How far back late usage is corrected by itself, in whole days.
///
/// # Errors
/// [`Code::OutOfRange`] for more than 100 years.
pub fn late_limit(field: &str, days: u32) -> Result<u32, Refusal> {
    at_most(field, days, LATE_LIMIT_DAYS_MAX, "days")
}

/// How long a draft waits after the late buffer, in minutes.
///
/// # Errors
/// [`Code::OutOfRange`] for more than 30 days.
pub fn grace(field: &str, minutes: u32) -> Result<u32, Refusal> {
    at_most(field, minutes, GRACE_MINUTES_MAX, "minutes (30 days)")
}

/// Days until an invoice is due.
///
/// # Errors
/// [`Code::OutOfRange`] for more than a year.
pub fn payment_term(field: &str, days: u32) -> Result<u32, Refusal> {
    at_most(field, days, PAYMENT_TERM_DAYS_MAX, "days")
}

fn at_most(field: &str, value: u32, value_max: u32, unit: &str) -> Result<u32, Refusal> {
    if value <= value_max {
        return Ok(value);
    }
    Err(Refusal::field(Code::OutOfRange, field, format!("must be from 0 to {value_max} {unit}.")))
}

fn invoice_format() -> SeriesFormat {
    SeriesFormat { prefix: "INV-".to_owned(), digits: 6 }
}

fn credit_note_format() -> SeriesFormat {
    SeriesFormat { prefix: "CN-".to_owned(), digits: 6 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<BillingSettings, Refusal> {
        serde_json::from_str::<BillingSettings>(json).unwrap().checked()
    }

    #[test]
    fn a_project_that_said_nothing_has_numbers_already() {
        let settings = read("{}").unwrap();
        assert_eq!(settings, BillingSettings::default());
        let first = |name| settings.series.of(name).series().unwrap().take().0.to_string();
        assert_eq!(
            (first(SeriesName::Invoice).as_str(), first(SeriesName::CreditNote).as_str()),
            ("INV-000001", "CN-000001")
        );
    }

    #[rstest::rstest]
    #[case(r#"{"series":{"invoice":{"prefix":"A B","digits":6}}}"#, "series.invoice.prefix")]
    #[case(r#"{"series":{"creditNote":{"prefix":"CN-","digits":13}}}"#, "series.creditNote.digits")]
    #[case(r#"{"series":{"creditNote":{"prefix":"INV-","digits":6}}}"#, "series.creditNote.prefix")]
    #[case(r#"{"seller":{"address":{"country":"Germany"}}}"#, "seller.address.country")]
    fn settings_that_cannot_be_printed_are_refused_with_their_field(#[case] json: &str, #[case] field: &str) {
        let refusal = read(json).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidValue, Some(field)));
    }

    #[test]
    fn policies_out_of_range_are_refused() {
        assert_eq!(finalization("f", "never").unwrap_err().code, Code::InvalidValue);
        assert_eq!(late_policy("f", "ignore").unwrap_err().code, Code::InvalidValue);
        assert_eq!(late_limit("f", 36_501).unwrap_err().code, Code::OutOfRange);
        assert_eq!(grace("f", 43_201).unwrap_err().code, Code::OutOfRange);
        assert_eq!(payment_term("f", 366).unwrap_err().code, Code::OutOfRange);
        assert_eq!((late_limit("f", 0), grace("f", 0), payment_term("f", 0)), (Ok(0), Ok(0), Ok(0)));
    }

    #[test]
    fn a_draft_waits_for_late_events_and_then_for_people() {
        let policy = InvoicePolicy {
            finalization: Finalization::Automatic,
            late_buffer_minutes: 60,
            grace_minutes: 1_440,
            payment_term_days: 14,
        };
        assert_eq!(policy.wait_minutes(), 1_500);
    }
}
