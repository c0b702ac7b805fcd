//! The aggregation `unique`: how many different values a property had. Exact: every value is kept, none is estimated.

use std::collections::BTreeMap;

use crate::quantity::QuantitySum;

/// The values seen, and in how many events each: the count makes it possible to take an event back.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct UniqueCell {
    values: BTreeMap<String, u64>,
}

impl UniqueCell {
    /// Folds one event with this value of the property in. An event without the property is not folded: it has no value.
    pub fn add(&mut self, value: &str) {
        self.add_many(value, 1);
    }

    /// Folds several events with this value in.
    pub fn add_many(&mut self, value: &str, events: u64) {
        *self.values.entry(value.to_owned()).or_insert(0) += events;
    }

    /// Takes one event back that was folded in; false, and no change, when no event had the value.
    pub fn remove(&mut self, value: &str) -> bool {
        let Some(count) = self.values.get_mut(value) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.values.remove(value);
        }
        true
    }

    /// Both sets of events together.
    pub fn merge(&mut self, other: &UniqueCell) {
        for (value, count) in &other.values {
            *self.values.entry(value.clone()).or_insert(0) += count;
        }
    }

    /// The values in order, with the number of their events.
    pub fn values(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values.iter().map(|(value, count)| (value.as_str(), *count))
    }

    /// How many different values there are.
    pub fn quantity(&self) -> QuantitySum {
        // Cannot fail: what fits in memory is far below 2^107 values.
        let count = i128::try_from(self.values.len()).expect("a length fits in 128 bits");
        QuantitySum::from_micros(count * 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fold<'a>(values: impl IntoIterator<Item = &'a String>) -> UniqueCell {
        let mut cell = UniqueCell::default();
        for value in values {
            cell.add(value);
        }
        cell
    }

    #[test]
    fn an_event_can_be_taken_back() {
        let mut cell = fold(&["a".to_owned(), "b".to_owned(), "a".to_owned()]);
        assert!(cell.remove("a") && cell.remove("b") && !cell.remove("b"));
        assert_eq!(cell.quantity().to_string(), "1.000000");
        assert_eq!(cell.values().collect::<Vec<_>>(), [("a", 1)]);
    }

    proptest! {
        #[test]
        fn neither_order_nor_grouping_matters( // checklist 37
            values in prop::collection::vec("[a-e]{1,2}", 0..30),
            shuffled in any::<prop::sample::Index>(),
        ) {
            let mut reversed = values.clone();
            reversed.reverse();
            let (left, right) = reversed.split_at(shuffled.index(values.len() + 1));
            let mut merged = fold(right);
            merged.merge(&fold(left));
            prop_assert_eq!(&merged, &fold(&values));
            let distinct: std::collections::HashSet<&String> = values.iter().collect();
            prop_assert_eq!(merged.quantity().micros(), i128::try_from(distinct.len()).unwrap() * 1_000_000);
        }
    }
}
