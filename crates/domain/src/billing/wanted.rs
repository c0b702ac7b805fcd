//! What items should come to: a charge line for each, under the key that it is known by however often it is looked at.

use std::time::Duration;

use crate::amount::Amount;
use crate::calendar::RatingWindow;
use crate::catalog::asset::CustomAsset;
use crate::catalog::metric::MetricDefinition;
use crate::catalog::price::{Price, Timing};
use crate::charges::charge::{ChargeCoupon, ChargeKind};
use crate::charges::cut::PriceCut;
use crate::charges::events::{EventsQuery, Naming};
use crate::charges::line::{ChargeLine, Item as SoldItem, LineMaker};
use crate::charges::rate::rate_until;
use crate::charges::usage::PriceUsage;
use crate::currency::Currency;
use crate::ids::SubscriptionId;
use crate::metering::DimensionValues;
use crate::pricing::model::PriceKind;
use crate::ratio::OutOfRange;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::change::UsageScope;
use crate::subscriptions::charging::Charging;
use crate::subscriptions::due::{Item, ItemKind};
use crate::subscriptions::lines::{Line, LineKind};
use crate::subscriptions::price_ref::VersionRef;
use crate::subscriptions::segments::{Segment, Subscription};
use crate::tax::TaxBehaviour;
use crate::time::Instant;
use crate::window::Span;

use super::plan::Planned;

/// A subscription with what its charges name.
#[derive(Debug, Clone, Copy)]
pub struct Billable<'a> {
    pub id: SubscriptionId,
    /// The `subscriptionKey` by which events name it.
    pub key: &'a str,
    pub customer_key: &'a str,
    pub subscription: Subscription<'a>,
    pub assets: &'a [CustomAsset],
}

/// What should be charged under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub key: String,
    pub kind: ChargeKind,
    pub price: String,
    pub source: VersionRef,
    pub period: Span,
    pub part: Span,
    pub at: Instant,
    pub falls_on: Instant,
    pub rates_at: Instant,
    /// The lots pay that are valid then: the last moment of the window.
    pub draws_at: Instant,
    /// Its part goes on: only what was used until the end of a window is wanted.
    pub is_open: bool,
    pub currency: Currency,
    /// In the currency; nothing for an asset that no rate makes money of.
    pub amount: Amount,
    pub tax_category: Option<String>,
    pub tax_behaviour: TaxBehaviour,
    pub coupons: Vec<ChargeCoupon>,
    pub line: ChargeLine,
}

/// The usage that one segment of an item prices.
#[derive(Debug, Clone)]
pub struct UsagePart<'a> {
    pub segment: Segment<'a>,
    /// With the terms agreed with the customer.
    pub price: Price,
    /// Cut at the windows.
    pub cut: PriceCut,
    /// Until when it is rated, in the order of time; at least one.
    pub stages: Vec<UsageStage>,
}

/// Up to where the usage of a part is rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageStage {
    /// The end of a window, or of the part.
    pub until: Instant,
    /// So many of the elementary spans of its cut.
    pub spans: usize,
    /// The part goes on after it.
    pub is_open: bool,
}

impl UsagePart<'_> {
    /// The elementary spans whose usage is wanted.
    pub fn wanted_spans(&self) -> &[Span] {
        &self.cut.spans[..self.stages.last().map_or(0, |stage| stage.spans)]
    }
}

/// A line of an item, and what tells it from the others of its period.
pub(super) struct Charged<'w> {
    pub kind: ChargeKind,
    pub source: &'w VersionRef,
    pub key: String,
    pub part: Span,
    pub line: ChargeLine,
    /// The stage of a part that goes on.
    pub open_until: Option<Instant>,
}

impl<'a> Billable<'a> {
    /// The currency of all its charges.
    ///
    /// # Errors
    /// [`Code::UnknownPlan`] when its plan is not known.
    pub fn currency(&self) -> Result<Currency, Refusal> {
        self.plan_at(self.subscription.timeline.started_at()).map(|(currency, _)| currency)
    }

    /// The lines of fees and seats that an item brings; none for usage.
    ///
    /// # Errors
    /// [`Code::QuantityOutOfRange`] when an amount does not fit.
    pub fn fees(&self, planned: &Planned) -> Result<Vec<Wanted>, Refusal> {
        let item = &planned.item;
        if item.open_windows().is_some() {
            return Ok(Vec::new());
        }
        let lines = self.subscription.lines(&item.price, item.period)?;
        let own = lines.iter().filter(|line| item.kind == ItemKind::Arrears || line.at == item.at);
        own.map(|line| self.fee(planned, line)).collect()
    }

    fn fee(&self, planned: &Planned, line: &Line<'a>) -> Result<Wanted, Refusal> {
        let Planned { item, .. } = planned;
        let kind = match (item.price.rhythm.timing, line.kind) {
            (Timing::Advance, LineKind::Charge) => ChargeKind::AdvanceFee,
            (Timing::Advance, LineKind::Credit) => ChargeKind::AdvanceCredit,
            (Timing::Arrears, LineKind::Charge | LineKind::Credit) => ChargeKind::ArrearsFee,
        };
        let currency = self.currency()?;
        let charging = Charging { currency, assets: self.assets, period: item.period, number: 0 };
        let source = &line.billed.source;
        let key = format!("{}/{}/{}", line.at, line.span.start, line.kind);
        let line_of = line.charge(&charging)?;
        let charged = Charged { kind, source, key, part: line.span, line: line_of, open_until: None };
        self.wanted(planned, charged)
    }

    /// What of an item is usage, segment by segment, as far as it is to be rated; none for fees and seats.
    ///
    /// # Errors
    /// A refusal when a period cannot be cut.
    pub fn usage_parts(&self, item: &Item) -> Result<Vec<UsagePart<'a>>, Refusal> {
        let segments = self.subscription.segments(&item.price, item.period)?;
        let of_usage = segments.into_iter().filter(|segment| segment.billed.price.kind() == PriceKind::Usage);
        let parts = of_usage.map(|segment| {
            let mut cut = self.subscription.cut(&segment, item.period, RatingWindow::Period)?;
            item.windows.iter().flat_map(|windows| &windows.ends).for_each(|end| cut.split_at(*end));
            let stages = stages(&cut, item);
            Ok(UsagePart { price: segment.billed.agreed_price().into_owned(), cut, stages, segment })
        });
        let parts: Vec<UsagePart<'a>> = parts.collect::<Result<_, Refusal>>()?;
        Ok(parts.into_iter().filter(|part| !part.stages.is_empty()).collect())
    }

    /// What a segment's usage comes to until one of its stages.
    ///
    /// # Errors
    /// [`Code::QuantityOutOfRange`] when an amount does not fit.
    pub fn usage(
        &self,
        planned: &Planned,
        (part, stage): (&UsagePart<'_>, UsageStage),
        metric: &MetricDefinition,
        used: &PriceUsage<'_>,
    ) -> Result<Wanted, Refusal> {
        let Some(period_part) = part.cut.parts.first() else {
            return Err(OutOfRange.into());
        };
        let rated = rate_until(&part.price, period_part, used, stage.spans)?;
        let source = &part.segment.billed.source;
        let sold = SoldItem { key: &source.key, version: source.version, currency: self.currency()? };
        let maker = LineMaker::new(sold, &part.price, metric.unit_label.as_deref(), self.assets);
        let mut line = maker.line(period_part, 0, &rated)?;
        let span = period_part.part;
        line.events = Some(self.events(metric, Span { end: stage.until, ..span }));
        let key = format!("{}/usage", span.start);
        let open_until = stage.is_open.then_some(stage.until);
        self.wanted(planned, Charged { kind: ChargeKind::Usage, source, key, part: span, line, open_until })
    }

    /// Whether events count that name `key`: those that name another subscription belong to it alone.
    pub fn counts(&self, key: Option<&str>) -> bool {
        self.naming().holds(key)
    }

    fn naming(&self) -> Naming {
        let unnamed = match self.subscription.timeline.points()[0].state.usage {
            UsageScope::Customer => true,
            UsageScope::Named => false,
        };
        Naming { unnamed, ..Naming::only(self.key) }
    }

    fn events(&self, metric: &MetricDefinition, part: Span) -> EventsQuery {
        // Events from before the metric is effective are stored and not counted.
        let effective_from = metric.effective_from.unwrap_or(part.start);
        EventsQuery {
            metric_key: metric.key.clone(),
            customer_key: self.customer_key.to_owned(),
            naming: self.naming(),
            from: part.start.max(effective_from),
            to: part.end,
            dimensions: DimensionValues::new(),
        }
    }

    pub(super) fn wanted(&self, planned: &Planned, charged: Charged<'_>) -> Result<Wanted, Refusal> {
        let Charged { kind, source, key, part, mut line, open_until } = charged;
        let Planned { item, falls_on } = planned;
        let price = item.price.price.to_string();
        let (currency, tax_behaviour) = self.plan_at(part.start)?;
        let coupons = self.subscription.coupons(&item.price, item.number).into_iter();
        line.id = format!("{}/{}", self.key, line.id);
        let rates_at = line.due_at(item.at);
        Ok(Wanted {
            key: format!("{}/{price}/{}@{}/{}/{key}", self.id, source.key, source.version, item.period.start),
            kind,
            price,
            source: source.clone(),
            period: item.period,
            part,
            at: item.at,
            falls_on: *falls_on,
            rates_at,
            draws_at: open_until.map_or(rates_at, last_moment_before),
            is_open: open_until.is_some(),
            currency,
            amount: match line.money(currency) {
                Some(amount) => amount,
                // Units that no rate makes money of are shown, and cost nothing here.
                None => Amount::ZERO,
            },
            tax_category: line.tax_category.clone(),
            tax_behaviour,
            coupons: coupons
                .map(|applied| ChargeCoupon { coupon: applied.coupon.clone(), period: applied.period })
                .collect(),
            line,
        })
    }

    /// The currency of the plan in force at an instant, and whether its prices hold tax.
    pub(super) fn plan_at(&self, at: Instant) -> Result<(Currency, TaxBehaviour), Refusal> {
        let timeline = self.subscription.timeline;
        let point = timeline.at(at).unwrap_or(&timeline.points()[0]);
        let plan = self.subscription.offers.plans.get(&point.state.plan);
        let unknown = || Refusal::new(Code::UnknownPlan, format!("There is no plan `{}`.", point.state.plan));
        let plan = plan.ok_or_else(unknown)?;
        Ok((plan.definition.currency, plan.definition.tax_behaviour))
    }
}

/// Until when a part is rated: at each window while it goes on, and once when it is over.
fn stages(cut: &PriceCut, item: &Item) -> Vec<UsageStage> {
    let Some(part) = cut.parts.first().map(|part| part.part) else { return Vec::new() };
    let windows = item.windows.iter().flat_map(|windows| windows.ends.iter().copied());
    let closes = item.open_windows().is_none().then_some(part.end);
    let ends = windows.filter(|end| *end > part.start).chain(closes);
    let mut stages: Vec<UsageStage> = ends
        .map(|end| {
            let until = end.min(part.end);
            UsageStage { until, spans: cut.spans_until(until), is_open: until < part.end }
        })
        .collect();
    stages.dedup();
    stages
}

fn last_moment_before(end: Instant) -> Instant {
    end.checked_sub(Duration::from_micros(1)).unwrap_or(end)
}

#[cfg(test)]
mod tests;
