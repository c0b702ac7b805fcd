//! Things of the catalog besides metrics and plans. Each change adds a version; the greatest is what holds.

use domain::catalog::item::ItemKind;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

/// One version of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemVersion {
    pub kind: ItemKind,
    pub key: String,
    /// From 1, counted per kind and key.
    pub version: u32,
    /// The thing is gone; the definition is what it was.
    pub removed: bool,
    pub definition: serde_json::Value,
    pub created_at: Instant,
}

/// Adds the next version. Lock the catalog first.
pub fn insert(tx: &mut ProjectTx<'_>, item: &ItemVersion) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_catalog_item
            insert into catalog_items (project_id, kind, key, version, removed, definition, created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        ),
        &params![item.kind.as_str(), &item.key, item.version, item.removed, &item.definition, item.created_at],
    )?;
    Ok(())
}

/// The newest version of a thing, be it that it was removed.
pub fn newest(tx: &mut ProjectTx<'_>, kind: ItemKind, key: &str) -> Result<Option<ItemVersion>, StorageError> {
    tx.query_opt(
        sql!(
            "-- newest_catalog_item
            select kind, key, version, removed, definition, created_at
            from catalog_items
            where project_id = ?1 and kind = ?2 and key = ?3
            order by version desc
            limit 1"
        ),
        &params![kind.as_str(), key],
        read,
    )
}

/// One version of a thing, be it that it was removed.
pub fn version(
    tx: &mut ProjectTx<'_>,
    kind: ItemKind,
    key: &str,
    version: u32,
) -> Result<Option<ItemVersion>, StorageError> {
    tx.query_opt(
        sql!(
            "-- version_of_catalog_item
            select kind, key, version, removed, definition, created_at
            from catalog_items
            where project_id = ?1 and kind = ?2 and key = ?3 and version = ?4"
        ),
        &params![kind.as_str(), key, version],
        read,
    )
}

/// The things of a kind that are there, in the order of their keys, after the given one.
pub fn page(
    tx: &mut ProjectTx<'_>,
    kind: ItemKind,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<ItemVersion>, StorageError> {
    tx.query(
        sql!(
            "-- page_catalog_items
            select i.kind, i.key, i.version, i.removed, i.definition, i.created_at
            from catalog_items i
            where i.project_id = ?1
              and i.kind = ?2
              and (cast(?3 as text) is null or i.key {binary} > ?3)
              and i.removed = cast(?5 as {bool})
              and i.version = (
                select max(n.version)
                from catalog_items n
                where n.project_id = ?1 and n.kind = i.kind and n.key = i.key
              )
            order by i.key {binary}
            limit ?4"
        ),
        &params![kind.as_str(), after, limit, false],
        read,
    )
}

/// Everything that is there, by kind and key.
pub fn all(tx: &mut ProjectTx<'_>) -> Result<Vec<ItemVersion>, StorageError> {
    let mut all = Vec::new();
    for kind in ItemKind::ALL {
        all.extend(page(tx, *kind, None, i64::MAX)?);
    }
    Ok(all)
}

fn read(row: &Row<'_>) -> Result<ItemVersion, StorageError> {
    Ok(ItemVersion {
        kind: row.named(0, ItemKind::parse)?,
        key: row.get(1)?,
        version: row.get(2)?,
        removed: row.get(3)?,
        definition: row.get(4)?,
        created_at: row.get(5)?,
    })
}
