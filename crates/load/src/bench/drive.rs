//! Many connections on one thread, each with one request in flight: the cheapest way to keep a server busy from the
//! machine it runs on. Replies are read only as far as needed: status and length.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::template::Template;
use crate::client::wire::{self, BodyEnd};
use crate::client::{REPLY_TIMEOUT, connect};
use crate::keys::KeyMint;
use crate::{LoadError, clock};

/// One connection's requests and keys.
pub(super) struct Lane {
    pub(super) template: Template,
    pub(super) mint: KeyMint,
}

/// What one timed stretch gave.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) requests: u64,
    /// Of requests that were answered with success.
    pub(super) events: u64,
    pub(super) elapsed: Duration,
    pub(super) latencies_micros: Vec<u64>,
    /// The first answer that was not a success.
    pub(super) refusal: Option<(u16, String)>,
}

enum State {
    Idle,
    Writing { sent: usize },
    Reading,
}

struct Connection<'a> {
    stream: &'a TcpStream,
    lane: &'a mut Lane,
    state: State,
    since: Instant,
    reply: Vec<u8>,
}

/// Sends on every lane, one request after the other, until `length` is over, then reads the last replies.
pub(super) fn drive(address: &str, lanes: &mut [Lane], length: Duration) -> Result<Measured, LoadError> {
    let mut streams = Vec::with_capacity(lanes.len());
    for _ in 0..lanes.len() {
        let stream = connect(address)?;
        stream.set_nonblocking(true).map_err(LoadError::system("make a connection non-blocking"))?;
        streams.push(stream);
    }
    let broken = |source| LoadError::Exchange { address: address.to_owned(), source };
    let started = clock::start();
    let mut measured = Measured::default();
    let mut connections: Vec<Connection<'_>> = streams
        .iter()
        .zip(lanes)
        .map(|(stream, lane)| Connection { stream, lane, state: State::Idle, since: started, reply: Vec::new() })
        .collect();
    for connection in &mut connections {
        connection.send().map_err(broken)?;
    }
    let mut polled = Vec::with_capacity(connections.len());
    loop {
        polled.clear();
        polled.extend(connections.iter().map(|connection| PollFd::new(connection.stream, connection.interest())));
        if connections.iter().all(|connection| matches!(connection.state, State::Idle)) {
            break;
        }
        let patience = Timespec { tv_sec: i64::try_from(REPLY_TIMEOUT.as_secs()).unwrap_or(60), tv_nsec: 0 };
        let ready = poll(&mut polled, Some(&patience)).map_err(|errno| broken(errno.into()))?;
        if ready == 0 {
            return Err(broken(ErrorKind::TimedOut.into()));
        }
        for (connection, readiness) in connections.iter_mut().zip(&polled) {
            if readiness.revents().is_empty() {
                continue;
            }
            if connection.advance(&mut measured).map_err(broken)? && started.elapsed() < length {
                connection.send().map_err(broken)?;
            }
        }
    }
    measured.elapsed = started.elapsed();
    Ok(measured)
}

impl Connection<'_> {
    fn interest(&self) -> PollFlags {
        match self.state {
            State::Idle => PollFlags::empty(),
            State::Writing { .. } => PollFlags::OUT,
            State::Reading => PollFlags::IN,
        }
    }

    fn send(&mut self) -> std::io::Result<()> {
        self.lane.template.stamp(&mut self.lane.mint, clock::unix_millis());
        self.since = clock::start();
        self.write_from(0)
    }

    fn write_from(&mut self, mut sent: usize) -> std::io::Result<()> {
        let bytes = self.lane.template.bytes();
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(written) => sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.state = State::Writing { sent };
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.state = State::Reading;
        Ok(())
    }

    /// Goes on writing or reading; true when a reply is complete and the connection is free.
    fn advance(&mut self, measured: &mut Measured) -> std::io::Result<bool> {
        match self.state {
            State::Idle => Ok(false),
            State::Writing { sent } => self.write_from(sent).map(|()| false),
            State::Reading => self.read(measured),
        }
    }

    fn read(&mut self, measured: &mut Measured) -> std::io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => self.reply.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        let head = wire::read_head(&self.reply, |_, _| {}).map_err(std::io::Error::other)?;
        let Some(head) = head else { return Ok(false) };
        let BodyEnd::After(length) = head.body_end else {
            return Err(std::io::Error::other("the reply has no Content-Length"));
        };
        if self.reply.len() < head.length + length {
            return Ok(false);
        }
        measured.requests += 1;
        measured.latencies_micros.push(clock::micros(self.since.elapsed()));
        if (200..300).contains(&head.status) {
            measured.events += u64::try_from(self.lane.template.events()).unwrap_or(u64::MAX);
        } else if measured.refusal.is_none() {
            let body = String::from_utf8_lossy(&self.reply[head.length..]).into_owned();
            measured.refusal = Some((head.status, body));
        }
        self.reply.clear();
        self.state = State::Idle;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::{Lane, drive};
    use crate::account::Account;
    use crate::bench::template::Template;
    use crate::keys::KeyMint;
    use crate::random::Random;

    /// Answers every request that ends with its body's last brace; returns how many there were.
    fn answer_all(mut stream: TcpStream, answer: &'static [u8]) -> u64 {
        let mut served = 0;
        let mut piece = [0; 4096];
        loop {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return served,
                Ok(read) if piece[..read].ends_with(b"}") => {
                    stream.write_all(answer).unwrap();
                    served += 1;
                }
                Ok(_) => {}
            }
        }
    }

    fn lanes(count: u64, host: &str) -> Vec<Lane> {
        let account = Account {
            access_token: String::new(),
            project_id: String::new(),
            access_key: "nrb_a".to_owned(),
            existed: false,
        };
        let lane = |number| Lane {
            template: Template::single(host, &account, &mut Random::new(number)),
            mint: KeyMint::new(Random::new(number)),
        };
        (0..count).map(lane).collect()
    }

    fn drive_against(answer: &'static [u8]) -> (super::Measured, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let serving: Vec<_> = (0..3)
                .map(|_| listener.accept().unwrap().0)
                .map(|stream| std::thread::spawn(move || answer_all(stream, answer)))
                .collect();
            serving.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let measured = drive(&address, &mut lanes(3, &address), Duration::from_millis(50)).unwrap();
        (measured, server.join().unwrap())
    }

    #[test]
    fn every_answer_is_counted_once() {
        let (measured, served) = drive_against(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
        assert!(measured.requests >= 3);
        assert_eq!((measured.requests, measured.events), (served, served));
        assert_eq!(u64::try_from(measured.latencies_micros.len()).unwrap(), served);
        assert!(measured.refusal.is_none());
    }

    #[test]
    fn refused_requests_are_no_events() {
        let (measured, _) = drive_against(b"HTTP/1.1 429 Too Many\r\nContent-Length: 4\r\n\r\nslow");
        assert_eq!(measured.events, 0);
        assert_eq!(measured.refusal, Some((429, "slow".to_owned())));
    }
}
