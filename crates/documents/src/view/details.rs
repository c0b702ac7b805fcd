//! The steps on the way to the amount of a line, where there is more than one: what was included, tiers, fees, minimum and cap.

use domain::invoices::document::Line;
use domain::pricing::explanation::{Explanation, Step};
use domain::ratio::Ratio;

use crate::locale::fill;
use crate::view::{Figure, Pen, Row};

/// An amount of a step is shown to so many places, like that of a line.
const PLACES: u32 = 6;

/// The part of a charge line that is looked at.
#[derive(serde::Deserialize)]
struct Explained {
    explanation: Explanation,
}

/// The steps of a line as rows. None where they would not come to what the line says: an adjustment is the difference of two of them.
pub(super) fn rows(pen: Pen<'_>, line: &Line) -> Vec<Row> {
    let content = line.content.as_ref().and_then(|content| serde_json::from_str::<Explained>(content.get()).ok());
    let Some(Explained { explanation }) = content.filter(|content| content.explanation.total == line.amount) else {
        return Vec::new();
    };
    let rows: Vec<Row> = explanation.steps.iter().filter_map(|step| row(pen, step)).collect();
    let is_worth_saying = rows.iter().filter(|row| !row.quantity.is_empty() || !row.amount.text.is_empty()).count() > 1;
    if is_worth_saying { rows } else { Vec::new() }
}

fn row(pen: Pen<'_>, step: &Step) -> Option<Row> {
    let Pen { words, locale, currency, .. } = pen;
    let quantity = |units: Ratio| locale.quantity(units);
    let priced = |price| locale.unit_price(price, currency);
    let (text, units, unit_price) = match step {
        // The line below has the amount; the rounding is too small to be seen.
        Step::Rounding { .. } => return None,
        Step::Rate { when, .. } => {
            let values: Vec<&str> = when.values().map(String::as_str).collect();
            return Some(Row { is_detail: true, text: values.join(", "), ..Row::default() });
        }
        Step::Allowance { used, .. } => (words.included.to_owned(), quantity(*used), String::new()),
        Step::Units { units, unit_price, .. } => (String::new(), quantity(*units), priced(*unit_price)),
        Step::Tier { above, up_to, units, unit_price, .. } => {
            let label = match up_to {
                Some(up_to) => fill(words.tier, &[&quantity(*above), &quantity(*up_to)]),
                None => fill(words.tier_above, &[&quantity(*above)]),
            };
            (label, quantity(*units), priced(*unit_price))
        }
        Step::TierFee { share, .. } => (shared(pen, words.tier_fee, *share), String::new(), String::new()),
        Step::Packages { size, packages, price, .. } => {
            let label = fill(words.packages_of, &[&quantity((*size).into())]);
            (label, quantity(*packages), locale.amount(*price, currency))
        }
        Step::Percentage { units, percent, .. } => (locale.percent(*percent), quantity(*units), String::new()),
        Step::EventFees { events, free, fee, .. } => {
            let paid = events.saturating_sub(*free).to_string();
            (words.event_fees.to_owned(), locale.decimal(&paid, 0), locale.amount(*fee, currency))
        }
        Step::EventLimits { .. } => (words.event_limits.to_owned(), String::new(), String::new()),
        Step::Carried { events, .. } => {
            (words.carried.to_owned(), locale.decimal(&events.to_string(), 0), String::new())
        }
        Step::Flat { share, .. } => (shared(pen, words.flat, *share), String::new(), String::new()),
        Step::Seats { seats, unit_price, share, .. } => {
            (shared(pen, "", *share), quantity(*seats), priced(*unit_price))
        }
        Step::Earlier { .. } => (words.earlier.to_owned(), String::new(), String::new()),
        Step::Charged { .. } => (words.charged.to_owned(), String::new(), String::new()),
        Step::Minimum { share, .. } => (shared(pen, words.minimum, *share), String::new(), String::new()),
        Step::Cap { share, .. } => (shared(pen, words.cap, *share), String::new(), String::new()),
    };
    let amount = Figure { text: amount(pen, step.amount())?, pad: String::new() };
    Some(Row { is_detail: true, text, quantity: units, unit_price, amount, ..Row::default() })
}

/// The amount of a step to six places; `None` where it cannot be written.
fn amount(pen: Pen<'_>, amount: Ratio) -> Option<String> {
    let count = amount.round_half_even(PLACES).and_then(|count| Ratio::decimal(count, PLACES));
    let minor = domain::rounding::MinorUnit::of(pen.currency).places();
    count.ok().map(|amount| pen.locale.decimal(&amount.to_string(), minor))
}

/// With the share of the period, where it is not the whole.
fn shared(pen: Pen<'_>, label: &str, share: Ratio) -> String {
    if share == Ratio::ONE {
        return label.to_owned();
    }
    let part = fill(pen.words.share_of, &[&format!("{}/{}", share.numerator(), share.denominator())]);
    if label.is_empty() { part } else { format!("{label}, {part}") }
}
