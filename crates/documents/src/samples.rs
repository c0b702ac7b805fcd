//! The documents that tests draw.

use domain::invoices::document::Document;

/// Name and document.
pub(crate) const NAMES: [&str; 9] =
    ["plain", "hybrid", "long", "credit-note", "reverse-charge", "yen", "dinar", "german", "hostile"];

pub(crate) fn sample(name: &str) -> Document {
    let json = match name {
        "plain" => include_str!("../tests/samples/plain.json"),
        "hybrid" => include_str!("../tests/samples/hybrid.json"),
        "long" => include_str!("../tests/samples/long.json"),
        "credit-note" => include_str!("../tests/samples/credit-note.json"),
        "reverse-charge" => include_str!("../tests/samples/reverse-charge.json"),
        "yen" => include_str!("../tests/samples/yen.json"),
        "dinar" => include_str!("../tests/samples/dinar.json"),
        "german" => include_str!("../tests/samples/german.json"),
        "hostile" => include_str!("../tests/samples/hostile.json"),
        other => panic!("no sample is called {other}"),
    };
    Document::from_json(json).unwrap()
}
