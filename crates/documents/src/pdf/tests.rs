//! The PDF is the same every time, archivable, and sees nothing but its data.

use domain::invoices::document::Document;
use typst::layout::{Frame, FrameItem};

use super::*;
use crate::samples::{NAMES, sample};
use crate::{html, pdf};

fn laid_out(document: &Document) -> PagedDocument {
    lay_out(document, &View::of(document)).unwrap()
}

/// Every text of the pages, in the order in which it was laid out, without spaces: lines break where they like.
fn texts(document: &Document) -> String {
    fn collect(frame: &Frame, texts: &mut String) {
        for (_, item) in frame.items() {
            match item {
                FrameItem::Group(group) => collect(&group.frame, texts),
                FrameItem::Text(text) => texts.push_str(&text.text),
                FrameItem::Shape(..) | FrameItem::Image(..) | FrameItem::Link(..) | FrameItem::Tag(..) => {}
            }
        }
    }
    let mut all = String::new();
    laid_out(document).pages().iter().for_each(|page| collect(&page.frame, &mut all));
    without_spaces(&all)
}

fn without_spaces(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace() && *character != '\u{200b}').collect()
}

#[test]
fn a_document_is_the_same_on_every_rendering_and_on_every_thread() {
    // checklist 69
    for name in NAMES {
        let first = pdf(&sample(name)).unwrap();
        let again: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| pdf(&sample(name)).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(again.iter().all(|bytes| *bytes == first), "{name}");
    }
}

#[test]
fn it_says_that_it_is_for_archives_and_when_it_was_issued() {
    let bytes = pdf(&sample("plain")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(bytes.starts_with(b"%PDF-1.7"));
    assert!(
        text.contains("<pdfaid:part>2</pdfaid:part>") && text.contains("<pdfaid:conformance>A</pdfaid:conformance>")
    );
    assert!(text.contains("2026-04-01T00:15:00"), "the date is that of the document, not of the clock");
}

#[test]
fn a_long_invoice_goes_on_over_pages_with_its_heads_repeated() {
    let document = sample("long");
    let pages = laid_out(&document).pages().len();
    let texts = texts(&document);
    assert_eq!((document.lines.len(), pages), (60, 4));
    assert_eq!(texts.matches("DescriptionQuantityUnitpriceAmount(USD)").count(), pages);
    for page in 1..=pages {
        assert!(texts.contains(&format!("{page}/{pages}")), "page {page}");
    }
}

#[test]
fn what_strangers_wrote_comes_out_as_it_was_written() {
    let document = sample("hostile");
    let texts = texts(&document);
    for text in ["<script>alert(\"x\")</script>", "#panic(\"no\")", "$x^2$", "@ref", "#eval(\"1\")", "#let x = 1"] {
        let is_printed = texts.contains(&without_spaces(text));
        // Under an exemption no rate is printed.
        assert_eq!(is_printed, text != "#let x = 1", "{text}");
    }
    assert!(texts.contains(&"W".repeat(90)), "a word that is too long is broken, not cut");
}

#[test]
fn every_text_of_the_page_is_on_paper_and_on_the_screen() {
    for name in ["plain", "hybrid", "credit-note", "reverse-charge", "german"] {
        let document = sample(name);
        let view = View::of(&document);
        let (paper, screen) = (texts(&document), html(&document).unwrap());
        let rows = view.groups.iter().flat_map(|group| &group.rows).flat_map(|row| {
            [&row.text, &row.quantity, &row.unit_price, &row.tax, &row.amount.text].into_iter().chain(&row.notes)
        });
        let totals = view.totals.iter().flat_map(|total| [&total.label, &total.amount.text]);
        let parties = [&view.seller, &view.customer].into_iter().flat_map(|party| &party.lines);
        for text in rows.chain(totals).chain(parties).chain(&view.notes) {
            assert!(paper.contains(&without_spaces(text)), "{name}: {text}");
            assert!(screen.contains(&text.replace('&', "&#38;")), "{name}: {text}");
        }
    }
}

#[test]
fn no_file_but_its_own_is_to_be_seen() {
    let document = sample("plain");
    let pages = Pages { data: Bytes::new(Vec::new()), date: issued_at(&document).unwrap() };
    let other = file("Cargo.toml");
    assert!(matches!(pages.file(other), Err(FileError::AccessDenied)));
    assert!(matches!(pages.source(*DATA), Err(FileError::AccessDenied)));
    assert!(matches!(pages.file(TEMPLATE.id()), Err(FileError::AccessDenied)));
}
