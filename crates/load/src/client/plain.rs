//! One keep-alive connection without encryption. A connection the server closed while it was idle is opened again once.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::wire::{self, BodyEnd, Head};
use super::{REPLY_TIMEOUT, Reply, Request};
use crate::LoadError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_AT_ONCE: usize = 64 * 1024;

pub(super) struct Connection {
    host: String,
    address: String,
    stream: Option<TcpStream>,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

/// Why an exchange ended without a reply.
enum Failure {
    /// Nothing of a reply was read on a connection that had served before: it was closed while idle.
    StaleConnection(std::io::Error),
    Final(LoadError),
}

impl Connection {
    pub(super) fn new(host: String, address: String) -> Connection {
        Connection { host, address, stream: None, outgoing: Vec::new(), incoming: Vec::new() }
    }

    pub(super) fn exchange(&mut self, prefix: &str, request: &Request) -> Result<Reply, LoadError> {
        wire::write_request(&self.host, prefix, request, &mut self.outgoing);
        let outcome = match self.exchange_once() {
            Err(Failure::StaleConnection(_)) => {
                self.stream = None;
                self.exchange_once()
            }
            other => other,
        };
        outcome.map_err(|failure| {
            self.stream = None;
            match failure {
                Failure::StaleConnection(source) => self.broken(source),
                Failure::Final(error) => error,
            }
        })
    }

    /// Sends what `outgoing` holds and reads the reply.
    fn exchange_once(&mut self) -> Result<Reply, Failure> {
        let reused = self.stream.is_some();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(&self.address).map_err(Failure::Final)?,
        };
        self.incoming.clear();
        let outcome = stream.write_all(&self.outgoing).and_then(|()| self.read_more(&mut stream));
        if let Err(source) = outcome {
            let stale = reused && was_closed(&source);
            return Err(if stale { Failure::StaleConnection(source) } else { Failure::Final(self.broken(source)) });
        }
        let (reply, closes) = self.read_reply(&mut stream).map_err(Failure::Final)?;
        if !closes {
            self.stream = Some(stream);
        }
        Ok(reply)
    }

    fn read_reply(&mut self, stream: &mut TcpStream) -> Result<(Reply, bool), LoadError> {
        let mut headers = Vec::new();
        let head = loop {
            headers.clear();
            let parsed = wire::read_head(&self.incoming, |name, value| {
                headers.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
            });
            match parsed {
                Ok(Some(head)) if head.status == 100 => drop(self.incoming.drain(..head.length)),
                Ok(Some(head)) => break head,
                Ok(None) => self.read_more(stream).map_err(|source| self.broken(source))?,
                Err(reason) => return Err(self.malformed(reason)),
            }
        };
        let body = self.read_body(stream, &head)?;
        Ok((Reply { status: head.status, headers, body }, head.closes))
    }

    fn read_body(&mut self, stream: &mut TcpStream, head: &Head) -> Result<Vec<u8>, LoadError> {
        loop {
            let bytes = &self.incoming[head.length..];
            match head.body_end {
                BodyEnd::After(length) if bytes.len() >= length => return Ok(bytes[..length].to_vec()),
                BodyEnd::Chunked => match wire::read_chunks(bytes) {
                    Ok(Some((body, _))) => return Ok(body),
                    Ok(None) => {}
                    Err(reason) => return Err(self.malformed(reason)),
                },
                BodyEnd::After(_) | BodyEnd::Close => {}
            }
            match self.read_more(stream) {
                Ok(()) => {}
                Err(source)
                    if head.body_end == BodyEnd::Close && source.kind() == std::io::ErrorKind::UnexpectedEof =>
                {
                    return Ok(self.incoming[head.length..].to_vec());
                }
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    /// Appends what the server sends next; the end of the stream is an error.
    fn read_more(&mut self, stream: &mut TcpStream) -> std::io::Result<()> {
        let filled = self.incoming.len();
        self.incoming.resize(filled + READ_AT_ONCE, 0);
        let outcome = stream.read(&mut self.incoming[filled..]);
        self.incoming.truncate(filled + outcome.as_ref().map_or(0, |read| *read));
        match outcome {
            Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(source) => Err(source),
        }
    }

    fn broken(&self, source: std::io::Error) -> LoadError {
        LoadError::Exchange { address: self.address.clone(), source }
    }

    fn malformed(&self, reason: String) -> LoadError {
        LoadError::Malformed { address: self.address.clone(), reason }
    }
}

/// Sends the bytes of a whole request on a connection of its own.
pub(crate) fn exchange_bytes(address: &str, bytes: &[u8]) -> Result<Reply, LoadError> {
    let mut connection = Connection::new(address.to_owned(), address.to_owned());
    connection.outgoing.extend_from_slice(bytes);
    connection.exchange_once().map_err(|failure| match failure {
        Failure::StaleConnection(source) => connection.broken(source),
        Failure::Final(error) => error,
    })
}

/// The other side had closed; a time-out is something else.
fn was_closed(source: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(source.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// A connected stream that sends small requests at once.
pub(crate) fn connect(address: &str) -> Result<TcpStream, LoadError> {
    let failed = |source| LoadError::Connect { address: address.to_owned(), source };
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for candidate in address.to_socket_addrs().map_err(failed)? {
        match TcpStream::connect_timeout(&candidate, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(failed)?;
                stream.set_read_timeout(Some(REPLY_TIMEOUT)).map_err(failed)?;
                stream.set_write_timeout(Some(REPLY_TIMEOUT)).map_err(failed)?;
                return Ok(stream);
            }
            Err(source) => last = source,
        }
    }
    Err(failed(last))
}
