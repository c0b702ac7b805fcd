//! What was paid on invoices. Rows are added and read, never changed.

use domain::ids::InvoiceId;
use domain::invoices::issued::{InvoicePayment, PaymentSource};

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

pub fn insert_many(tx: &mut ProjectTx<'_>, payments: &[InvoicePayment]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 12]> = payments.iter().map(values).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_invoice_payments
            insert into invoice_payments (project_id, id, invoice_id, customer_id, source, currency, amount_micros, settled_micros,
                recovered_micros, paid_at, reference, entry_id, recorded_at)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                invoice_id: Uuid,
                customer_id: Uuid,
                source: Text,
                currency: Text,
                amount_micros: Int,
                settled_micros: Int,
                recovered_micros: Int,
                paid_at: Instant,
                reference: Text,
                entry_id: Uuid,
                recorded_at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// The payments of an invoice, the oldest first.
pub fn of_invoice(tx: &mut ProjectTx<'_>, invoice: InvoiceId) -> Result<Vec<InvoicePayment>, StorageError> {
    tx.query(
        sql!(
            "-- payments_of_invoice
            select id, invoice_id, customer_id, source, currency, amount_micros, settled_micros, recovered_micros, paid_at,
                reference, entry_id, recorded_at
            from invoice_payments
            where project_id = ?1 and invoice_id = ?2
            order by id"
        ),
        &params![invoice],
        read,
    )
}

fn values(payment: &InvoicePayment) -> [Value<'_>; 12] {
    params![
        payment.id,
        payment.invoice,
        payment.customer,
        payment.source.as_str(),
        payment.currency,
        payment.amount,
        payment.settled,
        payment.recovered,
        payment.paid_at,
        payment.reference.as_deref(),
        payment.entry,
        payment.recorded_at,
    ]
}

fn read(row: &Row<'_>) -> Result<InvoicePayment, StorageError> {
    Ok(InvoicePayment {
        id: row.get(0)?,
        invoice: row.get(1)?,
        customer: row.get(2)?,
        source: row.named(3, PaymentSource::parse)?,
        currency: row.get(4)?,
        amount: row.get(5)?,
        settled: row.get(6)?,
        recovered: row.get(7)?,
        paid_at: row.get(8)?,
        reference: row.get(9)?,
        entry: row.get(10)?,
        recorded_at: row.get(11)?,
    })
}
