//! What a story was answered, in the form in which both databases must agree: checklist 128.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use serde_json::Value;

use super::Reply;

/// Fields whose text is random, or made of something random.
const RANDOM_FIELDS: [&str; 7] =
    ["accessToken", "refreshToken", "accessKey", "prefix", "nextCursor", "fingerprint", "setupSecret"];

/// Paths that show what other tests do on the same database.
const SHARED_PATHS: [&str; 3] = ["/admin/", "/metrics", "/openapi.json"];

/// The letters and digits of an id after its prefix.
const ID_LENGTH: usize = 26;

/// The replies of one story on one database.
#[derive(Debug, Default)]
pub struct Transcript {
    lines: Vec<String>,
    /// Each id with the place in which it was first seen: ids differ, what they stand for does not.
    ids: HashMap<String, usize>,
    /// Requests ran at the same time: nobody knows which came first.
    is_unordered: bool,
}

impl Transcript {
    pub fn add(&mut self, method: &str, path: &str, reply: &Reply) {
        if SHARED_PATHS.iter().any(|shared| path.starts_with(shared)) {
            return;
        }
        let path = self.with_numbered_ids(path);
        // One value, one per line in an export, or text.
        let body: Vec<String> = match serde_json::Deserializer::from_str(&reply.text).into_iter().collect() {
            Ok(values) => {
                let values: Vec<Value> = values;
                values.iter().map(|value| self.comparable(value, "").to_string()).collect()
            }
            Err(_) => vec![self.with_numbered_ids(&reply.text)],
        };
        self.lines.push(format!("{method} {path} → {} {}", reply.status, body.join("\n")));
    }

    pub fn is_unordered(&mut self) {
        self.is_unordered = true;
    }

    fn comparable(&mut self, value: &Value, field: &str) -> Value {
        match value {
            Value::String(_) if RANDOM_FIELDS.contains(&field) => Value::from(format!("<{field}>")),
            Value::String(text) => Value::from(self.with_numbered_ids(text)),
            Value::Array(items) => items.iter().map(|item| self.comparable(item, field)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.comparable(value, name))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn with_numbered_ids(&mut self, text: &str) -> String {
        let mut out = String::new();
        for word in text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
            let end = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').len();
            let (word, rest) = word.split_at(end);
            if is_id(word) {
                let next = self.ids.len();
                let number = *self.ids.entry(word.to_owned()).or_insert(next);
                out.push_str(&format!("{}#{number}", &word[..3]));
            } else {
                out.push_str(word);
            }
            out.push_str(rest);
        }
        out
    }
}

fn is_id(word: &str) -> bool {
    word.split_once('_').is_some_and(|(prefix, rest)| {
        prefix.len() == 3
            && rest.len() == ID_LENGTH
            && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// Keeps the transcript of the first database, and compares the second one's with it.
pub fn agree(name: &str, dialect: &str, transcript: &Transcript) {
    static FIRST: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);
    if transcript.is_unordered {
        return;
    }
    let Some(first) = FIRST.lock().unwrap().remove(name) else {
        FIRST.lock().unwrap().insert(name.to_owned(), transcript.lines.clone());
        return;
    };
    for (here, there) in transcript.lines.iter().zip(&first) {
        assert_eq!(here, there, "{dialect} answers otherwise than the other database");
    }
    assert_eq!(transcript.lines.len(), first.len(), "{dialect} was asked more or less than the other database");
}

fn told(id: char, amount: &str) -> Transcript {
    let text =
        format!("{{\"id\":\"cus_{}\",\"accessToken\":\"{id}\",\"amount\":\"{amount}\"}}", id.to_string().repeat(26));
    let mut transcript = Transcript::default();
    transcript.add("GET", "/x", &Reply { status: 200, headers: http::HeaderMap::new(), text, bytes: Vec::new() });
    transcript
}

#[test]
fn replies_that_differ_in_ids_and_tokens_only_agree() {
    agree("transcript agrees", "sqlite", &told('a', "1"));
    agree("transcript agrees", "postgres", &told('b', "1"));
}

#[test]
#[should_panic(expected = "answers otherwise than the other database")]
fn replies_that_differ_in_a_figure_do_not_agree() {
    agree("transcript differs", "sqlite", &told('a', "1"));
    agree("transcript differs", "postgres", &told('b', "2"));
}
