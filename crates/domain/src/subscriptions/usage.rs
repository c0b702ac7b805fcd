//! Which subscription prices a usage event, why none does, and that no event ever has two prices.

use crate::refusal::{Code, Refusal};
use crate::subscriptions::change::UsageScope;
use crate::subscriptions::price_ref::PriceRef;
use crate::subscriptions::segments::{Exclusion, Subscription};
use crate::subscriptions::state::Phase;
use crate::subscriptions::timeline::Point;
use crate::time::Instant;
use crate::window::Span;

/// A subscription among those of its customer.
#[derive(Debug, Clone, Copy)]
pub struct Keyed<'a> {
    /// The `subscriptionKey` by which events name it.
    pub key: &'a str,
    pub subscription: Subscription<'a>,
}

/// The price of an event's metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedBy<'a> {
    pub subscription_key: &'a str,
    pub price: PriceRef,
}

/// An event as far as its price depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use<'e> {
    pub metric: &'e str,
    pub at: Instant,
    /// The subscription that the event names.
    pub subscription_key: Option<&'e str>,
}

/// The one price of an event among all subscriptions of its customer, or why it is excluded. An event that names no subscription belongs
/// to those that price all usage of the customer; one that names one belongs to that one alone.
///
/// # Errors
/// [`Exclusion::Pause`] or [`Exclusion::Trial`] when a subscription would price it but for that; [`Exclusion::NotPriced`] else.
pub fn price_of<'a>(subscriptions: &[Keyed<'a>], used: Use<'_>) -> Result<PricedBy<'a>, Exclusion> {
    let mut excluded = Exclusion::NotPriced;
    for Keyed { key, subscription } in subscriptions {
        let Some(point) = subscription.timeline.at(used.at) else { continue };
        let is_meant = match used.subscription_key {
            Some(named) => named == *key,
            None => point.state.usage == UsageScope::Customer,
        };
        let Some(price) = subscription.price_of_metric(point, used.metric).filter(|_| is_meant) else { continue };
        match point.phase {
            Phase::Active => return Ok(PricedBy { subscription_key: key, price }),
            Phase::Paused => excluded = Exclusion::Pause,
            Phase::Trial if excluded != Exclusion::Pause => excluded = Exclusion::Trial,
            Phase::Trial | Phase::Ended => {}
        }
    }
    Err(excluded)
}

/// Checks that a subscription and the others of its customer never price the same metric at the same time.
///
/// Two that price all usage of the customer may not; one that prices only events that name it may, beside any other. A trial or a pause
/// ends, so neither makes room for another price.
///
/// # Errors
/// [`Code::MetricAlreadyPriced`] with the metric, the other subscription and the first moment.
pub fn check_overlap(subscription: Subscription<'_>, others: &[Keyed<'_>]) -> Result<(), Refusal> {
    for other in others {
        if let Some((metric, at)) = first_overlap(subscription, other.subscription) {
            let detail = format!(
                "From {at} on, `{metric}` would be priced here and by the subscription `{}`. Cancel one, or let one of them price \
                 only events that name it.",
                other.key
            );
            return Err(Refusal::new(Code::MetricAlreadyPriced, detail));
        }
    }
    Ok(())
}

fn first_overlap(left: Subscription<'_>, right: Subscription<'_>) -> Option<(String, Instant)> {
    let mut points: Vec<Instant> =
        [left, right].iter().flat_map(|one| one.timeline.points()).map(|point| point.at).collect();
    points.sort_unstable();
    points.into_iter().find_map(|at| {
        let (here, there) = (left.metrics_of_customer(at), right.metrics_of_customer(at));
        let both = here.into_iter().find(|metric| there.contains(metric));
        both.map(|metric| (metric, at))
    })
}

impl Subscription<'_> {
    /// The stretches of a span in which usage of a metric is excluded, with the reason: what can be rated later if that changes.
    pub fn exclusions(&self, metric: &str, span: Span) -> Vec<(Span, Exclusion)> {
        let mut excluded: Vec<(Span, Exclusion)> = Vec::new();
        for (part, point) in self.timeline.within(span) {
            let Some(reason) = self.exclusion(metric, point) else { continue };
            match excluded.last_mut().filter(|(last, same)| last.end == part.start && *same == reason) {
                Some((last, _)) => last.end = part.end,
                None => excluded.push((part, reason)),
            }
        }
        excluded
    }

    fn exclusion(&self, metric: &str, point: Option<&Point>) -> Option<Exclusion> {
        let Some(point) = point else { return Some(Exclusion::NotStarted) };
        let is_priced = self.price_of_metric(point, metric).is_some();
        match point.phase {
            Phase::Ended => Some(Exclusion::Ended),
            Phase::Active | Phase::Trial | Phase::Paused if !is_priced => Some(Exclusion::NotPriced),
            Phase::Active => None,
            Phase::Trial => Some(Exclusion::Trial),
            Phase::Paused => Some(Exclusion::Pause),
        }
    }

    fn price_of_metric(&self, point: &Point, metric: &str) -> Option<PriceRef> {
        let mut prices = self.offers.prices(&point.state).into_iter();
        prices.find(|(_, price)| price.metric.as_deref() == Some(metric)).map(|(price_ref, _)| price_ref)
    }

    /// The metrics that it prices for all events of the customer at an instant; none once it has ended.
    fn metrics_of_customer(&self, at: Instant) -> Vec<String> {
        let point = self.timeline.at(at);
        let point = point.filter(|point| point.phase != Phase::Ended && point.state.usage == UsageScope::Customer);
        let prices = point.map_or_else(Vec::new, |point| self.offers.prices(&point.state));
        prices.into_iter().filter_map(|(_, price)| price.metric.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
