//! YAML as this API speaks it: read with the line of every mistake, and with numbers exactly as they are written; written in a stable form.
//!
//! A document is a tree with the line of each of its nodes. Texts need no quotes: which scalar is a number is decided by what is read,
//! so that `unitPrice: 0.0020` is the text `0.0020` and `country: NO` is Norway. Anchors and aliases work; tags, merge keys and a second
//! document are refused, as are repeated keys, too deep nesting, and aliases that make a small file a large tree.

mod document;
mod read;
mod write;

pub(crate) use document::Document;
pub(crate) use write::to_yaml;

use domain::refusal::Refusal;
use serde::de::DeserializeOwned;

/// Reads a document and what it says.
///
/// # Errors
/// `malformed_yaml` with line and column; `too_deep`, `too_many_items`; or the first field that is unknown, missing, of a wrong type or
/// refused, with its line.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, Document), Refusal> {
    let document = Document::parse(bytes)?;
    let value = T::deserialize(document.root()).map_err(read::Mistake::into_refusal)?;
    Ok((value, document))
}

#[cfg(test)]
mod tests;
