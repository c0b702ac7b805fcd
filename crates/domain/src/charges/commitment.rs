//! Minimum commitments: what the prices of a plan did not reach in an interval is charged as a true-up.
//!
//! Intervals are counted from the day the subscription began, as contracts are. A part of an interval commits to its share. A line counts
//! for the interval in which it is due ([`crate::charges::line::ChargeLine::due_at`]).

use crate::amount::Amount;
use crate::calendar::{Interval, Schedule};
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

/// What was charged towards a commitment, in the currency of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Toward {
    /// By fees and seats, less what came back of them.
    pub fees: Amount,
    pub usage: Amount,
}

/// What a true-up was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LineCommitment)]
pub struct CommitmentInputs {
    /// What the plan commits to in a whole interval, as it was.
    pub amount: Amount,
    pub interval: Interval,
    /// What is charged by the rates of this time counts; absent for an interval that lies nowhere in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<Span>,
    /// Charged by fees and seats.
    pub fees: Amount,
    /// Charged by usage.
    pub usage: Amount,
    /// Both together.
    pub charged: Amount,
}

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
        let toward = toward(due, item)?;
        let mut line = true_up(commitment, item, toward, share, Some(part))?;
        if line.amount.is_positive() {
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
    let line = true_up(commitment, item, toward(lines, item)?, Ratio::ONE, None)?;
    Ok(Some(line).filter(|line| line.amount.is_positive()))
}

/// `max(0, committed × share − charged)` as a line. The share of the commitment is what is rounded: whatever is charged towards it, both
/// sum to the same. // checklist 43
///
/// # Errors
/// [`OutOfRange`] when a sum does not fit.
pub fn true_up(
    commitment: &MinimumCommitment,
    item: Item<'_>,
    toward: Toward,
    share: Ratio,
    counted: Option<Span>,
) -> Result<ChargeLine, OutOfRange> {
    let mut steps = Steps::new();
    let exact = share.times(commitment.amount.into())?;
    let committed = exact.to_amount()?;
    let charged = toward.charged()?;
    steps.push(Step::Flat { price: commitment.amount, share, amount: exact })?;
    let rounding = Ratio::from(committed).minus(exact)?;
    if !rounding.is_zero() {
        steps.push(Step::Rounding { exact, amount: rounding })?;
    }
    steps.push(Step::Charged { amount: Ratio::from(charged.min(committed)).negated() })?;
    let (exact, _, explanation) = steps.round("max(0, committed amount × share − charged)".to_owned())?;
    let Toward { fees, usage } = toward;
    let MinimumCommitment { amount, interval } = *commitment;
    let inputs = CommitmentInputs { amount, interval, counted, fees, usage, charged };
    Ok(ChargeLine { commitment: Some(inputs), ..line(item, share, exact, explanation) })
}

impl Toward {
    /// # Errors
    /// [`OutOfRange`] when the sum does not fit.
    pub fn charged(self) -> Result<Amount, OutOfRange> {
        self.fees.checked_add(self.usage).ok_or(OutOfRange)
    }
}

/// What lines of an item come to in its currency.
fn toward<'a>(lines: impl IntoIterator<Item = &'a ChargeLine>, item: Item<'_>) -> Result<Toward, OutOfRange> {
    let own = lines.into_iter().filter(|line| line.item == item.key);
    let (usage, fees): (Vec<_>, Vec<_>) = own.partition(|line| line.metric.is_some());
    let sum = |lines: Vec<&ChargeLine>| {
        Amount::checked_sum(lines.into_iter().filter_map(|line| line.money(item.currency))).ok_or(OutOfRange)
    };
    Ok(Toward { fees: sum(fees)?, usage: sum(usage)? })
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
        commitment: None,
        asset,
        exact,
        amount: explanation.total,
        explanation,
        text,
        conversion: None,
        events: None,
    }
}
