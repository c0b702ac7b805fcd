//! What fixed coupons took off issued invoices, by subscription, coupon and period; a void invoice gives it back.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::ids::{InvoiceId, SubscriptionId};
use domain::invoices::discounts::{CouponPeriod, CouponUse};

use crate::error::StorageError;
use crate::sql::{Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// What the coupons of these subscriptions did on invoices that stand; name each subscription once.
pub fn of_subscriptions(
    tx: &mut ProjectTx<'_>,
    subscriptions: &[SubscriptionId],
) -> Result<BTreeMap<CouponPeriod, CouponUse>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = subscriptions.iter().map(|id| params![*id]).collect();
    let found = tx.query_many(
        bulk_sql!(
            "-- coupon_uses_of_subscriptions
            select c.subscription_id, c.coupon, c.period, c.of_micros, c.off_micros
            from {rows}
            join coupon_uses c on c.project_id = r.project_id and c.subscription_id = r.subscription_id and not c.released",
            [project_id: Uuid, subscription_id: Uuid]
        ),
        &rows,
        |row| {
            let name = CouponPeriod { subscription: Some(row.get(0)?), coupon: row.get(1)?, period: row.get(2)? };
            Ok((name, CouponUse { of: row.get(3)?, off: row.get(4)? }))
        },
    )?;
    let mut uses: BTreeMap<CouponPeriod, CouponUse> = BTreeMap::new();
    for (name, this) in found {
        let sum = uses.entry(name).or_insert(CouponUse::NONE);
        let add =
            |one: Amount, other: Amount| one.checked_add(other).ok_or_else(|| StorageError::corrupt("coupon uses"));
        *sum = CouponUse { of: add(sum.of, this.of)?, off: add(sum.off, this.off)? };
    }
    Ok(uses)
}

/// Keeps what coupons did on invoices; each name belongs to a subscription.
pub fn insert_many(
    tx: &mut ProjectTx<'_>,
    uses: &[(InvoiceId, SubscriptionId, &CouponPeriod, CouponUse)],
) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 7]> = uses
        .iter()
        .map(|(invoice, subscription, name, this)| {
            params![*invoice, *subscription, name.coupon.as_str(), name.period, this.of, this.off, false]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_coupon_uses
            insert into coupon_uses (project_id, invoice_id, subscription_id, coupon, period, of_micros, off_micros, released)
            {values}",
            [
                project_id: Uuid,
                invoice_id: Uuid,
                subscription_id: Uuid,
                coupon: Text,
                period: Int,
                of_micros: Int,
                off_micros: Int,
                released: Bool,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Gives back what coupons did on an invoice that is void.
pub fn release(tx: &mut ProjectTx<'_>, invoice: InvoiceId) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- release_coupon_uses
            update coupon_uses
            set released = ?3
            where project_id = ?1 and invoice_id = ?2"
        ),
        &params![invoice, true],
    )?;
    Ok(())
}
