//! Passwords: which ones people may choose. How they are hashed is the engine's affair.

use crate::refusal::{Code, Refusal};
use crate::users::Email;

/// Shortest password in characters.
pub const LENGTH_MIN: usize = 12;
/// Longest password in bytes: hashing must not become work an attacker can order.
pub const LENGTH_BYTES_MAX: usize = 1_024;
/// Words that attackers try first. One per line, in lower case letters only.
const COMMON_WORDS: &str = include_str!("password/common_words.txt");
/// A common word stays common with this many digits and signs around it.
const DECORATION_MAX: usize = 8;

/// A password in plain text, on its way to being hashed. Debug output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// What somebody typed to prove who they are; any text.
    pub fn typed(text: &str) -> Password {
        Password(text.to_owned())
    }

    /// A password somebody chooses for the account with this address.
    ///
    /// # Errors
    /// [`Code::WeakPassword`] when it is shorter than 12 characters, longer than 1,024 bytes, one of the passwords that
    /// are tried first, or the address itself.
    pub fn chosen(field: &str, text: &str, email: &Email) -> Result<Password, Refusal> {
        let problem = if text.chars().count() < LENGTH_MIN {
            "must have at least 12 characters."
        } else if text.len() > LENGTH_BYTES_MAX {
            "must have at most 1,024 bytes."
        } else if is_common(text) || is_pattern(text) {
            "is one of those that are tried first. Choose another one."
        } else if is_address(text, email) {
            "must not be the email address."
        } else {
            return Ok(Password(text.to_owned()));
        };
        Err(Refusal::field(Code::WeakPassword, field, problem))
    }

    /// The text itself, for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Password(hidden)")
    }
}

/// A common word, once or several times, with a few digits and signs around it: `Passw0rd2024!`.
fn is_common(text: &str) -> bool {
    let text = text.to_lowercase();
    // A digit at the end is a digit; one in the middle may stand for a letter.
    let core = text.trim_matches(|letter: char| !letter.is_alphabetic());
    let letters: String = core.chars().map(unmask).filter(|letter| letter.is_alphabetic()).collect();
    let decoration = text.chars().count() - letters.chars().count();
    decoration <= DECORATION_MAX && COMMON_WORDS.lines().any(|word| is_repetition(&letters, word))
}

/// The letter that a sign stands for in `p@$$w0rd`.
fn unmask(letter: char) -> char {
    match letter {
        '@' | '4' => 'a',
        '3' => 'e',
        '0' => 'o',
        '$' | '5' => 's',
        other => other,
    }
}

fn is_repetition(text: &str, word: &str) -> bool {
    !text.is_empty() && text.len().is_multiple_of(word.len()) && text == word.repeat(text.len() / word.len())
}

/// One short piece over and over (`abcabcabcabc`), or neighbours in a row (`123456789012`).
fn is_pattern(text: &str) -> bool {
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    let repeated = (1..=4).any(|period| letters.iter().zip(&letters[period.min(letters.len())..]).all(|(a, b)| a == b));
    let row = |step: i64| {
        letters.windows(2).all(|pair| {
            let distance = i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
            // After 9 comes 0: `123456789012`.
            distance == step || (pair[0].is_ascii_digit() && distance == -9 * step)
        })
    };
    repeated || row(1) || row(-1)
}

fn is_address(text: &str, email: &Email) -> bool {
    let text = text.to_lowercase();
    text == email.as_str() || text == email.local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Password, Refusal> {
        let email = Email::parse("email", "long.local.part@example.com").unwrap();
        Password::chosen("password", text, &email)
    }

    #[rstest::rstest]
    #[case("strong-password")]
    #[case("orbit velvet canyon")]
    #[case("ünïcödé-słowo")]
    #[case("749302817465")]
    #[case("admin-8f3b1c77d2e9")]
    fn a_password_nobody_tries_first_is_accepted(#[case] text: &str) {
        assert_eq!(chosen(text).unwrap().expose(), text);
    }

    #[rstest::rstest]
    #[case("elevenchars")]
    #[case("")]
    #[case("ééééé")]
    #[case(&"long".repeat(300))]
    fn a_password_of_the_wrong_length_is_refused(#[case] text: &str) {
        assert_eq!(chosen(text).unwrap_err().code, Code::WeakPassword);
    }

    #[rstest::rstest]
    #[case("password1234")]
    #[case("Passw0rd2024!")]
    #[case("P@$$w0rd1234")]
    #[case("passwordpassword")]
    #[case("qwertyuiop12")]
    #[case("Administrator")]
    #[case("changeme-2026")]
    #[case("correct horse battery staple")]
    fn a_common_word_with_decoration_is_refused(#[case] text: &str) {
        assert_eq!(chosen(text).unwrap_err().code, Code::WeakPassword, "{text}");
    }

    #[rstest::rstest]
    #[case("aaaaaaaaaaaa")]
    #[case("abcabcabcabc")]
    #[case("123456789012")]
    #[case("210987654321")]
    #[case("abcdefghijkl")]
    fn a_pattern_is_refused(#[case] text: &str) {
        assert_eq!(chosen(text).unwrap_err().code, Code::WeakPassword, "{text}");
    }

    #[rstest::rstest]
    #[case("long.local.part@example.com")]
    #[case("Long.Local.Part")]
    fn the_address_itself_is_refused(#[case] text: &str) {
        assert_eq!(chosen(text).unwrap_err().code, Code::WeakPassword);
    }

    #[test]
    fn debug_output_hides_the_password() {
        // checklist 101
        assert_eq!(format!("{:?}", Password::typed("strong-password")), "Password(hidden)");
    }
}
