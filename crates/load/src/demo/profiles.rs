//! Who the demo's customers are and how each of them behaves.

use serde_json::{Value, json};

/// One source of usage; every figure is that of an ordinary weekday at the start.
#[derive(Debug)]
pub(super) struct Profile {
    /// `None`: the project's own customer.
    pub(super) customer: Option<(&'static str, &'static str)>,
    /// Measurements sent per day.
    pub(super) token_events: u64,
    /// Tokens of a typical measurement.
    pub(super) tokens: u64,
    pub(super) call_events: u64,
    pub(super) storage_gb: u64,
    pub(super) seats: u64,
    /// Hours from UTC to where most of their people work.
    pub(super) zone_hours: i64,
    /// Usage of a Saturday or Sunday, in thousandths of a weekday.
    pub(super) weekend_per_mille: u64,
    /// Growth in thirty days, in thousandths.
    pub(super) growth_per_mille: i64,
    /// First and last day of use, counted from the start of the demo; the last is exclusive.
    pub(super) active_days: (u64, u64),
}

const ALWAYS: (u64, u64) = (0, u64::MAX);

pub(super) const PROFILES: [Profile; 9] = [
    profile(None, [14, 900, 10, 40, 6], 0, 350, 60, ALWAYS),
    profile(Some(("northwind-labs", "Northwind Labs")), [130, 4_200, 60, 820, 48], -5, 250, 180, ALWAYS),
    profile(Some(("lumen-health", "Lumen Health")), [95, 2_600, 42, 1_460, 112], 1, 120, 70, ALWAYS),
    profile(Some(("harbor-logistics", "Harbor Logistics")), [60, 1_100, 90, 310, 35], 2, 700, 40, ALWAYS),
    profile(Some(("quillfox-studio", "Quillfox Studio")), [48, 6_800, 16, 95, 9], -8, 450, 260, ALWAYS),
    profile(Some(("tessera-robotics", "Tessera Robotics")), [70, 1_900, 38, 2_240, 27], 9, 380, 120, ALWAYS),
    // Joined in the second month.
    profile(Some(("bluepeak-travel", "Bluepeak Travel")), [85, 1_500, 70, 150, 18], 1, 1_300, 420, (37, u64::MAX)),
    // Left in the third.
    profile(Some(("marlowe-legal", "Marlowe Legal")), [36, 3_300, 12, 75, 14], 0, 60, -90, (0, 71)),
    profile(Some(("juniper-schools", "Juniper Schools")), [52, 800, 48, 220, 160], -6, 90, 30, ALWAYS),
];

const fn profile(
    customer: Option<(&'static str, &'static str)>,
    [token_events, tokens, call_events, storage_gb, seats]: [u64; 5],
    zone_hours: i64,
    weekend_per_mille: u64,
    growth_per_mille: i64,
    active_days: (u64, u64),
) -> Profile {
    Profile {
        customer,
        token_events,
        tokens,
        call_events,
        storage_gb,
        seats,
        zone_hours,
        weekend_per_mille,
        growth_per_mille,
        active_days,
    }
}

/// Where a customer is taxed: key, country, region, and the tax id of who owes the tax themselves.
const PLACES: [(&str, &str, Option<&str>, Option<&str>); 8] = [
    ("northwind-labs", "US", Some("NY"), None),
    ("lumen-health", "DE", None, None),
    ("harbor-logistics", "FR", None, Some("FR40303265045")),
    ("quillfox-studio", "US", Some("CA"), None),
    ("tessera-robotics", "JP", None, None),
    ("bluepeak-travel", "DE", None, None),
    ("marlowe-legal", "GB", None, None),
    ("juniper-schools", "US", Some("NY"), None),
];

/// The tax profile of a customer, as the API takes it.
pub(super) fn tax(customer: &str) -> Value {
    let place = PLACES.iter().find(|(key, ..)| *key == customer);
    place.map_or(json!({}), |(_, country, region, tax_id)| match tax_id {
        Some(id) => json!({ "country": country, "treatment": "reverseCharge", "taxIds": [id] }),
        None => json!({ "country": country, "region": region }),
    })
}

/// External key and name of every customer but the project itself.
pub(super) fn customers() -> impl Iterator<Item = (&'static str, &'static str)> {
    PROFILES.iter().filter_map(|profile| profile.customer)
}
