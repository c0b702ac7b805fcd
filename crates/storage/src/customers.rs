//! Customers of a project: made, found, renamed; never deleted, because the ledger names them.

use domain::customers::{Customer, Payer};
use domain::ids::CustomerId;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;
use crate::{customer_billing, customer_tax};

/// Adds a customer: false when its external key is taken, and then nothing changed. Its tax profile and its billing details
/// are stored by [`customer_tax::put`] and [`customer_billing::put`].
///
/// A concurrent transaction that adds the same key is waited for.
pub fn insert(tx: &mut ProjectTx<'_>, customer: &Customer) -> Result<bool, StorageError> {
    let inserted = insert_missing(tx, std::slice::from_ref(customer))?;
    Ok(inserted == 1)
}

/// Adds those customers whose external keys are free, without tax profiles and billing details, and says how many these were. Find
/// them by their keys afterwards: another transaction may have added some of them under other ids.
pub fn insert_missing(tx: &mut ProjectTx<'_>, customers: &[Customer]) -> Result<u64, StorageError> {
    let rows: Vec<[Value<'_>; 7]> = customers
        .iter()
        .map(|customer| {
            params![
                customer.id,
                &customer.external_key,
                &customer.name,
                customer.time_zone.as_deref(),
                customer.built_in,
                customer.created_at,
                customer.payer.as_ref().map(|payer| payer.id),
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_customers
            insert into customers (project_id, id, external_key, name, time_zone, built_in, created_at, payer_id)
            {values}
            on conflict (project_id, external_key) do nothing",
            [
                project_id: Uuid,
                id: Uuid,
                external_key: Text,
                name: Text,
                time_zone: Text,
                built_in: Bool,
                created_at: Instant,
                payer_id: Uuid,
            ]
        ),
        &rows,
    )
}

/// Changes what people call the customer, where its days begin and who pays for it. False when there is no such customer.
pub fn update(tx: &mut ProjectTx<'_>, customer: &Customer) -> Result<bool, StorageError> {
    let updated = tx.execute(
        sql!(
            "-- update_customer
            update customers
            set name = ?3, time_zone = ?4, payer_id = ?5
            where project_id = ?1 and id = ?2"
        ),
        &params![
            customer.id,
            &customer.name,
            customer.time_zone.as_deref(),
            customer.payer.as_ref().map(|payer| payer.id),
        ],
    )?;
    Ok(updated == 1)
}

/// The key of one customer that this one pays for, if it pays for any.
pub fn find_dependent(tx: &mut ProjectTx<'_>, payer: CustomerId) -> Result<Option<String>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_dependent_customer
            select external_key
            from customers
            where project_id = ?1 and payer_id = ?2
            order by id
            limit 1"
        ),
        &params![payer],
        |row| row.get(0),
    )
}

/// The customers for whom nobody else pays, in the order of their ids, after one.
pub fn page_payers(
    tx: &mut ProjectTx<'_>,
    after: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<CustomerId>, StorageError> {
    tx.query(
        sql!(
            "-- page_payers
            select id
            from customers
            where project_id = ?1
              and payer_id is null
              and (cast(?2 as {uuid}) is null or id > ?2)
            order by id
            limit ?3"
        ),
        &params![after, limit],
        |row| row.get(0),
    )
}

pub fn get(tx: &mut ProjectTx<'_>, id: CustomerId) -> Result<Option<Customer>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_customer
            select c.id, c.external_key, c.name, c.time_zone, c.built_in, c.created_at, t.country, t.region, t.tax_ids, t.treatment,
                t.exemption_reason, b.content, c.payer_id, p.external_key
            from customers c
            left join customer_tax t on t.project_id = c.project_id and t.customer_id = c.id
            left join customer_billing b on b.project_id = c.project_id and b.customer_id = c.id
            left join customers p on p.project_id = c.project_id and p.id = c.payer_id
            where c.project_id = ?1 and c.id = ?2"
        ),
        &params![id],
        read,
    )
}

/// As [`get`], and nobody else changes the customer until this transaction ends.
pub fn get_for_update(tx: &mut ProjectTx<'_>, id: CustomerId) -> Result<Option<Customer>, StorageError> {
    // PostgreSQL locks no row of an outer join: the customer first, then what is known of it.
    let locked = tx.query_opt(
        sql!(
            "-- lock_customer
            select id
            from customers
            where project_id = ?1 and id = ?2
            {for_update}"
        ),
        &params![id],
        |row| row.get::<CustomerId>(0),
    )?;
    match locked {
        Some(id) => get(tx, id),
        None => Ok(None),
    }
}

/// Locks customers in the order of their ids, until the transaction ends: what is decided about their money is decided one after another.
pub fn lock_many(tx: &mut ProjectTx<'_>, ids: &[CustomerId]) -> Result<(), StorageError> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let rows: Vec<[Value<'_>; 1]> = sorted.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- lock_customers
            select c.id
            from {rows}
            join customers c on c.project_id = r.project_id and c.id = r.id
            order by c.id
            {for_update}",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        |row| row.get::<CustomerId>(0),
    )?;
    Ok(())
}

pub fn find_by_key(tx: &mut ProjectTx<'_>, external_key: &str) -> Result<Option<Customer>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_customer_by_key
            select c.id, c.external_key, c.name, c.time_zone, c.built_in, c.created_at, t.country, t.region, t.tax_ids, t.treatment,
                t.exemption_reason, b.content, c.payer_id, p.external_key
            from customers c
            left join customer_tax t on t.project_id = c.project_id and t.customer_id = c.id
            left join customer_billing b on b.project_id = c.project_id and b.customer_id = c.id
            left join customers p on p.project_id = c.project_id and p.id = c.payer_id
            where c.project_id = ?1 and c.external_key = ?2"
        ),
        &params![external_key],
        read,
    )
}

/// Those of the keys that are known, in no order; name each key once.
pub fn find_by_keys(tx: &mut ProjectTx<'_>, external_keys: &[&str]) -> Result<Vec<Customer>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = external_keys.iter().map(|key| params![*key]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_customers_by_keys
            select c.id, c.external_key, c.name, c.time_zone, c.built_in, c.created_at, t.country, t.region, t.tax_ids, t.treatment,
                t.exemption_reason, b.content, c.payer_id, p.external_key
            from {rows}
            join customers c on c.project_id = r.project_id and c.external_key = r.external_key
            left join customer_tax t on t.project_id = c.project_id and t.customer_id = c.id
            left join customer_billing b on b.project_id = c.project_id and b.customer_id = c.id
            left join customers p on p.project_id = c.project_id and p.id = c.payer_id",
            [project_id: Uuid, external_key: Text]
        ),
        &rows,
        read,
    )
}

/// Those of the ids that exist, in no order; name each id once.
pub fn find_by_ids(tx: &mut ProjectTx<'_>, ids: &[CustomerId]) -> Result<Vec<Customer>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = ids.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_customers_by_ids
            select c.id, c.external_key, c.name, c.time_zone, c.built_in, c.created_at, t.country, t.region, t.tax_ids, t.treatment,
                t.exemption_reason, b.content, c.payer_id, p.external_key
            from {rows}
            join customers c on c.project_id = r.project_id and c.id = r.id
            left join customer_tax t on t.project_id = c.project_id and t.customer_id = c.id
            left join customer_billing b on b.project_id = c.project_id and b.customer_id = c.id
            left join customers p on p.project_id = c.project_id and p.id = c.payer_id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        read,
    )
}

/// How many customers the project has, itself among them.
/// Whether there are more than so many between two in the order of ids, both included.
pub fn exceed_between(
    tx: &mut ProjectTx<'_>,
    first: CustomerId,
    last: CustomerId,
    most: usize,
) -> Result<bool, StorageError> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
    let found: Vec<CustomerId> = tx.query(
        sql!(
            "-- customers_between
            select id
            from customers
            where project_id = ?1 and id >= ?2 and id <= ?3
            limit ?4"
        ),
        &params![first, last, limit],
        |row| row.get(0),
    )?;
    Ok(found.len() > most)
}

pub fn count(tx: &mut ProjectTx<'_>) -> Result<i64, StorageError> {
    tx.query_one(
        sql!(
            "-- count_customers
            select count(*) from customers where project_id = ?1"
        ),
        &[],
        |row| row.get(0),
    )
}

/// The oldest first, after the given one.
pub fn page(tx: &mut ProjectTx<'_>, after: Option<CustomerId>, limit: i64) -> Result<Vec<Customer>, StorageError> {
    tx.query(
        sql!(
            "-- page_customers
            select c.id, c.external_key, c.name, c.time_zone, c.built_in, c.created_at, t.country, t.region, t.tax_ids, t.treatment,
                t.exemption_reason, b.content, c.payer_id, p.external_key
            from customers c
            left join customer_tax t on t.project_id = c.project_id and t.customer_id = c.id
            left join customer_billing b on b.project_id = c.project_id and b.customer_id = c.id
            left join customers p on p.project_id = c.project_id and p.id = c.payer_id
            where c.project_id = ?1
              and (cast(?2 as {uuid}) is null or c.id > ?2)
            order by c.id
            limit ?3"
        ),
        &params![after, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<Customer, StorageError> {
    Ok(Customer {
        id: row.get(0)?,
        external_key: row.get(1)?,
        name: row.get(2)?,
        time_zone: row.get(3)?,
        built_in: row.get(4)?,
        created_at: row.get(5)?,
        tax: customer_tax::read(row, 6)?,
        billing: customer_billing::read(row, 11)?,
        payer: match (row.get(12)?, row.get(13)?) {
            (Some(id), Some(external_key)) => Some(Payer { id, external_key }),
            (None, _) => None,
            (Some(_), None) => return Err(StorageError::corrupt("the payer of a customer is not stored")),
        },
    })
}
