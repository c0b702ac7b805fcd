//! Invoices through the engine: many drafts at once, wallets and coupons on them, and damage that `verify` names.

mod damage;
mod issuing;
mod reconciling;

use domain::amount::Amount;
use domain::catalog::coupon::Coupon;
use domain::charges::charge::{Charge, ChargeCoupon, ChargeKind};
use domain::currency::Currency;
use domain::ids::{CustomerId, EntryId, InvoiceId, SubscriptionId};
use domain::invoices::record::{InvoiceKind, InvoiceName, InvoiceRecord};
use domain::invoices::standing::Standing;
use domain::tax::TaxBehaviour;
use domain::time::Instant;
use engine::invoices::{IssueMoment, issue_drafts};
use engine::{AuditRecord, Audited};
use jiff::civil::Date;
use storage::{ProjectTx, StorageError, customers, invoices};

use crate::world::World;

/// A charge on a draft.
#[derive(Clone)]
struct Item {
    key: &'static str,
    revision: u32,
    kind: ChargeKind,
    amount: &'static str,
    prepaid: &'static str,
    promotional: &'static str,
    coupons: Vec<Coupon>,
    entry: Option<EntryId>,
    subscription: Option<SubscriptionId>,
}

fn item(key: &'static str, amount: &'static str) -> Item {
    Item {
        key,
        revision: 0,
        kind: ChargeKind::Usage,
        amount,
        prepaid: "0",
        promotional: "0",
        coupons: Vec::new(),
        entry: None,
        subscription: None,
    }
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn own_customer(world: &World) -> CustomerId {
    world.db.read("test", world.project.id, |tx| customers::find_by_key(tx, "self")).unwrap().unwrap().id
}

/// Puts a draft of a day with these charges there; nothing of them is posted.
fn draft(world: &World, day: &str, items: &[Item]) -> InvoiceId {
    let customer = own_customer(world);
    let day: Date = day.parse().unwrap();
    let at = Instant::parse(&format!("{day}T00:00:00Z")).unwrap();
    let name = InvoiceName { customer, currency: Currency::USD, kind: InvoiceKind::Regular, bills_on: day, part: 0 };
    let record = InvoiceRecord {
        id: name.id(world.project.id, at),
        name,
        standing: Standing::DRAFT,
        issues_at: at,
        replaces: None,
        run: None,
        created_at: at,
        issued_at: None,
        voided_at: None,
    };
    let charges: Vec<Charge> = items.iter().map(|item| charge(world, customer, item, at)).collect();
    let put = |tx: &mut ProjectTx<'_>| -> Result<(), StorageError> {
        invoices::insert_drafts(tx, std::slice::from_ref(&record))?;
        invoices::charge(tx, &charges, &vec![record.id; charges.len()])
    };
    world.db.write("test", world.project.id, put).unwrap();
    record.id
}

fn charge(world: &World, customer: CustomerId, item: &Item, at: Instant) -> Charge {
    let content = format!(r#"{{"name":"{}"}}"#, item.key);
    Charge {
        id: Charge::id_of(world.project.id, item.key, item.revision, at),
        key: item.key.to_owned(),
        revision: item.revision,
        item: None,
        customer,
        payer: customer,
        subscription: item.subscription,
        kind: item.kind,
        price: "calls".to_owned(),
        source: None,
        period: None,
        part: None,
        at,
        rates_at: at,
        currency: Currency::USD,
        amount: amount(item.amount),
        prepaid: amount(item.prepaid),
        promotional: amount(item.promotional),
        tax_category: None,
        tax_behaviour: TaxBehaviour::Exclusive,
        coupons: item.coupons.iter().map(|coupon| ChargeCoupon { coupon: coupon.clone(), period: 0 }).collect(),
        digest: [7; 32],
        content,
        cut: None,
        as_of: at,
        entry: item.entry,
        corrects: None,
        run: None,
    }
}

/// Issues drafts as a run does.
fn issue(world: &World, ids: &[InvoiceId]) -> Vec<InvoiceRecord> {
    let ctx = world.system();
    let issued = world.engine.command(&ctx, "test", |tx| {
        let issued = issue_drafts(tx, &ctx, ids, IssueMoment::WhenDue)?;
        Ok(Audited::new(issued, AuditRecord::new("test.issued", "")))
    });
    issued.unwrap()
}

fn number(world: &World, id: InvoiceId) -> Option<String> {
    world.engine.get_invoice(&world.owner(), id).unwrap().invoice.number
}
