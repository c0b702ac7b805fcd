//! Access keys verified a moment ago, so that ingest does not ask the database about each request. A write that trusts
//! this memory looks at the stored key again in its own transaction.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use domain::access_keys::AccessKey;
use domain::ids::AccessKeyId;
use domain::time::Instant;

/// How many keys are remembered at most.
const REMEMBERED_MAX: usize = 10_000;
/// A key's last use is stored at most this often.
pub(crate) const USE_NOTED_EVERY: Duration = Duration::from_secs(60);

/// Verified keys by the hash of their text, and when their last use was noted.
#[derive(Debug)]
pub(crate) struct KeyCache {
    lifetime: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    verified: HashMap<[u8; 32], Verified>,
    noted: HashMap<AccessKeyId, Instant>,
}

#[derive(Debug)]
struct Verified {
    key: AccessKey,
    good_until: Instant,
}

impl KeyCache {
    pub fn new(lifetime: Duration) -> KeyCache {
        KeyCache { lifetime, state: Mutex::default() }
    }

    /// The key whose text has this hash, if it was verified a moment ago and works now.
    pub fn find(&self, hash: &[u8; 32], now: Instant) -> Option<AccessKey> {
        let state = self.lock();
        let verified = state.verified.get(hash).filter(|verified| now < verified.good_until)?;
        verified.key.is_alive(now).then(|| verified.key.clone())
    }

    /// Remembers a key that was just verified against the database.
    pub fn remember(&self, hash: [u8; 32], key: &AccessKey, now: Instant) {
        let Some(good_until) = now.checked_add(self.lifetime) else { return };
        let mut state = self.lock();
        if state.verified.len() >= REMEMBERED_MAX {
            state.verified.retain(|_, verified| now < verified.good_until);
        }
        // Still full: that many keys within one lifetime are served without this memory.
        if state.verified.len() < REMEMBERED_MAX {
            state.verified.insert(hash, Verified { key: key.clone(), good_until });
        }
    }

    /// Forgets a key that was revoked or changed here. Other processes find out by their own look at the database.
    pub fn forget(&self, id: AccessKeyId) {
        self.lock().verified.retain(|_, verified| verified.key.id != id);
    }

    /// Whether it is time to store that the key is in use; the answer is yes once a minute and key.
    pub fn note_is_due(&self, key: &AccessKey, now: Instant) -> bool {
        let recent = |at: Instant| at.checked_add(USE_NOTED_EVERY).is_some_and(|until| now < until);
        if key.last_used_at.is_some_and(recent) {
            return false;
        }
        let mut state = self.lock();
        if state.noted.get(&key.id).copied().is_some_and(recent) {
            return false;
        }
        if state.noted.len() >= REMEMBERED_MAX {
            state.noted.retain(|_, at| recent(*at));
        }
        state.noted.insert(key.id, now);
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Cannot fail: nothing panics while the lock is held.
        self.state.lock().expect("the key cache is not poisoned")
    }
}

#[cfg(test)]
mod tests {
    use domain::access::Scope;
    use domain::ids::{ProjectId, UserId};
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> Instant {
        Instant::from_micros(seconds * 1_000_000).unwrap()
    }

    fn key(number: u128) -> AccessKey {
        AccessKey {
            project: ProjectId::from_uuid(Uuid::from_u128(1)),
            id: AccessKeyId::from_uuid(Uuid::from_u128(number)),
            name: "Usage ingest".to_owned(),
            public_id: "0".repeat(12),
            scopes: vec![Scope::IngestUsage],
            created_by: UserId::from_uuid(Uuid::from_u128(2)),
            created_at: at(0),
            expires_at: Some(at(105)),
            last_used_at: None,
            revoked_at: None,
            replaces: None,
        }
    }

    #[test]
    fn a_key_is_remembered_briefly_and_never_beyond_its_expiry() {
        let cache = KeyCache::new(Duration::from_secs(10));
        cache.remember([1; 32], &key(1), at(90));
        assert_eq!(cache.find(&[1; 32], at(99)), Some(key(1)));
        assert_eq!(cache.find(&[1; 32], at(100)), None);
        cache.remember([1; 32], &key(1), at(100));
        assert_eq!(cache.find(&[1; 32], at(105)), None);
        assert_eq!(cache.find(&[2; 32], at(90)), None);
    }

    #[test]
    fn a_revoked_key_is_forgotten_at_once() {
        let cache = KeyCache::new(Duration::from_secs(10));
        cache.remember([1; 32], &key(1), at(0));
        cache.remember([2; 32], &key(2), at(0));
        cache.forget(key(1).id);
        assert_eq!(cache.find(&[1; 32], at(0)), None);
        assert!(cache.find(&[2; 32], at(0)).is_some());
    }

    #[test]
    fn a_use_is_noted_once_a_minute() {
        let cache = KeyCache::new(Duration::from_secs(10));
        let due: Vec<i64> = (0..200).filter(|second| cache.note_is_due(&key(1), at(*second))).collect();
        assert_eq!(due, [0, 60, 120, 180]);
        let used = AccessKey { last_used_at: Some(at(190)), ..key(2) };
        assert!(!cache.note_is_due(&used, at(200)), "another process noted it");
    }

    #[test]
    fn memory_is_bounded() {
        let cache = KeyCache::new(Duration::from_secs(10));
        for number in 0..12_000_u128 {
            let mut hash = [0; 32];
            hash[..16].copy_from_slice(&number.to_be_bytes());
            cache.remember(hash, &key(number), at(0));
        }
        assert_eq!(cache.lock().verified.len(), REMEMBERED_MAX);
        cache.remember([9; 32], &key(9), at(10));
        assert!(cache.find(&[9; 32], at(10)).is_some(), "what has ended makes room");
    }
}
