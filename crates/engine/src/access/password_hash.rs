//! Hashing of passwords: argon2id (RFC 9106), as many at once as the machine has cores.

use std::sync::OnceLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::password::Password;

use super::gate::Gate;
use super::settings::{AccessSettings, PasswordCost};
use crate::error::Error;
use crate::ports::Random;

/// What a caller is told to wait when too many logins are under way.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Hashes and verifies passwords.
#[derive(Debug)]
pub(crate) struct PasswordHashes {
    cost: PasswordCost,
    gate: Gate,
    /// Verified instead of the hash of a user who does not exist, so that both take the same time.
    decoy: OnceLock<String>,
}

impl PasswordHashes {
    pub fn new(settings: &AccessSettings) -> PasswordHashes {
        PasswordHashes {
            cost: settings.password_cost,
            gate: Gate::new(settings.hashes_at_once, settings.hashes_waiting_max),
            decoy: OnceLock::new(),
        }
    }

    /// The stored form of a password: the PHC text, with a salt of its own.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too many hashes are being waited for.
    pub fn hash(&self, password: &Password, random: &dyn Random) -> Result<String, Error> {
        let _pass = self.gate.enter().ok_or(overloaded())?;
        self.compute(password, random)
    }

    /// Whether this is the password behind the stored form. Without a stored form it is not, after the same time.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too many hashes are being waited for.
    pub fn verify(&self, password: &Password, stored: Option<&str>, random: &dyn Random) -> Result<bool, Error> {
        let _pass = self.gate.enter().ok_or(overloaded())?;
        let decoy = self.decoy(random)?;
        let hash = PasswordHash::new(stored.unwrap_or(decoy)).map_err(|error| bug(&error))?;
        let fits = self.argon2()?.verify_password(password.expose().as_bytes(), &hash).is_ok();
        Ok(fits && stored.is_some())
    }

    fn decoy(&self, random: &dyn Random) -> Result<&str, Error> {
        if self.decoy.get().is_none() {
            let hash = self.compute(&Password::typed("the password of nobody"), random)?;
            // Another thread may have been faster; either decoy will do.
            let _ = self.decoy.set(hash);
        }
        self.decoy.get().map(String::as_str).ok_or_else(|| Error::Bug("the decoy hash is missing".to_owned()))
    }

    fn compute(&self, password: &Password, random: &dyn Random) -> Result<String, Error> {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let hash = self.argon2()?.hash_password_with_salt(password.expose().as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|error| bug(&error))
    }

    fn argon2(&self) -> Result<Argon2<'static>, Error> {
        let PasswordCost { memory_kib, passes, lanes } = self.cost;
        let params = Params::new(memory_kib, passes, lanes, None).map_err(|error| bug(&error))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

fn overloaded() -> Error {
    Error::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS }
}

fn bug(error: &dyn std::fmt::Display) -> Error {
    Error::Bug(format!("a password cannot be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;
    impl Random for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn the_server_profile_is_argon2id_with_46_mib() {
        let settings = AccessSettings::for_server(std::num::NonZeroUsize::MIN);
        let hash = PasswordHashes::new(&settings).hash(&Password::typed("strong-password"), &Zeros).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{hash}");
    }

    #[test]
    fn too_many_at_once_are_turned_away() {
        let settings = AccessSettings { hashes_waiting_max: 0, ..AccessSettings::for_tests() };
        let hashes = PasswordHashes::new(&settings);
        let password = Password::typed("strong-password");
        let busy = hashes.gate.enter().unwrap();
        assert!(matches!(hashes.hash(&password, &Zeros), Err(Error::Overloaded { retry_after_seconds: 1 })));
        assert!(matches!(hashes.verify(&password, None, &Zeros), Err(Error::Overloaded { .. })));
        drop(busy);
        assert!(hashes.hash(&password, &Zeros).is_ok());
    }

    #[test]
    fn only_the_right_password_of_somebody_fits() {
        let hashes = PasswordHashes::new(&AccessSettings::for_tests());
        let right = Password::typed("strong-password");
        let stored = hashes.hash(&right, &Zeros).unwrap();
        assert!(hashes.verify(&right, Some(&stored), &Zeros).unwrap());
        assert!(!hashes.verify(&Password::typed("weak-password"), Some(&stored), &Zeros).unwrap());
        assert!(!hashes.verify(&Password::typed("the password of nobody"), None, &Zeros).unwrap());
    }
}
