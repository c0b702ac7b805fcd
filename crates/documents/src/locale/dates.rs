//! Civil days as a language writes them out.

use jiff::civil::Date;

use super::Locale;

impl Locale {
    /// A day with the month in words: an order of numbers alone is read differently on two sides of the Atlantic.
    pub(crate) fn date(self, date: Date) -> String {
        let (day, month, year) = (date.day(), self.month(date), date.year());
        match self {
            Locale::EnUs => format!("{month} {day}, {year}"),
            Locale::DeDe => format!("{day}. {month} {year}"),
            Locale::EsEs => format!("{day} de {month} de {year}"),
            Locale::EnGb | Locale::FrFr | Locale::ItIt | Locale::NlNl => format!("{day} {month} {year}"),
        }
    }

    /// From a day to another, both included; what they have in common is written once.
    pub(crate) fn days(self, first: Date, last: Date) -> String {
        if first == last {
            return self.date(first);
        }
        let is_same_year = first.year() == last.year();
        let is_same_month = is_same_year && first.month() == last.month();
        if is_same_month {
            return self.days_of_month(first, last);
        }
        let from = if is_same_year { self.day_and_month(first) } else { self.date(first) };
        match self {
            Locale::EnUs if is_same_year => format!("{from} – {}, {}", self.day_and_month(last), last.year()),
            Locale::EnUs | Locale::EnGb | Locale::DeDe | Locale::FrFr | Locale::EsEs | Locale::ItIt | Locale::NlNl => {
                format!("{from} – {}", self.date(last))
            }
        }
    }

    fn days_of_month(self, first: Date, last: Date) -> String {
        match self {
            Locale::EnUs => format!("{} {}–{}, {}", self.month(first), first.day(), last.day(), last.year()),
            Locale::DeDe => format!("{}.–{}", first.day(), self.date(last)),
            Locale::EnGb | Locale::FrFr | Locale::EsEs | Locale::ItIt | Locale::NlNl => {
                format!("{}–{}", first.day(), self.date(last))
            }
        }
    }

    fn day_and_month(self, date: Date) -> String {
        let (day, month) = (date.day(), self.month(date));
        match self {
            Locale::EnUs => format!("{month} {day}"),
            Locale::DeDe => format!("{day}. {month}"),
            Locale::EsEs => format!("{day} de {month}"),
            Locale::EnGb | Locale::FrFr | Locale::ItIt | Locale::NlNl => format!("{day} {month}"),
        }
    }

    fn month(self, date: Date) -> &'static str {
        let index = usize::from(date.month().unsigned_abs()).saturating_sub(1);
        let months = match self {
            Locale::EnUs | Locale::EnGb => EN,
            Locale::DeDe => DE,
            Locale::FrFr => FR,
            Locale::EsEs => ES,
            Locale::ItIt => IT,
            Locale::NlNl => NL,
        };
        months.split(' ').nth(index).unwrap_or_default()
    }
}

const EN: &str = "January February March April May June July August September October November December";
const DE: &str = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember";
const FR: &str = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre";
const ES: &str = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre";
const IT: &str = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre";
const NL: &str = "januari februari maart april mei juni juli augustus september oktober november december";
