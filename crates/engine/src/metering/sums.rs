//! What a reader has added up so far, and into which span of its customer something falls.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::aggregation::unique::UniqueCell;
use domain::ids::CustomerId;
use domain::ingest::rollup::Cell;
use domain::window::Span;

use super::Spans;

/// A customer with a subscription key and dimension values, as the rollups spell them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Holder {
    pub customer: CustomerId,
    pub subscription_key: String,
    pub dimensions: String,
}

/// The sum of one holder in one span.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub cell: Option<Cell>,
    pub values: UniqueCell,
}

/// The sums, by holder and the index of the span.
#[derive(Debug, Default)]
pub(super) struct Sums {
    sums: HashMap<Holder, BTreeMap<usize, Sum>>,
}

impl Sums {
    pub fn add_cell(&mut self, holder: Holder, span: usize, cell: &Cell) {
        let sum = &mut self.at(holder, span).cell;
        match sum {
            Some(known) => known.merge(cell),
            None => *sum = Some(*cell),
        }
    }

    pub fn add_value(&mut self, holder: Holder, span: usize, value: &str, events: u64) {
        self.at(holder, span).values.add_many(value, events);
    }

    fn at(&mut self, holder: Holder, span: usize) -> &mut Sum {
        self.sums.entry(holder).or_default().entry(span).or_default()
    }

    /// The holders in their order, each with its spans in theirs.
    pub fn into_sorted(self) -> BTreeMap<Holder, BTreeMap<usize, Sum>> {
        self.sums.into_iter().collect()
    }
}

/// Where the time of a cell lies among the spans of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// In none.
    Outside,
    /// In the span with this index, all of it.
    Whole(usize),
    /// An edge cuts it.
    Cut,
}

/// Finds a stretch of time among spans that are in order and do not overlap.
pub(super) fn fit(spans: &[Span], time: Span) -> Fit {
    let place = spans.partition_point(|span| span.end <= time.start);
    match spans.get(place) {
        Some(span) if span.start <= time.start && time.end <= span.end => Fit::Whole(place),
        Some(span) if span.start < time.end => Fit::Cut,
        Some(_) | None => Fit::Outside,
    }
}

/// The spans of each customer, asked for once.
pub(super) struct SpansOf<'q> {
    spans: Spans<'q>,
    same: Arc<[Span]>,
    known: HashMap<CustomerId, Arc<[Span]>>,
}

impl<'q> SpansOf<'q> {
    pub fn new(spans: Spans<'q>) -> SpansOf<'q> {
        let same = match spans {
            Spans::Same(spans) => Arc::from(spans),
            Spans::Own { .. } => Arc::from([]),
        };
        SpansOf { spans, same, known: HashMap::new() }
    }

    pub fn of(&mut self, customer: CustomerId) -> Arc<[Span]> {
        match self.spans {
            Spans::Same(_) => Arc::clone(&self.same),
            Spans::Own { of, .. } => Arc::clone(self.known.entry(customer).or_insert_with(|| of(customer))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Instant;

    fn span(start: i64, end: i64) -> Span {
        Span { start: Instant::from_micros(start).unwrap(), end: Instant::from_micros(end).unwrap() }
    }

    #[rstest::rstest]
    #[case(0, 5, Fit::Outside)]
    #[case(5, 11, Fit::Cut)]
    #[case(10, 20, Fit::Whole(0))]
    #[case(15, 20, Fit::Whole(0))]
    #[case(15, 21, Fit::Cut)]
    #[case(20, 30, Fit::Whole(1))]
    #[case(30, 40, Fit::Outside)]
    #[case(30, 41, Fit::Cut)]
    #[case(39, 50, Fit::Cut)]
    #[case(50, 51, Fit::Outside)]
    fn a_cell_fits_into_one_span_or_is_cut(#[case] start: i64, #[case] end: i64, #[case] expected: Fit) {
        assert_eq!(fit(&[span(10, 20), span(20, 30), span(40, 50)], span(start, end)), expected);
    }
}
