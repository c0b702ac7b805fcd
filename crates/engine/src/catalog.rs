//! The catalog of a project as it is now, read as one document.

pub mod apply;
pub mod items;
pub(crate) mod metrics;
mod plans;

use domain::access::Permission;
use domain::catalog::Catalog;
use domain::catalog::item::{CatalogItem, ItemKind};
use domain::idempotency::{Canonical, Family, IdempotencyKey};
use storage::catalog_items::ItemVersion;
use storage::{ProjectTx, catalog_items, metric_versions, plan_versions};

use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// The catalog as it was last changed.
    ///
    /// # Errors
    /// `forbidden` without the permission to read it.
    pub fn get_catalog(&self, ctx: &Ctx) -> Result<Catalog, Error> {
        ctx.require(Permission::CatalogRead)?;
        self.read(ctx.project, "get_catalog", intended)
    }
}

/// The record of a request whose body is a part of a catalog: the same when it says the same, in whatever order it came.
pub(crate) fn idempotency(
    key: Option<IdempotencyKey>,
    operation: &'static str,
    subject: &str,
    body: &impl serde::Serialize,
) -> Result<Option<Idempotency>, Error> {
    let canonical = serde_json::to_string(body)
        .map_err(|error| Error::Bug(format!("the body of {operation} cannot be written as JSON: {error}")))?;
    let fingerprint = Canonical::new(operation).text(subject).json(&canonical).fingerprint();
    Ok(key.map(|key| Idempotency { family: Family::Other, key, operation, fingerprint }))
}

/// What is answered without a write.
fn answer(value: &impl serde::Serialize) -> Result<Answer, Error> {
    let body = serde_json::to_string(value)
        .map_err(|error| Error::Bug(format!("a reply cannot be written as JSON: {error}")))?;
    Ok(Answer { status: 200, body, replayed: false })
}

/// What is current: metrics that a person declared and did not archive, everything with a key, and of each plan the latest published
/// version.
pub(crate) fn load(tx: &mut ProjectTx<'_>) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    for metric in storage::metrics::all(tx)? {
        if metric.declared && metric.archived_at.is_none() {
            catalog.metrics.push(metric.definition);
        }
    }
    for item in catalog_items::all(tx)? {
        add(&mut catalog, &item)?;
    }
    catalog.plans = plan_versions::current(tx)?.into_iter().map(|version| version.definition).collect();
    Ok(catalog)
}

/// The same as it was asked for: a metric whose new meaning is still being built has it already. This is what files are compared with,
/// and what plans may refer to.
pub(crate) fn intended(tx: &mut ProjectTx<'_>) -> Result<Catalog, Error> {
    let mut catalog = load(tx)?;
    for version in metric_versions::building(tx)? {
        let of_key = catalog.metrics.iter_mut().find(|metric| metric.key == version.definition.key);
        if let Some(metric) = of_key {
            *metric = version.definition;
        }
    }
    Ok(catalog)
}

fn add(catalog: &mut Catalog, item: &ItemVersion) -> Result<(), Error> {
    match item.kind {
        ItemKind::AddOn => catalog.add_ons.push(stored(item)?),
        ItemKind::Coupon => catalog.coupons.push(stored(item)?),
        ItemKind::CustomAsset => catalog.custom_assets.push(stored(item)?),
        ItemKind::TaxCategory => catalog.tax_categories.push(stored(item)?),
        ItemKind::TaxRate => catalog.tax_rates.push(stored(item)?),
    }
    Ok(())
}

/// What a stored version says.
pub(crate) fn stored<T: CatalogItem>(item: &ItemVersion) -> Result<T, Error> {
    T::deserialize(&item.definition)
        .map_err(|error| Error::Bug(format!("{} {:?} cannot be read: {error}", item.kind, item.key)))
}
