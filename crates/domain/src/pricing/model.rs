//! The closed list of price models: what each reads, which kind of price it makes, and where its rule stands.

use serde::{Deserialize, Deserializer};

use crate::named::named;
use crate::pricing::dynamic::Dynamic;
use crate::pricing::explanation::Steps;
use crate::pricing::graduated::Graduated;
use crate::pricing::inputs::Usage;
use crate::pricing::package::Package;
use crate::pricing::per_unit::PerUnit;
use crate::pricing::percentage::Percentage;
use crate::pricing::rate::RateError;
use crate::pricing::recurring::Recurring;
use crate::pricing::seat::Seat;
use crate::pricing::volume::Volume;
use crate::problems::Problems;
use crate::ratio::Ratio;
use crate::tagged::{self, Tagged};

named! {
    /// What a price is for.
    PriceKind {
        /// A flat amount per period.
        Recurring = "recurring",
        /// A quantity that people set, prorated.
        Seat = "seat",
        /// What a metric measured.
        Usage = "usage",
    }
}

named! {
    /// What a model must be given.
    Reads {
        Time = "time",
        Totals = "totals",
        Events = "events",
        Seats = "seats",
    }
}

/// How usage, seats or time become money.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
#[schema(as = PriceModel)]
pub enum Model {
    PerUnit(PerUnit),
    Graduated(Graduated),
    Volume(Volume),
    Package(Package),
    Percentage(Percentage),
    Dynamic(Dynamic),
    Recurring(Recurring),
    Seat(Seat),
}

impl Tagged for Model {
    const TYPES: &'static [&'static str] =
        &["perUnit", "graduated", "volume", "package", "percentage", "dynamic", "recurring", "seat"];

    fn read<'de, D: Deserializer<'de>>(kind: &str, fields: D) -> Result<Model, D::Error> {
        match kind {
            "perUnit" => PerUnit::deserialize(fields).map(Model::PerUnit),
            "graduated" => Graduated::deserialize(fields).map(Model::Graduated),
            "volume" => Volume::deserialize(fields).map(Model::Volume),
            "package" => Package::deserialize(fields).map(Model::Package),
            "percentage" => Percentage::deserialize(fields).map(Model::Percentage),
            "dynamic" => Dynamic::deserialize(fields).map(Model::Dynamic),
            "recurring" => Recurring::deserialize(fields).map(Model::Recurring),
            "seat" => Seat::deserialize(fields).map(Model::Seat),
            other => Err(tagged::unknown::<Model, _>(other)),
        }
    }
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Model, D::Error> {
        tagged::deserialize(deserializer)
    }
}

impl Model {
    pub fn kind(&self) -> PriceKind {
        match self {
            Model::Recurring(_) => PriceKind::Recurring,
            Model::Seat(_) => PriceKind::Seat,
            Model::PerUnit(_)
            | Model::Graduated(_)
            | Model::Volume(_)
            | Model::Package(_)
            | Model::Percentage(_)
            | Model::Dynamic(_) => PriceKind::Usage,
        }
    }

    /// What the model must be given; a model that reads totals also takes events.
    pub fn reads(&self) -> Reads {
        match self {
            Model::Recurring(_) => Reads::Time,
            Model::Seat(_) => Reads::Seats,
            Model::Dynamic(_) => Reads::Events,
            Model::Percentage(percentage) if percentage.has_limits_per_event() => Reads::Events,
            Model::Percentage(_) | Model::PerUnit(_) | Model::Graduated(_) | Model::Volume(_) | Model::Package(_) => {
                Reads::Totals
            }
        }
    }

    /// Whether counters start again when the price changes at its effective date, instead of going on; such prices are posted at the end
    /// of their segment.
    pub fn starts_again(&self) -> bool {
        match self {
            Model::Volume(_) | Model::Package(_) => true,
            Model::PerUnit(_)
            | Model::Graduated(_)
            | Model::Percentage(_)
            | Model::Dynamic(_)
            | Model::Recurring(_)
            | Model::Seat(_) => false,
        }
    }

    /// Whether an included allowance means something for the model.
    pub fn takes_allowance(&self) -> bool {
        !matches!(self, Model::Dynamic(_) | Model::Recurring(_))
    }

    /// The formula, in the words of its file.
    pub fn formula(&self) -> &'static str {
        match self {
            Model::PerUnit(_) => "units × unit price",
            Model::Graduated(_) => "Σ over tiers (units in the tier × its unit price + its flat fee)",
            Model::Volume(_) => "all units × unit price of the tier they reach + its flat fee",
            Model::Package(_) => "packages begun × price of a package",
            Model::Percentage(percentage) if percentage.has_limits_per_event() => {
                "Σ over events (units × percent + fixed fee, within minimum and maximum per event)"
            }
            Model::Percentage(_) => "units × percent + events × fixed fee",
            Model::Dynamic(_) => "Σ of the amounts carried by the events",
            Model::Recurring(_) => "amount × share of the period",
            Model::Seat(_) => "Σ over stretches (seats × unit price × share of the period)",
        }
    }

    /// Adds the steps of this model. `allowance` is what is left of the included units, and is lowered by what is used.
    pub(super) fn charge(
        &self,
        usage: &Usage,
        allowance: &mut Ratio,
        share: Ratio,
        steps: &mut Steps,
    ) -> Result<(), RateError> {
        let wrong = || RateError::WrongInputs { needed: self.reads() };
        let total = usage.totals()?;
        let mut units = |steps: &mut Steps| match total {
            Some(total) => Ok(steps.allow(total.units, allowance)?),
            None => Err(wrong()),
        };
        match self {
            Model::PerUnit(model) => model.charge(units(steps)?, steps)?,
            Model::Graduated(model) => model.charge(units(steps)?, share, steps)?,
            Model::Volume(model) => model.charge(units(steps)?, share, steps)?,
            Model::Package(model) => model.charge(units(steps)?, steps)?,
            Model::Percentage(model) if model.has_limits_per_event() => {
                model.charge_each(usage.events().ok_or_else(wrong)?, allowance, steps)?;
            }
            Model::Percentage(model) => {
                let events = total.ok_or_else(wrong)?.events;
                model.charge(units(steps)?, events, steps)?;
            }
            Model::Dynamic(model) => model.charge(usage.events().ok_or_else(wrong)?, steps)?,
            Model::Recurring(model) => {
                usage.time().ok_or_else(wrong)?;
                model.charge(share, steps)?;
            }
            Model::Seat(model) => model.charge(usage.seats().ok_or_else(wrong)?, *allowance, steps)?,
        }
        Ok(())
    }

    /// Finds what is wrong with the model at `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        match self {
            Model::PerUnit(model) => model.check(path, problems),
            Model::Graduated(model) => model.check(path, problems),
            Model::Volume(model) => model.check(path, problems),
            Model::Package(model) => model.check(path, problems),
            Model::Percentage(model) => model.check(path, problems),
            Model::Dynamic(model) => model.check(path, problems),
            Model::Recurring(model) => model.check(path, problems),
            Model::Seat(model) => model.check(path, problems),
        }
    }
}
