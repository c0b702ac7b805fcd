//! `neruba config show`: the settings that hold, each with its origin; secrets and passwords stay hidden.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::cli::{DatabaseArgs, Output};
use crate::config::Config;

pub fn run(arguments: &DatabaseArgs, output: Output) -> Result<ExitCode> {
    let config = Config::load(&arguments.flags())?;
    let rows: Vec<(&str, String, String)> =
        config.values.all().map(|(setting, known)| row(&config, setting.key, known.map(|(text, _)| text))).collect();
    match output {
        Output::Text => print_text(&config, &rows),
        Output::Json => {
            let settings: serde_json::Map<_, _> = rows
                .into_iter()
                .map(|(key, value, origin)| (key.to_owned(), json!({ "value": value, "origin": origin })))
                .collect();
            println!("{:#}", json!({ "file": config.file(), "settings": settings }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Key, what may be shown of the value, origin.
fn row(config: &Config, key: &'static str, text: Option<&str>) -> (&'static str, String, String) {
    let origin = config.values.all().find(|(setting, _)| setting.key == key).and_then(|(_, known)| known);
    let origin = origin.map_or_else(|| "not set".to_owned(), |(_, origin)| origin.to_string());
    let shown = match (key, text) {
        (_, None) => String::new(),
        ("secret", Some(_)) => "(hidden)".to_owned(),
        // The address as the database prints it: without its password.
        ("databaseUrl", Some(_)) => config.database.to_string(),
        (_, Some(text)) => text.to_owned(),
    };
    (key, shown, origin)
}

fn print_text(config: &Config, rows: &[(&str, String, String)]) {
    match config.file() {
        Some(file) => println!("file: {}", file.display()),
        None => println!("file: none (neruba.toml is not in the working folder)"),
    }
    println!("secret: {}\n", config.secret.describe());
    let width = |column: fn(&(&str, String, String)) -> usize| rows.iter().map(column).max().unwrap_or_default();
    let (keys, values) = (width(|row| row.0.len()), width(|row| row.1.len()));
    for (key, value, origin) in rows {
        println!("{key:keys$}  {value:values$}  {origin}");
    }
}
