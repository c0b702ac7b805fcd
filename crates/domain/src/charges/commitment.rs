//! Minimum commitments: what the prices of a plan did not reach in an interval is charged as a true-up.
//!
//! Intervals are counted from the day the subscription began, as contracts are. A part of an interval commits to its share. A line counts
//! for the interval in which it is due ([`crate::charges::line::ChargeLine::due_at`]).

use crate::amount::Amount;
use crate::calendar::Schedule;
use crate::catalog::asset::AssetCode;
use crate::catalog::plan::MinimumCommitment;
use crate::catalog::price::Timing;
use crate::charges::cut::{CutRules, periods_of};
use crate::charges::line::{ChargeLine, Item};
use crate::pricing::explanation::{Explanation, Step, Steps, Words};
use crate::proration::share;
use crate::ratio::{OutOfRange, Ratio};
use crate::refusal::Refusal;
use crate::window::Span;

/// What a true-up line is called where a price has its key.
pub const COMMITMENT_KEY: &str = "minimumCommitment";

/// One line for each interval of the range in which less was charged than committed.
///
/// # Errors
/// [`crate::refusal::Code::QuantityOutOfRange`] when a sum does not fit, and as [`crate::charges::cut::cut_price`].
pub fn true_ups(
    commitment: &MinimumCommitment,
    item: Item<'_>,
    lines: &[ChargeLine],
    range: Span,
    rules: &CutRules<'_>,
) -> Result<Vec<ChargeLine>, Refusal> {
    let schedule = Schedule::new(rules.anniversary, commitment.interval, rules.zone.clone());
    let mut true_ups = Vec::new();
    for ((period, part), number) in periods_of(&schedule, range)?.into_iter().zip(0u32..) {
        let due = lines.iter().filter(|line| part.contains(line.due_at(part.start)));
        let share = share(period, part, rules.basis, rules.zone)?;
        let charged = charged(due, item)?;
        if let Some(mut line) = true_up(commitment, item, charged, share)? {
            line.id = format!("{}/{}", line.id, part.start);
            (line.period, line.part, line.number) = (Some(period), Some(part), number);
            true_ups.push(line);
        }
    }
    Ok(true_ups)
}

/// The line of one whole interval, when less was charged than committed.
///
/// # Errors
/// [`OutOfRange`] when a sum does not fit.
pub fn true_up_of_interval(
    commitment: &MinimumCommitment,
    item: Item<'_>,
    lines: &[ChargeLine],
) -> Result<Option<ChargeLine>, OutOfRange> {
    true_up(commitment, item, charged(lines, item)?, Ratio::ONE)
}

/// What lines of an item come to in its currency.
fn charged<'a>(lines: impl IntoIterator<Item = &'a ChargeLine>, item: Item<'_>) -> Result<Amount, OutOfRange> {
    let own = lines.into_iter().filter(|line| line.item == item.key);
    Amount::checked_sum(own.filter_map(|line| line.money(item.currency))).ok_or(OutOfRange)
}

/// `max(0, committed × share − charged)`. // checklist 43
fn true_up(
    commitment: &MinimumCommitment,
    item: Item<'_>,
    charged: Amount,
    share: Ratio,
) -> Result<Option<ChargeLine>, OutOfRange> {
    let mut steps = Steps::new();
    let committed = share.times(commitment.amount.into())?;
    steps.push(Step::Flat { price: commitment.amount, share, amount: committed })?;
    steps.push(Step::Charged { amount: Ratio::from(charged).negated() })?;
    let (exact, amount, explanation) = steps.round("committed amount × share − charged".to_owned())?;
    Ok(amount.is_positive().then(|| line(item, share, exact, explanation)))
}

fn line(item: Item<'_>, share: Ratio, exact: Ratio, explanation: Explanation) -> ChargeLine {
    let asset = AssetCode::Currency(item.currency);
    let text = explanation.text(Words { asset: asset.code(), units: "units" });
    ChargeLine {
        id: format!("{}/{COMMITMENT_KEY}", item.key),
        item: item.key.to_owned(),
        item_version: item.version,
        price: COMMITMENT_KEY.to_owned(),
        name: "Minimum commitment".to_owned(),
        metric: None,
        tax_category: None,
        timing: Timing::Arrears,
        period: None,
        part: None,
        share,
        number: 0,
        stretches: Vec::new(),
        asset,
        exact,
        amount: explanation.total,
        explanation,
        text,
        conversion: None,
        events: None,
    }
}
