//! Freezing: the document of an invoice, made of its bill and its charges when it is issued. A draft is shown by the same function.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use crate::amount::Amount;
use crate::charges::charge::{Charge, ChargeKind};
use crate::customers::Customer;
use crate::ids::{CustomerId, InvoiceId, SubscriptionId};
use crate::invoices::bill::{Bill, BilledLine};
use crate::invoices::document::{
    self, AppliedTax, Content, Document, Kind, Line, Period, Reference, Rounding, TaxLine, Units, VERSION, Version,
    counted,
};
use crate::invoices::issued::GivenNumber;
use crate::invoices::parties::{Address, Seller};
use crate::pricing::explanation::Explanation;
use crate::ratio::Ratio;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::price_ref::PriceRef;
use crate::time::Instant;
use crate::unit_price::UnitPrice;
use crate::window::zone;

/// What an invoice says, before it is written down.
#[derive(Debug, Clone)]
pub struct Freeze<'a> {
    pub id: InvoiceId,
    pub kind: Kind,
    pub number: &'a GivenNumber,
    pub issued_at: Instant,
    /// The last day on which it is paid in time.
    pub due_on: Date,
    pub seller: &'a Seller,
    /// Printed where the seller has no name of its own.
    pub project_name: &'a str,
    pub payer: &'a Customer,
    /// In which the days of the payer begin.
    pub time_zone: &'a str,
    pub charges: &'a [&'a Charge],
    /// Made of these charges.
    pub bill: &'a Bill,
    /// What the customer's balance pays; what goes there, as a negative amount.
    pub balance_applied: Amount,
    pub names: &'a Names,
    /// The policy of the project as JSON.
    pub policy: Content,
}

/// What readers know the things by that charges name by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub subscriptions: BTreeMap<SubscriptionId, String>,
    pub customers: BTreeMap<CustomerId, String>,
    /// What metrics call their units, by the key of the metric.
    pub units: BTreeMap<String, String>,
    /// The numbers of issued invoices.
    pub numbers: BTreeMap<InvoiceId, String>,
}

/// What of the content of a charge is printed. Charges of prices hold a [`crate::charges::line::ChargeLine`], one-off items a
/// [`crate::charges::one_off::OneOffItem`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    name: Option<String>,
    text: Option<String>,
    metric: Option<String>,
    explanation: Option<Explanation>,
    quantity: Option<Ratio>,
    unit_price: Option<UnitPrice>,
}

/// The document of an invoice.
///
/// # Errors
/// [`Code::Internal`] when the content of a charge cannot be read; [`Code::QuantityOutOfRange`] when a sum does not fit.
pub fn freeze(this: &Freeze<'_>) -> Result<Document, Refusal> {
    let lines = (1..).zip(&this.bill.lines).map(|(number, billed)| line(this, number, billed));
    let lines = lines.collect::<Result<Vec<Line>, Refusal>>()?;
    let bill = this.bill;
    let locale = this.payer.billing.locale(this.seller);
    let document = Document {
        version: VERSION,
        kind: this.kind.clone(),
        id: this.id.to_string(),
        series: this.number.series.to_string(),
        number: this.number.text.clone(),
        issued_at: this.issued_at,
        issued_on: day_of(this.issued_at, this.time_zone),
        due_on: Some(this.due_on),
        period: Period::hull(lines.iter().filter_map(|line| line.part.or(line.period))),
        currency: bill.currency,
        locale: locale.to_string(),
        time_zone: this.time_zone.to_owned(),
        seller: seller(this.seller, this.project_name),
        customer: customer(this.payer),
        lines,
        subtotal: bill.subtotal,
        discount: bill.discount,
        treatment: bill.treatment.clone(),
        taxes: taxes(bill),
        tax: bill.tax,
        rounding: Rounding { policy: bill.rounding.policy, amount: bill.rounding.amount },
        total: bill.total,
        prepaid_applied: bill.prepaid,
        balance_applied: this.balance_applied,
        amount_due: bill.due.checked_sub(this.balance_applied).ok_or(crate::ratio::OutOfRange)?,
        notes: (!bill.notes.is_empty()).then(|| bill.notes.join("\n")),
        policy: this.policy.clone(),
    };
    document.check().map_err(|error| Refusal::new(Code::Internal, format!("An invoice does not add up: {error}.")))?;
    Ok(document)
}

/// The civil day of an instant in a zone.
pub fn day_of(at: Instant, time_zone: &str) -> Date {
    at.timestamp().to_zoned(zone(time_zone)).date()
}

/// Who sells, as it is printed.
pub fn seller(seller: &Seller, project_name: &str) -> document::Seller {
    document::Seller {
        name: seller.legal_name.clone().unwrap_or_else(|| project_name.to_owned()),
        address: address(&seller.address),
        tax_ids: seller.tax_ids.clone(),
        email: seller.email.clone(),
        website: seller.website.clone(),
        footer: seller.footer.clone(),
    }
}

/// Who pays, as it is printed.
pub fn customer(payer: &Customer) -> document::Customer {
    document::Customer {
        key: payer.external_key.clone(),
        name: payer.name.clone(),
        legal_name: payer.billing.legal_name.clone(),
        address: address(&payer.billing.address),
        tax_ids: payer.tax.tax_ids.clone(),
        email: payer.billing.email.clone(),
    }
}

fn address(address: &Address) -> document::Address {
    document::Address {
        lines: address.lines.clone(),
        postal_code: address.postal_code.clone(),
        city: address.city.clone(),
        region: address.region.clone(),
        country: address.country.clone(),
    }
}

fn taxes(bill: &Bill) -> Vec<TaxLine> {
    let taxes = bill.taxes.iter().map(|tax| TaxLine {
        rate: tax.rate.applied.rate.clone(),
        name: tax.rate.name.clone(),
        percent: tax.rate.applied.percent,
        behaviour: tax.rate.applied.behaviour,
        base: tax.net,
        tax: tax.tax,
        jurisdiction: tax.rate.jurisdiction.to_string(),
    });
    taxes.collect()
}

fn line(this: &Freeze<'_>, number: u32, billed: &BilledLine) -> Result<Line, Refusal> {
    let charges: Vec<&Charge> = billed.charges.iter().map(|index| this.charges[*index]).collect();
    // Cannot fail: a line is made of at least one charge.
    let latest = *charges.last().expect("a line is made of charges");
    let said = said(latest)?;
    let zone = zone(this.time_zone);
    let (quantity, unit_price) = match &said.explanation {
        Some(explanation) => counted(explanation)?,
        None => (said.quantity, said.unit_price),
    };
    let price: PriceRef =
        latest.price.parse().map_err(|_| Refusal::new(Code::Internal, "A charge names no possible price."))?;
    let content = Content::parse(latest.content.clone()).map_err(|_| unreadable(latest))?;
    Ok(Line {
        number,
        kind: latest.kind,
        charges: charges.iter().map(|charge| charge.id).collect(),
        subscription_key: latest.subscription.and_then(|id| this.names.subscriptions.get(&id).cloned()),
        customer_key: (latest.customer != this.payer.id)
            .then(|| this.names.customers.get(&latest.customer).cloned())
            .flatten(),
        item: latest.source.as_ref().map(|source| Version {
            key: source.key.clone(),
            version: source.version,
            name: None,
        }),
        price: (latest.kind != ChargeKind::OneOff).then_some(price.price),
        name: said.name.unwrap_or_else(|| latest.price.clone()),
        text: said.text,
        units: quantity
            .map(|quantity| Units { quantity, label: label(this.names, latest.kind, said.metric.as_deref()) }),
        unit_price,
        period: latest.period.map(|span| Period::of(span, &zone)),
        part: latest.part.map(|span| Period::of(span, &zone)),
        amount: billed.amount,
        discount: billed.discount,
        coupons: if billed.discount.is_zero() {
            Vec::new()
        } else {
            latest.coupons.iter().map(|applied| applied.coupon.key.clone()).collect()
        },
        net: billed.net,
        tax_rate: billed.tax_rate.as_ref().map(|rate| AppliedTax {
            rate: rate.applied.rate.clone(),
            percent: rate.applied.percent,
            behaviour: rate.applied.behaviour,
        }),
        tax: billed.tax,
        prepaid: billed.prepaid,
        corrects: latest.corrects.and_then(|id| {
            let number = this.names.numbers.get(&id)?.clone();
            Some(Reference { id: id.to_string(), number })
        }),
        cut: latest.cut,
        as_of: Some(latest.as_of),
        digest: Some(hex(&latest.digest)),
        content: Some(content),
    })
}

fn said(charge: &Charge) -> Result<Said, Refusal> {
    serde_json::from_str(&charge.content).map_err(|_| unreadable(charge))
}

fn unreadable(charge: &Charge) -> Refusal {
    Refusal::new(Code::Internal, format!("The content of the charge {} cannot be read.", charge.id))
}

fn label(names: &Names, kind: ChargeKind, metric: Option<&str>) -> String {
    let of_metric = metric.and_then(|metric| names.units.get(metric).map(String::as_str));
    let usual = match kind {
        ChargeKind::AdvanceFee | ChargeKind::AdvanceCredit | ChargeKind::ArrearsFee => "seats",
        ChargeKind::Usage | ChargeKind::Commitment | ChargeKind::OneOff => "units",
    };
    of_metric.unwrap_or(usual).to_owned()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
