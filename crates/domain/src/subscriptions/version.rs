//! The version of a subscription's state: a digest of everything its future depends on, pinned by a preview.

use std::fmt;

use crate::idempotency::Canonical;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::change::SubscriptionChange;

/// SHA-256 over the changes that are in force or lie ahead, in the order of effect. A change that was submitted and withdrawn leaves no
/// trace in it: the future is the same.
///
/// ```
/// use domain::subscriptions::version::StateVersion;
/// let version: StateVersion = "ab".repeat(32).parse().unwrap();
/// assert_eq!(version.to_string(), "ab".repeat(32));
/// assert!("stale".parse::<StateVersion>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct StateVersion([u8; 32]);

/// A text that is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a version of 64 hexadecimal digits, as a preview gives it")]
pub struct StateVersionError;

impl StateVersion {
    /// Of changes in the order of effect.
    pub(super) fn of<'c>(changes: impl IntoIterator<Item = &'c SubscriptionChange>) -> StateVersion {
        let mut form = Canonical::new("subscription");
        for change in changes {
            // Cannot fail: texts, numbers as texts, and maps with text keys.
            let content = serde_json::to_string(&change.change).expect("a change is representable in JSON");
            form = form.id(change.id).instant(change.effective_at).json(&content);
        }
        StateVersion(form.fingerprint().0)
    }

    /// Checks that nothing changed since a preview.
    ///
    /// # Errors
    /// [`Code::PreviewStale`] when the preview was of another state.
    pub fn require(self, previewed: StateVersion) -> Result<(), Refusal> {
        if self == previewed {
            return Ok(());
        }
        Err(Refusal::new(
            Code::PreviewStale,
            "The subscription was changed since it was previewed. Preview again and send the change with the new version.",
        ))
    }
}

impl fmt::Display for StateVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl std::str::FromStr for StateVersion {
    type Err = StateVersionError;
    fn from_str(text: &str) -> Result<StateVersion, StateVersionError> {
        let is_hexadecimal = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hexadecimal {
            return Err(StateVersionError);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or(StateVersionError)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| StateVersionError)?;
        }
        Ok(StateVersion(bytes))
    }
}

impl serde::Serialize for StateVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for StateVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<StateVersion, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
