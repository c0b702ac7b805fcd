//! Issued documents as people read them: pure functions from a document to the bytes of a page, the same whenever and wherever they are
//! asked for. What a document says is in `domain`; when it is drawn, and for whom, is left to `engine`.

use domain::invoices::document::Document;

#[cfg(test)]
mod drawing_tests;
mod html;
mod locale;
mod pdf;
mod printable;
#[cfg(test)]
mod samples;
mod view;

/// Which drawing this version of the crate makes. Raise it when the same document comes out as other bytes: what is kept of an older
/// drawing is out of date then.
pub const DRAWING: u32 = 1;

/// The style sheet inside every HTML page, for policies that allow no other style.
pub const STYLE: &str = include_str!("../templates/document.css");

/// Why a document cannot be drawn: a defect of the templates, never of the document.
#[derive(Debug, thiserror::Error)]
#[error("drawing the document {number} failed: {detail}")]
pub struct DrawError {
    pub number: String,
    pub detail: String,
}

/// One self-contained page without scripts, for screens and printers.
///
/// # Errors
/// [`DrawError`] when the template fails.
pub fn html(document: &Document) -> Result<String, DrawError> {
    html::draw(&view::View::of(document)).map_err(|detail| failed(document, detail))
}

/// PDF/A pages with the fonts in them.
///
/// # Errors
/// [`DrawError`] when the template fails.
pub fn pdf(document: &Document) -> Result<Vec<u8>, DrawError> {
    pdf::draw(document, &view::View::of(document)).map_err(|detail| failed(document, detail))
}

fn failed(document: &Document, detail: String) -> DrawError {
    DrawError { number: document.number.clone(), detail }
}
