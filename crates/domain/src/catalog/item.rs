//! What the things of a catalog besides metrics and plans have in common: a kind, a key, and a check.

use crate::catalog::add_on::AddOn;
use crate::catalog::asset::CustomAsset;
use crate::catalog::coupon::Coupon;
use crate::catalog::tax::{TaxCategory, TaxRate};
use crate::catalog::{Catalog, References};
use crate::named::named;
use crate::problems::Problems;

named! {
    /// The kinds of things that are kept in versions, each change a new one.
    ItemKind {
        AddOn = "addOn",
        Coupon = "coupon",
        CustomAsset = "customAsset",
        TaxCategory = "taxCategory",
        TaxRate = "taxRate",
    }
}

impl ItemKind {
    /// The name of its list in a catalog.
    pub const fn list(self) -> &'static str {
        match self {
            ItemKind::AddOn => "addOns",
            ItemKind::Coupon => "coupons",
            ItemKind::CustomAsset => "customAssets",
            ItemKind::TaxCategory => "taxCategories",
            ItemKind::TaxRate => "taxRates",
        }
    }
}

/// A thing of a catalog with a key of its own.
pub trait CatalogItem: serde::Serialize + serde::de::DeserializeOwned + Clone + PartialEq {
    const KIND: ItemKind;
    /// The name of the field that holds its key.
    const KEY_FIELD: &'static str = "key";

    /// Its key; the code of a custom asset.
    fn key(&self) -> &str;

    /// The list of the catalog in which it stands.
    fn list(catalog: &mut Catalog) -> &mut Vec<Self>;

    /// Finds what is wrong with it at `path`.
    fn check_item(&self, path: &str, known: &References, problems: &mut Problems);
}

impl CatalogItem for AddOn {
    const KIND: ItemKind = ItemKind::AddOn;

    fn key(&self) -> &str {
        &self.key
    }

    fn list(catalog: &mut Catalog) -> &mut Vec<AddOn> {
        &mut catalog.add_ons
    }

    fn check_item(&self, path: &str, known: &References, problems: &mut Problems) {
        self.check(path, known, problems);
    }
}

impl CatalogItem for Coupon {
    const KIND: ItemKind = ItemKind::Coupon;

    fn key(&self) -> &str {
        &self.key
    }

    fn list(catalog: &mut Catalog) -> &mut Vec<Coupon> {
        &mut catalog.coupons
    }

    fn check_item(&self, path: &str, _known: &References, problems: &mut Problems) {
        self.check(path, problems);
    }
}

impl CatalogItem for CustomAsset {
    const KIND: ItemKind = ItemKind::CustomAsset;
    const KEY_FIELD: &'static str = "code";

    fn key(&self) -> &str {
        &self.code
    }

    fn list(catalog: &mut Catalog) -> &mut Vec<CustomAsset> {
        &mut catalog.custom_assets
    }

    fn check_item(&self, path: &str, _known: &References, problems: &mut Problems) {
        self.check(path, problems);
    }
}

impl CatalogItem for TaxCategory {
    const KIND: ItemKind = ItemKind::TaxCategory;

    fn key(&self) -> &str {
        &self.key
    }

    fn list(catalog: &mut Catalog) -> &mut Vec<TaxCategory> {
        &mut catalog.tax_categories
    }

    fn check_item(&self, path: &str, _known: &References, problems: &mut Problems) {
        self.check(path, problems);
    }
}

impl CatalogItem for TaxRate {
    const KIND: ItemKind = ItemKind::TaxRate;

    fn key(&self) -> &str {
        &self.key
    }

    fn list(catalog: &mut Catalog) -> &mut Vec<TaxRate> {
        &mut catalog.tax_rates
    }

    fn check_item(&self, path: &str, known: &References, problems: &mut Problems) {
        self.check(path, known, problems);
    }
}
