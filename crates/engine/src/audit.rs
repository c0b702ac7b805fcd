//! The proof of an audited write: a value can leave a command only together with the entry that says who did what.

use domain::ids::ProjectId;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::Error;

/// What the audit trail keeps of one action; who, when and which request are added from the context.
#[derive(Debug, Clone)]
pub struct AuditRecord {
    /// What was done, as `noun.verb`: `accessKey.revoked`.
    pub action: &'static str,
    /// The id of what it was done to.
    pub target: String,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    /// Before and after, or whatever explains the action; never a secret.
    pub details: Value,
}

impl AuditRecord {
    pub fn new(action: &'static str, target: impl ToString) -> AuditRecord {
        AuditRecord { action, target: target.to_string(), reason_code: None, reason: None, details: Value::Null }
    }

    pub fn details(mut self, details: Value) -> AuditRecord {
        self.details = details;
        self
    }

    /// What changed, and only that: the fields in which the two differ, as they were and as they are.
    ///
    /// # Errors
    /// [`Error::Bug`] when one of them cannot be written as JSON.
    pub fn changed<T: Serialize>(self, before: &T, after: &T) -> Result<AuditRecord, Error> {
        let (mut before, mut after) = (fields(before)?, fields(after)?);
        let same: Vec<String> = before
            .iter()
            .filter(|(name, value)| after.get(*name) == Some(value))
            .map(|(name, _)| name.clone())
            .collect();
        for name in same {
            before.remove(&name);
            after.remove(&name);
        }
        Ok(self.details(json!({ "before": before, "after": after })))
    }

    pub fn because(mut self, reason_code: impl Into<String>, reason: Option<String>) -> AuditRecord {
        self.reason_code = Some(reason_code.into());
        self.reason = reason;
        self
    }
}

fn fields(value: &impl Serialize) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(Error::Bug(format!("what was changed has no fields: {other}"))),
        Err(error) => Err(Error::Bug(format!("what was changed cannot be written as JSON: {error}"))),
    }
}

/// A change worth announcing to webhooks and other readers, written in the same transaction.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// `noun.verb`: `transaction.created`.
    pub kind: &'static str,
    pub body: Value,
}

/// The result of a write, inseparable from its audit record and its announcements.
#[derive(Debug, Clone)]
#[must_use]
pub struct Audited<T> {
    pub(crate) value: T,
    pub(crate) record: AuditRecord,
    pub(crate) announcements: Vec<Announcement>,
    /// Set when the action was done to another project than the caller's own context names.
    pub(crate) project: Option<ProjectId>,
    /// What a replay answers, where it differs from the value: a secret is shown once.
    pub(crate) stored: Option<Value>,
}

impl<T> Audited<T> {
    pub fn new(value: T, record: AuditRecord) -> Audited<T> {
        Audited { value, record, announcements: Vec::new(), project: None, stored: None }
    }

    /// Announces the change; it is delivered if and only if the transaction commits.
    pub fn announce(mut self, kind: &'static str, body: Value) -> Audited<T> {
        self.announcements.push(Announcement { kind, body });
        self
    }

    /// Files the entry under the project that the action brought into being.
    pub fn in_project(mut self, project: ProjectId) -> Audited<T> {
        self.project = Some(project);
        self
    }

    /// Keeps this for replays instead of the value.
    pub fn store_reply(mut self, stored: Value) -> Audited<T> {
        self.stored = Some(stored);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_kept_of_a_change() {
        let (before, after) = (json!({ "name": "a", "role": "viewer" }), json!({ "name": "a", "role": "admin" }));
        let record = AuditRecord::new("member.roleChanged", "x").changed(&before, &after).unwrap();
        assert_eq!(record.details, json!({ "before": { "role": "viewer" }, "after": { "role": "admin" } }));
    }
}
