//! Finding late usage: by a batch after an invoice, by an invoice after a batch, by corrections; once each, whoever looks.
//!
//! The invoices of these stories are put there by hand, so that a cut can be anything; each story has databases of its own.

use domain::amount::Amount;
use domain::catalog::metric::MetricDefinition;
use domain::charges::charge::{Charge, ChargeKind};
use domain::currency::Currency;
use domain::customers::SELF_KEY;
use domain::ids::InvoiceId;
use domain::invoices::issued::{GivenNumber, IssuedInvoice};
use domain::invoices::record::{InvoiceKind, InvoiceName, InvoiceRecord};
use domain::invoices::settings::SeriesName;
use domain::invoices::standing::{InvoiceState, Standing};
use domain::late_usage::LateState;
use domain::metrics::Aggregation;
use domain::refusal::Code;
use domain::tax::TaxBehaviour;
use domain::time::Instant;
use domain::window::Span;
use engine::late_usage::{LateUsageQuery, LateUsageView};
use serde_json::json;
use storage::{ProjectTx, StorageError};

use crate::usage_corrections::{apply, reason, void};
use crate::world::World;

/// Runs a story on a database of each kind that no other test sees.
fn tell(seed: u64, story: impl Fn(&World)) {
    for (_, _, db) in testkit::fresh_databases() {
        story(&World::new(db, seed));
    }
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn february() -> Span {
    Span { start: at("2026-02-01T00:00:00Z"), end: at("2026-03-01T00:00:00Z") }
}

fn send(world: &World, key: &str, metric: &str, when: &str) {
    world.send(key, &json!({ "metricKey": metric, "units": "1", "timestamp": when, "eventId": key }));
    world.engine.fold_all(world.project.id).unwrap();
}

fn write<T>(world: &World, body: impl FnMut(&mut ProjectTx<'_>) -> Result<T, StorageError>) -> T {
    world.db.write("test", world.project.id, body).unwrap()
}

/// A draft with the February usage of a metric on it, counted up to a place.
fn draft(world: &World, number: u32, metric: &str, cut: i64) -> InvoiceRecord {
    let customer = write(world, |tx| storage::customers::find_by_key(tx, SELF_KEY)).unwrap().id;
    let name = InvoiceName {
        customer,
        currency: Currency::USD,
        kind: InvoiceKind::Regular,
        bills_on: jiff::civil::date(2026, 3, 1),
        part: number,
    };
    let record = InvoiceRecord {
        id: name.id(world.project.id, february().end),
        name,
        standing: Standing::DRAFT,
        issues_at: february().end,
        replaces: None,
        run: None,
        created_at: february().end,
        issued_at: None,
        voided_at: None,
    };
    let key = format!("{metric}/{number}");
    let charge = Charge {
        id: Charge::id_of(world.project.id, &key, 0, february().end),
        key,
        revision: 0,
        item: None,
        customer,
        payer: customer,
        subscription: None,
        kind: ChargeKind::Usage,
        price: metric.to_owned(),
        source: None,
        period: Some(february()),
        part: Some(february()),
        at: february().end,
        rates_at: february().end,
        currency: Currency::USD,
        amount: Amount::ZERO,
        prepaid: Amount::ZERO,
        promotional: Amount::ZERO,
        tax_category: None,
        tax_behaviour: TaxBehaviour::Exclusive,
        coupons: Vec::new(),
        content: json!({ "events": { "metricKey": metric, "customerKey": "self", "from": february().start, "to": february().end } })
            .to_string(),
        digest: [0; 32],
        cut: Some(cut),
        as_of: february().end,
        entry: None,
        corrects: None,
        run: None,
    };
    write(world, |tx| {
        storage::invoices::insert_drafts(tx, std::slice::from_ref(&record))?;
        storage::invoices::charge(tx, std::slice::from_ref(&charge), &[record.id])
    });
    record
}

fn issue(world: &World, number: u64, mut draft: InvoiceRecord) -> InvoiceId {
    draft.standing = Standing { state: InvoiceState::Issued, due_at: Some(february().end), ..draft.standing };
    draft.issued_at = Some(february().end);
    let issued = IssuedInvoice {
        invoice: draft.id,
        number: GivenNumber { series: SeriesName::Invoice, number, text: format!("INV-{number}") },
        entry: None,
        due: Amount::ZERO,
        billed: Some(Amount::ZERO),
        currency: Currency::USD,
        document: "{}".to_owned(),
        digest: [0; 32],
        issued_at: february().end,
    };
    write(world, |tx| {
        storage::invoices::store_many(tx, std::slice::from_ref(&draft))?;
        storage::issued_invoices::insert_many(tx, std::slice::from_ref(&issued))
    });
    draft.id
}

fn found(world: &World) -> Vec<LateUsageView> {
    world.engine.find_late_usage().unwrap();
    world.engine.list_late_usage(&world.owner(), &LateUsageQuery::default(), 100).unwrap()
}

fn told(world: &World) -> Vec<(InvoiceId, i64, i64)> {
    let mut told: Vec<_> = found(world).into_iter().map(|late| (late.invoice_id, late.since, late.cut)).collect();
    told.sort();
    told
}

// checklist 71, 73, 74
#[test]
fn what_comes_after_an_issued_invoice_had_counted_is_found_once_with_its_events() {
    tell(1, |world| {
        send(world, "k1", "calls", "2026-02-10T00:00:00Z");
        let invoice = issue(world, 1, draft(world, 0, "calls", 1));
        assert_eq!(told(world), []);
        // Too early, too late, of another metric: not late for February's calls.
        send(world, "k2", "calls", "2026-01-31T23:59:59Z");
        send(world, "k3", "calls", "2026-03-01T00:00:00Z");
        send(world, "k4", "tokens", "2026-02-10T00:00:00Z");
        assert_eq!(told(world), []);
        send(world, "k5", "calls", "2026-02-28T23:59:59Z");
        assert_eq!(told(world), [(invoice, 1, 5)]);
        // The same event again is a replay: there is no batch and nothing to find.
        world.send(
            "k5",
            &json!({ "metricKey": "calls", "units": "1", "timestamp": "2026-02-28T23:59:59Z", "eventId": "k5" }),
        );
        world.engine.fold_all(world.project.id).unwrap();
        assert_eq!(told(world), [(invoice, 1, 5)]);
        // More comes while it is open: it is one, and reaches further.
        send(world, "k6", "calls", "2026-02-01T00:00:00Z");
        assert_eq!(
            told(world).iter().map(|(invoice, since, _)| (*invoice, *since)).collect::<Vec<_>>(),
            [(invoice, 1)]
        );
        let late = found(world).remove(0);
        assert_eq!((late.state, late.customer_key.as_str()), (LateState::Open, "self"));
        let detail = world.engine.get_late_usage(&world.owner(), late.id).unwrap();
        let keys: Vec<&str> = detail.events.iter().map(|event| event.idempotency_key.as_str()).collect();
        assert_eq!((detail.charge_keys, keys), (vec!["calls/0".to_owned()], vec!["k6", "k5"]));
    });
}

#[test]
fn an_invoice_that_is_issued_after_its_late_batches_were_folded_is_found_too() {
    tell(2, |world| {
        send(world, "k1", "calls", "2026-02-10T00:00:00Z");
        let waiting = draft(world, 0, "calls", 1);
        send(world, "k2", "calls", "2026-02-11T00:00:00Z");
        // A draft takes what comes; nothing is late for it.
        assert_eq!(told(world), []);
        let invoice = issue(world, 1, waiting);
        assert_eq!(told(world), [(invoice, 1, 2)]);
        // One that counted it is not.
        issue(world, 2, draft(world, 1, "calls", 2));
        assert_eq!(told(world), [(invoice, 1, 2)]);
    });
}

// checklist 94
#[test]
fn a_correction_of_usage_that_was_invoiced_is_late_usage_and_so_is_taking_it_back() {
    tell(3, |world| {
        send(world, "k1", "calls", "2026-02-10T00:00:00Z");
        let first = issue(world, 1, draft(world, 0, "calls", 1));
        assert_eq!(told(world), []);
        let id = apply(world, vec![void("k1")]);
        assert_eq!(told(world), [(first, 1, 2)]);
        let second = issue(world, 2, draft(world, 1, "calls", 2));
        assert_eq!(told(world).len(), 1);
        world.engine.revert_usage_correction(&world.owner(), id, &reason()).unwrap();
        let mut expected = vec![(first, 1, 3), (second, 2, 3)];
        expected.sort();
        assert_eq!(told(world), expected);
        let late = found(world).into_iter().find(|late| late.invoice_id == first).unwrap();
        let detail = world.engine.get_late_usage(&world.owner(), late.id).unwrap();
        assert_eq!(detail.events.iter().map(|event| event.idempotency_key.as_str()).collect::<Vec<_>>(), ["k1"]);
    });
}

#[test]
fn a_level_that_changed_before_the_period_is_late_for_it() {
    tell(4, |world| {
        let level = MetricDefinition { aggregation: Aggregation::WeightedSum, ..MetricDefinition::plain("storage") };
        world.engine.declare_metric(&world.owner(), &level).unwrap();
        let invoice = issue(world, 1, draft(world, 0, "storage", 0));
        send(world, "k1", "storage", "2026-01-10T00:00:00Z");
        assert_eq!(told(world), [(invoice, 0, 1)]);
    });
}

#[test]
fn nodes_that_look_at_once_find_everything_once() {
    tell(5, |world| {
        let mut invoices = Vec::new();
        for number in 0..6_u32 {
            invoices.push(issue(world, u64::from(number) + 1, draft(world, number, "calls", 0)));
        }
        let other = World::new(world.db.clone(), world.seed + 100);
        for number in 0..5 {
            send(world, &format!("k{number}"), "calls", "2026-02-10T00:00:00Z");
        }
        std::thread::scope(|scope| {
            for engine in [&world.engine, &other.engine, &world.engine, &other.engine] {
                scope.spawn(move || engine.find_late_usage().unwrap());
            }
        });
        let mut found: Vec<InvoiceId> = told(world).into_iter().map(|(invoice, _, _)| invoice).collect();
        found.sort();
        invoices.sort();
        assert_eq!(found, invoices);
    });
}

#[test]
fn late_usage_of_another_project_is_not_found() {
    tell(6, |world| {
        issue(world, 1, draft(world, 0, "calls", 0));
        send(world, "k1", "calls", "2026-02-10T00:00:00Z");
        let late = found(world).remove(0);
        let other = World::new(world.db.clone(), world.seed + 100);
        assert_eq!(found(&other), []);
        let error = other.engine.get_late_usage(&other.owner(), late.id).unwrap_err();
        assert_eq!(error.to_refusal().code, Code::NotFound);
        let of = |query| world.engine.list_late_usage(&world.owner(), &query, 10).unwrap().len();
        assert_eq!(of(LateUsageQuery { state: Some(LateState::Settled), ..LateUsageQuery::default() }), 0);
        assert_eq!(of(LateUsageQuery { invoice: Some(late.invoice_id), ..LateUsageQuery::default() }), 1);
        assert_eq!(of(LateUsageQuery { before: Some(late.id), ..LateUsageQuery::default() }), 0);
        let customer_key = Some("self".to_owned());
        assert_eq!(of(LateUsageQuery { customer_key, ..LateUsageQuery::default() }), 1);
    });
}
