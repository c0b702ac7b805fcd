//! Counts attempts to log in, per account and per address, so that passwords cannot be tried out. Every server process
//! counts for itself; a restart forgets.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Duration;

use domain::time::Instant;
use domain::users::Email;

use super::settings::LoginThrottle;

/// How many accounts and how many addresses are remembered at most.
const REMEMBERED_MAX: usize = 50_000;

/// Attempts under way and failed ones, within the current windows.
#[derive(Debug)]
pub(crate) struct LoginAttempts {
    limits: LoginThrottle,
    accounts: Mutex<Windows<Email>>,
    addresses: Mutex<Windows<IpAddr>>,
}

/// One counted attempt. It counts as failed unless it is told otherwise.
#[derive(Debug, Clone)]
#[must_use]
pub(crate) struct Attempt {
    account: Email,
    address: Option<IpAddr>,
}

impl LoginAttempts {
    pub fn new(limits: LoginThrottle) -> LoginAttempts {
        LoginAttempts { limits, accounts: Mutex::new(Windows::new()), addresses: Mutex::new(Windows::new()) }
    }

    /// Counts an attempt before it is looked at, so that many at once cannot slip through.
    ///
    /// # Errors
    /// The seconds to wait when the account or the address is at its limit; then nothing is counted.
    pub fn begin(&self, account: &Email, address: Option<IpAddr>, now: Instant) -> Result<Attempt, u32> {
        let LoginThrottle { window, failures_per_account, failures_per_address } = self.limits;
        let address = address.map(network);
        let mut accounts = lock(&self.accounts);
        let mut addresses = lock(&self.addresses);
        accounts.check(account, failures_per_account, window, now)?;
        if let Some(address) = &address {
            addresses.check(address, failures_per_address, window, now)?;
            addresses.count(*address, window, now);
        }
        accounts.count(account.clone(), window, now);
        Ok(Attempt { account: account.clone(), address })
    }

    /// The password was right: the account's failures are forgotten, and this attempt does not count for the address.
    pub fn succeeded(&self, attempt: &Attempt) {
        lock(&self.accounts).open.remove(&attempt.account);
        if let Some(address) = &attempt.address {
            lock(&self.addresses).take_back(address);
        }
    }

    /// The password was not looked at: the attempt never was.
    pub fn abandoned(&self, attempt: &Attempt) {
        lock(&self.accounts).take_back(&attempt.account);
        if let Some(address) = &attempt.address {
            lock(&self.addresses).take_back(address);
        }
    }
}

/// Fixed windows: each begins with its first attempt.
#[derive(Debug)]
struct Windows<K> {
    open: HashMap<K, Window>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    attempts: u32,
}

impl<K: Eq + Hash + Clone> Windows<K> {
    fn new() -> Windows<K> {
        Windows { open: HashMap::new() }
    }

    fn check(&self, key: &K, limit: u32, length: Duration, now: Instant) -> Result<(), u32> {
        match self.open.get(key) {
            Some(window) if window.attempts >= limit => match seconds_left(window.began, length, now) {
                0 => Ok(()),
                seconds => Err(seconds),
            },
            Some(_) | None => Ok(()),
        }
    }

    fn count(&mut self, key: K, length: Duration, now: Instant) {
        if self.open.len() >= REMEMBERED_MAX && !self.open.contains_key(&key) {
            self.make_room(length, now);
        }
        let window = self.open.entry(key).or_insert(Window { began: now, attempts: 0 });
        if seconds_left(window.began, length, now) == 0 {
            *window = Window { began: now, attempts: 0 };
        }
        window.attempts = window.attempts.saturating_add(1);
    }

    fn take_back(&mut self, key: &K) {
        if let Some(window) = self.open.get_mut(key) {
            window.attempts = window.attempts.saturating_sub(1);
        }
    }

    /// Forgets windows that ended, and the oldest one if that was not enough.
    fn make_room(&mut self, length: Duration, now: Instant) {
        self.open.retain(|_, window| seconds_left(window.began, length, now) > 0);
        if self.open.len() >= REMEMBERED_MAX {
            let oldest = self.open.iter().min_by_key(|(_, window)| window.began).map(|(key, _)| key.clone());
            if let Some(key) = oldest {
                self.open.remove(&key);
            }
        }
    }
}

/// Whole seconds until a window ends, rounded up; 0 when it has ended.
fn seconds_left(began: Instant, length: Duration, now: Instant) -> u32 {
    let Some(end) = began.checked_add(length) else { return 0 };
    let micros = end.micros().saturating_sub(now.micros()).max(0);
    let seconds = micros / 1_000_000 + i64::from(micros % 1_000_000 > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// What one attacker holds many of: a single IPv4 address, the /64 network of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Cannot fail: nothing panics while the lock is held.
    mutex.lock().expect("the login attempts are not poisoned")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LoginThrottle =
        LoginThrottle { window: Duration::from_secs(60), failures_per_account: 2, failures_per_address: 3 };

    fn at(seconds: i64) -> Instant {
        Instant::from_micros(seconds * 1_000_000).unwrap()
    }

    fn email(name: &str) -> Email {
        Email::parse("email", &format!("{name}@example.com")).unwrap()
    }

    #[test]
    fn an_account_is_refused_after_its_failures_until_the_window_ends() {
        let attempts = LoginAttempts::new(LIMITS);
        for second in [0, 10] {
            assert!(attempts.begin(&email("a"), None, at(second)).is_ok());
        }
        assert_eq!(attempts.begin(&email("a"), None, at(20)).unwrap_err(), 40);
        assert!(attempts.begin(&email("b"), None, at(20)).is_ok());
        assert!(attempts.begin(&email("a"), None, at(60)).is_ok());
    }

    #[test]
    fn an_address_is_refused_whatever_accounts_it_tries() {
        let attempts = LoginAttempts::new(LIMITS);
        let address = |text: &str| Some(text.parse().unwrap());
        for name in ["a", "b", "c"] {
            assert!(attempts.begin(&email(name), address("2001:db8::1"), at(0)).is_ok());
        }
        assert!(attempts.begin(&email("d"), address("2001:db8::2"), at(0)).is_err(), "the same /64");
        assert!(attempts.begin(&email("d"), address("2001:db8:0:1::1"), at(0)).is_ok(), "another /64");
    }

    #[test]
    fn a_success_forgives_the_account_but_not_the_address() {
        let attempts = LoginAttempts::new(LIMITS);
        let address = Some("192.0.2.1".parse().unwrap());
        let _failed = attempts.begin(&email("a"), address, at(0)).unwrap();
        let right = attempts.begin(&email("a"), address, at(0)).unwrap();
        attempts.succeeded(&right);
        for name in ["a", "a"] {
            assert!(attempts.begin(&email(name), address, at(0)).is_ok());
        }
        assert!(attempts.begin(&email("b"), address, at(0)).is_err());
    }

    #[test]
    fn an_attempt_nobody_looked_at_does_not_count() {
        let attempts = LoginAttempts::new(LIMITS);
        for _ in 0..10 {
            let attempt = attempts.begin(&email("a"), Some("192.0.2.1".parse().unwrap()), at(0)).unwrap();
            attempts.abandoned(&attempt);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut windows = Windows::new();
        for number in 0..REMEMBERED_MAX + 10 {
            windows.count(number, LIMITS.window, at(0));
        }
        assert_eq!(windows.open.len(), REMEMBERED_MAX);
    }
}
