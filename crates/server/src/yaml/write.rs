//! YAML in one form: fields in the order of their type, small maps on one line, texts quoted unless nobody could take them for anything
//! else. The same value gives the same bytes.

use std::fmt::Write;

use engine::Error;
use serde::Serialize;

use super::document::{Content, Document, Entry, Node, Scalar};

/// The longest map that stands on one line.
const LINE_LENGTH_MAX: usize = 80;

/// Words that some readers of YAML take for something else than text.
const SPECIAL: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// A value as a document; lists that are empty at its top are left out.
///
/// # Errors
/// [`Error::Bug`] when the value cannot be written as JSON.
pub(crate) fn to_yaml(value: &impl Serialize) -> Result<String, Error> {
    let bug = |what: String| Error::Bug(format!("a document cannot be written as YAML: {what}"));
    let json = serde_json::to_string(value).map_err(|error| bug(error.to_string()))?;
    // JSON is YAML, and this reading keeps the order of fields.
    let document = Document::of_json(&json).map_err(|refusal| bug(refusal.detail))?;
    let mut out = String::new();
    match &document.root().content {
        Content::Map(entries) => {
            for entry in entries.iter().filter(|entry| !is_empty(&entry.node)) {
                write_entry(entry, 0, &mut out);
            }
        }
        Content::Scalar(_) | Content::List(_) => out.push_str(&in_line(document.root()).unwrap_or_default()),
    }
    if out.is_empty() {
        out.push_str("{}\n");
    }
    Ok(out)
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.content, Content::List(items) if items.is_empty())
}

fn write_entry(entry: &Entry, indent: usize, out: &mut String) {
    push(out, format_args!("{:indent$}{}:", "", text(&entry.name)));
    write_value(&entry.node, indent, out);
}

/// After the colon of a key.
fn write_value(node: &Node, indent: usize, out: &mut String) {
    if let Some(line) = in_line(node) {
        push(out, format_args!(" {line}\n"));
        return;
    }
    out.push('\n');
    match &node.content {
        Content::Map(entries) => {
            for entry in entries {
                write_entry(entry, indent + 2, out);
            }
        }
        Content::List(items) => {
            for item in items {
                write_item(item, indent + 2, out);
            }
        }
        Content::Scalar(_) => {}
    }
}

/// One item of a list: the first field of a map stands beside the dash.
fn write_item(item: &Node, indent: usize, out: &mut String) {
    if let Some(line) = in_line(item) {
        push(out, format_args!("{:indent$}- {line}\n", ""));
        return;
    }
    let mut block = String::new();
    match &item.content {
        Content::Map(entries) => {
            for entry in entries {
                write_entry(entry, indent + 2, &mut block);
            }
        }
        Content::List(items) => {
            for inner in items {
                write_item(inner, indent + 2, &mut block);
            }
        }
        Content::Scalar(_) => {}
    }
    push(out, format_args!("{:indent$}- {}", "", block.trim_start()));
}

/// What fits on one line: scalars, empty things, lists of scalars, and small maps of scalars that are no things of their own.
fn in_line(node: &Node) -> Option<String> {
    let line = match &node.content {
        Content::Scalar(scalar) => return Some(written(scalar)),
        Content::List(items) if items.is_empty() => return Some("[]".to_owned()),
        Content::Map(entries) if entries.is_empty() => return Some("{}".to_owned()),
        Content::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(scalar_in_line).collect();
            format!("[{}]", items?.join(", "))
        }
        Content::Map(entries) => {
            if entries.iter().any(|entry| matches!(entry.name.as_str(), "key" | "code")) {
                return None;
            }
            let field = |entry: &Entry| Some(format!("{}: {}", text(&entry.name), scalar_in_line(&entry.node)?));
            let fields: Option<Vec<String>> = entries.iter().map(field).collect();
            format!("{{ {} }}", fields?.join(", "))
        }
    };
    (line.len() <= LINE_LENGTH_MAX).then_some(line)
}

fn scalar_in_line(node: &Node) -> Option<String> {
    match &node.content {
        Content::Scalar(scalar) => Some(written(scalar)),
        Content::List(_) | Content::Map(_) => None,
    }
}

fn written(scalar: &Scalar) -> String {
    // What JSON has without quotes is a number, a truth value or null.
    if scalar.is_plain { scalar.text.clone() } else { text(&scalar.text) }
}

fn text(text: &str) -> String {
    if is_unmistakable(text) { text.to_owned() } else { quoted(text) }
}

/// Begins with a letter, holds only letters, digits and what separates words, and is no word that means something else.
fn is_unmistakable(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '/' | '-' | ' ');
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(is_plain)
        && !text.ends_with(' ')
        && !SPECIAL.iter().any(|special| text.eq_ignore_ascii_case(special))
}

/// In double quotes (YAML 1.2, section 7.3.1), with everything escaped that has no ink or could end a line.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            letter
                if letter.is_control()
                    || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}') =>
            {
                push(&mut out, format_args!("\\u{:04X}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

fn push(out: &mut String, more: std::fmt::Arguments<'_>) {
    // Cannot fail: writing to a String.
    out.write_fmt(more).expect("a String takes any text");
}
