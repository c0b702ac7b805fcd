//! Sizes of pages, as the database takes them. How large a page may be is decided at the edge.

/// How many rows to read.
pub(crate) fn page_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
