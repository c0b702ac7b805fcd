//! Draws stored documents: `cargo run -p documents --example draw -- invoice.json …` writes `invoice.html` and `invoice.pdf` beside each.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use domain::invoices::document::Document;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        let document = Document::from_json(&fs::read_to_string(&path)?)?;
        fs::write(path.with_extension("html"), documents::html(&document)?)?;
        fs::write(path.with_extension("pdf"), documents::pdf(&document)?)?;
    }
    Ok(())
}
