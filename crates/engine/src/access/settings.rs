//! What access costs and how long it lasts. Chosen by whoever builds the engine; tests take the cheap profile.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Costs, lifetimes and limits of logins, tokens and access keys.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    pub password_cost: PasswordCost,
    /// Password hashes that may be computed at the same time: one per core.
    pub hashes_at_once: NonZeroUsize,
    /// Logins that may wait for their turn; more are answered `overloaded` at once.
    pub hashes_waiting_max: usize,
    /// How long a signed token is good for.
    pub token_lifetime: Duration,
    /// How long a login lasts, however often it is refreshed.
    pub session_lifetime: Duration,
    pub login_throttle: LoginThrottle,
    /// How long a verified access key is taken from memory where the write itself looks at the stored key again.
    pub key_cache_lifetime: Duration,
}

/// Parameters of argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

/// How many logins may fail within a window before the next one is refused unseen. Counted per server process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginThrottle {
    pub window: Duration,
    pub failures_per_account: u32,
    pub failures_per_address: u32,
}

impl AccessSettings {
    /// For a server with this many cores.
    pub fn for_server(cores: NonZeroUsize) -> AccessSettings {
        AccessSettings {
            password_cost: PasswordCost { memory_kib: 46 * 1024, passes: 1, lanes: 1 },
            hashes_at_once: cores,
            hashes_waiting_max: cores.get().saturating_mul(16),
            token_lifetime: Duration::from_secs(15 * 60),
            session_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            login_throttle: LoginThrottle {
                window: Duration::from_secs(15 * 60),
                failures_per_account: 10,
                failures_per_address: 100,
            },
            key_cache_lifetime: Duration::from_secs(10),
        }
    }

    /// For tests: the same rules, hashes that cost next to nothing.
    pub fn for_tests() -> AccessSettings {
        let cheap = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };
        AccessSettings { password_cost: cheap, ..AccessSettings::for_server(NonZeroUsize::MIN) }
    }
}
