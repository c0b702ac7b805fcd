//! What one charge would have come to under the price of another: its inputs, as they are kept with it, rated under the terms that are
//! kept with the other.

use crate::amount::Amount;
use crate::charges::charge::Charge;
use crate::pricing::inputs::{Inputs, Stage};
use crate::pricing::snapshot::PriceSnapshot;
use crate::pricing::terms::Terms;
use crate::pricing::{Dated, amount_dated};
use crate::ratio::Ratio;
use crate::unit_price::UnitPrice;

/// What of the content of a charge its rating depends on.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    share: Ratio,
    stretches: Vec<Stretch>,
    asset: String,
    conversion: Option<Conversion>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stretch {
    at_start: Option<Inputs>,
    at_end: Inputs,
    snapshot: PriceSnapshot,
}

#[derive(PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conversion {
    unit_price: UnitPrice,
}

/// What `after` would come to under the price of `before`; `None` where that cannot be known: single events are kept as their sum, and a
/// price that counts other dimensions apart reads other counters.
pub fn split(before: &Charge, after: &Charge) -> Option<Amount> {
    let [old, new] = [before, after].map(|charge| serde_json::from_str::<Kept>(&charge.content).ok());
    let (old, new) = (old?, new?);
    let is_same_price = old.terms() == new.terms() && old.conversion == new.conversion && old.asset == new.asset;
    if is_same_price {
        return Some(after.amount);
    }
    let is_same_quantity = old.share == new.share && old.inputs() == new.inputs();
    if is_same_quantity {
        return Some(before.amount);
    }
    // Rated again, the old charge has to come to what it came to; a credit is kept as what it gives back.
    let again = old.rate(&old, &before.currency.to_string())?;
    let under_old = new.rate(&old, &before.currency.to_string())?;
    match before.amount {
        amount if amount == again => Some(under_old),
        amount if amount == Amount::ZERO.checked_sub(again)? => Amount::ZERO.checked_sub(under_old),
        _ => None,
    }
}

impl Kept {
    fn terms(&self) -> Vec<&Terms> {
        let mut terms: Vec<&Terms> = self.stretches.iter().map(|stretch| &stretch.snapshot.terms).collect();
        terms.dedup();
        terms
    }

    fn inputs(&self) -> Vec<(Option<&Inputs>, &Inputs)> {
        self.stretches.iter().map(|stretch| (stretch.at_start.as_ref(), &stretch.at_end)).collect()
    }

    /// Its inputs under the terms of another, stretch by stretch where there are as many, else under the newest.
    fn rate(&self, price: &Kept, currency: &str) -> Option<Amount> {
        let last = price.stretches.last()?;
        let is_alike = self.stretches.len() == price.stretches.len();
        let terms = |index: usize| {
            let own = if is_alike { price.stretches.get(index) } else { None };
            &own.unwrap_or(last).snapshot.terms
        };
        let dated: Vec<Dated<'_>> = self
            .stretches
            .iter()
            .enumerate()
            .map(|(index, stretch)| Dated {
                terms: terms(index),
                at_start: stretch.at_start.as_ref(),
                at_end: &stretch.at_end,
            })
            .collect();
        let reads_the_same = self.stretches.iter().zip(&dated).all(|(stretch, dated)| {
            let own = &stretch.snapshot.terms;
            let counts_apart = |terms: &Terms| terms.rates.iter().map(|rate| rate.when.clone()).collect::<Vec<_>>();
            let goes_on_alike = self.stretches.len() == 1 || own.starts_again() == dated.terms.starts_again();
            counts_apart(own) == counts_apart(dated.terms) && goes_on_alike
        });
        if !reads_the_same {
            return None;
        }
        let (exact, amount) = amount_dated(&dated, self.share, Stage::Closing).ok()?;
        match &price.conversion {
            None if price.asset == currency => Some(amount),
            None => None,
            Some(conversion) => exact.times(Ratio::from(conversion.unit_price)).ok()?.to_amount().ok(),
        }
    }
}
