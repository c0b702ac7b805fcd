//! The model `percentage`: a percentage of the units (which count money, such as payments taken), and perhaps a fixed fee per event.
//!
//! Without limits per event:
//! `amount = max(0, units − included) × percent + max(0, events − freeEvents) × fixedFee`
//!
//! With `minimumPerEvent` or `maximumPerEvent` the model looks at single events, in the order of their times, of one time by id. The
//! included units and the free events are used up in that order:
//! `amount = Σ clamp(units beyond the included × percent + fixedFee unless free, minimumPerEvent, maximumPerEvent)`,
//! where an event whose units are all included and that pays no fee costs nothing.
//!
//! Three payments of 100, 10 and 5,000 at 2.9 % + 0.30, at least 1.00 and at most 50.00 each: 3.20 + 1.00 + 50.00:
//! ```
//! use domain::ids::{EventId, TypedId};
//! use domain::pricing::{inputs::{EventUnits, Inputs, Usage}, rate, terms::Terms};
//! use domain::{quantity::Quantity, time::Instant};
//! let terms: Terms = serde_json::from_str(r#"{ "model": { "type": "percentage", "percent": "2.9", "fixedFee": "0.30",
//!     "minimumPerEvent": "1.00", "maximumPerEvent": "50.00" } }"#).unwrap();
//! let payment = |at: i64, units: &str| EventUnits {
//!     at: Instant::from_micros(at).unwrap(),
//!     event: EventId::from_uuid(uuid::Uuid::from_u128(1)),
//!     units: Quantity::parse(units).unwrap(),
//!     amount: None,
//! };
//! let payments = vec![payment(1, "100"), payment(2, "10"), payment(3, "5000")];
//! let rated = rate(&terms, &Inputs::whole_period(Usage::Events(payments))).unwrap();
//! assert_eq!(rated.amount.to_string(), "54.200000");
//! ```

use crate::amount::Amount;
use crate::pricing::explanation::{Step, Steps};
use crate::pricing::inputs::EventUnits;
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};
use crate::unit_price::Percent;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Percentage {
    /// `"2.9"` is 2.9 %.
    pub percent: Percent,
    /// Due for each event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_fee: Option<Amount>,
    /// How many events of a segment are free of the fixed fee; not prorated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_events: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_per_event: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_per_event: Option<Amount>,
}

/// Sums over events, for the explanation.
#[derive(Default)]
struct Each {
    /// Units beyond the included ones.
    units: Option<Ratio>,
    /// What the included units were used for.
    included: Option<Ratio>,
    /// Events with a fixed fee.
    fees: u64,
    free: u64,
    raised: u64,
    lowered: u64,
    /// What the limits added or took away.
    by_limits: Option<Ratio>,
}

impl Percentage {
    pub fn has_limits_per_event(&self) -> bool {
        self.minimum_per_event.is_some() || self.maximum_per_event.is_some()
    }

    pub(super) fn charge(&self, units: Ratio, events: u64, steps: &mut Steps) -> Result<(), OutOfRange> {
        let free = self.free_events.map_or(0, |free| free.min(events));
        self.push_sums(units, events - free, free, steps)
    }

    pub(super) fn charge_each(
        &self,
        events: &[EventUnits],
        allowance: &mut Ratio,
        steps: &mut Steps,
    ) -> Result<(), OutOfRange> {
        let mut sorted: Vec<&EventUnits> = events.iter().collect();
        sorted.sort_by_key(|event| (event.at, event.event));
        let included = *allowance;
        let mut each = Each::default();
        for event in sorted {
            self.add(event, allowance, &mut each)?;
        }
        if let Some(used) = each.included.filter(|_| included.is_positive()) {
            steps.push(Step::Allowance { included, used, left: *allowance })?;
        }
        if let Some(units) = each.units {
            self.push_sums(units, each.fees, each.free, steps)?;
        }
        let Some(amount) = each.by_limits.filter(|_| each.raised + each.lowered > 0) else {
            return Ok(());
        };
        let (minimum, maximum) = (self.minimum_per_event, self.maximum_per_event);
        steps.push(Step::EventLimits { raised: each.raised, lowered: each.lowered, minimum, maximum, amount })
    }

    fn add(&self, event: &EventUnits, allowance: &mut Ratio, each: &mut Each) -> Result<(), OutOfRange> {
        let units = Ratio::from(event.units);
        let included = units.min(*allowance);
        *allowance = allowance.minus(included)?;
        let charged = units.minus(included)?;
        each.included = Some(plus(each.included, included)?);
        each.units = Some(plus(each.units, charged)?);
        let is_free = self.free_events.is_some_and(|free| each.free < free);
        each.free += u64::from(is_free);
        each.fees += u64::from(!is_free);
        let pays_no_fee = is_free || self.fixed_fee.is_none();
        if pays_no_fee && charged.is_zero() {
            return Ok(());
        }
        let percentage = charged.times(self.percent.into())?;
        let plain = match self.fixed_fee.filter(|_| !is_free) {
            Some(fee) => percentage.plus(fee.into())?,
            None => percentage,
        };
        let raised = self.minimum_per_event.map_or(plain, |least| plain.max(least.into()));
        let limited = self.maximum_per_event.map_or(raised, |most| raised.min(most.into()));
        each.raised += u64::from(limited > plain);
        each.lowered += u64::from(limited < plain);
        each.by_limits = Some(plus(each.by_limits, limited.minus(plain)?)?);
        Ok(())
    }

    fn push_sums(&self, units: Ratio, fees: u64, free: u64, steps: &mut Steps) -> Result<(), OutOfRange> {
        let amount = units.times(self.percent.into())?;
        steps.push(Step::Percentage { units, percent: self.percent, amount })?;
        let Some(fee) = self.fixed_fee else {
            return Ok(());
        };
        let amount = Ratio::new(i128::from(fees), 1)?.times(fee.into())?;
        steps.push(Step::EventFees { events: fees, free, fee, amount })
    }

    pub(super) fn check(&self, path: &str, problems: &mut Problems) {
        problems.require(!self.percent.is_negative(), format!("{path}.percent"), "must not be negative.");
        let limits = [
            ("fixedFee", self.fixed_fee),
            ("minimumPerEvent", self.minimum_per_event),
            ("maximumPerEvent", self.maximum_per_event),
        ];
        for (name, limit) in limits {
            let is_accepted = limit.is_none_or(|limit| !limit.is_negative());
            problems.require(is_accepted, format!("{path}.{name}"), "must not be negative.");
        }
        if let (Some(least), Some(most)) = (self.minimum_per_event, self.maximum_per_event) {
            let detail = format!("must not be less than minimumPerEvent, {least}.");
            problems.require(least <= most, format!("{path}.maximumPerEvent"), detail);
        }
        let has_meaning = self.free_events.is_none() || self.fixed_fee.is_some();
        problems.require(
            has_meaning,
            format!("{path}.freeEvents"),
            "frees from the fixed fee: set fixedFee, or leave it out.",
        );
    }
}

fn plus(sum: Option<Ratio>, more: Ratio) -> Result<Ratio, OutOfRange> {
    sum.map_or(Ok(more), |sum| sum.plus(more))
}
