//! A tiny HTTP/1.1 server on loopback: keep-alive, one thread per connection, answers from a function.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// What a client sent.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The raw bytes of an answer, and whether the connection is closed after it.
pub struct Answer {
    pub bytes: Vec<u8>,
    pub close: bool,
}

impl Answer {
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Answer {
        Answer { bytes: bytes.into(), close: false }
    }

    pub fn json(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut text = format!("HTTP/1.1 {status} Word\r\nX-Request-Id: req-1\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(body);
        Answer::raw(bytes)
    }

    pub fn closing(mut self) -> Answer {
        self.close = true;
        self
    }
}

/// Serves until the test process ends; gives the base URL.
pub fn serve(answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || serve_connection(stream, answer.as_ref()));
        }
    });
    base
}

fn serve_connection(stream: TcpStream, answer: &(impl Fn(&Received) -> Answer + ?Sized)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(received) = read_request(&mut reader) {
        let answer = answer(&received);
        if writer.write_all(&answer.bytes).is_err() || answer.close {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Received> {
    let mut received = Received::default();
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    received.method = words.next()?.to_owned();
    received.path = words.next()?.to_owned();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        received.headers.push((name.to_owned(), value.to_owned()));
    }
    let length = received.header("Content-Length").map_or(0, |value| value.parse().unwrap());
    received.body = vec![0; length];
    reader.read_exact(&mut received.body).ok()?;
    Some(received)
}
