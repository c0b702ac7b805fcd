//! What stories expect; the answer is compared with the block, line by line:
//!
//! ```text
//! expect periods base from 2024-01-31 to 2024-04-01     start .. end
//! expect lines base in 2024-03-10                       at kind amount for start .. end (share) causes
//! expect sum base in 2024-03-10                         the sum of these lines
//! expect stretches calls in 2024-03-10                  start .. end (share) version or reason
//! expect segments calls in 2024-03-10                   start .. end, … (share) version
//! expect due base until 2024-04-01                      start kind due at, and the reason of a skip
//! expect state at 2024-03-10                            phase plan price=quantity …
//! expect usage of api_calls at 2024-03-10               the price, or the reason
//! expect coupons base in 2024-03-10                     key and number of its period
//! expect ends                                           when, or never
//! expect changes ahead of 2024-03-10                    effective time and kind
//! ```

use std::time::Duration;

use domain::subscriptions::due::Due;
use domain::subscriptions::lines::sum_until;
use domain::subscriptions::price_ref::PriceRef;
use domain::subscriptions::segments::BilledPrice;
use domain::subscriptions::usage::{Keyed, Use, price_of};
use domain::subscriptions::windows::Windows;
use domain::time::Instant;
use domain::window::Span;

use super::notation::{Words, written, written_span};
use super::told::Story;

/// The late buffer of all stories.
const LATE_BUFFER: Duration = Duration::from_secs(3_600);

pub fn answer(story: &Story, question: &str) -> Vec<String> {
    let zone = story.zone();
    let mut words = Words::of(question, &zone);
    let answer = match words.word() {
        "state" => state(story, at(&mut words, "at")),
        "usage" => {
            assert!(words.take("of"));
            let metric = words.word();
            usage(story, metric, at(&mut words, "at"))
        }
        "ends" => {
            let end = story.subscription().timeline.ended_at();
            vec![end.map_or("never".to_owned(), |end| written(end, &zone))]
        }
        "changes" => {
            let ahead = story.history.ahead(at(&mut words, "ahead of"));
            ahead.map(|change| format!("{} {}", written(change.effective_at, &zone), change.change.kind())).collect()
        }
        kind => of_price(story, kind, &mut words),
    };
    words.end();
    answer
}

fn at(words: &mut Words<'_>, preposition: &str) -> Instant {
    assert!(words.take(preposition), "`{preposition}` and a date");
    words.instant()
}

fn of_price(story: &Story, kind: &str, words: &mut Words<'_>) -> Vec<String> {
    let price_ref: PriceRef = words.word().parse().unwrap();
    match kind {
        "periods" => {
            let span = Span { start: at(words, "from"), end: at(words, "to") };
            let price = rhythm_at(story, &price_ref, span.start);
            let zone = story.zone();
            story
                .subscription()
                .schedule(&price)
                .periods_in(span)
                .map(|(_, period)| written_span(period, &zone))
                .collect()
        }
        "due" => {
            let until = at(words, "until");
            due(story, &price_ref, until)
        }
        kind => {
            let moment = at(words, "in");
            let price = rhythm_at(story, &price_ref, moment);
            let period = story.subscription().schedule(&price).period_at(moment).unwrap();
            in_period(story, kind, &price, period)
        }
    }
}

fn in_period(story: &Story, kind: &str, price: &BilledPrice, period: Span) -> Vec<String> {
    let (subscription, zone) = (story.subscription(), story.zone());
    match kind {
        "lines" => {
            let lines = subscription.lines(price, period).unwrap();
            let line = |line: &domain::subscriptions::lines::Line<'_>| {
                let causes: Vec<&str> = line.causes.iter().map(|cause| cause.as_str()).collect();
                let (at, span) = (written(line.at, &zone), written_span(line.span, &zone));
                format!("{at} {} {} for {span} ({}) {}", line.kind, line.amount, line.share, causes.join(" "))
            };
            lines.iter().map(line).collect()
        }
        "sum" => {
            let lines = subscription.lines(price, period).unwrap();
            vec![sum_until(&lines, period.end).unwrap().to_string()]
        }
        "stretches" => {
            let stretches = subscription.stretches(price, period).unwrap();
            let line = |stretch: &domain::subscriptions::segments::Stretch<'_>| {
                let content = match &stretch.content {
                    Ok(billed) => billed.source.key.clone(),
                    Err(reason) => reason.to_string(),
                };
                format!("{} ({}) {content}", written_span(stretch.span, &zone), stretch.share)
            };
            stretches.iter().map(line).collect()
        }
        "segments" => {
            let segments = subscription.segments(price, period).unwrap();
            let line = |segment: &domain::subscriptions::segments::Segment<'_>| {
                let spans: Vec<String> = segment.spans.iter().map(|span| written_span(*span, &zone)).collect();
                format!("{} ({}) {}", spans.join(", "), segment.share, segment.billed.source.key)
            };
            segments.iter().map(line).collect()
        }
        "coupons" => {
            let number = subscription.schedule(price).number_at(period.start).unwrap();
            let applied = subscription.coupons(price, number);
            applied.iter().map(|applied| format!("{} {}", applied.coupon.key, applied.period)).collect()
        }
        other => panic!("{other} is nothing to expect"),
    }
}

fn due(story: &Story, price_ref: &PriceRef, until: Instant) -> Vec<String> {
    let (subscription, zone) = (story.subscription(), story.zone());
    let prices = subscription.prices().into_iter().filter(|price| price.price == *price_ref);
    let due = Due { after: None, until, late_buffer: LATE_BUFFER, windows: Windows::named() };
    let items = prices.flat_map(|price| subscription.items(&price, due).unwrap());
    let line = |item: domain::subscriptions::due::Item| {
        let skipped = item.skipped.map(|reason| format!(" skipped {reason}")).unwrap_or_default();
        let (start, due_at) = (written(item.period.start, &zone), written(item.due_at, &zone));
        format!("{start} {} due {due_at}{skipped}", item.kind)
    };
    items.map(line).collect()
}

/// The price in the rhythm that it has at an instant, or in its first one.
fn rhythm_at(story: &Story, price_ref: &PriceRef, at: Instant) -> BilledPrice {
    let subscription = story.subscription();
    let prices: Vec<BilledPrice> =
        subscription.prices().into_iter().filter(|price| price.price == *price_ref).collect();
    let now = subscription.timeline.at(at).and_then(|point| subscription.offers.price(&point.state, price_ref));
    let now = now.map(|(_, price)| domain::subscriptions::segments::Rhythm::of(price));
    let found = prices.iter().find(|price| Some(price.rhythm) == now).or(prices.first());
    found.expect("the subscription has this price").clone()
}

fn state(story: &Story, at: Instant) -> Vec<String> {
    let Some(point) = story.subscription().timeline.at(at) else { return vec!["none".to_owned()] };
    let quantities = point.state.quantities.iter().map(|(price, quantity)| {
        let text = quantity.to_string();
        format!(" {price}={}", text.trim_end_matches('0').trim_end_matches('.'))
    });
    vec![format!("{} {}{}", point.phase, point.state.plan.key, quantities.collect::<String>())]
}

fn usage(story: &Story, metric: &str, at: Instant) -> Vec<String> {
    let subscriptions = [Keyed { key: "it", subscription: story.subscription() }];
    match price_of(&subscriptions, Use { metric, at, subscription_key: None }) {
        Ok(priced) => vec![priced.price.to_string()],
        Err(reason) => vec![reason.to_string()],
    }
}
