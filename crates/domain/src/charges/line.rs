//! A charge line: one rated price for one part of a billing period, with everything that explains the amount.

use crate::amount::Amount;
use crate::catalog::asset::{AssetCode, CustomAsset};
use crate::catalog::price::{Price, Timing};
use crate::charges::commitment::CommitmentInputs;
use crate::charges::conversion::{Converted, convert};
use crate::charges::cut::PeriodPart;
use crate::charges::events::EventsQuery;
use crate::charges::rate::{RatedPart, StretchInputs};
use crate::currency::Currency;
use crate::pricing::explanation::{Explanation, Words};
use crate::pricing::inputs::{Inputs, Usage};
use crate::pricing::snapshot::{PriceSnapshot, VERSION};
use crate::ratio::{OutOfRange, Ratio};
use crate::time::Instant;
use crate::window::Span;

/// The version of a plan or an add-on whose price is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// The key of the plan or the add-on.
    pub key: &'a str,
    pub version: u32,
    pub currency: Currency,
}

/// One rated price for one part of a billing period.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChargeLine {
    /// Stable and unique among the lines of a customer: plan or add-on, price, start of the part.
    #[schema(example = "team/calls/2026-03-01T00:00:00.000Z")]
    pub id: String,
    /// The key of the plan or the add-on.
    pub item: String,
    pub item_version: u32,
    /// The key of the price; `minimumCommitment` for a true-up.
    pub price: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<String>,
    /// Whether it is billed at the start or at the end of its period.
    pub timing: Timing,
    /// The whole billing period; absent for quantities of no particular period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Span>,
    /// The part of it that is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Span>,
    /// Which share of the period the part is, 0 to 1.
    pub share: Ratio,
    /// Number of the period among those of its price in the range, from 0: coupons apply by it.
    pub number: u32,
    /// The inputs, and the terms they were rated by.
    pub stretches: Vec<LineStretch>,
    /// What the true-up of a minimum commitment was made of, in place of stretches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commitment: Option<CommitmentInputs>,
    /// The currency or custom asset of `exact` and `amount`.
    pub asset: AssetCode,
    /// Before rounding.
    pub exact: Ratio,
    /// Rounded once, half-even, to 10⁻⁶ units of the asset.
    pub amount: Amount,
    pub explanation: Explanation,
    /// The explanation as sentences that can be read aloud.
    pub text: String,
    /// How a custom asset became money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Converted>,
    /// Which events were counted: the query of `GET …/ingest/events` that lists exactly them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsQuery>,
}

/// The inputs of one stretch under the same terms.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineStretch {
    /// The counters at its start, where they go on after an effective date; what they would cost is taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_start: Option<Inputs>,
    /// The counters at its end. Single events are shown as their sum.
    pub at_end: Inputs,
    /// The price as it was.
    pub snapshot: PriceSnapshot,
    /// SHA-256 of the snapshot's canonical form, in hexadecimal.
    pub digest: String,
}

/// What makes lines of the rated parts of one price: what they have in common.
#[derive(Debug, Clone)]
pub struct LineMaker<'a> {
    item: Item<'a>,
    price: &'a Price,
    asset: AssetCode,
    unit_label: Option<&'a str>,
    assets: &'a [CustomAsset],
    /// By the price's timeline.
    snapshots: Vec<(PriceSnapshot, String)>,
}

impl<'a> LineMaker<'a> {
    /// `unit_label` is what the metric calls its units; `assets` are the custom assets with their conversion rates.
    pub fn new(
        item: Item<'a>,
        price: &'a Price,
        unit_label: Option<&'a str>,
        assets: &'a [CustomAsset],
    ) -> LineMaker<'a> {
        let asset = price.asset.clone().unwrap_or(AssetCode::Currency(item.currency));
        let snapshots = price.timeline().map(|(effective_from, terms)| {
            let snapshot = PriceSnapshot {
                version: VERSION,
                plan: item.key.to_owned(),
                plan_version: item.version,
                price: price.key.clone(),
                metric: price.metric.clone(),
                asset: asset.code().to_owned(),
                effective_from,
                terms: terms.clone(),
            };
            let digest = snapshot.digest_text();
            (snapshot, digest)
        });
        let snapshots = snapshots.collect();
        LineMaker { item, price, asset, unit_label, assets, snapshots }
    }

    /// The line of a part of a period; `number` counts the parts from 0.
    ///
    /// # Errors
    /// [`OutOfRange`] when the amount does not fit in the currency of the plan.
    pub fn line(&self, part: &PeriodPart, number: u32, rated: &RatedPart) -> Result<ChargeLine, OutOfRange> {
        let mut line = self.bare(rated, self.due_at(part))?;
        line.id = format!("{}/{}", line.id, part.part.start);
        (line.period, line.part, line.share, line.number) = (Some(part.period), Some(part.part), part.share, number);
        Ok(line)
    }

    /// The line of a whole period that lies nowhere in particular; what depends on a date is that of `at`.
    ///
    /// # Errors
    /// [`OutOfRange`] when the amount does not fit in the currency of the plan.
    pub fn bare(&self, rated: &RatedPart, at: Instant) -> Result<ChargeLine, OutOfRange> {
        let conversion = match &self.asset {
            AssetCode::Custom(_) => convert(rated.rated.exact, &self.asset, self.item.currency, self.assets, at)?,
            AssetCode::Currency(_) => None,
        };
        let words = Words { asset: self.asset.code(), units: self.unit_label.unwrap_or("units") };
        let mut text = rated.rated.explanation.text(words);
        if let Some(converted) = &conversion {
            text.push_str(&format!(
                "\nConverted at {} {} each: {} {}.",
                converted.unit_price, converted.currency, converted.amount, converted.currency
            ));
        }
        let stretches = rated.stretches.iter().map(|stretch| self.stretch(stretch)).collect::<Result<_, _>>()?;
        Ok(ChargeLine {
            id: format!("{}/{}", self.item.key, self.price.key),
            item: self.item.key.to_owned(),
            item_version: self.item.version,
            price: self.price.key.clone(),
            name: self.price.name.clone(),
            metric: self.price.metric.clone(),
            tax_category: self.price.tax_category.clone(),
            timing: self.price.timing,
            period: None,
            part: None,
            share: Ratio::ONE,
            number: 0,
            stretches,
            commitment: None,
            asset: self.asset.clone(),
            exact: rated.rated.exact,
            amount: rated.rated.amount,
            explanation: rated.rated.explanation.clone(),
            text,
            conversion,
            events: None,
        })
    }

    /// The instant whose conversion and tax rates hold: the start of a part that is billed in advance, else its last moment.
    fn due_at(&self, part: &PeriodPart) -> Instant {
        due_at(self.price.timing, part.part)
    }

    fn stretch(&self, stretch: &StretchInputs) -> Result<LineStretch, OutOfRange> {
        // Cannot fail: the stretch was cut from the timeline of this price.
        let (snapshot, digest) = self.snapshots.get(stretch.terms).expect("every terms of the timeline has a snapshot");
        Ok(LineStretch {
            at_start: stretch.at_start.as_ref().map(summed).transpose()?,
            at_end: summed(&stretch.at_end)?,
            snapshot: snapshot.clone(),
            digest: digest.clone(),
        })
    }
}

impl ChargeLine {
    /// What the line is in the currency of the plan; `None` for an asset that no rate makes money of.
    pub fn money(&self, currency: Currency) -> Option<Amount> {
        if self.asset == AssetCode::Currency(currency) {
            return Some(self.amount);
        }
        self.conversion.as_ref().map(|converted| converted.amount)
    }

    /// The instant whose tax rates hold; `otherwise` for a line of no particular period.
    pub fn due_at(&self, otherwise: Instant) -> Instant {
        self.part.map_or(otherwise, |part| due_at(self.timing, part))
    }
}

/// The start of what is billed in advance; of what is billed in arrears the last moment.
pub(super) fn due_at(timing: Timing, part: Span) -> Instant {
    match timing {
        Timing::Advance => part.start,
        Timing::Arrears => {
            let last = Instant::from_micros(part.end.micros().saturating_sub(1));
            last.map_or(part.start, |last| last.max(part.start))
        }
    }
}

/// The inputs with single events as their sum.
fn summed(inputs: &Inputs) -> Result<Inputs, OutOfRange> {
    let mut inputs = inputs.clone();
    for part in &mut inputs.parts {
        if let (Usage::Events(_), Some(total)) = (&part.usage, part.usage.totals()?) {
            part.usage = Usage::Total(total);
        }
    }
    Ok(inputs)
}
