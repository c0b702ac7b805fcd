//! A small lexer of Rust: enough to tell code from comments and strings, with the line of each token. It does not parse.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Also keywords; a raw identifier keeps its `r#`.
    Ident,
    Lifetime,
    Number,
    /// Any string literal, with its quotes and prefix.
    Str,
    Char,
    /// One character of punctuation.
    Punct,
    /// A line or block comment, doc comments included.
    Comment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub text: &'static str,
    /// The line the token starts on, counted from 1.
    pub line: usize,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        !matches!(self.kind, Kind::Str | Kind::Comment) && self.text == text
    }

    /// The line the token ends on.
    pub fn last_line(&self) -> usize {
        self.line + self.text.matches('\n').count()
    }

    /// What a string literal says, with `\n`, `\"`, `\\` and line continuations resolved; a raw string as it stands.
    pub fn string_value(&self) -> String {
        let raw = self.text.starts_with('r') || self.text.starts_with("br");
        let start = self.text.find('"').map_or(0, |quote| quote + 1);
        let end = self.text.rfind('"').unwrap_or(self.text.len()).max(start);
        let inner = &self.text[start..end];
        if raw { inner.to_owned() } else { unescape(inner) }
    }
}

fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('\n') => while characters.next_if(|c| c.is_whitespace()).is_some() {},
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// Splits Rust source into tokens. An unfinished literal or comment ends at the end of the text.
pub fn lex(text: &'static str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < text.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer {
    text: &'static str,
    /// Byte offset, always on a character boundary.
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn rest(&self) -> &'static str {
        &self.text[self.at..]
    }

    fn step(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return };
        let (kind, length) = if first.is_whitespace() {
            self.skip_space(rest);
            return;
        } else if rest.starts_with("//") {
            (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Kind::Comment, block_comment_length(rest))
        } else if let Some(length) = string_length(rest) {
            (Kind::Str, length)
        } else if first == '\'' || rest.starts_with("b'") {
            quote_length(rest)
        } else if is_ident_start(first) {
            (Kind::Ident, ident_length(rest))
        } else if first.is_ascii_digit() {
            (Kind::Number, self.number_length(rest))
        } else {
            (Kind::Punct, first.len_utf8())
        };
        self.push(kind, length);
    }

    fn skip_space(&mut self, rest: &str) {
        let length = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        self.line += rest[..length].matches('\n').count();
        self.at += length;
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let text = &self.rest()[..length];
        self.tokens.push(Token { kind, text, line: self.line });
        self.line += text.matches('\n').count();
        self.at += length;
    }

    /// A fraction belongs to the number (`1.5`) unless the number is a tuple index (`pair.0.1`), a range (`1..2`) or a receiver (`1.max(2)`).
    fn number_length(&self, rest: &str) -> usize {
        let digits = |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        let whole = digits(rest);
        let is_index = self.tokens.last().is_some_and(|token| token.is("."));
        let Some(after) = rest[whole..].strip_prefix('.') else {
            return whole;
        };
        let next = after.chars().next();
        let is_receiver_or_range = next.is_some_and(|c| c == '.' || is_ident_start(c));
        if is_index || is_receiver_or_range { whole } else { whole + 1 + digits(after) }
    }
}

fn is_ident_start(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

fn ident_length(rest: &str) -> usize {
    let prefix = if rest.starts_with("r#") { 2 } else { 0 };
    let body = &rest[prefix..];
    prefix + body.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(body.len())
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    let bytes = rest.as_bytes();
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of the string literal that `rest` starts with, if it starts with one: plain, byte, C and raw forms.
fn string_length(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|body| {
            body.starts_with('"') || (prefix.ends_with('r') && body.trim_start_matches('#').starts_with('"'))
        })
    })?;
    let body = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let inner = &body[hashes + 1..];
        let inner_length = inner.find(&close).map_or(inner.len(), |end| end + close.len());
        return Some(prefix.len() + hashes + 1 + inner_length);
    }
    let mut is_escaped = false;
    for (offset, character) in body.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == '"' {
            return Some(prefix.len() + offset + 1);
        }
    }
    Some(rest.len())
}

/// After a single quote stands a character (`'a'`, `'\n'`) or a lifetime (`'a`).
fn quote_length(rest: &str) -> (Kind, usize) {
    let start = rest.find('\'').unwrap_or(0) + 1;
    let body = &rest[start..];
    let mut characters = body.char_indices();
    let first = characters.next().map(|(_, character)| character);
    let second = characters.next();
    if first == Some('\\') {
        // The character after the backslash may itself be a quote.
        let from = second.map_or(body.len(), |(offset, character)| offset + character.len_utf8());
        let end = body[from..].find('\'').map_or(body.len(), |end| from + end + 1);
        return (Kind::Char, start + end);
    }
    match second {
        Some((offset, '\'')) => (Kind::Char, start + offset + 1),
        _ => (Kind::Lifetime, start + ident_length(body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &'static str) -> Vec<(Kind, &'static str)> {
        lex(text).into_iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn strings_and_comments_hide_what_looks_like_code() {
        assert_eq!(
            texts(r####"a("x.unwrap() \" // no", r#"b" c"#) // d /* e"####),
            vec![
                (Kind::Ident, "a"),
                (Kind::Punct, "("),
                (Kind::Str, r#""x.unwrap() \" // no""#),
                (Kind::Punct, ","),
                (Kind::Str, r###"r#"b" c"#"###),
                (Kind::Punct, ")"),
                (Kind::Comment, "// d /* e"),
            ]
        );
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert_eq!(
            texts(r"'a 'b' '\'' b'\\' '\u{1F600}' 'static"),
            vec![
                (Kind::Lifetime, "'a"),
                (Kind::Char, "'b'"),
                (Kind::Char, r"'\''"),
                (Kind::Char, r"b'\\'"),
                (Kind::Char, r"'\u{1F600}'"),
                (Kind::Lifetime, "'static"),
            ]
        );
    }

    #[test]
    fn numbers_keep_fractions_but_not_ranges_indexes_or_methods() {
        let numbers = |text| -> Vec<&str> {
            lex(text).iter().filter(|token| token.kind == Kind::Number).map(|token| token.text).collect()
        };
        assert_eq!(
            numbers("1.5 0..2 pair.0.1 7.max(3) 1_000i64 2."),
            ["1.5", "0", "2", "0", "1", "7", "3", "1_000i64", "2."]
        );
    }

    #[test]
    fn tokens_know_their_lines_and_nested_comments_end_where_they_should() {
        let tokens = lex("a /* x /* y */\n z */ b\n\"p\nq\" c");
        let lines: Vec<_> =
            tokens.iter().map(|token| (token.text.chars().next(), token.line, token.last_line())).collect();
        assert_eq!(
            lines,
            [(Some('a'), 1, 1), (Some('/'), 1, 2), (Some('b'), 2, 2), (Some('"'), 3, 4), (Some('c'), 4, 4)]
        );
    }

    #[test]
    fn a_string_value_resolves_escapes() {
        assert_eq!(lex(r#""-- name\nselect \"a\"""#)[0].string_value(), "-- name\nselect \"a\"");
        assert_eq!(lex("\"one \\\n     two\"")[0].string_value(), "one two");
        assert_eq!(lex(r#"r"a\n""#)[0].string_value(), r"a\n");
    }
}
