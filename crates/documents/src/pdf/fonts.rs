//! The fonts that documents are set in, and what can be printed with them.

use std::sync::LazyLock;

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

use crate::printable::printable;

/// Printed in place of a character that no font has; PDF/A allows no empty box.
const UNKNOWN: char = '\u{fffd}';

/// The longest word that is not broken, in characters: an invoice number or an account number stays whole.
const WORD_LENGTH_MAX: usize = 34;
/// Where a longer one may be broken.
const BREAK_EVERY: usize = 8;

/// All fonts of the binary; nothing is looked for on the machine.
pub(super) static FONTS: LazyLock<Fonts> = LazyLock::new(Fonts::embedded);

pub(super) struct Fonts {
    pub fonts: Vec<Font>,
    pub book: LazyHash<FontBook>,
}

impl Fonts {
    fn embedded() -> Fonts {
        let files: [&'static [u8]; 4] = [
            include_bytes!("../../fonts/Inter-Regular.otf"),
            include_bytes!("../../fonts/Inter-SemiBold.otf"),
            // What Inter does not have: Arabic, Hebrew, Armenian, Georgian, symbols.
            include_bytes!("../../fonts/DejaVuSans.ttf"),
            // Chinese, Japanese, Korean.
            include_bytes!("../../fonts/DroidSansFallback.ttf"),
        ];
        let fonts: Vec<Font> = files.iter().filter_map(|file| Font::new(Bytes::new(*file), 0)).collect();
        // A file that is no font would leave gaps on paper: better no start at all.
        assert!(fonts.len() == files.len(), "every embedded font is readable");
        let book = LazyHash::new(FontBook::from_fonts(&fonts));
        Fonts { fonts, book }
    }

    /// The text with a mark in place of each character that would be an empty box.
    pub fn printable(&self, text: &str) -> String {
        let text = printable(text);
        let kept = text.chars().filter_map(|character| match character {
            // Joiners and variation selectors have no shape of their own.
            '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => None,
            '\n' => Some('\n'),
            other => Some(if self.has(other) { other } else { UNKNOWN }),
        });
        breakable(kept)
    }

    fn has(&self, character: char) -> bool {
        self.fonts.iter().any(|font| font.info().coverage.contains(u32::from(character)))
    }
}

/// Lets a word break that is too long for any column.
fn breakable(characters: impl Iterator<Item = char>) -> String {
    let (mut text, mut word) = (String::new(), String::new());
    for character in characters {
        if character.is_whitespace() {
            push_word(&mut text, &word);
            word.clear();
            text.push(character);
        } else {
            word.push(character);
        }
    }
    push_word(&mut text, &word);
    text
}

fn push_word(text: &mut String, word: &str) {
    let is_long = word.chars().count() > WORD_LENGTH_MAX;
    for (index, character) in word.chars().enumerate() {
        if is_long && index > 0 && index % BREAK_EVERY == 0 {
            text.push('\u{200b}');
        }
        text.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_of_customers_are_there() {
        for text in
            ["Größe ÅÉñç Łódź", "Ελλάδα", "Україна", "שלום", "العربية", "東京都渋谷区", "서울", "上海", "€ £ ¥ ₹ − – ’"]
        {
            assert_eq!(FONTS.printable(text), text);
        }
    }

    #[test]
    fn only_a_word_that_fits_nowhere_may_be_broken() {
        let word = "W".repeat(WORD_LENGTH_MAX);
        assert_eq!(FONTS.printable(&format!("{word} {word}")), format!("{word} {word}"));
        let broken = FONTS.printable(&format!("a {word}W b"));
        assert_eq!((broken.matches('\u{200b}').count(), broken.replace('\u{200b}', "")), (4, format!("a {word}W b")));
    }

    #[test]
    fn what_no_font_has_is_marked_and_not_lost() {
        assert_eq!(FONTS.printable("a\u{13000}b"), "a\u{fffd}b");
        assert_eq!(FONTS.printable("x\u{fe0f}\u{200d}y"), "xy");
        assert!(FONTS.has(UNKNOWN));
    }
}
