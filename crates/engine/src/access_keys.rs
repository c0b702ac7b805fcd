//! Access keys of a project: made, listed, rotated, revoked. Their plain text leaves this file once.

use std::time::Duration;

use domain::access::{Permission, Scope};
use domain::access_keys::{AccessKey, KeyText, RANDOM_BYTES, prefix};
use domain::idempotency::{Canonical, Family, IdempotencyKey};
use domain::ids::{AccessKeyId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde_json::json;
use storage::{ProjectTx, access_keys};

use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::{Actor, Ctx};
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// An access key as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccessKey)]
pub struct AccessKeyView {
    pub id: AccessKeyId,
    pub name: String,
    pub scopes: Vec<Scope>,
    /// What the key begins with: enough to recognise it, not to use it.
    #[schema(example = "nrb_Ceo6GcvXrvOf")]
    pub prefix: String,
    pub created_by: UserId,
    pub created_at: Instant,
    /// The first moment at which the key does not work any more.
    pub expires_at: Option<Instant>,
    /// When it was used last, exact to about a minute.
    pub last_used_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    /// The key this one was rotated from.
    pub replaces: Option<AccessKeyId>,
}

/// A new access key, the only time its text is shown. Debug output does not show it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewAccessKey {
    pub id: AccessKeyId,
    pub name: String,
    pub scopes: Vec<Scope>,
    /// What the key begins with: enough to recognise it, not to use it.
    #[schema(example = "nrb_Ceo6GcvXrvOf")]
    pub prefix: String,
    /// The key itself, for the header `x-api-key`. Missing when the reply is given again for the same Idempotency-Key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    pub created_at: Instant,
    /// The first moment at which the key does not work any more.
    pub expires_at: Option<Instant>,
    /// The key this one was rotated from.
    pub replaces: Option<AccessKeyId>,
}

impl std::fmt::Debug for NewAccessKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "NewAccessKey({}, {}…)", self.id, self.prefix)
    }
}

/// What a new key shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateAccessKey {
    pub name: String,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<Instant>,
}

/// How a key is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotateAccessKey {
    /// How long the old key works beside the new one.
    pub grace: Duration,
    /// When the new key ends; if not said, it lasts as long as the old one was meant to.
    pub expires_at: Option<Instant>,
}

/// The longest time two keys may work side by side: 30 days.
pub const GRACE_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Engine {
    /// The keys of the project, the oldest first, after the given one; `limit` of them at most. Never their text.
    ///
    /// # Errors
    /// [`Code::Forbidden`] without the permission to read them.
    pub fn list_access_keys(
        &self,
        ctx: &Ctx,
        after: Option<AccessKeyId>,
        limit: usize,
    ) -> Result<Vec<AccessKeyView>, Error> {
        ctx.require(Permission::AccessKeysRead)?;
        let keys =
            self.read(ctx.project, "list_access_keys", |tx| Ok(access_keys::page(tx, after, page_limit(limit))?))?;
        Ok(keys.into_iter().map(AccessKeyView::from).collect())
    }

    /// Makes a key and shows its text, this once: a request repeated under its Idempotency-Key gets the rest of the reply.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for an expiry that has passed; [`Code::Forbidden`] without the permission.
    pub fn create_access_key(
        &self,
        ctx: &Ctx,
        key: Option<IdempotencyKey>,
        command: &CreateAccessKey,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::AccessKeysManage)?;
        let (created_by, _) = ctx.caller.user()?;
        let form = Canonical::new("createAccessKey").text(&command.name);
        let form = command.scopes.iter().fold(form, |form, scope| form.text(scope.as_str()));
        let idempotency = key.map(|key| Idempotency {
            family: Family::Other,
            key,
            operation: "createAccessKey",
            fingerprint: form.optional(command.expires_at, Canonical::instant).fingerprint(),
        });
        self.command_answer(ctx, "create_access_key", 201, idempotency.as_ref(), |tx| {
            check_expiry(command.expires_at, ctx.received_at())?;
            let CreateAccessKey { name, scopes, expires_at } = command.clone();
            let created = self.new_key(ctx, Wish { name, scopes, created_by, expires_at, replaces: None });
            let record = AuditRecord::new("accessKey.created", created.key.id);
            created.save(tx, self, record, json!({}))
        })
    }

    /// Ends a key at once. Ending it again changes nothing.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] without the permission.
    pub fn revoke_access_key(&self, ctx: &Ctx, id: AccessKeyId) -> Result<(), Error> {
        ctx.require(Permission::AccessKeysManage)?;
        let revoked = self.command(ctx, "revoke_access_key", |tx| {
            let key = found_key(tx, id)?;
            if key.revoked_at.is_some() {
                return Err(revoked_already().into());
            }
            access_keys::revoke(tx, id, ctx.received_at())?;
            let (before, after) = (
                AccessKeyView::from(key.clone()),
                AccessKeyView::from(AccessKey { revoked_at: Some(ctx.received_at()), ..key }),
            );
            Ok(Audited::new((), AuditRecord::new("accessKey.revoked", id).changed(&before, &after)?))
        });
        self.access.keys.forget(id);
        match revoked {
            Err(Error::Refused(refusal)) if refusal.code == Code::KeyRevoked => Ok(()),
            other => other,
        }
    }

    /// Makes a key with the same name and scopes, and lets the old one end after the grace time.
    ///
    /// # Errors
    /// [`Code::KeyRevoked`] when the old key does not work any more; [`Code::OutOfRange`] for more than 30 days of grace;
    /// [`Code::NotFound`]; [`Code::Forbidden`] without the permission.
    pub fn rotate_access_key(
        &self,
        ctx: &Ctx,
        id: AccessKeyId,
        key: Option<IdempotencyKey>,
        command: &RotateAccessKey,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::AccessKeysManage)?;
        let (created_by, _) = ctx.caller.user()?;
        let idempotency = key.map(|key| Idempotency {
            family: Family::Other,
            key,
            operation: "rotateAccessKey",
            fingerprint: Canonical::new("rotateAccessKey")
                .id(id)
                .integer(i64::try_from(command.grace.as_secs()).unwrap_or(i64::MAX))
                .optional(command.expires_at, Canonical::instant)
                .fingerprint(),
        });
        let answer = self.command_answer(ctx, "rotate_access_key", 201, idempotency.as_ref(), |tx| {
            let now = ctx.received_at();
            check_expiry(command.expires_at, now)?;
            let old = found_key(tx, id)?;
            if !old.is_alive(now) {
                return Err(revoked_already().into());
            }
            let ends = end_of_grace(&old, command.grace, now)?;
            access_keys::set_expiry(tx, id, ends)?;
            let expires_at = command.expires_at.or_else(|| same_lifetime(&old, now));
            let wish = Wish { name: old.name, scopes: old.scopes, created_by, expires_at, replaces: Some(id) };
            let record = AuditRecord::new("accessKey.rotated", id);
            let details = json!({ "before": { "expiresAt": old.expires_at }, "expiresAt": ends });
            self.new_key(ctx, wish).save(tx, self, record, details)
        });
        self.access.keys.forget(id);
        answer
    }

    fn new_key(&self, ctx: &Ctx, wish: Wish) -> Created {
        let mut random = [0; RANDOM_BYTES];
        self.random().fill(&mut random);
        let text = KeyText::from_random(&random);
        let Wish { name, scopes, created_by, expires_at, replaces } = wish;
        let key = AccessKey {
            project: ctx.project,
            id: ctx.new_id(),
            name,
            public_id: text.public_id().to_owned(),
            scopes,
            created_by,
            created_at: ctx.received_at(),
            expires_at,
            last_used_at: None,
            revoked_at: None,
            replaces,
        };
        Created { text, key }
    }
}

/// Refuses a write whose access key stopped working after it was authenticated. For writes in a key's name that are not
/// ingest: the batcher asks for all keys of a batch at once.
///
/// # Errors
/// [`Code::Unauthenticated`] when the key was revoked or has expired.
pub fn require_live_key(tx: &mut ProjectTx<'_>, ctx: &Ctx) -> Result<(), Error> {
    match &ctx.caller.actor {
        Actor::AccessKey { id, .. } => {
            if access_keys::is_alive(tx, *id, ctx.received_at())? {
                Ok(())
            } else {
                Err(dead_key().into())
            }
        }
        Actor::User { .. } | Actor::System { .. } | Actor::Anonymous => Ok(()),
    }
}

/// What somebody is told whose key stopped working.
pub fn dead_key() -> Refusal {
    Refusal::new(Code::Unauthenticated, "The access key was revoked or has expired. Create a new one.")
}

/// What a new key is made from.
struct Wish {
    name: String,
    scopes: Vec<Scope>,
    created_by: UserId,
    expires_at: Option<Instant>,
    replaces: Option<AccessKeyId>,
}

/// A new key and its text, not stored yet.
struct Created {
    text: KeyText,
    key: AccessKey,
}

impl Created {
    /// Stores the key; the reply shows its text, what is kept of the reply does not.
    fn save(
        self,
        tx: &mut ProjectTx<'_>,
        engine: &Engine,
        record: AuditRecord,
        mut details: serde_json::Value,
    ) -> Result<Audited<NewAccessKey>, Error> {
        let Created { text, key } = self;
        access_keys::insert(tx, &key, &engine.secrets().access_key_hash(text.expose()))?;
        let shown = NewAccessKey {
            id: key.id,
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            prefix: prefix(&key.public_id),
            access_key: Some(text.expose().to_owned()),
            created_at: key.created_at,
            expires_at: key.expires_at,
            replaces: key.replaces,
        };
        let kept = NewAccessKey { access_key: None, ..shown.clone() };
        let kept = serde_json::to_value(kept).map_err(|error| Error::Bug(format!("a key cannot be shown: {error}")))?;
        details["after"] = kept.clone();
        Ok(Audited::new(shown, record.details(details)).store_reply(kept))
    }
}

fn found_key(tx: &mut ProjectTx<'_>, id: AccessKeyId) -> Result<AccessKey, Error> {
    access_keys::get_for_update(tx, id)?.ok_or_else(Error::not_found)
}

fn check_expiry(expires_at: Option<Instant>, now: Instant) -> Result<(), Refusal> {
    match expires_at {
        Some(expires_at) if expires_at <= now => {
            Err(Refusal::field(Code::InvalidValue, "expiresAt", "must be in the future."))
        }
        Some(_) | None => Ok(()),
    }
}

/// Never later than the old key was to end anyway.
fn end_of_grace(old: &AccessKey, grace: Duration, now: Instant) -> Result<Instant, Refusal> {
    if grace > GRACE_MAX {
        return Err(Refusal::field(Code::OutOfRange, "graceMinutes", "must be at most 43200 minutes (30 days)."));
    }
    let ends = now.checked_add(grace).unwrap_or(now);
    Ok(old.expires_at.map_or(ends, |expires_at| expires_at.min(ends)))
}

/// An end as far from now as the old key's end was from its beginning.
fn same_lifetime(old: &AccessKey, now: Instant) -> Option<Instant> {
    let micros = old.expires_at?.micros().checked_sub(old.created_at.micros())?;
    now.checked_add(Duration::from_micros(u64::try_from(micros).ok()?))
}

fn revoked_already() -> Refusal {
    Refusal::new(Code::KeyRevoked, "The access key was revoked or has expired. It cannot be rotated; create a new one.")
}

impl From<AccessKey> for AccessKeyView {
    fn from(key: AccessKey) -> AccessKeyView {
        AccessKeyView {
            id: key.id,
            name: key.name,
            scopes: key.scopes,
            prefix: prefix(&key.public_id),
            created_by: key.created_by,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
            replaces: key.replaces,
        }
    }
}
