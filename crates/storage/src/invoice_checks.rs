//! What `verify` looks for among the lines of invoices.

use domain::ids::ChargeId;

use crate::error::StorageError;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;

/// Charges that are on more than one invoice that stands, with how many.
pub fn charges_on_several(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<(ChargeId, i64)>, StorageError> {
    tx.query(
        sql!(
            "-- charges_on_several_invoices
            select charge_id, count(*)
            from invoice_lines
            where project_id = ?1 and released = ?2
            group by charge_id
            having count(*) > 1
            order by charge_id
            limit ?3"
        ),
        &params![false, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The keys and revisions of charges that are on more than one line that stands: one part of a period, billed twice.
pub fn repeated_charges(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<(String, i64)>, StorageError> {
    tx.query(
        sql!(
            "-- repeated_charges
            select c.charge_key, c.revision
            from invoice_lines l
            join charges c on c.project_id = l.project_id and c.id = l.charge_id
            where l.project_id = ?1 and l.released = ?2
            group by c.charge_key, c.revision
            having count(distinct c.id) > 1
            order by c.charge_key, c.revision
            limit ?3"
        ),
        &params![false, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
