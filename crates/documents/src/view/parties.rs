//! Seller and customer: names and addresses as their countries write them.

use domain::invoices::document::Address;

use crate::view::{Party, Pen};

pub(super) fn seller(pen: Pen<'_>) -> Party {
    let seller = &pen.document.seller;
    let mut lines = address(pen, &seller.address);
    lines.extend(seller.tax_ids.iter().map(|id| format!("{} {id}", pen.words.tax_id)));
    lines.extend(seller.email.clone());
    lines.extend(seller.website.clone());
    Party { name: seller.name.clone(), lines }
}

pub(super) fn customer(pen: Pen<'_>) -> Party {
    let customer = &pen.document.customer;
    let mut lines = address(pen, &customer.address);
    lines.extend(customer.tax_ids.iter().map(|id| format!("{} {id}", pen.words.tax_id)));
    lines.extend(customer.email.clone());
    Party { name: customer.legal_name.clone().unwrap_or_else(|| customer.name.clone()), lines }
}

/// Letter where offices have it (Unicode CLDR, `paperSize`), else A4.
pub(super) fn paper(pen: Pen<'_>) -> &'static str {
    match pen.document.seller.address.country.as_deref() {
        Some("US" | "CA" | "MX" | "CL" | "CO" | "CR" | "GT" | "NI" | "PA" | "PH" | "PR" | "SV" | "VE") => "us-letter",
        Some(_) | None => "a4",
    }
}

fn address(pen: Pen<'_>, address: &Address) -> Vec<String> {
    let mut lines = address.lines.clone();
    lines.extend(towns(address));
    // Within one country nobody writes the country.
    let (seller, customer) = (&pen.document.seller.address.country, &pen.document.customer.address.country);
    if seller != customer {
        lines.extend(address.country.as_deref().map(|code| pen.locale.country(code)));
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

/// Town, region and postal code in the order of the country.
fn towns(address: &Address) -> Vec<String> {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let (city, region, code) = (part(&address.city), part(&address.region), part(&address.postal_code));
    let joined = |parts: &[&str], between: &str| {
        let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
        parts.join(between)
    };
    match address.country.as_deref() {
        Some("US" | "CA" | "AU") => vec![joined(&[&city, &joined(&[&region, &code], " ")], ", ")],
        Some("GB" | "IE") => vec![city, region, code],
        Some("IT") => vec![joined(&[&code, &city, &region], " ")],
        Some(_) | None => vec![joined(&[&joined(&[&code, &city], " "), &region], ", ")],
    }
}
