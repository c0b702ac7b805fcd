//! Amounts below each other: exact fractions of different lengths, decimal mark below decimal mark.

use crate::view::{Figure, View, Weight};

/// Gives every figure what is missing to the longest fraction of the page. What is due stands apart, with its currency.
pub(super) fn align(view: &mut View, mark: &str) {
    let rows = view.groups.iter_mut().flat_map(|group| &mut group.rows).map(|row| &mut row.amount);
    let totals = view.totals.iter_mut().filter(|total| total.weight != Weight::Due).map(|total| &mut total.amount);
    let mut figures: Vec<&mut Figure> = rows.chain(totals).collect();
    let longest = figures.iter().filter_map(|figure| places(figure, mark)).max();
    for figure in &mut figures {
        figure.pad = match (places(figure, mark), longest) {
            (Some(places), Some(longest)) => "0".repeat(longest - places),
            (None, Some(longest)) => format!("{mark}{}", "0".repeat(longest)),
            (_, None) => String::new(),
        };
    }
}

/// How many places stand after the decimal mark; `None` without one.
fn places(figure: &Figure, mark: &str) -> Option<usize> {
    figure.text.rsplit_once(mark).map(|(_, places)| places.len())
}
