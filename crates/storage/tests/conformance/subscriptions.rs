//! Changes of subscriptions come back as they were stored, and each is stored once.

use std::collections::{BTreeMap, BTreeSet};

use domain::calendar::Anchor;
use domain::customers::{Customer, NewCustomer};
use domain::idempotency::{Fingerprint, IdempotencyKey};
use domain::ids::{ProjectId, SubscriptionChangeId, SubscriptionId, TypedId};
use domain::ledger::entry::ActorName;
use domain::ledger::reason::{Reason, ReasonCode};
use domain::projects::NewProject;
use domain::quantity::Quantity;
use domain::subscriptions::change::{Change, Created, SubscriptionChange, UsageScope, Withdrawal};
use domain::subscriptions::price_ref::{PriceRef, VersionRef};
use domain::subscriptions::record::SubscriptionRecord;
use domain::time::Instant;
use domain::users::{Email, User};
use storage::users::StoredUser;
use storage::{
    Database, InstallationTx, ProjectTx, StorageError, customers, projects, subscription_changes,
    subscription_schedules, subscription_withdrawals, subscriptions, users,
};
use uuid::Uuid;

const NOW: &str = "2026-03-17T10:20:00Z";

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x5b5 << 64 | number)
}

fn now() -> Instant {
    Instant::parse(NOW).unwrap()
}

fn project() -> ProjectId {
    ProjectId::from_uuid(uuid(1))
}

/// A project with one customer and one subscription without a change yet.
fn settle(db: &Database) -> SubscriptionRecord {
    let email = Email::parse("email", "storage.subscriptions@example.com").unwrap();
    let user = User {
        id: TypedId::from_uuid(uuid(2)),
        email,
        name: "S".to_owned(),
        platform_admin: false,
        created_at: now(),
        disabled_at: None,
    };
    let new = NewProject {
        name: "S".to_owned(),
        external_key: "storage-subscriptions".to_owned(),
        mode: None,
        currency: None,
        time_zone: None,
    };
    let made = new.into_project(project(), user.id, now());
    let stored = StoredUser { user, password_hash: String::new() };
    db.write_installation("settle", |tx: &mut InstallationTx<'_>| -> Result<(), StorageError> {
        users::insert(tx, &stored)?;
        projects::insert(tx, &made, Fingerprint([0; 32]))?;
        Ok(())
    })
    .unwrap();
    let customer = NewCustomer::with_key("acme");
    let customer: Customer = customer.into_customer(TypedId::from_uuid(uuid(3)), now());
    let record = SubscriptionRecord {
        id: TypedId::from_uuid(uuid(4)),
        external_key: "acme-team".to_owned(),
        customer: customer.id,
        created_at: now(),
    };
    write(db, |tx| {
        customers::insert(tx, &customer)?;
        assert!(subscriptions::insert(tx, &record)?);
        Ok(())
    })
    .unwrap();
    record
}

fn write<T>(db: &Database, body: impl FnMut(&mut ProjectTx<'_>) -> Result<T, StorageError>) -> Result<T, StorageError> {
    db.write("subscriptions", project(), body)
}

fn change(number: u128, sequence: u64, key: &str, change: Change) -> SubscriptionChange {
    SubscriptionChange {
        id: SubscriptionChangeId::from_uuid(uuid(number)),
        sequence,
        effective_at: Instant::parse("2026-02-28T23:59:59.999999Z").unwrap(),
        submitted_at: now(),
        idempotency_key: IdempotencyKey::parse(key).unwrap(),
        fingerprint: Fingerprint([7; 32]),
        actor: ActorName { kind: "user".to_owned(), id: "usr".to_owned(), name: "Ada".to_owned() },
        reason: Some(Reason { code: ReasonCode::Contract, text: Some("agreed".to_owned()) }),
        change,
    }
}

fn created() -> Change {
    Change::Created(Created {
        plan: VersionRef { key: "team".to_owned(), version: 3 },
        zone: "Europe/Berlin".to_owned(),
        anchor: Anchor::on(jiff::civil::date(2024, 1, 31)),
        trial_ends_at: None,
        usage: UsageScope::Named,
        quantities: BTreeMap::from([(PriceRef::of_plan("seats"), Quantity::from_micros(7_000_000))]),
        add_ons: BTreeMap::from([("support".to_owned(), 2)]),
        overrides: BTreeMap::from([(
            PriceRef::of_add_on("support", "hours"),
            serde_json::from_str(r#"{"model":{"type":"recurring","amount":"31.5"}}"#).unwrap(),
        )]),
        coupons: BTreeSet::from(["spring".to_owned()]),
    })
}

#[test]
fn what_was_submitted_comes_back_and_is_stored_once() {
    // checklist 44, 45
    for (name, _, db) in testkit::fresh_databases() {
        let record = settle(&db);
        let first = change(5, 1, "one", created());
        let second = SubscriptionChange { reason: None, ..change(6, 2, "two", Change::Paused) };
        let withdrawal = Withdrawal {
            change: second.id,
            sequence: 3,
            submitted_at: now(),
            idempotency_key: IdempotencyKey::parse("three").unwrap(),
            actor: second.actor.clone(),
            reason: first.reason.clone(),
        };
        write(&db, |tx| {
            subscription_changes::insert(tx, record.id, &second)?;
            subscription_changes::insert(tx, record.id, &first)?;
            subscription_withdrawals::insert(tx, record.id, &withdrawal)
        })
        .unwrap();
        let nobody = SubscriptionId::from_uuid(uuid(99));
        let (found, changes, withdrawals) = db
            .read("subscriptions", project(), |tx| -> Result<_, StorageError> {
                let of_customer = subscriptions::of_customer(tx, record.customer)?;
                assert_eq!(subscriptions::page(tx, None, 10)?, of_customer, "{name}");
                assert_eq!(subscriptions::page(tx, Some(record.id), 10)?, [], "{name}");
                assert_eq!(subscriptions::find_by_key(tx, "acme-team")?, subscriptions::get(tx, record.id)?, "{name}");
                let changes = subscription_changes::of_subscriptions(tx, &[nobody, record.id])?;
                Ok((of_customer, changes, subscription_withdrawals::of_subscriptions(tx, &[nobody, record.id])?))
            })
            .unwrap();
        assert_eq!(found, std::slice::from_ref(&record), "{name}");
        assert_eq!(changes, [(record.id, first.clone()), (record.id, second.clone())], "{name}");
        assert_eq!(withdrawals, [(record.id, withdrawal.clone())], "{name}");

        let insert = |change: SubscriptionChange| {
            write(&db, |tx| subscription_changes::insert(tx, record.id, &change)).unwrap_err()
        };
        let again = insert(change(8, 4, "two", Change::Resumed));
        assert!(again.violates("subscription_changes_idempotency_key"), "{name}: {again:?}");
        let same_place = insert(change(8, 2, "four", Change::Resumed));
        assert!(same_place.violates("subscription_changes_pk"), "{name}: {same_place:?}");
        let later = Withdrawal { sequence: 4, idempotency_key: IdempotencyKey::parse("five").unwrap(), ..withdrawal };
        let twice = write(&db, |tx| subscription_withdrawals::insert(tx, record.id, &later)).unwrap_err();
        assert!(twice.violates("subscription_withdrawals_change"), "{name}: {twice:?}");
        let same_key = SubscriptionRecord { id: SubscriptionId::from_uuid(uuid(9)), ..record };
        assert!(!write(&db, |tx| subscriptions::insert(tx, &same_key)).unwrap(), "{name}");
    }
}

#[test]
fn who_decided_before_a_subscription_was_woken_stores_nothing_of_it() {
    // checklist 53
    for (name, _, db) in testkit::fresh_databases() {
        let record = settle(&db);
        let later = |hours: u64| now().checked_add(std::time::Duration::from_secs(hours * 3_600)).unwrap();
        let own = |tx: &mut ProjectTx<'_>| subscription_schedules::of_customer(tx, record.customer);
        write(&db, |tx| subscription_schedules::changed(tx, record.id, record.customer, 1, later(48))).unwrap();
        let decided = write(&db, own).unwrap();
        // Later than it is looked at in any case, then earlier.
        write(&db, |tx| subscription_schedules::wake(tx, record.customer, later(72))).unwrap();
        assert_eq!(write(&db, own).unwrap(), decided, "{name}");
        let unchanged = |tx: &mut ProjectTx<'_>| subscription_schedules::lock_unchanged(tx, &decided);
        assert_eq!(write(&db, unchanged).unwrap(), [record.id], "{name}");
        write(&db, |tx| subscription_schedules::wake(tx, record.customer, later(24))).unwrap();
        assert_eq!(write(&db, own).unwrap()[0].next_due_at, Some(later(24)), "{name}");
        assert_eq!(write(&db, unchanged).unwrap(), [], "{name}");
    }
}
