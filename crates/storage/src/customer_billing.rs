//! Billing details of customers: one row for each customer who was given some. Reading them is part of reading the customer.

use domain::ids::CustomerId;
use domain::invoices::parties::BillingDetails;

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

/// Stores the details in place of those before.
pub fn put(tx: &mut ProjectTx<'_>, customer: CustomerId, details: &BillingDetails) -> Result<(), StorageError> {
    // Cannot fail: texts and lists of texts.
    let content = serde_json::to_value(details).expect("billing details are representable in JSON");
    tx.execute(
        sql!(
            "-- put_customer_billing
            insert into customer_billing (project_id, customer_id, content)
            values (?1, ?2, ?3)
            on conflict (project_id, customer_id) do update
            set content = excluded.content"
        ),
        &params![customer, &content],
    )?;
    Ok(())
}

/// The details from the column at this place; without a row there, nothing is known.
pub(crate) fn read(row: &Row<'_>, place: usize) -> Result<BillingDetails, StorageError> {
    let unreadable = |_| StorageError::corrupt("the billing details of a customer are not readable");
    match row.get::<Option<serde_json::Value>>(place)? {
        Some(content) => serde_json::from_value(content).map_err(unreadable),
        None => Ok(BillingDetails::unknown()),
    }
}
