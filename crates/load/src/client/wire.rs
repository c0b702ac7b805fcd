//! HTTP/1.1 on the wire: bytes of a request, and the head of a reply. Knows no sockets.

use crate::client::Request;

/// How the end of a reply's body is known (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// This many bytes follow the head.
    After(usize),
    Chunked,
    /// The server closes the connection.
    Close,
}

/// What the head of a reply says about reading on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// Bytes of status line and headers with the empty line after them.
    pub length: usize,
    pub body_end: BodyEnd,
    /// The server closes the connection after this reply.
    pub closes: bool,
}

const HEADERS_MAX: usize = 64;

/// Reads the head at the start of `bytes`; `None` while it is not complete. Gives each header to `each_header`.
///
/// # Errors
/// When the bytes cannot become a reply.
pub fn read_head(bytes: &[u8], mut each_header: impl FnMut(&str, &[u8])) -> Result<Option<Head>, String> {
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut slots);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(problem) => return Err(problem.to_string()),
    };
    let status = parsed.code.unwrap_or(0);
    let mut body_end = BodyEnd::Close;
    let mut closes = false;
    for header in parsed.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            body_end = BodyEnd::After(number(header.value).ok_or("its Content-Length is no number")?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            body_end = BodyEnd::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") {
            closes = header.value.eq_ignore_ascii_case(b"close");
        }
        each_header(header.name, header.value);
    }
    if status == 204 || status == 304 {
        body_end = BodyEnd::After(0);
    }
    closes |= body_end == BodyEnd::Close;
    Ok(Some(Head { status, length, body_end, closes }))
}

/// The bytes of a request to `host`.
pub fn write_request(host: &str, prefix: &str, request: &Request, out: &mut Vec<u8>) {
    out.clear();
    for part in [request.method, " ", prefix, &request.path, " HTTP/1.1\r\nHost: ", host, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &request.headers {
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    if let Some(body) = &request.body {
        out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        out.extend_from_slice(body);
    } else {
        let no_body: &[u8] = if request.method == "POST" { b"Content-Length: 0\r\n\r\n" } else { b"\r\n" };
        out.extend_from_slice(no_body);
    }
}

/// Takes the chunks at the start of `bytes` apart: the body and the bytes used, or `None` while the last is missing.
///
/// # Errors
/// When the bytes are no chunks.
pub fn read_chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let (after_size, size) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete((used, size))) => (at + used, size),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk has no size".to_owned()),
        };
        let size = usize::try_from(size).map_err(|_| "a chunk is too large".to_owned())?;
        if size == 0 {
            return Ok(end_of_trailers(&bytes[after_size..]).map(|used| (body, after_size + used)));
        }
        let Some(chunk) = bytes.get(after_size..after_size + size) else { return Ok(None) };
        body.extend_from_slice(chunk);
        at = after_size + size + 2;
        if at > bytes.len() {
            return Ok(None);
        }
    }
}

/// Length of the trailer lines up to and with the empty one.
fn end_of_trailers(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\r\n") {
        return Some(2);
    }
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}
