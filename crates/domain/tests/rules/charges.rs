//! What holds for the charges of every price: windows, days and zones never change a figure, and nothing is lost on the way.

use domain::amount::Amount;
use domain::calendar::{Anchor, RatingWindow};
use domain::catalog::metric::MetricDefinition;
use domain::catalog::price::{DatedTerms, Price};
use domain::charges::cut::{CutRules, PriceCut, cut_price};
use domain::charges::rate::{RatedPart, amounts_of_price, rate_price, rate_windows};
use domain::charges::usage::{Metered, PriceUsage, SpanEvents, SpanGroup, event_properties};
use domain::ingest::rollup::{Cell, Measurement};
use domain::metering::{Counter, DimensionValues, MeteredGroup};
use domain::pricing::explanation::Step;
use domain::pricing::inputs::EventUnits;
use domain::pricing::terms::Terms;
use domain::proration::TimeBasis;
use domain::ratio::Ratio;
use domain::time::Instant;
use domain::window::{Span, zone};
use proptest::prelude::*;

use crate::cases;
use crate::prices::{events, terms};

const DAY: i64 = 86_400_000_000;
/// 2026-03-01: the months around it hold a change of the clock in most zones that change it.
const START: i64 = 1_772_323_200_000_000;

#[derive(Debug, Clone)]
struct Case {
    price: Price,
    range: Span,
    zone: &'static str,
    events: Vec<(EventUnits, bool)>,
}

fn instant(micros: i64) -> Instant {
    Instant::from_micros(micros).unwrap()
}

/// A monthly price with up to two effective dates, over some days, with events anywhere in them.
fn case() -> impl Strategy<Value = Case> {
    let changes = prop::collection::btree_map(START..START + 70 * DAY, terms(), 0..3);
    let zones = vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"];
    let range = (0i64..40 * DAY, 1i64..30 * DAY);
    (terms(), changes, range, prop::sample::select(zones), events()).prop_map(
        |(terms, changes, range, zone, events)| {
            let span = Span { start: instant(START + range.0), end: instant(START + range.0 + range.1) };
            let changes = changes.into_iter().map(|(at, terms)| DatedTerms { effective_from: instant(at), terms });
            let events = events.into_iter().map(|(event, is_special)| {
                let at = instant(span.start.micros() + event.at.micros() * 257 % range.1);
                (EventUnits { at, ..event }, is_special)
            });
            Case { price: price(terms, changes.collect()), range: span, zone, events: events.collect() }
        },
    )
}

fn price(terms: Terms, changes: Vec<DatedTerms>) -> Price {
    let json = serde_json::json!({ "key": "p", "name": "P", "metric": "m", "interval": { "unit": "month" },
        "timing": "arrears", "terms": terms });
    Price { changes, ..serde_json::from_value(json).unwrap() }
}

impl Case {
    fn cut(&self, window: RatingWindow) -> PriceCut {
        let zone = zone(self.zone);
        let anniversary = Anchor::day_of(self.range.start, &zone);
        let rules = CutRules { zone: &zone, basis: TimeBasis::Day, anniversary };
        cut_price(&self.price, self.range, &rules, window).unwrap()
    }

    /// Rates with what a reader of rollups and events would answer for the spans of the cut.
    fn rated<T>(&self, cut: &PriceCut, rate: impl FnOnce(&PriceUsage<'_>) -> T) -> T {
        let metric: MetricDefinition =
            serde_json::from_value(serde_json::json!({ "key": "m", "name": "M", "aggregation": "sum" })).unwrap();
        let span_of = |at: Instant| cut.spans.iter().position(|span| span.contains(at)).unwrap();
        let values = |is_special: bool| -> DimensionValues {
            is_special.then(|| ("region".to_owned(), "eu".to_owned())).into_iter().collect()
        };
        let groups: Vec<(usize, MeteredGroup)> = self
            .events
            .iter()
            .map(|(event, is_special)| {
                let one = Measurement { event: event.event, at: event.at, units: event.units };
                let counter = Counter::Cell(Cell::of(one));
                (span_of(event.at), MeteredGroup { values: values(*is_special), counter })
            })
            .collect();
        let single: Vec<(usize, [(DimensionValues, EventUnits); 1])> = self
            .events
            .iter()
            .map(|(event, is_special)| (span_of(event.at), [(values(*is_special), *event)]))
            .collect();
        let groups: Vec<_> = groups.iter().map(|(span, group)| SpanGroup { span: *span, group }).collect();
        let properties = event_properties(&self.price);
        let events: Vec<_> = properties
            .iter()
            .flat_map(|property| {
                single.iter().map(move |(span, events)| SpanEvents { span: *span, property: *property, events })
            })
            .collect();
        rate(&PriceUsage::Metered(Metered { metric: &metric, groups: &groups, events: &events }))
    }

    fn parts(&self, cut: &PriceCut) -> Vec<RatedPart> {
        self.rated(cut, |usage| rate_price(&self.price, cut, usage).unwrap())
    }
}

fn totals(parts: &[RatedPart]) -> Vec<(Ratio, Amount)> {
    parts.iter().map(|part| (part.rated.exact, part.rated.amount)).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_cut_into_windows_comes_to_the_same_figures( // promise P19
        case in case(), window in prop::sample::select(RatingWindow::ALL),
    ) {
        let (whole, fine) = (case.cut(RatingWindow::Period), case.cut(window));
        prop_assert_eq!(totals(&case.parts(&whole)), totals(&case.parts(&fine)));
    }

    #[test]
    fn what_windows_post_sums_to_the_rating_of_the_part( // promise P19
        case in case(), window in prop::sample::select(RatingWindow::ALL),
    ) {
        let cut = case.cut(window);
        for (part, rated) in cut.parts.iter().zip(case.parts(&cut)) {
            let posted = case.rated(&cut, |usage| rate_windows(&case.price, part, usage).unwrap());
            prop_assert_eq!(posted.len(), part.spans().len());
            prop_assert_eq!(Amount::checked_sum(posted), Some(rated.rated.amount));
        }
    }

    #[test]
    fn amounts_without_explanations_are_the_same_amounts(case in case()) {
        let cut = case.cut(RatingWindow::Week);
        let amounts = case.rated(&cut, |usage| amounts_of_price(&case.price, &cut, usage).unwrap());
        prop_assert_eq!(amounts, totals(&case.parts(&cut)).into_iter().map(|(_, amount)| amount).collect::<Vec<_>>());
    }

    #[test]
    fn explanations_of_charges_sum_to_their_totals(case in case()) { // checklist 123
        for part in case.parts(&case.cut(RatingWindow::Period)) {
            let steps = Ratio::sum(part.rated.explanation.steps.iter().map(Step::amount)).unwrap();
            prop_assert_eq!(steps, Ratio::from(part.rated.amount));
        }
    }

    #[test]
    fn parts_tile_the_range_and_stretches_their_parts( // promise P20
        case in case(), window in prop::sample::select(RatingWindow::ALL),
    ) {
        let cut = case.cut(window);
        let ends = |spans: &[Span]| (spans[0].start, spans[spans.len() - 1].end);
        let touch = |spans: &[Span]| spans.windows(2).all(|pair| pair[0].end == pair[1].start);
        prop_assert!(touch(&cut.spans));
        prop_assert_eq!(ends(&cut.spans), (case.range.start, case.range.end));
        for part in &cut.parts {
            let stretches: Vec<Span> = part.stretches.iter().map(|stretch| stretch.span).collect();
            prop_assert!(touch(&stretches));
            prop_assert_eq!(ends(&stretches), (part.part.start, part.part.end));
            prop_assert_eq!(Ratio::sum(part.stretches.iter().map(|stretch| stretch.share)), Ok(part.share));
        }
    }

    #[test]
    fn recurring_amounts_of_adjoining_ranges_sum_exactly( // promise P20
        case in case(), middle in any::<prop::sample::Index>(), basis in prop::sample::select(TimeBasis::ALL),
    ) {
        let flat: Terms = serde_json::from_str(r#"{"model":{"type":"recurring","amount":"49.99"}}"#).unwrap();
        let flat = Price { metric: None, ..price(flat, Vec::new()) };
        let (zone, range) = (zone(case.zone), case.range);
        let rules = CutRules { zone: &zone, basis, anniversary: Anchor::day_of(range.start, &zone) };
        let exact = |range: Span| {
            let cut = cut_price(&flat, range, &rules, RatingWindow::Period).unwrap();
            let parts = rate_price(&flat, &cut, &PriceUsage::Time).unwrap();
            Ratio::sum(parts.iter().map(|part| part.rated.exact)).unwrap()
        };
        let length = usize::try_from(range.end.micros() - range.start.micros()).unwrap();
        let middle = instant(range.start.micros() + i64::try_from(middle.index(length)).unwrap());
        let (left, right) = (Span { end: middle, ..range }, Span { start: middle, ..range });
        prop_assert_eq!(exact(left).plus(exact(right)), Ok(exact(range)));
    }
}
