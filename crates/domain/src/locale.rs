//! In which language and with which forms of dates and numbers a document is written: a closed list, so that every document can be
//! rendered again for ever.

use crate::named::named;
use crate::refusal::{Code, Refusal};

named! {
    /// A language and its country, as BCP 47 writes them.
    Locale {
        EnUs = "en-US",
        EnGb = "en-GB",
        DeDe = "de-DE",
        FrFr = "fr-FR",
        EsEs = "es-ES",
        ItIt = "it-IT",
        NlNl = "nl-NL",
        JaJp = "ja-JP",
    }
}

impl Locale {
    /// What documents are written in where nobody said anything.
    pub const USUAL: Locale = Locale::EnUs;
}

/// The locale with this name.
///
/// # Errors
/// [`Code::InvalidValue`] for any other text, with the names there are.
pub fn locale(field: &str, text: &str) -> Result<Locale, Refusal> {
    let refused = || {
        let names: Vec<&str> = Locale::ALL.iter().map(|locale| locale.as_str()).collect();
        Refusal::field(Code::InvalidValue, field, format!("must be one of {}.", names.join(", ")))
    };
    Locale::parse(text).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_that_no_document_is_written_in_is_refused_with_those_there_are() {
        assert_eq!(locale("locale", "de-DE"), Ok(Locale::DeDe));
        let refusal = locale("locale", "de").unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidValue, Some("locale")));
        assert!(refusal.detail.contains("en-US, en-GB, de-DE"));
    }
}
