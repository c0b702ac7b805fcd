//! One-off invoices: items that a person puts together for one customer. Each item is a charge, posted when it is made.

use domain::access::Permission;
use domain::amount::Amount;
use domain::charges::charge::{Charge, ChargeKind};
use domain::charges::one_off::OneOffItem;
use domain::currency::Currency;
use domain::customers::Customer;
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::{CustomerId, EntryId, InvoiceId, derived};
use domain::invoices::freeze::day_of;
use domain::invoices::record::{InvoiceKind, InvoiceName, InvoiceRecord};
use domain::invoices::standing::Standing;
use domain::ledger::entry::{Cause, CauseType, EntryKind};
use domain::ledger::lines::Lines;
use domain::ledger::recipes::{Income, postpaid_charge};
use domain::projects::Project;
use domain::ratio::Ratio;
use domain::tax::TaxBehaviour;
use domain::unit_price::UnitPrice;
use serde_json::json;
use storage::{ProjectTx, customers as stored_customers, invoices, projects};

use super::issue::{IssueMoment, issue_drafts};
use super::reconcile::reconcile_few;
use super::view::detail;
use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::{NewEntry, post_many};

/// An invoice of items that a person put together. What was not sent stays absent: it is part of the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvoice {
    pub customer_key: Option<String>,
    pub currency: Option<Currency>,
    pub tax_behaviour: Option<TaxBehaviour>,
    /// At least one.
    pub items: Vec<NewInvoiceItem>,
    /// Whether it is issued at once.
    pub finalize: bool,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvoiceItem {
    pub description: String,
    pub quantity: Ratio,
    pub unit_price: UnitPrice,
    pub tax_category: Option<String>,
}

/// An item as a charge, with the entry that posts it.
struct Posted {
    charge: Charge,
    lines: Option<Lines>,
}

impl NewInvoice {
    fn fingerprint(&self) -> Fingerprint {
        let form = Canonical::new("createInvoice")
            .optional(self.customer_key.as_deref(), Canonical::text)
            .optional(self.currency, |form, currency| form.text(currency.code()))
            .optional(self.tax_behaviour, |form, behaviour| form.text(behaviour.as_str()))
            .text(if self.finalize { "finalize" } else { "draft" });
        let items = self.items.iter().fold(form, |form, item| {
            form.text(&item.description)
                .text(&item.quantity.to_string())
                .text(&item.unit_price.to_string())
                .optional(item.tax_category.as_deref(), Canonical::text)
        });
        items.fingerprint()
    }
}

impl Engine {
    /// Makes an invoice of one-off items, as a draft or issued at once.
    ///
    /// # Errors
    /// [`domain::refusal::Code::UnknownCustomer`]; [`domain::refusal::Code::QuantityOutOfRange`] for an item that comes to too much.
    pub fn create_invoice(&self, ctx: &Ctx, key: IdempotencyKey, new: &NewInvoice) -> Result<Answer, Error> {
        ctx.require(Permission::InvoicesIssue)?;
        let (operation, fingerprint) = ("createInvoice", new.fingerprint());
        let idempotency = Idempotency { family: Family::Money, key, operation, fingerprint };
        self.command_once(ctx, "create_invoice", 201, &idempotency, |tx| {
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            let customer = customers::existing(tx, new.customer_key.as_deref())?;
            let payer = payer(tx, &customer)?;
            let currency = new.currency.unwrap_or(project.currency);
            let draft = draft(tx, ctx, &project, &payer, (currency, InvoiceKind::OneOff))?;
            let posted = new.items.iter().enumerate();
            let posted = posted.map(|(index, item)| charge(ctx, new, item, index, &draft, customer.id));
            let posted = posted.collect::<Result<Vec<Posted>, Error>>()?;

            invoices::insert_drafts(tx, std::slice::from_ref(&draft))?;
            let entries: Vec<NewEntry<'_>> = posted.iter().filter_map(|item| entry(item, &idempotency)).collect();
            post_many(tx, ctx, &entries)?;
            let charges: Vec<Charge> = posted.iter().map(|item| item.charge.clone()).collect();
            invoices::charge(tx, &charges, &vec![draft.id; charges.len()])?;
            if new.finalize {
                issue_drafts(tx, ctx, &[draft.id], IssueMoment::Now)?;
                reconcile_few(tx, ctx)?;
            }
            let record = AuditRecord::new("invoice.created", draft.id)
                .details(json!({ "customerKey": customer.external_key, "items": charges.len() }));
            Ok(Audited::new(detail(tx, ctx, draft.id)?, record))
        })
    }
}

/// Who pays for a customer, locked: two invoices of one day get two numbers of parts.
fn payer(tx: &mut ProjectTx<'_>, customer: &Customer) -> Result<Customer, Error> {
    let id = customer.payer.as_ref().map_or(customer.id, |payer| payer.id);
    stored_customers::get_for_update(tx, id)?.ok_or_else(|| Error::Bug(format!("the payer {id} is not stored")))
}

/// A draft of today that is to be issued now, not stored yet. The caller holds the lock on the payer.
pub(crate) fn draft(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    project: &Project,
    payer: &Customer,
    (currency, kind): (Currency, InvoiceKind),
) -> Result<InvoiceRecord, Error> {
    let zone = payer.time_zone.as_deref().unwrap_or(&project.time_zone);
    let bills_on = day_of(ctx.now(), zone);
    let before = invoices::lock_days(tx, &[(payer.id, currency, kind, bills_on)])?;
    let part = before.last().map_or(0, |last| last.name.part + 1);
    let name = InvoiceName { customer: payer.id, currency, kind, bills_on, part };
    Ok(InvoiceRecord {
        id: name.id(ctx.project, ctx.now()),
        name,
        standing: Standing::DRAFT,
        issues_at: ctx.now(),
        replaces: None,
        run: None,
        created_at: ctx.now(),
        issued_at: None,
        voided_at: None,
    })
}

fn charge(
    ctx: &Ctx,
    new: &NewInvoice,
    wanted: &NewInvoiceItem,
    index: usize,
    draft: &InvoiceRecord,
    customer: CustomerId,
) -> Result<Posted, Error> {
    let item = OneOffItem::new(&wanted.description, wanted.quantity, wanted.unit_price)
        .map_err(domain::refusal::Refusal::from)?;
    let key = key_of(draft.id, index);
    let (content, digest) = item.content();
    let (payer, currency) = (draft.name.customer, draft.name.currency);
    let lines = postpaid_charge(payer, currency, Income::Oneoff, item.amount)?;
    let at = ctx.now();
    let entry = lines.as_ref().map(|_| EntryId::from_uuid(derived(at, ctx.project, "rated_charge", &key)));
    let charge = Charge {
        id: Charge::id_of(ctx.project, &key, 0, at),
        key,
        revision: 0,
        item: None,
        customer,
        payer,
        subscription: None,
        kind: ChargeKind::OneOff,
        price: "oneOff".to_owned(),
        source: None,
        period: None,
        part: None,
        at,
        rates_at: at,
        currency,
        amount: item.amount,
        prepaid: Amount::ZERO,
        promotional: Amount::ZERO,
        tax_category: wanted.tax_category.clone(),
        tax_behaviour: new.tax_behaviour.unwrap_or(TaxBehaviour::Exclusive),
        coupons: Vec::new(),
        content,
        digest,
        cut: None,
        as_of: at,
        entry,
        corrects: None,
        run: None,
    };
    Ok(Posted { charge, lines })
}

/// Items keep the order in which they were given.
fn key_of(invoice: InvoiceId, index: usize) -> String {
    format!("oneOff/{invoice}/{index:04}")
}

fn entry<'a>(item: &'a Posted, idempotency: &'a Idempotency) -> Option<NewEntry<'a>> {
    let (charge, lines) = (&item.charge, item.lines.as_ref()?);
    let kind = if charge.amount.is_negative() { EntryKind::RatedReturn } else { EntryKind::RatedCharge };
    Some(NewEntry {
        id: charge.entry,
        customer: Some(charge.payer),
        description: "One-off item".to_owned(),
        idempotency: Some(idempotency),
        cause: Some(Cause { kind: CauseType::Invoice, id: charge.key.clone() }),
        ..NewEntry::of(kind, Amount::from_micros(charge.amount.micros().abs()), charge.currency, lines)
    })
}
