//! The difference of two catalogs, for `catalog plan`: what is added, changed and removed, each with its path.
//!
//! Things in lists are the same when they have the same key (or code), wherever they stand; lists without keys are compared by place.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::catalog::Catalog;

/// One difference. The path names things by their keys: `plans[team].prices[calls].terms.model.tiers[1].unitPrice`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Difference {
    Added {
        path: String,
        #[schema(value_type = Object)]
        after: Value,
    },
    Changed {
        path: String,
        #[schema(value_type = Object)]
        before: Value,
        #[schema(value_type = Object)]
        after: Value,
    },
    Removed {
        path: String,
        #[schema(value_type = Object)]
        before: Value,
    },
}

impl Difference {
    pub fn path(&self) -> &str {
        match self {
            Difference::Added { path, .. } | Difference::Changed { path, .. } | Difference::Removed { path, .. } => {
                path
            }
        }
    }
}

/// What must happen to `before` for it to become `after`, sorted by path; empty when they say the same.
pub fn differences(before: &Catalog, after: &Catalog) -> Vec<Difference> {
    differences_between(before, after)
}

/// The same for a part of a catalog: paths begin inside it.
pub fn differences_between<T: serde::Serialize>(before: &T, after: &T) -> Vec<Difference> {
    let value = |part: &T| {
        // Cannot fail: texts, integers, and maps with text keys.
        serde_json::to_value(part).expect("a part of a catalog is representable in JSON")
    };
    let mut found = Vec::new();
    compare("", Some(&value(before)), Some(&value(after)), &mut found);
    found.sort_by(|left, right| left.path().cmp(right.path()));
    found
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    let path_text = || path.to_owned();
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => found.push(Difference::Added { path: path_text(), after: after.clone() }),
        (Some(before), None) => found.push(Difference::Removed { path: path_text(), before: before.clone() }),
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&inner, before.get(name), after.get(name), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => compare_lists(path, before, after, found),
        (Some(before), Some(after)) => {
            found.push(Difference::Changed { path: path_text(), before: before.clone(), after: after.clone() });
        }
    }
}

fn compare_lists(path: &str, before: &[Value], after: &[Value], found: &mut Vec<Difference>) {
    let has_keys = before.iter().chain(after).all(|item| key(item).is_some());
    if has_keys {
        let with = |list: &[Value], wanted: &str| list.iter().position(|item| key(item) == Some(wanted));
        let names: BTreeSet<&str> = before.iter().chain(after).filter_map(key).collect();
        for name in names {
            let at = |list: &[Value]| with(list, name).map(|index| list[index].clone());
            compare(&format!("{path}[{name}]"), at(before).as_ref(), at(after).as_ref(), found);
        }
    } else {
        for index in 0..before.len().max(after.len()) {
            compare(&format!("{path}[{index}]"), before.get(index), after.get(index), found);
        }
    }
}

/// What tells a thing from others of its list.
fn key(item: &Value) -> Option<&str> {
    item.get("key").or_else(|| item.get("code")).and_then(Value::as_str)
}
