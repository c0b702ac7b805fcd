//! Charges come back as they were stored, each once, and no charge is on two invoices that stand.

use std::panic::AssertUnwindSafe;

use domain::amount::Amount;
use domain::charges::charge::{Charge, ChargeCoupon, ChargeKind};
use domain::currency::Currency;
use domain::customers::NewCustomer;
use domain::idempotency::Fingerprint;
use domain::ids::{CustomerId, ProjectId, TypedId};
use domain::invoices::record::{InvoiceKind, InvoiceName, InvoiceRecord};
use domain::invoices::standing::{InvoiceState, Standing};
use domain::ledger::deferral::{Days, Deferral};
use domain::ledger::recognition::Progress;
use domain::projects::NewProject;
use domain::subscriptions::price_ref::VersionRef;
use domain::subscriptions::revisions::AlreadyBilled;
use domain::tax::TaxBehaviour;
use domain::time::Instant;
use domain::users::{Email, User};
use domain::window::Span;
use storage::billing_report_invoices::{self, Expected, MissingPayer};
use storage::invoices::InvoiceFilter;
use storage::late_usage::ChargedOn;
use storage::recognitions::Recognition;
use storage::users::StoredUser;
use storage::{
    Database, InstallationTx, ProjectTx, StorageError, charges, customers, deferrals, invoices, late_usage, projects,
    recognitions, users,
};
use uuid::Uuid;

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0xb111 << 64 | number)
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn project() -> ProjectId {
    ProjectId::from_uuid(uuid(1))
}

fn customer() -> CustomerId {
    CustomerId::from_uuid(uuid(3))
}

fn settle(db: &Database) {
    let now = at("2026-03-01T00:00:00Z");
    let email = Email::parse("email", "storage.billing@example.com").unwrap();
    let user = User {
        id: TypedId::from_uuid(uuid(2)),
        email,
        name: "B".to_owned(),
        platform_admin: false,
        created_at: now,
        disabled_at: None,
    };
    let new = NewProject {
        name: "B".to_owned(),
        external_key: "storage-billing".to_owned(),
        mode: None,
        currency: None,
        time_zone: None,
    };
    let made = new.into_project(project(), user.id, now);
    let stored = StoredUser { user, password_hash: String::new() };
    db.write_installation("settle", |tx: &mut InstallationTx<'_>| -> Result<(), StorageError> {
        users::insert(tx, &stored)?;
        projects::insert(tx, &made, Fingerprint([0; 32]))?;
        Ok(())
    })
    .unwrap();
    let new = NewCustomer::with_key("acme");
    let new = new.into_customer(customer(), now);
    write(db, |tx| customers::insert(tx, &new).map(|_| ())).unwrap();
}

fn write<T>(db: &Database, body: impl FnMut(&mut ProjectTx<'_>) -> Result<T, StorageError>) -> Result<T, StorageError> {
    db.write("billing", project(), body)
}

fn charge(key: &str, revision: u32, amount: &str) -> Charge {
    let period = Span { start: at("2026-02-01T00:00:00Z"), end: at("2026-03-01T00:00:00Z") };
    let coupon = serde_json::from_str(
        r#"{"key":"ten","name":"Ten","discount":{"type":"percent","percent":"10"},"duration":{"type":"once"}}"#,
    );
    Charge {
        id: Charge::id_of(project(), key, revision, period.end),
        key: key.to_owned(),
        revision,
        item: None,
        customer: customer(),
        payer: customer(),
        subscription: None,
        kind: ChargeKind::Usage,
        price: "calls".to_owned(),
        source: Some(VersionRef { key: "team".to_owned(), version: 2 }),
        period: Some(period),
        part: Some(period),
        at: period.end,
        rates_at: at("2026-02-28T23:59:59.999999Z"),
        currency: Currency::USD,
        amount: Amount::parse(amount).unwrap(),
        prepaid: Amount::ZERO,
        promotional: Amount::ZERO,
        tax_category: None,
        tax_behaviour: TaxBehaviour::Exclusive,
        coupons: vec![ChargeCoupon { coupon: coupon.unwrap(), period: 0 }],
        content: r#"{"b": 1,  "a": 2}"#.to_owned(),
        digest: [9; 32],
        cut: Some(17),
        as_of: at("2026-03-01T01:00:00Z"),
        entry: None,
        corrects: None,
        run: None,
    }
}

fn draft(part: u32) -> InvoiceRecord {
    let name = InvoiceName {
        customer: customer(),
        currency: Currency::USD,
        kind: InvoiceKind::Regular,
        bills_on: jiff::civil::date(2026, 3, 1),
        part,
    };
    InvoiceRecord {
        id: name.id(project(), at("2026-03-01T00:00:00Z")),
        name,
        standing: Standing::DRAFT,
        issues_at: at("2026-03-01T01:00:00Z"),
        replaces: None,
        run: None,
        created_at: at("2026-03-01T01:00:00Z"),
        issued_at: None,
        voided_at: None,
    }
}

#[test]
fn a_charge_comes_back_as_it_was_stored_and_each_revision_is_stored_once() {
    // checklist 55
    for (name, _, db) in testkit::fresh_databases() {
        settle(&db);
        let (first, second) = (charge("calls", 0, "10"), charge("calls", 1, "-2.5"));
        let draft = draft(0);
        let stored = write(&db, |tx| {
            invoices::insert_drafts(tx, &[draft.clone(), draft.clone()])?;
            invoices::charge(tx, &[first.clone(), second.clone()], &[draft.id, draft.id])?;
            let before = charges::charged_before(tx, &["calls", "other"])?;
            let days = [(customer(), Currency::USD, InvoiceKind::Regular, draft.name.bills_on)];
            Ok((charges::of_invoices(tx, &[draft.id])?, before, invoices::lock_days(tx, &days)?))
        })
        .unwrap();
        assert_eq!(stored.0, [(draft.id, first.clone()), (draft.id, second)], "{name}");
        let sum = AlreadyBilled { amount: Amount::parse("7.5").unwrap(), revisions: 2 };
        assert_eq!(stored.1.into_iter().collect::<Vec<_>>(), [("calls".to_owned(), sum)], "{name}");
        assert_eq!(stored.2, [draft], "{name}");
        let again = write(&db, |tx| charges::insert_many(tx, std::slice::from_ref(&first))).unwrap_err();
        assert!(again.violates("charges_key") || again.violates("charges_pk"), "{name}: {again:?}");
        let other_id = domain::charges::charge::Charge { id: TypedId::from_uuid(uuid(99)), ..first };
        let again = write(&db, |tx| charges::insert_many(tx, std::slice::from_ref(&other_id))).unwrap_err();
        assert!(again.violates("charges_key"), "{name}: {again:?}");
    }
}

#[test]
fn the_charges_of_a_subscription_are_counted_from_an_instant_on() {
    // checklist 58
    for (name, _, db) in testkit::fresh_databases() {
        settle(&db);
        let subscription = TypedId::from_uuid(uuid(5));
        let of_subscription = |revision| Charge { subscription: Some(subscription), ..charge("calls", revision, "10") };
        let (first, second) = (of_subscription(0), of_subscription(1));
        let at = first.at;
        let later = at.checked_add(std::time::Duration::from_micros(1)).unwrap();
        let counts = write(&db, |tx| {
            invoices::insert_drafts(tx, &[draft(0)])?;
            invoices::charge(tx, &[first.clone(), second.clone()], &[draft(0).id, draft(0).id])?;
            Ok([charges::count_since(tx, &[(subscription, at)])?, charges::count_since(tx, &[(subscription, later)])?])
        });
        let counts = counts.unwrap().map(|counts| counts.get(&subscription).copied());
        assert_eq!(counts, [Some(2), None], "{name}");
    }
}

#[test]
fn drafts_say_from_where_on_and_until_when_something_may_be_missing_on_them() {
    // checklist 56
    for (name, _, db) in testkit::fresh_databases() {
        settle(&db);
        let (draft, usage) = (draft(0), charge("calls", 0, "10"));
        let after = at("2026-01-01T00:00:00Z");
        let until = draft.issues_at;
        let look = |until| {
            write(&db, |tx| {
                let customers = [(customer(), after)];
                Ok((
                    late_usage::counted_on_due_drafts(tx, until)?,
                    late_usage::charged_of_customers(tx, ChargedOn::Drafts, &customers)?,
                ))
            })
            .unwrap()
        };
        assert_eq!(look(until), (None, Vec::new()), "{name}");
        write(&db, |tx| {
            invoices::insert_drafts(tx, std::slice::from_ref(&draft))?;
            invoices::charge(tx, std::slice::from_ref(&usage), &[draft.id])
        })
        .unwrap();
        let (counted, drafted) = look(until);
        assert_eq!(counted, Some((17, at("2026-03-01T00:00:00Z"))), "{name}");
        assert_eq!(
            (drafted[0].invoice, drafted[0].charge_key.as_str(), drafted[0].cut),
            (draft.id, "calls", 17),
            "{name}"
        );
        let early = until.checked_sub(std::time::Duration::from_micros(1)).unwrap();
        assert_eq!(look(early).0, None, "{name}");
    }
}

#[test]
fn who_has_nothing_to_pay_yet_or_paid_nothing_is_not_missed() {
    // checklist 111
    let who = |number: u128| CustomerId::from_uuid(uuid(20 + number));
    let [billed, drafted, voided, billed_again, billed_ahead] = [0, 1, 2, 3, 4].map(who);
    let (march, april) = (jiff::civil::date(2026, 3, 1), jiff::civil::date(2026, 4, 1));
    let as_of = at("2026-04-01T01:00:00Z");
    for (name, _, db) in testkit::fresh_databases() {
        settle(&db);
        let bill = |customer, bills_on, state| {
            let mut invoice = draft(0);
            invoice.name = InvoiceName { customer, bills_on, ..invoice.name };
            invoice.id = invoice.name.id(project(), as_of);
            let end = if customer == billed_ahead { at("2027-03-01T00:00:00Z") } else { at("2026-03-01T00:00:00Z") };
            let key = format!("{customer} {bills_on}");
            let period = Span { start: at("2026-02-01T00:00:00Z"), end };
            let charge = Charge { customer, payer: customer, period: Some(period), ..charge(&key, 0, "10") };
            write(&db, |tx| {
                let new = NewCustomer::with_key(customer.to_string()).into_customer(customer, as_of);
                customers::insert(tx, &new)?;
                invoices::insert_drafts(tx, std::slice::from_ref(&invoice))?;
                invoices::charge(tx, std::slice::from_ref(&charge), &[invoice.id])?;
                invoice.standing.state = state;
                invoices::store_many(tx, std::slice::from_ref(&invoice))
            })
            .unwrap();
        };
        bill(billed, march, InvoiceState::Issued);
        bill(drafted, march, InvoiceState::Draft);
        bill(voided, march, InvoiceState::Void);
        bill(billed_again, march, InvoiceState::Issued);
        bill(billed_again, april, InvoiceState::Draft);
        bill(billed_ahead, march, InvoiceState::Issued);
        let run = TypedId::from_uuid(uuid(30));
        let expected = Expected { run, from: march, to: march, until: april, as_of };
        let missing = write(&db, |tx| billing_report_invoices::missing(tx, &expected, None, 10)).unwrap();
        assert_eq!(missing, [MissingPayer { customer: billed, billed_on: march }], "{name}");
    }
}

#[test]
fn charges_of_a_key_are_gathered_on_one_draft_and_what_is_left_empty_is_not_listed() {
    for (name, _, db) in testkit::fresh_databases() {
        settle(&db);
        let (first, second) = (draft(0), draft(1));
        let (window, further, other) = (charge("calls", 0, "10"), charge("calls", 1, "5"), charge("fee", 0, "1"));
        let listed = |tx: &mut ProjectTx<'_>| -> Result<Vec<u32>, StorageError> {
            let page = invoices::page(tx, &InvoiceFilter::default(), 10)?;
            let mut parts: Vec<u32> = page.into_iter().map(|record| record.name.part).collect();
            parts.sort_unstable();
            Ok(parts)
        };
        write(&db, |tx| {
            invoices::insert_drafts(tx, &[first.clone(), second.clone()])?;
            invoices::charge(tx, &[window.clone(), further.clone()], &[first.id, second.id])?;
            assert_eq!(listed(tx)?, [0, 1], "{name}");
            invoices::gather(tx, &[(window.key.clone(), customer(), second.id)])?;
            assert_eq!(charges::of_invoices(tx, &[second.id])?.len(), 2, "{name}");
            assert_eq!(listed(tx)?, [1], "{name}");
            // What somebody else pays, and what is on no draft any more, stays where it is.
            invoices::charge(tx, std::slice::from_ref(&other), &[first.id])?;
            invoices::gather(tx, &[(other.key.clone(), CustomerId::from_uuid(uuid(99)), second.id)])?;
            assert_eq!(charges::of_invoices(tx, &[first.id])?.len(), 1, "{name}");
            let mut issued = first.clone();
            issued.standing.state = InvoiceState::Issued;
            invoices::store_many(tx, &[issued])?;
            invoices::gather(tx, &[(other.key.clone(), customer(), second.id)])?;
            assert_eq!(charges::of_invoices(tx, &[first.id])?.len(), 1, "{name}");
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn no_charge_is_on_two_invoices_that_stand() {
    // checklist 55, promise P18
    for (name, _, db) in testkit::fresh_databases() {
        settle(&db);
        let one = charge("calls", 0, "10");
        let (first, second) = (draft(0), draft(1));
        write(&db, |tx| {
            invoices::insert_drafts(tx, &[first.clone(), second.clone()])?;
            invoices::charge(tx, std::slice::from_ref(&one), &[first.id])
        })
        .unwrap();
        let twice = write(&db, |tx| invoices::attach(tx, &[(second.id, one.id)])).unwrap_err();
        assert!(twice.violates("invoice_lines_charge"), "{name}: {twice:?}");
    }
}

#[test]
fn a_deferral_comes_back_as_it_was_stored_and_goes_on_from_where_it_is() {
    for (name, _, db) in testkit::fresh_databases() {
        settle(&db);
        let draft = draft(0);
        let fee = Deferral {
            id: TypedId::from_uuid(uuid(50)),
            invoice: draft.id,
            line: 3,
            credit_note: None,
            customer: customer(),
            subscription: TypedId::from_uuid(uuid(51)),
            currency: Currency::USD,
            amount: Amount::parse("-28.5").unwrap(),
            days: Days { first: jiff::civil::date(2026, 2, 1), end: jiff::civil::date(2026, 3, 1) },
            starts_on: jiff::civil::date(2026, 2, 3),
        };
        let begun = Progress::new(fee);
        let on = |day: i8| jiff::civil::date(2026, 2, day);
        let due = write(&db, |tx| {
            invoices::insert_drafts(tx, std::slice::from_ref(&draft))?;
            deferrals::insert_many(tx, &[fee])?;
            recognitions::insert_many(tx, &[begun])?;
            Ok((
                recognitions::lock_due(tx, on(2), 10)?,
                recognitions::is_due(tx, on(2))?,
                recognitions::lock_due(tx, on(3), 10)?,
            ))
        })
        .unwrap();
        assert_eq!(due, (vec![], false, vec![begun]), "{name}");
        let after = Progress { next_on: Some(on(4)), recognized: Amount::parse("-3").unwrap(), ..begun };
        write(&db, |tx| recognitions::store_many(tx, &[(begun, after)])).unwrap();
        let found =
            write(&db, |tx| Ok((recognitions::lock_due(tx, on(28), 10)?, recognitions::page(tx, None, 10)?))).unwrap();
        let known = Recognition { progress: after, voided_at: None };
        assert_eq!(found, (vec![after], vec![(fee, Some(known))]), "{name}");
        let held = (fee.subscription, fee.customer, fee.currency);
        assert_eq!(write(&db, |tx| deferrals::held(tx, &[held])).unwrap(), [(held, -25_500_000)], "{name}");
        // Once more from where it was: somebody else went on meanwhile.
        let again = std::panic::catch_unwind(AssertUnwindSafe(|| {
            write(&db, |tx| recognitions::store_many(tx, &[(begun, after)]))
        }));
        assert!(again.is_err(), "{name}");
        let at = at("2026-02-04T00:00:00Z");
        let ended =
            write(&db, |tx| Ok((recognitions::void(tx, draft.id, at)?, deferrals::held(tx, &[held])?))).unwrap();
        assert_eq!(ended, (vec![Progress { next_on: None, ..after }], vec![]), "{name}");
    }
}
