//! Keys: the names by which programs and files call things of the catalog.

use crate::metrics;
use crate::problems::Problems;

/// Longest key in bytes.
pub const KEY_LENGTH_MAX: usize = 100;

/// A key is 1 to 100 letters, digits, `_`, `-` or `.`.
pub(super) fn check_key(key: &str, path: &str, problems: &mut Problems) {
    let is_accepted = (1..=KEY_LENGTH_MAX).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    problems.require(is_accepted, path, "must be 1 to 100 letters, digits, `_`, `-` or `.`.");
}

/// The key of a metric is what the senders of its events call it.
pub(super) fn check_metric_key(key: &str, path: &str, problems: &mut Problems) {
    if let Err(refusal) = metrics::key(path, key) {
        for error in refusal.errors {
            problems.add(error.field, error.detail);
        }
    }
}

/// Every key of a list stands for one thing.
pub(super) fn check_unique<'a>(
    keys: impl IntoIterator<Item = &'a str>,
    path: &str,
    field: &str,
    problems: &mut Problems,
) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, key) in keys.into_iter().enumerate() {
        if let Some(first) = seen.iter().position(|other| *other == key) {
            problems.add(format!("{path}[{index}].{field}"), format!("is taken by {path}[{first}]; choose another."));
        }
        seen.push(key);
    }
}
