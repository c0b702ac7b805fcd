//! The installation's secret: where it comes from, what it must be like, and how a development machine gets one.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::Secrets;
use engine::ports::Random;
use storage::DatabaseUrl;

use super::Values;

const FILE_NAME: &str = "neruba.secret";

/// Bytes of randomness in a secret that is made here.
const RANDOM_BYTES: usize = 32;

/// A secret of 32 random characters has more different ones than this, all but surely.
const DIFFERENT_BYTES_MIN: usize = 12;

/// Words that stand in secrets nobody chose at random.
const TELLING_WORDS: [&str; 8] =
    ["changeme", "change-me", "secret", "password", "default", "example", "neruba", "1234567890"];

/// Where the secret comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    Variable(Secret),
    File(PathBuf),
    /// Nobody said anything: a development machine makes this file on first start.
    Made(PathBuf),
}

/// What a secret must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretRules {
    /// Long enough.
    Development,
    /// Given from outside, long enough, not guessable, readable by nobody else.
    Production,
}

/// Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl SecretSource {
    pub fn of(values: &Values, database: &DatabaseUrl) -> SecretSource {
        match (values.find("secret"), values.find("secretFile")) {
            (Some(secret), _) => SecretSource::Variable(Secret(secret.to_owned())),
            (None, Some(file)) => SecretSource::File(PathBuf::from(file)),
            (None, None) => SecretSource::Made(beside(database)),
        }
    }

    /// # Errors
    /// A secret that is missing, unreadable, or not what the rules demand.
    pub fn load(&self, rules: SecretRules, random: &dyn Random) -> Result<Secret> {
        let secret = match self {
            SecretSource::Variable(secret) => secret.clone(),
            SecretSource::File(path) => read(path, rules)?,
            SecretSource::Made(path) => match rules {
                SecretRules::Development => make_once(path, random)?,
                SecretRules::Production => bail!(
                    "production needs a secret of its own: write 32 random bytes into a file that only the server can read, for \
                     example with `openssl rand -base64 32`, and name it in NERUBA_SECRET_FILE"
                ),
            },
        };
        secret.derive()?;
        if rules == SecretRules::Production {
            secret.refuse_guessable()?;
        }
        Ok(secret)
    }

    /// For people: where it is, not what it is.
    pub fn describe(&self) -> String {
        match self {
            SecretSource::Variable(_) => "NERUBA_SECRET".to_owned(),
            SecretSource::File(path) => path.display().to_string(),
            SecretSource::Made(path) => format!("{} (made on first start)", path.display()),
        }
    }
}

impl Secret {
    /// # Errors
    /// A secret of fewer than 32 bytes.
    pub fn derive(&self) -> Result<Secrets> {
        Secrets::derive(self.0.as_bytes()).context("NERUBA_SECRET or NERUBA_SECRET_FILE")
    }

    fn refuse_guessable(&self) -> Result<()> {
        let lower = self.0.to_ascii_lowercase();
        if let Some(word) = TELLING_WORDS.iter().find(|word| lower.contains(*word)) {
            bail!("the secret contains {word:?}: production refuses secrets that were not made at random");
        }
        let mut seen = [false; 256];
        for byte in self.0.bytes() {
            seen[usize::from(byte)] = true;
        }
        let different = seen.iter().filter(|seen| **seen).count();
        ensure!(
            different >= DIFFERENT_BYTES_MIN,
            "the secret has only {different} different characters: production refuses secrets that were not made at random"
        );
        Ok(())
    }
}

/// Data and secret belong together: a copy of both is a working copy.
fn beside(database: &DatabaseUrl) -> PathBuf {
    let folder = database.sqlite_path().and_then(Path::parent).unwrap_or(Path::new("data"));
    folder.join(FILE_NAME)
}

fn read(path: &Path, rules: SecretRules) -> Result<Secret> {
    let context = || format!("cannot read the secret from {}", path.display());
    if rules == SecretRules::Production {
        let mode = std::fs::metadata(path).with_context(context)?.permissions().mode();
        ensure!(
            mode & 0o077 == 0,
            "{} can be read by others than its owner: run `chmod 600 {}`",
            path.display(),
            path.display()
        );
    }
    let text = std::fs::read_to_string(path).with_context(context)?;
    Ok(Secret(text.trim_end().to_owned()))
}

/// The secret of this file, which is made if it does not exist. Two processes that start together agree on one.
fn make_once(path: &Path, random: &dyn Random) -> Result<Secret> {
    if path.exists() {
        return read(path, SecretRules::Development);
    }
    let context = || format!("cannot make the secret file {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(context)?;
    }
    let mut bytes = [0; RANDOM_BYTES];
    random.fill(&mut bytes);
    // Written elsewhere first: nobody reads half a secret, and the link fails if another process was faster.
    let mut name = [0; 4];
    random.fill(&mut name);
    let draft = path.with_extension(format!("{}.draft", u32::from_ne_bytes(name)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).with_context(context)?;
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(bytes)).and_then(|()| file.sync_all()).with_context(context)?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).with_context(context)?;
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(context),
    }
    read(path, SecretRules::Development)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::OsRandom;

    fn variable(text: &str) -> SecretSource {
        SecretSource::Variable(Secret(text.to_owned()))
    }

    #[track_caller]
    fn refused(source: &SecretSource, rules: SecretRules, words: &str) {
        let error = source.load(rules, &OsRandom).err().expect("the secret is refused");
        assert!(format!("{error:#}").contains(words), "{error:#}");
    }

    #[test]
    fn production_refuses_secrets_that_are_missing_short_or_guessable() {
        // checklist 105
        let production = SecretRules::Production;
        refused(&SecretSource::Made("data/neruba.secret".into()), production, "production needs a secret of its own");
        refused(&variable("short"), production, "at least 32");
        refused(&variable(&"ab".repeat(20)), production, "different characters");
        refused(&variable("changeme-changeme-changeme-0123456789"), production, "changeme");
        refused(&SecretSource::File("/nowhere/secret".into()), production, "cannot read");
        assert!(variable("q3J9vX0mB7sKd2LwTzR8yHc4NfGp6UaE1oVi5Yx").load(production, &OsRandom).is_ok());
    }

    #[test]
    fn production_refuses_a_file_that_others_can_read() {
        // checklist 105
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "q3J9vX0mB7sKd2LwTzR8yHc4NfGp6UaE1oVi5Yx\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        refused(&SecretSource::File(path.clone()), SecretRules::Production, "chmod 600");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(SecretSource::File(path).load(SecretRules::Production, &OsRandom).is_ok());
    }

    #[test]
    fn a_development_machine_makes_its_secret_once() {
        let folder = tempfile::tempdir().unwrap();
        let source = SecretSource::Made(folder.path().join("data").join(FILE_NAME));
        let secrets: Vec<Secret> = std::thread::scope(|scope| {
            let load = || source.load(SecretRules::Development, &OsRandom).unwrap();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        let mode = std::fs::metadata(folder.path().join("data").join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
