//! What a project prints on its invoices: one row for each project that said something.

use domain::invoices::settings::BillingSettings;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;

/// Stores the settings in place of those before.
pub fn put(tx: &mut ProjectTx<'_>, settings: &BillingSettings, now: Instant) -> Result<(), StorageError> {
    // Cannot fail: texts, lists of texts and numbers.
    let content = serde_json::to_value(settings).expect("billing settings are representable in JSON");
    tx.execute(
        sql!(
            "-- put_billing_settings
            insert into billing_settings (project_id, content, changed_at)
            values (?1, ?2, ?3)
            on conflict (project_id) do update
            set content = excluded.content, changed_at = excluded.changed_at"
        ),
        &params![&content, now],
    )?;
    Ok(())
}

/// The settings of the project; what a project has that said nothing.
pub fn get(tx: &mut ProjectTx<'_>) -> Result<BillingSettings, StorageError> {
    let stored = tx.query_opt(
        sql!(
            "-- get_billing_settings
            select content
            from billing_settings
            where project_id = ?1"
        ),
        &[],
        |row| row.get::<serde_json::Value>(0),
    )?;
    let unreadable = |_| StorageError::corrupt("the billing settings of a project are not readable");
    stored.map_or_else(|| Ok(BillingSettings::default()), |content| serde_json::from_value(content).map_err(unreadable))
}
