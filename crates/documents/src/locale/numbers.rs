//! Decimal text in the digits' customs of a locale: separators, the least number of places, the minus sign, symbols of currencies.

use domain::currency::Currency;
use domain::ratio::Ratio;

use super::Locale;

/// The sign that is as wide as the plus of a typeface.
pub(super) const MINUS: char = '\u{2212}';
/// A quantity is shown to so many places.
const QUANTITY_PLACES: u32 = 6;

impl Locale {
    pub(crate) const fn decimal_mark(self) -> &'static str {
        match self {
            Locale::EnUs | Locale::EnGb => ".",
            Locale::DeDe | Locale::FrFr | Locale::EsEs | Locale::ItIt | Locale::NlNl => ",",
        }
    }

    const fn group_mark(self) -> &'static str {
        match self {
            Locale::EnUs | Locale::EnGb => ",",
            Locale::DeDe | Locale::EsEs | Locale::ItIt | Locale::NlNl => ".",
            Locale::FrFr => "\u{202f}",
        }
    }

    /// How many digits stand before the first mark before there is one: 1234,5 in Spanish, 1.234,5 in German.
    const fn grouped_from(self) -> usize {
        match self {
            Locale::EsEs => 5,
            Locale::EnUs | Locale::EnGb | Locale::DeDe | Locale::FrFr | Locale::ItIt | Locale::NlNl => 4,
        }
    }

    /// Plain decimal text (`-1234.500000`) with at least `places_min` places and no more zeros than that.
    pub(crate) fn decimal(self, plain: &str, places_min: u32) -> String {
        let (sign, unsigned) = plain.strip_prefix('-').map_or((None, plain), |rest| (Some(MINUS), rest));
        let (whole, places) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let mut places = places.trim_end_matches('0').to_owned();
        while u32::try_from(places.len()).is_ok_and(|count| count < places_min) {
            places.push('0');
        }
        let mut text = String::new();
        text.extend(sign);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 && whole.len() >= self.grouped_from() {
                text.push_str(self.group_mark());
            }
            text.push(digit);
        }
        if !places.is_empty() {
            text.push_str(self.decimal_mark());
            text.push_str(&places);
        }
        text
    }

    /// How many; a number that no decimal is exact for is rounded to six places.
    pub(crate) fn quantity(self, quantity: Ratio) -> String {
        let exact = quantity.to_string();
        if !exact.contains('/') {
            return self.decimal(&exact, 0);
        }
        let rounded =
            quantity.round_half_even(QUANTITY_PLACES).and_then(|count| Ratio::decimal(count, QUANTITY_PLACES));
        rounded.map_or(exact, |rounded| self.decimal(&rounded.to_string(), 0))
    }
}

/// What stands for a currency where it cannot be mistaken for another one; its code for most.
pub(super) fn symbol(locale: Locale, currency: Currency) -> String {
    let symbol = match (currency.code(), locale) {
        ("EUR", _) => "€",
        ("GBP", Locale::FrFr) => "£GB",
        ("GBP", _) => "£",
        ("USD", Locale::EnUs | Locale::DeDe) => "$",
        ("USD", Locale::FrFr) => "$US",
        ("USD", Locale::EnGb | Locale::EsEs | Locale::ItIt | Locale::NlNl) => "US$",
        ("JPY", Locale::EnUs | Locale::DeDe) => "¥",
        ("JPY", Locale::EnGb | Locale::NlNl) => "JP¥",
        (code, _) => code,
    };
    symbol.to_owned()
}
