//! Invoices with everything their bills and documents are made of, loaded at once for many of them.

use std::collections::{BTreeMap, BTreeSet};

use domain::amount::Amount;
use domain::catalog::item::ItemKind;
use domain::catalog::tax::TaxRate;
use domain::charges::charge::Charge;
use domain::customers::Customer;
use domain::ids::{CustomerId, InvoiceId, SubscriptionId};
use domain::invoices::bill::{Bill, BillLine, BillRules, make_bill};
use domain::invoices::discounts::{CouponPeriod, CouponUse};
use domain::invoices::document::{Content, Document, Kind, Reference};
use domain::invoices::freeze::{Freeze, Names, freeze};
use domain::invoices::issued::GivenNumber;
use domain::invoices::record::InvoiceRecord;
use domain::invoices::settings::BillingSettings;
use domain::projects::Project;
use domain::refusal::Refusal;
use domain::time::Instant;
use jiff::civil::Date;
use storage::{
    ProjectTx, billing_settings, catalog_items, charges, coupon_uses, customers, issued_invoices, metrics, projects,
    subscriptions,
};

use crate::catalog::stored;
use crate::error::Error;

/// What invoices are made of.
pub(crate) struct Drafts {
    pub project: Project,
    pub settings: BillingSettings,
    tax_rates: Vec<TaxRate>,
    charges: BTreeMap<InvoiceId, Vec<Charge>>,
    customers: BTreeMap<CustomerId, Customer>,
    names: Names,
    /// What coupons did on issued invoices that stand.
    pub used: BTreeMap<CouponPeriod, CouponUse>,
    policy: Content,
}

/// What a document says beside its lines.
pub(crate) struct Frozen<'a> {
    pub number: &'a GivenNumber,
    pub issued_at: Instant,
    pub due_on: Date,
    pub balance_applied: Amount,
}

/// Loads what these invoices are made of, with a few statements whatever their number.
pub(crate) fn load(tx: &mut ProjectTx<'_>, invoices: &[InvoiceRecord]) -> Result<Drafts, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let settings = billing_settings::get(tx)?;
    let ids: Vec<InvoiceId> = invoices.iter().map(|invoice| invoice.id).collect();
    let replaced = invoices.iter().filter_map(|invoice| invoice.replaces);
    let mut by_invoice: BTreeMap<InvoiceId, Vec<Charge>> = BTreeMap::new();
    for (invoice, charge) in charges::of_invoices(tx, &ids)? {
        by_invoice.entry(invoice).or_default().push(charge);
    }
    let all = || by_invoice.values().flatten();
    let payers = invoices.iter().map(|invoice| invoice.name.customer);
    let wanted: BTreeSet<CustomerId> = payers.chain(all().map(|charge| charge.customer)).collect();
    let of_subscriptions: BTreeSet<SubscriptionId> = all().filter_map(|charge| charge.subscription).collect();
    let discounted: BTreeSet<SubscriptionId> =
        all().filter(|charge| !charge.coupons.is_empty()).filter_map(|charge| charge.subscription).collect();
    let referred: BTreeSet<InvoiceId> = all().filter_map(|charge| charge.corrects).chain(replaced).collect();
    let customers: BTreeMap<CustomerId, Customer> =
        customers::find_by_ids(tx, &listed(wanted))?.into_iter().map(|customer| (customer.id, customer)).collect();
    let subscriptions = subscriptions::external_keys(tx, &listed(of_subscriptions))?;
    let numbers = issued_invoices::numbers(tx, &listed(referred))?;
    let units = metrics::all(tx)?.into_iter().map(|metric| metric.definition);
    let names = Names {
        subscriptions,
        customers: customers.iter().map(|(id, customer)| (*id, customer.external_key.clone())).collect(),
        units: units.filter_map(|metric| Some((metric.key, metric.unit_label?))).collect(),
        numbers: numbers.into_iter().map(|number| (number.invoice, number.number.text)).collect(),
    };
    for charges in by_invoice.values_mut() {
        charges.sort_by(|one, other| order(one, &names).cmp(&order(other, &names)));
    }
    let policy = Content::of(&project.policies)
        .map_err(|error| Error::Bug(format!("the policies of a project cannot be written as JSON: {error}")))?;
    Ok(Drafts {
        tax_rates: tax_rates(tx)?,
        used: coupon_uses::of_subscriptions(tx, &listed(discounted))?,
        project,
        settings,
        charges: by_invoice,
        customers,
        names,
        policy,
    })
}

impl Drafts {
    /// The charges of an invoice, in the order in which they are printed.
    pub fn charges(&self, invoice: InvoiceId) -> &[Charge] {
        self.charges.get(&invoice).map_or(&[], Vec::as_slice)
    }

    /// Who pays an invoice.
    ///
    /// # Errors
    /// [`Error::Bug`] when that customer is not stored.
    pub fn payer(&self, invoice: &InvoiceRecord) -> Result<&Customer, Error> {
        let id = invoice.name.customer;
        self.customers.get(&id).ok_or_else(|| Error::Bug(format!("the customer {id} of an invoice is not stored")))
    }

    /// In which the days of a customer begin.
    pub fn time_zone<'a>(&'a self, customer: &'a Customer) -> &'a str {
        customer.time_zone.as_deref().unwrap_or(&self.project.time_zone)
    }

    /// What the charges of an invoice come to.
    ///
    /// # Errors
    /// As [`make_bill`].
    pub fn bill(&self, invoice: &InvoiceRecord) -> Result<Bill, Error> {
        let payer = self.payer(invoice)?;
        let lines: Vec<BillLine<'_>> = self.charges(invoice.id).iter().map(BillLine::from).collect();
        let rules = BillRules {
            currency: invoice.name.currency,
            tax_rates: &self.tax_rates,
            tax: &payer.tax,
            rounding: self.project.policies.invoice_rounding,
            used: &self.used,
        };
        Ok(make_bill(&lines, &rules)?)
    }

    /// The document of an invoice, made of its bill.
    ///
    /// # Errors
    /// As [`freeze`].
    pub fn document(&self, invoice: &InvoiceRecord, bill: &Bill, frozen: &Frozen<'_>) -> Result<Document, Error> {
        let payer = self.payer(invoice)?;
        let charges: Vec<&Charge> = self.charges(invoice.id).iter().collect();
        let replaces = invoice.replaces.and_then(|id| {
            let number = self.names.numbers.get(&id)?.clone();
            Some(Reference { id: id.to_string(), number })
        });
        let document: Result<Document, Refusal> = freeze(&Freeze {
            id: invoice.id,
            kind: Kind::Invoice { replaces },
            number: frozen.number,
            issued_at: frozen.issued_at,
            due_on: frozen.due_on,
            seller: &self.settings.seller,
            project_name: &self.project.name,
            payer,
            time_zone: self.time_zone(payer),
            charges: &charges,
            bill,
            balance_applied: frozen.balance_applied,
            names: &self.names,
            policy: self.policy.clone(),
        });
        Ok(document?)
    }
}

/// The tax rates as they stand.
pub(crate) fn tax_rates(tx: &mut ProjectTx<'_>) -> Result<Vec<TaxRate>, Error> {
    catalog_items::page(tx, ItemKind::TaxRate, None, i64::MAX)?.iter().map(stored).collect()
}

/// Subscriptions by their keys, one-off items last; in time, then by price.
fn order<'a>(charge: &'a Charge, names: &'a Names) -> impl Ord + use<'a> {
    let subscription = charge.subscription.and_then(|id| names.subscriptions.get(&id));
    let start = charge.part.map(|part| part.start);
    (subscription.is_none(), subscription, start, charge.at, &charge.price, &charge.key, charge.revision)
}

fn listed<T>(ids: BTreeSet<T>) -> Vec<T> {
    ids.into_iter().collect()
}
