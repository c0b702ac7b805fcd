//! The PDF: a typst template that gets the page as data. It sees no file, no network, no clock and no font but those in the binary, so
//! that the bytes depend on the document alone.

use std::sync::LazyLock;

use domain::invoices::document::Document;
use jiff::tz::TimeZone;
use serde_json::Value;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::view::View;
use fonts::FONTS;

mod fonts;

pub(crate) fn draw(document: &Document, view: &View) -> Result<Vec<u8>, String> {
    let drawn = lay_out(document, view).and_then(|pages| export(document, &pages));
    // What typst remembers of a document is of no use for the next one. On every way out, or memory grows with each error.
    comemo::evict(0);
    drawn
}

fn lay_out(document: &Document, view: &View) -> Result<PagedDocument, String> {
    let mut data = serde_json::to_value(view).map_err(|error| error.to_string())?;
    print_texts(&mut data);
    let data = serde_json::to_vec(&data).map_err(|error| error.to_string())?;
    let pages = Pages { data: Bytes::new(data), date: issued_at(document)? };
    typst::compile(&pages).output.map_err(|errors| first(&errors))
}

/// PDF/A-2a: archivable, and readable by those who cannot see it.
fn export(document: &Document, pages: &PagedDocument) -> Result<Vec<u8>, String> {
    let standards = PdfStandards::new(&[PdfStandard::A_2a]).map_err(|error| error.message().to_string())?;
    let options = PdfOptions {
        ident: Smart::Custom(document.id.clone()),
        creator: Smart::Custom(None),
        timestamp: Some(Timestamp::new_utc(issued_at(document)?)),
        page_ranges: None,
        standards,
        tagged: true,
        pretty: false,
    };
    typst_pdf::pdf(pages, &options).map_err(|errors| first(&errors))
}

fn first(errors: &[SourceDiagnostic]) -> String {
    errors.first().map_or_else(String::new, |error| error.message.to_string())
}

fn issued_at(document: &Document) -> Result<Datetime, String> {
    let at = document.issued_at.timestamp().to_zoned(TimeZone::UTC);
    let parts = [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(i8::unsigned_abs);
    let [month, day, hour, minute, second] = parts;
    let date = Datetime::from_ymd_hms(i32::from(at.year()), month, day, hour, minute, second);
    date.ok_or_else(|| format!("{} is no date of a PDF", document.issued_at))
}

/// Every text with characters that the fonts have.
fn print_texts(data: &mut Value) {
    match data {
        Value::String(text) => *text = FONTS.printable(text),
        Value::Array(values) => values.iter_mut().for_each(print_texts),
        Value::Object(fields) => fields.values_mut().for_each(print_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What typst may know.
struct Pages {
    data: Bytes,
    date: Datetime,
}

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));
// One id for each file, for ever: typst never forgets an id.
static TEMPLATE: LazyLock<Source> =
    LazyLock::new(|| Source::new(file("document.typ"), include_str!("../templates/document.typ").to_owned()));
static DATA: LazyLock<FileId> = LazyLock::new(|| file("document.json"));

fn file(name: &str) -> FileId {
    // Cannot fail: the name is one of the two above.
    let path = VirtualPath::new(name).expect("the name of a file is a path");
    RootedPath::new(VirtualRoot::Project, path).intern()
}

impl World for Pages {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.book
    }

    fn main(&self) -> FileId {
        TEMPLATE.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == TEMPLATE.id() { Ok(TEMPLATE.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == *DATA { Ok(self.data.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        Some(self.date)
    }
}

#[cfg(test)]
mod tests;
