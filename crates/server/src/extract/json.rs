//! JSON bodies: parsed into the type the handler takes, or refused with the place and the name of what is wrong.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use domain::refusal::{Code, Refusal};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::app::App;
use crate::extract::RawBody;
use crate::failure::Failure;

/// Deepest nesting of objects and arrays.
const DEPTH_MAX: usize = 32;

/// A JSON body of a request, or of a reply with status 200.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Json<T>, Failure> {
        check_content_type(request.headers())?;
        let RawBody(body) = RawBody::from_request(request, app).await?;
        let bytes = body.map_err(Refusal::from)?;
        Ok(Json(parse_json(&bytes)?))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        crate::answer::json(StatusCode::OK, &self.0)
    }
}

/// Reads one JSON value.
///
/// # Errors
/// `malformed_json` with line and column, `too_deep`, or the first field that is unknown, missing, of a wrong type or refused.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    check_shape(bytes)?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, error.inner())
    })?;
    deserializer.end().map_err(|error| explain("", &error))?;
    Ok(value)
}

/// # Errors
/// `unsupported_media_type` for anything but JSON. A body without a type is taken for JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    if is_json(value) {
        return Ok(());
    }
    Err(Refusal::new(Code::UnsupportedMediaType, "This path reads JSON: send Content-Type: application/json."))
}

fn is_json(value: &HeaderValue) -> bool {
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Counts brackets outside of strings, before a parser follows them down, and refuses U+0000 inside of them, which one of
/// the databases cannot store.
fn check_shape(bytes: &[u8]) -> Result<(), Refusal> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (position, byte) in bytes.iter().enumerate() {
        match byte {
            b'u' if escaped && bytes[position..].starts_with(b"u0000") => {
                return Err(Refusal::new(
                    Code::InvalidValue,
                    "A text contains the character U+0000, which cannot be stored.",
                ));
            }
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    let detail = format!("Objects and arrays may be nested {DEPTH_MAX} deep at most.");
                    return Err(Refusal::new(Code::TooDeep, detail));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn explain(path: &str, error: &serde_json::Error) -> Refusal {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => {
            let place = format!("line {}, column {}", error.line(), error.column());
            Refusal::new(Code::MalformedJson, format!("The JSON breaks off at {place}: {}.", without_place(error)))
        }
        Category::Data => explain_data(path, &without_place(error)),
    }
}

/// serde tells kinds of errors apart by their words only; the tests below hold it to them.
pub(crate) fn explain_data(path: &str, message: &str) -> Refusal {
    if let Some(name) = quoted_after(message, "unknown field ") {
        let known = message.split_once(", ").map_or("", |(_, expected)| expected);
        return Refusal::field(Code::UnknownField, beside(path, name), format!("is not known here ({known})."));
    }
    if let Some(name) = quoted_after(message, "missing field ") {
        return Refusal::field(Code::MissingField, below(path, name), "is required.");
    }
    if let Some(name) = quoted_after(message, "duplicate field ") {
        return Refusal::field(Code::InvalidValue, beside(path, name), "is given twice.");
    }
    if let Some(found) = message.strip_prefix("invalid type: ") {
        return Refusal::field(Code::InvalidType, named(path), format!("has the wrong type: {found}."));
    }
    // Types of the domain refuse with their own code in front.
    if let Some((Ok(code), detail)) = message.split_once(": ").map(|(code, detail)| (code.parse::<Code>(), detail)) {
        return Refusal::field(code, named(path), detail);
    }
    Refusal::field(Code::InvalidValue, named(path), message)
}

fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((text, _)) => text.to_owned(),
        None => message,
    }
}

fn quoted_after<'m>(message: &'m str, words: &str) -> Option<&'m str> {
    message.strip_prefix(words)?.strip_prefix('`')?.split('`').next()
}

/// The path of the body as a whole is empty.
fn named(path: &str) -> String {
    if path.is_empty() || path == "." { "body".to_owned() } else { path.to_owned() }
}

/// The path of a field inside the object at `path`.
fn below(path: &str, name: &str) -> String {
    if path.is_empty() || path == "." { name.to_owned() } else { format!("{path}.{name}") }
}

/// An unknown or repeated field is reported at its own path, where that is known.
fn beside(path: &str, name: &str) -> String {
    let is_there_already = path == name || path.ends_with(&format!(".{name}"));
    if is_there_already { path.to_owned() } else { below(path, name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only parsed")]
        items: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only parsed")]
        count: u8,
        #[expect(dead_code, reason = "only parsed")]
        amount: Option<domain::amount::Amount>,
    }

    #[track_caller]
    fn check(body: &str, code: Code, field: Option<&str>) {
        let refusal = parse_json::<Outer>(body.as_bytes()).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (code, field), "{body} {refusal}");
    }

    #[test]
    fn broken_json_is_refused_with_line_and_column() {
        // checklist 27
        let refusal = parse_json::<Outer>(b"{ \"items\": [\n  { \"count\": }\n] }").unwrap_err();
        assert_eq!(refusal.code, Code::MalformedJson);
        assert_eq!(refusal.detail, "The JSON breaks off at line 2, column 14: expected value.");
        check("", Code::MalformedJson, None);
        check("{\"items\": []} x", Code::MalformedJson, None);
        check("{\"items\": [", Code::MalformedJson, None);
    }

    #[test]
    fn an_unknown_field_is_named() {
        check("{\"items\": [], \"extra\": 1}", Code::UnknownField, Some("extra"));
        check("{\"items\": [{\"count\": 1}, {\"count\": 1, \"x\": 2}]}", Code::UnknownField, Some("items[1].x"));
    }

    #[test]
    fn a_missing_field_is_named() {
        check("{}", Code::MissingField, Some("items"));
        check("{\"items\": [{}]}", Code::MissingField, Some("items[0].count"));
    }

    #[test]
    fn a_wrong_type_or_value_is_named() {
        check("{\"items\": 7}", Code::InvalidType, Some("items"));
        check("[7]", Code::InvalidType, Some("[0]"));
        check("{\"items\": [{\"count\": \"1\"}]}", Code::InvalidType, Some("items[0].count"));
        check("{\"items\": [{\"count\": 256}]}", Code::InvalidValue, Some("items[0].count"));
        check("{\"items\": [], \"items\": []}", Code::InvalidValue, Some("items"));
    }

    #[test]
    fn a_null_character_is_refused_and_a_mention_of_it_is_not() {
        check("{\"items\": [], \"a\\u0000\": 1}", Code::InvalidValue, None);
        assert!(check_shape(br#"{"text": "write \\u0000 for it"}"#).is_ok());
    }

    #[test]
    fn deep_nesting_is_refused_before_it_is_followed() {
        check(&"[".repeat(100_000), Code::TooDeep, None);
        assert!(check_shape(format!("\"{}\"", "[\\\"".repeat(100)).as_bytes()).is_ok());
    }
}
