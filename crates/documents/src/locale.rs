//! How a reader's language writes numbers, money, dates and the fixed words of a document. The tables follow Unicode CLDR; they stand
//! here so that no update of a library changes the bytes of what was issued.

use domain::amount::Amount;
use domain::currency::Currency;
use domain::rounding::MinorUnit;
use domain::unit_price::{Percent, UnitPrice};

pub(crate) use words::{Words, fill};

mod countries;
mod dates;
mod numbers;
mod words;

/// A language and a country whose customs are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locale {
    EnUs,
    EnGb,
    DeDe,
    FrFr,
    EsEs,
    ItIt,
    NlNl,
}

impl Locale {
    #[cfg(test)]
    pub const ALL: [Locale; 7] =
        [Locale::EnUs, Locale::EnGb, Locale::DeDe, Locale::FrFr, Locale::EsEs, Locale::ItIt, Locale::NlNl];

    /// The locale that is nearest to a BCP 47 tag: the same language, then American English. Only British English stands for English
    /// outside the United States.
    pub fn nearest(tag: &str) -> Locale {
        let mut parts = tag.split(['-', '_']);
        let language = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_american = parts.next_back().is_none_or(|region| region.eq_ignore_ascii_case("us"));
        match (language.as_str(), is_american) {
            ("de", _) => Locale::DeDe,
            ("fr", _) => Locale::FrFr,
            ("es", _) => Locale::EsEs,
            ("it", _) => Locale::ItIt,
            ("nl", _) => Locale::NlNl,
            ("en", false) => Locale::EnGb,
            (_, _) => Locale::EnUs,
        }
    }

    /// ISO 639-1.
    pub const fn language(self) -> &'static str {
        match self {
            Locale::EnUs | Locale::EnGb => "en",
            Locale::DeDe => "de",
            Locale::FrFr => "fr",
            Locale::EsEs => "es",
            Locale::ItIt => "it",
            Locale::NlNl => "nl",
        }
    }

    /// ISO 3166-1 alpha-2.
    pub const fn region(self) -> &'static str {
        match self {
            Locale::EnUs => "US",
            Locale::EnGb => "GB",
            Locale::DeDe => "DE",
            Locale::FrFr => "FR",
            Locale::EsEs => "ES",
            Locale::ItIt => "IT",
            Locale::NlNl => "NL",
        }
    }

    pub const fn words(self) -> &'static Words {
        words::of(self)
    }

    /// The name of a country (ISO 3166-1 alpha-2); the code where the name is not known.
    pub fn country(self, code: &str) -> String {
        countries::name(self, code).unwrap_or(code).to_owned()
    }

    /// An amount without its currency: at least the places of the minor unit, and more only where they are not zero.
    pub fn amount(self, amount: Amount, currency: Currency) -> String {
        self.decimal(&amount.to_string(), MinorUnit::of(currency).places())
    }

    /// An amount with its currency, as it stands in a sentence.
    pub fn money(self, amount: Amount, currency: Currency) -> String {
        let text = self.amount(amount, currency);
        let (sign, text) = text.strip_prefix(numbers::MINUS).map_or(("", text.as_str()), |rest| ("\u{2212}", rest));
        let symbol = numbers::symbol(self, currency);
        match self {
            Locale::EnUs | Locale::EnGb => {
                let space = if symbol.ends_with(|last: char| last.is_ascii_alphabetic()) { "\u{a0}" } else { "" };
                format!("{sign}{symbol}{space}{text}")
            }
            Locale::NlNl => format!("{symbol}\u{a0}{sign}{text}"),
            Locale::DeDe | Locale::FrFr | Locale::EsEs | Locale::ItIt => format!("{sign}{text}\u{a0}{symbol}"),
        }
    }

    /// The price of one unit without its currency.
    pub fn unit_price(self, price: UnitPrice, currency: Currency) -> String {
        self.decimal(&price.to_string(), MinorUnit::of(currency).places())
    }

    /// `19 %`.
    pub fn percent(self, percent: Percent) -> String {
        let text = self.decimal(&percent.to_string(), 0);
        match self {
            Locale::EnUs | Locale::EnGb | Locale::ItIt | Locale::NlNl => format!("{text}%"),
            Locale::DeDe | Locale::EsEs => format!("{text}\u{a0}%"),
            Locale::FrFr => format!("{text}\u{202f}%"),
        }
    }
}

#[cfg(test)]
mod tests;
