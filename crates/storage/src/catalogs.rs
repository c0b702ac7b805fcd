//! The one row of a project's catalog that everybody who changes the catalog locks first.

use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;

/// Waits until nobody else is changing the catalog, and keeps everybody else waiting until this transaction ends.
pub fn lock(tx: &mut ProjectTx<'_>, now: Instant) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- lock_catalog
            insert into catalogs (project_id, changed_at)
            values (?1, ?2)
            on conflict (project_id) do update set changed_at = excluded.changed_at"
        ),
        &params![now],
    )?;
    Ok(())
}
