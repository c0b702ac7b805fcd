//! What subscriptions take from the catalog: the versions that changes name, and what can be newly subscribed to.

use domain::catalog::item::ItemKind;
use domain::catalog::plan::PlanVersion;
use domain::refusal::{Code, Refusal};
use domain::subscriptions::change::Change;
use domain::subscriptions::offers::Offers;
use domain::subscriptions::price_ref::VersionRef;
use domain::subscriptions::wish::ItemWish;
use storage::catalog_items::ItemVersion;
use storage::{ProjectTx, catalog_items, plan_versions, plans};

use crate::catalog::stored;
use crate::error::Error;

/// The versions that these changes name. What was removed from the catalog stays known to whoever has it.
pub(crate) fn load<'c>(tx: &mut ProjectTx<'_>, changes: impl Iterator<Item = &'c Change>) -> Result<Offers, Error> {
    let changes: Vec<&Change> = changes.collect();
    let (plan_refs, add_on_refs) = Offers::named_by(changes.iter().copied());
    let mut offers = Offers::default();
    for plan in plan_refs {
        if let Some((_, version)) = plans::get_version(tx, &plan.key, Some(plan.version))? {
            offers.plans.insert(plan, version);
        }
    }
    for add_on in add_on_refs {
        let version = catalog_items::version(tx, ItemKind::AddOn, &add_on.key, add_on.version)?;
        if let Some(version) = version.filter(|version| !version.removed) {
            offers.add_ons.insert(add_on, stored(&version)?);
        }
    }
    for coupon in Offers::coupons_named_by(changes.iter().copied()) {
        if let Some(version) = catalog_items::newest(tx, ItemKind::Coupon, &coupon)? {
            offers.coupons.insert(coupon, stored(&version)?);
        }
    }
    Ok(offers)
}

/// The version of a plan that is asked for, and what it says if it exists.
///
/// # Errors
/// [`Code::UnknownPlan`]; [`Code::PlanArchived`]; [`Code::PlanNotPublished`] when no version is named and none is published.
pub(super) fn plan(tx: &mut ProjectTx<'_>, wish: &ItemWish) -> Result<(VersionRef, Option<PlanVersion>), Error> {
    let unknown = || Refusal::new(Code::UnknownPlan, format!("There is no plan `{}`.", wish.key));
    let plan = plans::find_by_key(tx, &wish.key)?.ok_or_else(unknown)?;
    if plan.archived_at.is_some() {
        let detail = format!("The plan `{}` is archived: nobody new can subscribe to it.", wish.key);
        return Err(Error::refused(Code::PlanArchived, detail));
    }
    if let Some(version) = wish.version {
        let found = plan_versions::get(tx, plan.id, version)?;
        return Ok((VersionRef { key: plan.key, version }, found));
    }
    let unpublished =
        || Refusal::new(Code::PlanNotPublished, format!("No version of `{}` is published yet.", wish.key));
    let latest = plan_versions::latest_published(tx, plan.id)?.ok_or_else(unpublished)?;
    Ok((VersionRef { key: plan.key, version: latest.number }, Some(latest)))
}

/// The version of an add-on that is asked for.
///
/// # Errors
/// [`Code::UnknownAddOn`] when it is not in the catalog, or not any more.
pub(super) fn add_on(tx: &mut ProjectTx<'_>, wish: &ItemWish) -> Result<VersionRef, Error> {
    let unknown = || Refusal::new(Code::UnknownAddOn, format!("There is no add-on `{}`.", wish.key));
    let current = current(tx, ItemKind::AddOn, &wish.key)?.ok_or_else(unknown)?;
    Ok(VersionRef { key: current.key, version: wish.version.unwrap_or(current.version) })
}

/// # Errors
/// [`Code::UnknownCoupon`] when it is not in the catalog, or not any more.
pub(super) fn require_coupon(tx: &mut ProjectTx<'_>, key: &str) -> Result<(), Error> {
    let unknown = || Refusal::new(Code::UnknownCoupon, format!("There is no coupon `{key}`."));
    current(tx, ItemKind::Coupon, key)?.ok_or_else(unknown)?;
    Ok(())
}

fn current(tx: &mut ProjectTx<'_>, kind: ItemKind, key: &str) -> Result<Option<ItemVersion>, Error> {
    Ok(catalog_items::newest(tx, kind, key)?.filter(|newest| !newest.removed))
}
