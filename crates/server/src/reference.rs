//! Documents made from the code: the OpenAPI document, the error codes, and who may do what. They are committed, and a test
//! compares them with what the code says.

use std::fmt::Write;

use domain::access::{Permission, Role, Scope};
use domain::refusal::Code;

use crate::guard::Guard;
use crate::router::api;

/// Says at the top of each page how it came about.
const GENERATED: &str = "<!-- Made by `neruba reference`; edit the code instead. -->";

/// Every generated file: its path in the repository and its text.
pub fn files() -> Vec<(&'static str, String)> {
    vec![
        ("openapi.json", openapi_json()),
        ("docs/reference/errors.md", errors_markdown()),
        ("docs/reference/access.md", access_markdown()),
    ]
}

/// The OpenAPI document as it is served and committed.
pub(crate) fn openapi_json() -> String {
    // Cannot fail: the document is made of strings and maps with string keys.
    let text = api().openapi().to_pretty_json().expect("the document is representable in JSON");
    text + "\n"
}

fn errors_markdown() -> String {
    let mut text = format!(
        "{GENERATED}\n# Error codes\n\nEvery refusal is a problem (RFC 9457, `application/problem+json`). Programs decide by `code`; codes are never \
         renamed. `detail` says what happened and what to do, `errors` names the fields, `requestId` finds the request in the log.\n"
    );
    for code in Code::ALL {
        push(&mut text, format_args!("\n## {code}\n\n**{}** · {}. {}\n", code.status(), code.title(), code.advice()));
    }
    text
}

/// The same as a page, for the links in problems.
pub(crate) fn errors_html() -> String {
    let mut text = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Error codes</title>\n<h1>Error codes</h1>\n".to_owned();
    for code in Code::ALL {
        let (title, advice) = (escaped(code.title()), marked_up(code.advice()));
        let status = code.status();
        push(&mut text, format_args!("<h2 id=\"{code}\">{code}</h2>\n<p><b>{status}</b> {title}. {advice}</p>\n"));
    }
    text
}

/// The text of a page, with what stands between backticks as code.
fn marked_up(text: &str) -> String {
    let text = escaped(text);
    let parts = text.split('`').enumerate();
    parts.map(|(number, part)| if number % 2 == 0 { part.to_owned() } else { format!("<code>{part}</code>") }).collect()
}

fn access_markdown() -> String {
    let mut text = format!("{GENERATED}\n# Who may do what\n\n## Roles of people\n\n");
    table_of(&mut text, &Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>(), |permission, column| {
        permission.held_by_role(Role::ALL[column])
    });
    text.push_str("\n## Scopes of access keys\n\n");
    table_of(&mut text, &Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(), |permission, column| {
        permission.scopes().contains(&Scope::ALL[column])
    });
    text.push_str("\n## Routes\n\n| method | path | who |\n|---|---|---|\n");
    for row in api().rows() {
        push(&mut text, format_args!("| {} | `{}` | {} |\n", row.method, row.path, who(row.guard)));
    }
    text
}

fn table_of(text: &mut String, columns: &[&str], holds: impl Fn(Permission, usize) -> bool) {
    push(text, format_args!("| permission | {} |\n|---|{}\n", columns.join(" | "), ":-:|".repeat(columns.len())));
    for permission in Permission::ALL {
        let cells: Vec<&str> =
            (0..columns.len()).map(|column| if holds(*permission, column) { "✓" } else { "" }).collect();
        push(text, format_args!("| `{permission}` | {} |\n", cells.join(" | ")));
    }
}

fn who(guard: Guard) -> String {
    match guard {
        Guard::Public => "everybody".to_owned(),
        Guard::Authenticated => "a user".to_owned(),
        Guard::PlatformAdmin => "a platform admin".to_owned(),
        Guard::Project(permission) => format!("`{permission}` in the project"),
        Guard::AccessKey(permission) => format!("an access key with `{permission}`"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Cannot fail: writing to a String.
    text.write_fmt(more).expect("a String takes any text");
}
