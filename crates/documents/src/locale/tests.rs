//! Tables of what each locale writes, and that no language lacks a word or a place for what is put in.

use super::*;
use domain::ratio::Ratio;
use jiff::civil::date;

/// With `~` for the space that does not break and `'` for the narrow one.
fn shown(text: &str) -> String {
    text.replace('\u{a0}', "~").replace('\u{202f}', "'").replace('\u{2212}', "-")
}

#[rstest::rstest]
#[case(Locale::EnUs, "$1,234.50", "€0.05", "-¥1,000", "KWD~12.345", "19%")]
#[case(Locale::EnGb, "US$1,234.50", "€0.05", "-JP¥1,000", "KWD~12.345", "19%")]
#[case(Locale::DeDe, "1.234,50~$", "0,05~€", "-1.000~¥", "12,345~KWD", "19~%")]
#[case(Locale::FrFr, "1'234,50~$US", "0,05~€", "-1'000~JPY", "12,345~KWD", "19'%")]
#[case(Locale::EsEs, "1234,50~US$", "0,05~€", "-1000~JPY", "12,345~KWD", "19~%")]
#[case(Locale::ItIt, "1.234,50~US$", "0,05~€", "-1.000~JPY", "12,345~KWD", "19%")]
#[case(Locale::NlNl, "US$~1.234,50", "€~0,05", "JP¥~-1.000", "KWD~12,345", "19%")]
fn money_is_written_as_the_country_writes_it(
    #[case] locale: Locale,
    #[case] dollars: &str,
    #[case] cents: &str,
    #[case] yen: &str,
    #[case] dinars: &str,
    #[case] percent: &str,
) {
    let money = |amount: &str, currency: &str| {
        shown(&locale.money(Amount::parse(amount).unwrap(), Currency::parse(currency).unwrap()))
    };
    assert_eq!(money("1234.5", "USD"), dollars);
    assert_eq!(money("0.05", "EUR"), cents);
    assert_eq!(money("-1000", "JPY"), yen);
    assert_eq!(money("12.345", "KWD"), dinars);
    assert_eq!(shown(&locale.percent(Percent::parse("19").unwrap())), percent);
}

#[rstest::rstest]
#[case("0", "USD", "0.00")]
#[case("1234567.891", "USD", "1,234,567.891")]
#[case("0.000001", "JPY", "0.000001")]
#[case("-0.1", "BHD", "-0.100")]
#[case("9223372036854.775807", "JPY", "9,223,372,036,854.775807")]
fn an_amount_has_all_its_places_and_those_of_its_currency(
    #[case] amount: &str,
    #[case] currency: &str,
    #[case] expected: &str,
) {
    let currency = Currency::parse(currency).unwrap();
    assert_eq!(shown(&Locale::EnUs.amount(Amount::parse(amount).unwrap(), currency)), expected);
}

#[rstest::rstest]
#[case(Ratio::whole(1_234_567), "1.234.567")]
#[case(Ratio::new(1, 3).unwrap(), "0,333333")]
#[case(Ratio::new(-5, 2).unwrap(), "-2,5")]
fn a_quantity_is_exact_where_a_decimal_is(#[case] quantity: Ratio, #[case] expected: &str) {
    assert_eq!(shown(&Locale::DeDe.quantity(quantity)), expected);
}

#[test]
fn a_unit_price_has_every_place_it_was_agreed_with() {
    let price = UnitPrice::parse("0.000000150000").unwrap();
    assert_eq!(Locale::DeDe.unit_price(price, Currency::USD), "0,00000015");
    assert_eq!(Locale::EnUs.unit_price(UnitPrice::parse("12").unwrap(), Currency::USD), "12.00");
}

#[rstest::rstest]
#[case(Locale::EnUs, "March 1, 2026", "March 1–31, 2026", "March 1 – April 15, 2026", "March 1, 2026 – March 1, 2027")]
#[case(Locale::EnGb, "1 March 2026", "1–31 March 2026", "1 March – 15 April 2026", "1 March 2026 – 1 March 2027")]
#[case(Locale::DeDe, "1. März 2026", "1.–31. März 2026", "1. März – 15. April 2026", "1. März 2026 – 1. März 2027")]
#[case(Locale::FrFr, "1 mars 2026", "1–31 mars 2026", "1 mars – 15 avril 2026", "1 mars 2026 – 1 mars 2027")]
#[case(
    Locale::EsEs,
    "1 de marzo de 2026",
    "1–31 de marzo de 2026",
    "1 de marzo – 15 de abril de 2026",
    "1 de marzo de 2026 – 1 de marzo de 2027"
)]
#[case(Locale::ItIt, "1 marzo 2026", "1–31 marzo 2026", "1 marzo – 15 aprile 2026", "1 marzo 2026 – 1 marzo 2027")]
#[case(Locale::NlNl, "1 maart 2026", "1–31 maart 2026", "1 maart – 15 april 2026", "1 maart 2026 – 1 maart 2027")]
fn days_are_written_out(
    #[case] locale: Locale,
    #[case] day: &str,
    #[case] month: &str,
    #[case] months: &str,
    #[case] years: &str,
) {
    let first = date(2026, 3, 1);
    assert_eq!(locale.date(first), day);
    assert_eq!(locale.days(first, first), day);
    assert_eq!(locale.days(first, date(2026, 3, 31)), month);
    assert_eq!(locale.days(first, date(2026, 4, 15)), months);
    assert_eq!(locale.days(first, date(2027, 3, 1)), years);
}

#[test]
fn every_month_has_a_name_in_every_language() {
    for locale in Locale::ALL {
        let names: Vec<String> = (1..=12).map(|month| locale.date(date(2026, month, 9))).collect();
        assert!(names.iter().all(|name| name.chars().filter(|letter| letter.is_alphabetic()).count() > 2), "{names:?}");
        assert!((1..12).all(|index| !names[..index].contains(&names[index])), "{names:?}");
    }
}

#[rstest::rstest]
#[case("de-DE", Locale::DeDe)]
#[case("de-AT", Locale::DeDe)]
#[case("de", Locale::DeDe)]
#[case("FR_ca", Locale::FrFr)]
#[case("en-US", Locale::EnUs)]
#[case("en", Locale::EnUs)]
#[case("en-AU", Locale::EnGb)]
#[case("es-MX", Locale::EsEs)]
#[case("it", Locale::ItIt)]
#[case("nl-BE", Locale::NlNl)]
#[case("ja-JP", Locale::EnUs)]
#[case("", Locale::EnUs)]
fn the_nearest_locale_is_of_the_same_language(#[case] tag: &str, #[case] locale: Locale) {
    assert_eq!(Locale::nearest(tag), locale);
}

#[test]
fn every_language_has_every_word_and_every_place_in_it() {
    let words = |locale: Locale| serde_json::to_value(locale.words()).unwrap().as_object().unwrap().clone();
    let english = words(Locale::EnUs);
    for locale in Locale::ALL {
        for (key, word) in words(locale) {
            let places = |word: &serde_json::Value| word.as_str().unwrap().matches("{}").count();
            assert_eq!(places(&word), places(&english[&key]), "{locale:?} {key}");
            assert!(!word.as_str().unwrap().trim().is_empty(), "{locale:?} {key}");
        }
    }
}

#[test]
fn what_is_filled_in_is_not_looked_into() {
    assert_eq!(fill("{} of {}", &["{}", "b"]), "{} of b");
    assert_eq!(fill("{}", &[]), "");
}

#[test]
fn a_country_without_a_name_is_its_code() {
    assert_eq!((Locale::DeDe.country("FR"), Locale::FrFr.country("DE")), ("Frankreich".into(), "Allemagne".into()));
    assert_eq!(Locale::DeDe.country("ZZ"), "ZZ");
    assert!(Locale::ALL.iter().all(|locale| !locale.country("GB").is_empty() && locale.country("GB") != "GB"));
}
