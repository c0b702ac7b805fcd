//! Users: people who log in, known by their email address.

use crate::ids::{SessionId, UserId};
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// Longest email address in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const EMAIL_LENGTH_MAX: usize = 254;
/// Longest part before the `@` in bytes (RFC 5321, section 4.5.3.1.1).
const LOCAL_LENGTH_MAX: usize = 64;

/// An email address in lower case, so that one person has one account however the address is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, utoipa::ToSchema)]
#[schema(value_type = String, format = Email, example = "owner@example.com")]
pub struct Email(String);

impl Email {
    /// Reads `local@domain`, in any case, with spaces around it taken off. Whether mail arrives there is not checked.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a text that cannot be an address.
    pub fn parse(field: &str, text: &str) -> Result<Email, Refusal> {
        let email = text.trim().to_lowercase();
        let shaped = email.len() <= EMAIL_LENGTH_MAX
            && !email.chars().any(|letter| letter.is_control() || letter.is_whitespace())
            && email.split_once('@').is_some_and(|(local, domain)| {
                (1..=LOCAL_LENGTH_MAX).contains(&local.len())
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !domain.starts_with('.')
                    && !domain.ends_with('.')
            });
        if shaped {
            Ok(Email(email))
        } else {
            Err(Refusal::field(Code::InvalidValue, field, "must be an email address such as \"owner@example.com\"."))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// A person who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub name: String,
    /// Runs the installation; is in no project by that alone.
    pub platform_admin: bool,
    pub created_at: Instant,
    /// Set when the user may not log in any more.
    pub disabled_at: Option<Instant>,
}

/// One login of a user, with its chain of refresh tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// Which refresh token of the chain is the next to be used; counts from 1.
    pub generation: i64,
    pub created_at: Instant,
    pub refreshed_at: Instant,
    /// The last moment of the session, exclusive, however often it is refreshed.
    pub expires_at: Instant,
    pub revoked_at: Option<Instant>,
}

impl Session {
    /// Whether tokens of this session are good at this moment.
    pub fn is_open(&self, now: Instant) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_account_however_the_address_is_written() {
        let email = Email::parse("email", "  Owner@Example.COM ").unwrap();
        assert_eq!((email.as_str(), email.local()), ("owner@example.com", "owner"));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("owner")]
    #[case("@example.com")]
    #[case("owner@")]
    #[case("owner@.com")]
    #[case("a@b@c")]
    #[case("a b@example.com")]
    #[case("a\n@example.com")]
    #[case(&format!("{}@example.com", "l".repeat(65)))]
    fn what_cannot_be_an_address_is_refused(#[case] text: &str) {
        assert_eq!(Email::parse("email", text).unwrap_err().code, Code::InvalidValue);
    }
}
