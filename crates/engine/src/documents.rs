//! Issued invoices and credit notes as people read them: drawn from the frozen document alone, the same bytes whenever they are asked for.
//! A draft is not drawn: it has no number, and a page that looks like an invoice would be taken for one.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::access::Permission;
use domain::ids::{CreditNoteId, InvoiceId};
use domain::invoices::document::Document;
use domain::refusal::Code;
use sha2::{Digest, Sha256};
use storage::{credit_notes, invoices, issued_invoices};

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// As what a document is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentForm {
    Html,
    Pdf,
}

/// A document that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnDocument {
    /// The same as long as the bytes are: the digest of the frozen document, and which drawing it is.
    pub tag: String,
    /// The number, with what no file name may hold replaced; without an ending.
    pub file_name: String,
    /// Absent where the caller has them.
    pub bytes: Option<Vec<u8>>,
}

/// What is drawn: which document, as what, and what the caller has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    pub form: DocumentForm,
    /// The tags of what the caller has.
    pub known: Vec<String>,
}

/// The hash of the one style sheet in a drawn page, as a content security policy names it.
pub static DOCUMENT_STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| format!("sha256-{}", STANDARD.encode(Sha256::digest(documents::STYLE))));

/// A frozen document as it is stored.
struct Frozen {
    json: String,
    digest: [u8; 32],
}

impl Engine {
    /// Draws an issued invoice; also one that is void by now: its number is used, and what was sent stays what it was.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::InvoiceNotIssued`] for a draft; no permission to read what is billed.
    pub fn draw_invoice(&self, ctx: &Ctx, id: InvoiceId, drawing: &Drawing) -> Result<DrawnDocument, Error> {
        ctx.require(Permission::BillingRead)?;
        let frozen = self.read(ctx.project, "draw_invoice", |tx| {
            if let Some(issued) = issued_invoices::get(tx, id)? {
                return Ok(Frozen { json: issued.document, digest: issued.digest });
            }
            invoices::get(tx, id)?.ok_or_else(Error::not_found)?;
            let detail = "A draft has no number yet and is not printed. Finalize it, or read what it would be as JSON.";
            Err(Error::refused(Code::InvoiceNotIssued, detail))
        })?;
        draw(&frozen, drawing)
    }

    /// Draws a credit note of an invoice.
    ///
    /// # Errors
    /// [`Code::NotFound`], also for a credit note of another invoice; no permission to read what is billed.
    pub fn draw_credit_note(
        &self,
        ctx: &Ctx,
        invoice: InvoiceId,
        id: CreditNoteId,
        drawing: &Drawing,
    ) -> Result<DrawnDocument, Error> {
        ctx.require(Permission::BillingRead)?;
        let frozen = self.read(ctx.project, "draw_credit_note", |tx| {
            let note = credit_notes::get(tx, id)?.filter(|note| note.invoice == invoice);
            let note = note.ok_or_else(Error::not_found)?;
            Ok(Frozen { json: note.document, digest: note.digest })
        })?;
        draw(&frozen, drawing)
    }
}

/// Outside of every transaction: it takes its time and needs nothing but the document.
fn draw(frozen: &Frozen, drawing: &Drawing) -> Result<DrawnDocument, Error> {
    if Document::digest_of(&frozen.json) != frozen.digest {
        return Err(Error::Bug("a stored document is not the one that was issued: its digest is another".to_owned()));
    }
    let document = Document::from_json(&frozen.json).map_err(|error| Error::Bug(error.to_string()))?;
    let digest: String = frozen.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("{digest}-{}", documents::DRAWING);
    let file_name = file_name(&document.number);
    if drawing.known.contains(&tag) {
        return Ok(DrawnDocument { tag, file_name, bytes: None });
    }
    let bytes = match drawing.form {
        DocumentForm::Html => documents::html(&document).map(String::into_bytes),
        DocumentForm::Pdf => documents::pdf(&document),
    };
    let bytes = bytes.map_err(|error| Error::Bug(error.to_string()))?;
    Ok(DrawnDocument { tag, file_name, bytes: Some(bytes) })
}

fn file_name(number: &str) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    number.chars().map(|character| if fits(character) { character } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("INV-2026-000042", "INV-2026-000042")]
    #[case("2026/RE/7", "2026-RE-7")]
    #[case("a\"b\r\nc", "a-b--c")]
    fn a_file_name_holds_nothing_that_means_something(#[case] number: &str, #[case] name: &str) {
        assert_eq!(file_name(number), name);
    }

    #[test]
    fn a_document_that_was_changed_is_not_drawn() {
        let frozen = Frozen { json: "{}".to_owned(), digest: [0; 32] };
        let drawing = Drawing { form: DocumentForm::Html, known: Vec::new() };
        assert!(matches!(draw(&frozen, &drawing), Err(Error::Bug(_))));
    }
}
