//! Add-ons, coupons, custom assets, tax categories and tax rates: each change is a new version, removal is one too.

use domain::access::Permission;
use domain::catalog::diff::differences_between;
use domain::catalog::item::{CatalogItem, ItemKind};
use domain::problems::Problems;
use domain::refusal::{Code, FieldError, Refusal};
use serde_json::{Value, json};
use storage::catalog_items::{self, ItemVersion};
use storage::{ProjectTx, catalogs};

use super::{intended, stored};
use crate::audit::{AuditRecord, Audited};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// Whether a thing was new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<T> {
    Created(T),
    Kept(T),
}

impl Engine {
    /// In the order of their keys, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read the catalog.
    pub fn list_items<T: CatalogItem>(&self, ctx: &Ctx, after: Option<&str>, limit: usize) -> Result<Vec<T>, Error> {
        ctx.require(Permission::CatalogRead)?;
        self.read(ctx.project, "list_catalog_items", |tx| {
            catalog_items::page(tx, T::KIND, after, page_limit(limit))?.iter().map(stored).collect()
        })
    }

    /// # Errors
    /// `not_found`, also for what was removed.
    pub fn get_item<T: CatalogItem>(&self, ctx: &Ctx, key: &str) -> Result<T, Error> {
        ctx.require(Permission::CatalogRead)?;
        let found = self.read(ctx.project, "get_catalog_item", |tx| current(tx, key))?;
        found.ok_or_else(Error::not_found)
    }

    /// Adds a thing, or changes what it says. Saying the same again changes nothing.
    ///
    /// # Errors
    /// [`Code::InvalidCatalog`] with every mistake; [`Code::InvalidValue`] when the body names another key than the path.
    pub fn put_item<T: CatalogItem>(&self, ctx: &Ctx, key: &str, item: &T) -> Result<Stored<T>, Error> {
        ctx.require(Permission::CatalogManage)?;
        if item.key() != key {
            let detail = format!("must be {key:?}, as in the path.");
            return Err(Refusal::field(Code::InvalidValue, T::KEY_FIELD, detail).into());
        }
        if self.read(ctx.project, "find_catalog_item", |tx| current::<T>(tx, key))?.as_ref() == Some(item) {
            return Ok(Stored::Kept(item.clone()));
        }
        self.command(ctx, "put_catalog_item", |tx| {
            catalogs::lock(tx, ctx.now())?;
            let mut problems = Problems::default();
            item.check_item("", &intended(tx)?.references(), &mut problems);
            problems.of_body().into_result()?;
            let before = put(tx, ctx, item)?;
            let details = change(T::KIND, before.as_ref(), item)?;
            let record = AuditRecord::new("catalogItem.changed", key).details(details);
            let outcome = if before.is_some() { Stored::Kept } else { Stored::Created };
            Ok(Audited::new(outcome(item.clone()), record))
        })
    }

    /// Takes a thing out of the catalog. What was rated or billed with it stays as it is.
    ///
    /// # Errors
    /// `not_found`; [`Code::CatalogItemInUse`] naming every place that refers to it.
    pub fn remove_item<T: CatalogItem>(&self, ctx: &Ctx, key: &str) -> Result<(), Error> {
        ctx.require(Permission::CatalogManage)?;
        self.command(ctx, "remove_catalog_item", |tx| {
            catalogs::lock(tx, ctx.now())?;
            let newest = catalog_items::newest(tx, T::KIND, key)?.filter(|newest| !newest.removed);
            let newest = newest.ok_or_else(Error::not_found)?;
            require_unused(T::KIND.as_str(), key, intended(tx)?.uses_of(T::KIND, key))?;
            let details = json!({ "kind": T::KIND, "before": newest.definition });
            bury(tx, ctx, newest)?;
            Ok(Audited::new((), AuditRecord::new("catalogItem.removed", key).details(details)))
        })
    }
}

/// Adds a version if it says something new, and answers what was said before. Lock the catalog first.
pub(crate) fn put<T: CatalogItem>(tx: &mut ProjectTx<'_>, ctx: &Ctx, item: &T) -> Result<Option<T>, Error> {
    let newest = catalog_items::newest(tx, T::KIND, item.key())?;
    let version = newest.as_ref().map_or(0, |newest| newest.version) + 1;
    let before = newest.filter(|newest| !newest.removed).as_ref().map(stored::<T>).transpose()?;
    if before.as_ref() == Some(item) {
        return Ok(before);
    }
    let definition = serde_json::to_value(item)
        .map_err(|error| Error::Bug(format!("{} {:?} cannot be written: {error}", T::KIND, item.key())))?;
    let version = ItemVersion {
        kind: T::KIND,
        key: item.key().to_owned(),
        version,
        removed: false,
        definition,
        created_at: ctx.now(),
    };
    catalog_items::insert(tx, &version)?;
    Ok(before)
}

/// Adds the version that says that the thing is gone. Lock the catalog first.
pub(crate) fn bury(tx: &mut ProjectTx<'_>, ctx: &Ctx, newest: ItemVersion) -> Result<(), Error> {
    let gone = ItemVersion { version: newest.version + 1, removed: true, created_at: ctx.now(), ..newest };
    Ok(catalog_items::insert(tx, &gone)?)
}

/// # Errors
/// [`Code::CatalogItemInUse`] when anything refers to it.
pub(crate) fn require_unused(kind: &str, key: &str, uses: Vec<String>) -> Result<(), Refusal> {
    if uses.is_empty() {
        return Ok(());
    }
    let detail = format!("{kind} {key:?} is named by {}. Change that first.", uses.join(", "));
    let error = |path| FieldError::new(path, Code::CatalogItemInUse, format!("names {key:?}."));
    Err(Refusal { errors: uses.into_iter().map(error).collect(), ..Refusal::new(Code::CatalogItemInUse, detail) })
}

fn current<T: CatalogItem>(tx: &mut ProjectTx<'_>, key: &str) -> Result<Option<T>, Error> {
    catalog_items::newest(tx, T::KIND, key)?.filter(|newest| !newest.removed).as_ref().map(stored).transpose()
}

/// What the audit trail keeps of a new version.
fn change<T: CatalogItem>(kind: ItemKind, before: Option<&T>, after: &T) -> Result<Value, Error> {
    let Some(before) = before else {
        return Ok(json!({ "kind": kind, "after": after }));
    };
    let mut details = AuditRecord::new("catalogItem.changed", "").changed(before, after)?.details;
    details["kind"] = json!(kind);
    details["differences"] = json!(differences_between(before, after));
    Ok(details)
}
