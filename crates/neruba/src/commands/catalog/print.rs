//! Differences and mistakes as people read them: a sign, a path, before → after; in colour where somebody looks.

use std::fmt::Write;
use std::io::IsTerminal;

use load::catalog::{Applied, Difference, Refused};
use serde_json::Value;

use crate::config;

/// The longest value that is shown.
const VALUE_LENGTH_MAX: usize = 60;

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Colours,
    Plain,
}

#[derive(Clone, Copy)]
enum Colour {
    Green,
    Yellow,
    Red,
}

impl Paint {
    /// Colours for a person at a terminal who did not ask to be left without (<https://no-color.org>).
    pub fn of_output() -> Paint {
        Paint::when(std::io::stdout().is_terminal())
    }

    pub fn of_errors() -> Paint {
        Paint::when(std::io::stderr().is_terminal())
    }

    fn when(is_terminal: bool) -> Paint {
        if is_terminal && !config::wants_no_colour() { Paint::Colours } else { Paint::Plain }
    }

    fn on(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
        };
        match self {
            Paint::Colours => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Paint::Plain => text.to_owned(),
        }
    }
}

/// Every difference on a line of its own, and how many there are.
pub(super) fn differences(all: &[Difference], paint: Paint) -> String {
    if all.is_empty() {
        return "No difference.\n".to_owned();
    }
    let mut text = String::new();
    for difference in all {
        let (sign, colour) = sign(difference);
        let line = format!("{sign} {}", difference.path);
        push(&mut text, format_args!("{}{}\n", paint.on(colour, &line), values(difference)));
    }
    let count = |wanted: &str| all.iter().filter(|difference| sign(difference).0 == wanted).count();
    push(&mut text, format_args!("{} added, {} changed, {} removed.\n", count("+"), count("~"), count("−")));
    text
}

/// The differences, and which versions of plans they became.
pub(super) fn applied(applied: &Applied, paint: Paint) -> String {
    let mut text = differences(&applied.differences, paint);
    for version in &applied.published {
        push(&mut text, format_args!("Published version {} of {}.\n", version.number, version.plan));
    }
    for version in &applied.drafts {
        push(&mut text, format_args!("Version {} of {} is a draft.\n", version.number, version.plan));
    }
    text
}

/// Each mistake as compilers write it: `catalog.yaml:13: plans[0].prices[2].timing must be arrears: …`.
pub(super) fn refused(file: &str, refused: &Refused, paint: Paint) -> String {
    let mut text = String::new();
    for mistake in &refused.errors {
        let place = match mistake.line {
            Some(line) => format!("{file}:{line}:"),
            None => format!("{file}:"),
        };
        // A document that breaks off has no field.
        let field = if mistake.field == "body" { String::new() } else { format!(" {}", mistake.field) };
        push(&mut text, format_args!("{}{field} {}\n", paint.on(Colour::Red, &place), mistake.detail));
    }
    if refused.errors.is_empty() {
        push(&mut text, format_args!("{} {}\n", paint.on(Colour::Red, &format!("{file}:")), refused.detail));
    }
    push(&mut text, format_args!("Nothing was applied ({}).\n", refused.code));
    text
}

fn sign(difference: &Difference) -> (&'static str, Colour) {
    match (&difference.before, &difference.after) {
        (None, _) => ("+", Colour::Green),
        (Some(_), None) => ("−", Colour::Red),
        (Some(_), Some(_)) => ("~", Colour::Yellow),
    }
}

fn values(difference: &Difference) -> String {
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => format!("  {} → {}", shown(before), shown(after)),
        (Some(one), None) | (None, Some(one)) => format!("  {}", shown(one)),
        (None, None) => String::new(),
    }
}

/// A scalar as it is, a thing by its name, anything else shortened.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) if fields.get("name").is_some_and(Value::is_string) => shown(&fields["name"]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    match text.char_indices().nth(VALUE_LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Cannot fail: writing to a String.
    text.write_fmt(more).expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use load::catalog::{Mistake, Version};
    use serde_json::json;

    use super::*;

    fn three() -> Vec<Difference> {
        vec![
            Difference {
                path: "plans[team]".to_owned(),
                before: None,
                after: Some(json!({ "key": "team", "name": "Team" })),
            },
            Difference {
                path: "plans[pro].prices[calls].terms.model.unitPrice".to_owned(),
                before: Some(json!("0.002")),
                after: Some(json!("0.0019")),
            },
            Difference {
                path: "taxRates[x].places".to_owned(),
                before: Some(json!(["a", "b".repeat(80)])),
                after: None,
            },
        ]
    }

    #[test]
    fn a_difference_has_a_sign_a_path_and_what_it_was_and_is() {
        insta::assert_snapshot!(differences(&three(), Paint::Plain), @r#"
        + plans[team]  Team
        ~ plans[pro].prices[calls].terms.model.unitPrice  0.002 → 0.0019
        − taxRates[x].places  ["a","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
        1 added, 1 changed, 1 removed.
        "#);
        assert_eq!(differences(&[], Paint::Colours), "No difference.\n");
    }

    #[test]
    fn colours_are_for_the_sign_and_the_path() {
        let text = differences(&three()[..1], Paint::Colours);
        assert!(text.starts_with("\u{1b}[32m+ plans[team]\u{1b}[0m  Team\n"), "{text:?}");
    }

    #[test]
    fn what_was_published_is_said() {
        let version = |number| Version { plan: "team".to_owned(), number };
        let report = Applied {
            digest: String::new(),
            differences: vec![],
            published: vec![version(2)],
            drafts: vec![version(3)],
        };
        assert_eq!(
            applied(&report, Paint::Plain),
            "No difference.\nPublished version 2 of team.\nVersion 3 of team is a draft.\n"
        );
    }

    #[test]
    fn a_mistake_stands_where_editors_can_jump_to() {
        let mistake = |field: &str, line| Mistake { field: field.to_owned(), detail: "is wrong.".to_owned(), line };
        let refused_file = Refused {
            code: "invalid_catalog".to_owned(),
            detail: "two".to_owned(),
            errors: vec![mistake("plans[0].key", Some(3)), mistake("plans[team].key", None), mistake("body", Some(1))],
        };
        insta::assert_snapshot!(refused("c.yaml", &refused_file, Paint::Plain), @"
        c.yaml:3: plans[0].key is wrong.
        c.yaml: plans[team].key is wrong.
        c.yaml:1: is wrong.
        Nothing was applied (invalid_catalog).
        ");
    }
}
