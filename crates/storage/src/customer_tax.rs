//! Tax profiles of customers: one row for each customer who was given one. Reading them is part of reading the customer.

use domain::customer_tax::{CustomerTax, TaxTreatment};
use domain::ids::CustomerId;

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

/// Stores the profile in place of the one before.
pub fn put(tx: &mut ProjectTx<'_>, customer: CustomerId, tax: &CustomerTax) -> Result<(), StorageError> {
    let tax_ids = serde_json::Value::from(tax.tax_ids.clone());
    tx.execute(
        sql!(
            "-- put_customer_tax
            insert into customer_tax (project_id, customer_id, country, region, tax_ids, treatment, exemption_reason)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            on conflict (project_id, customer_id) do update
            set country = excluded.country, region = excluded.region, tax_ids = excluded.tax_ids,
                treatment = excluded.treatment, exemption_reason = excluded.exemption_reason"
        ),
        &params![
            customer,
            tax.country.as_deref(),
            tax.region.as_deref(),
            &tax_ids,
            tax.treatment.as_str(),
            tax.exemption_reason.as_deref(),
        ],
    )?;
    Ok(())
}

/// The profile from the five columns that begin at `first`; without a row there, nothing is known.
pub(crate) fn read(row: &Row<'_>, first: usize) -> Result<CustomerTax, StorageError> {
    if row.get::<Option<String>>(first + 3)?.is_none() {
        return Ok(CustomerTax::UNKNOWN);
    }
    let unreadable = |_| StorageError::corrupt("the tax ids of a customer are no list of texts");
    Ok(CustomerTax {
        country: row.get(first)?,
        region: row.get(first + 1)?,
        tax_ids: serde_json::from_value(row.get(first + 2)?).map_err(unreadable)?,
        treatment: row.named(first + 3, TaxTreatment::parse)?,
        exemption_reason: row.get(first + 4)?,
    })
}
