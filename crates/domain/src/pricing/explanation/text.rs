//! An explanation as sentences, one per step, that a person can read aloud to another.

use crate::amount::Amount;
use crate::ratio::Ratio;

use super::{Explanation, Step};

/// What the sentences call things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a> {
    /// The currency or asset of the amounts: `USD`.
    pub asset: &'a str,
    /// One or more units of the metric: `calls`.
    pub units: &'a str,
}

impl Explanation {
    /// The steps as sentences, one in a line, and the total in the last.
    pub fn text(&self, words: Words<'_>) -> String {
        let mut lines = vec![format!("Formula: {}.", self.formula)];
        lines.extend(self.steps.iter().map(|step| sentence(step, words)));
        lines.push(format!("Total: {}.", money(self.total.into(), words)));
        lines.join("\n")
    }
}

fn sentence(step: &Step, words: Words<'_>) -> String {
    let units = words.units;
    match step {
        Step::Rate { when, formula } => {
            let values: Vec<String> = when.iter().map(|(name, value)| format!("{name} {value}")).collect();
            format!("For {} another rate applies: {formula}.", values.join(" and "))
        }
        Step::Allowance { included, used, left } => {
            format!("Included: {} {units}; {} used here, {} left.", number(*included), number(*used), number(*left))
        }
        Step::Units { units: count, unit_price, amount } => {
            let (count, price) = (number(*count), number((*unit_price).into()));
            format!("{count} {units} at {price} {} each: {}.", words.asset, money(*amount, words))
        }
        Step::Tier { tier, above, up_to, units: count, unit_price, amount } => {
            let range = range(*above, *up_to);
            let (count, price) = (number(*count), number((*unit_price).into()));
            format!(
                "Tier {tier} ({range}): {count} {units} at {price} {} each: {}.",
                words.asset,
                money(*amount, words)
            )
        }
        Step::TierFee { tier, fee, share, amount } => {
            format!("Flat fee of tier {tier}: {}.", shared(*fee, *share, *amount, words))
        }
        Step::Packages { units: count, size, packages, price, amount } => {
            let (count, size, packages) = (number(*count), number((*size).into()), number(*packages));
            let each = money((*price).into(), words);
            format!("{count} {units} begin {packages} packages of {size} at {each} each: {}.", money(*amount, words))
        }
        Step::Percentage { units, percent, amount } => {
            format!("{percent} percent of {}: {}.", number(*units), money(*amount, words))
        }
        Step::EventFees { events, free, fee, amount } => {
            let each = money((*fee).into(), words);
            format!("{events} events at {each} each, {free} free of it: {}.", money(*amount, words))
        }
        Step::EventLimits { raised, lowered, minimum, maximum, amount } => {
            let (least, most, by) = (limit(*minimum, words), limit(*maximum, words), money(*amount, words));
            format!(
                "{raised} events raised to their minimum ({least}), {lowered} lowered to their maximum ({most}): {by}."
            )
        }
        Step::Carried { events, without, amount } => {
            format!("{events} events carry {}; {without} carry no amount.", money(*amount, words))
        }
        Step::Flat { price, share, amount } => format!("Flat amount: {}.", shared(*price, *share, *amount, words)),
        Step::Seats { seats, unit_price, share, amount } => {
            let (seats, price, asset) = (number(*seats), number((*unit_price).into()), words.asset);
            format!("{seats} seats at {price} {asset} each for {}: {}.", part(*share), money(*amount, words))
        }
        Step::Earlier { amount } => {
            format!("Rated before these terms came into force, and taken off: {}.", money(*amount, words))
        }
        Step::Charged { amount } => {
            format!("Charged by the prices, and taken off: {}.", money(amount.negated(), words))
        }
        Step::Minimum { minimum, share, amount } => {
            let least = money((*minimum).into(), words);
            format!("Raised to the minimum of {least} for {}: {} added.", part(*share), money(*amount, words))
        }
        Step::Cap { cap, share, amount } => {
            let most = money((*cap).into(), words);
            let off = money(amount.negated(), words);
            format!("Lowered to the cap of {most} for {}: {off} taken off.", part(*share))
        }
        Step::Rounding { exact, amount } => rounding(*exact, *amount, words),
    }
}

fn rounding(exact: Ratio, amount: Ratio, words: Words<'_>) -> String {
    let (from, by) = (number_to(exact, 12), number_to(amount, 12));
    format!("Rounded once, half to even, to six places: from {from} {} by {by}.", words.asset)
}

fn range(above: Ratio, up_to: Option<Ratio>) -> String {
    match up_to {
        Some(up_to) => format!("above {} up to {}", number(above), number(up_to)),
        None => format!("above {}", number(above)),
    }
}

fn limit(limit: Option<Amount>, words: Words<'_>) -> String {
    limit.map_or("none".to_owned(), |limit| money(limit.into(), words))
}

fn shared(price: Amount, share: Ratio, amount: Ratio, words: Words<'_>) -> String {
    let price = money(price.into(), words);
    if share == Ratio::ONE {
        return price;
    }
    format!("{price} for {}: {}", part(share), money(amount, words))
}

fn part(share: Ratio) -> String {
    if share == Ratio::ONE {
        "the whole period".to_owned()
    } else {
        format!("{} of {} parts of the period", share.numerator(), share.denominator())
    }
}

fn money(amount: Ratio, words: Words<'_>) -> String {
    format!("{} {}", number(amount), words.asset)
}

fn number(value: Ratio) -> String {
    number_to(value, 6)
}

/// With commas between thousands; `about` and so many places where no decimal is exact.
fn number_to(value: Ratio, places_max: u32) -> String {
    let text = value.to_string();
    let (about, text) = match (text.contains('/'), value.round_half_even(places_max)) {
        (true, Ok(count)) => match Ratio::decimal(count, places_max) {
            Ok(rounded) => ("about ", rounded.to_string()),
            Err(_) => ("", text),
        },
        (_, _) => ("", text),
    };
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, places) =
        unsigned.split_once('.').map_or((unsigned, String::new()), |(whole, places)| (whole, format!(".{places}")));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{about}{sign}{grouped}{places}")
}
