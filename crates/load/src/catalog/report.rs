//! What a server says about a catalog file, as far as people and scripts look at it.

use serde::Serialize;
use serde_json::Value;

use crate::client::Reply;

/// What applying a file would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// Of the catalog that is there.
    pub digest: String,
    pub differences: Vec<Difference>,
}

/// What applying a file did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Of the catalog that is there now.
    pub digest: String,
    pub differences: Vec<Difference>,
    pub published: Vec<Version>,
    pub drafts: Vec<Version>,
}

/// A version of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    pub plan: String,
    pub number: u64,
}

/// One difference: added without `before`, removed without `after`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Why a file was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    pub code: String,
    pub detail: String,
    pub errors: Vec<Mistake>,
}

/// One mistake of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mistake {
    pub field: String,
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Planned {
    pub(super) fn of(reply: &Reply) -> Option<Planned> {
        let body = reply.json();
        Some(Planned { digest: text(&body["digest"])?, differences: differences(&body)? })
    }
}

impl Applied {
    pub(super) fn of(reply: &Reply) -> Option<Applied> {
        let body = reply.json();
        Some(Applied {
            digest: text(&body["digest"])?,
            differences: differences(&body)?,
            published: versions(&body["published"])?,
            drafts: versions(&body["drafts"])?,
        })
    }
}

impl Refused {
    pub(super) fn of(reply: &Reply) -> Refused {
        let body = reply.json();
        let mistake = |error: &Value| Mistake {
            field: text(&error["field"]).unwrap_or_default(),
            detail: text(&error["detail"]).unwrap_or_default(),
            line: error["line"].as_u64(),
        };
        Refused {
            code: reply.code(),
            detail: text(&body["detail"]).unwrap_or_else(|| reply.quoted()),
            errors: body["errors"].as_array().into_iter().flatten().map(mistake).collect(),
        }
    }
}

fn differences(body: &Value) -> Option<Vec<Difference>> {
    let difference = |value: &Value| {
        Some(Difference {
            path: text(&value["path"])?,
            before: value.get("before").cloned(),
            after: value.get("after").cloned(),
        })
    };
    body["differences"].as_array()?.iter().map(difference).collect()
}

fn versions(list: &Value) -> Option<Vec<Version>> {
    let version = |value: &Value| Some(Version { plan: text(&value["plan"])?, number: value["number"].as_u64()? });
    list.as_array()?.iter().map(version).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
