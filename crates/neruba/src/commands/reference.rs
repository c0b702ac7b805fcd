//! `neruba openapi` and `neruba reference`: documents made from the code, for readers and for the source tree.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::config;

pub fn openapi() -> Result<ExitCode> {
    let document = server::reference::files().into_iter().find(|(path, _)| *path == "openapi.json");
    print!("{}", document.context("the document is among the generated files")?.1);
    Ok(ExitCode::SUCCESS)
}

pub fn write(folder: &Path) -> Result<ExitCode> {
    let mut files = server::reference::files();
    files.push(("docs/reference/configuration.md", config::markdown()));
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
