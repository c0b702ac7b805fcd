//! A small blocking HTTP/1.1 client with typed replies: plain connections by its own light code (it shares the machine
//! with the server it measures), `https` by `ureq`.

mod plain;
mod reply;
mod request;
mod tls;
pub mod wire;

use std::time::Duration;

pub(crate) use plain::{connect, exchange_bytes};
pub use reply::Reply;
pub use request::Request;

use crate::{LoadError, clock};

/// How long one reply may take; the server's own time limit is shorter.
pub(crate) const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

const PATIENT_ATTEMPTS: usize = 20;
const PATIENT_SECONDS_MAX: u64 = 5;

/// One keep-alive connection to one server. Not shared: each thread has its own.
pub struct Client {
    base: Base,
    transport: Transport,
}

enum Transport {
    Plain(plain::Connection),
    Tls(Box<ureq::Agent>),
}

impl Client {
    /// A client for `http://host:port` or `https://host`; connects with the first request.
    ///
    /// # Errors
    /// When `base_url` is neither.
    pub fn new(base_url: &str) -> Result<Client, LoadError> {
        let base = Base::parse(base_url)?;
        let transport = if base.tls {
            Transport::Tls(Box::new(tls::agent()))
        } else {
            Transport::Plain(plain::Connection::new(base.authority.clone(), base.address()))
        };
        Ok(Client { base, transport })
    }

    /// The address as given, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base.url
    }

    /// Like [`Client::send`], but sends again when the server asks to wait (429, 503): only for requests that can be repeated.
    ///
    /// # Errors
    /// When there was no reply.
    pub fn send_patiently(&mut self, request: &Request) -> Result<Reply, LoadError> {
        let mut reply = self.send(request)?;
        for _ in 0..PATIENT_ATTEMPTS {
            if !matches!(reply.status, 429 | 503) {
                break;
            }
            let seconds = reply.retry_after().unwrap_or(1).min(PATIENT_SECONDS_MAX);
            clock::pause(Duration::from_secs(seconds));
            reply = self.send(request)?;
        }
        Ok(reply)
    }

    /// Sends one request and reads its whole reply, whatever its status.
    ///
    /// # Errors
    /// Only when there was no reply: see [`LoadError::is_connection`].
    pub fn send(&mut self, request: &Request) -> Result<Reply, LoadError> {
        match &mut self.transport {
            Transport::Plain(connection) => connection.exchange(&self.base.prefix, request),
            Transport::Tls(agent) => tls::exchange(agent, &self.base.url, request),
        }
    }
}

/// A server's address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) url: String,
    pub(crate) tls: bool,
    /// Host and port as they stand in the `Host` header.
    pub(crate) authority: String,
    /// Path in front of every request path, empty or `/billing`.
    pub(crate) prefix: String,
}

impl Base {
    pub(crate) fn parse(url: &str) -> Result<Base, LoadError> {
        let refused = |reason: &str| LoadError::Address { url: url.to_owned(), reason: reason.to_owned() };
        let trimmed = url.trim_end_matches('/');
        let (tls, rest) = match trimmed.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return Err(refused("only http:// and https:// are spoken")),
            None => return Err(refused("write it as http://host:port")),
        };
        let (authority, prefix) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        if authority.is_empty() || authority.contains('@') || authority.contains(char::is_whitespace) {
            return Err(refused("the host is missing or not plain"));
        }
        Ok(Base { url: trimmed.to_owned(), tls, authority: authority.to_owned(), prefix })
    }

    /// Host and port to connect to.
    pub(crate) fn address(&self) -> String {
        let port_follows = self.authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if port_follows { self.authority.clone() } else { format!("{}:80", self.authority) }
    }
}

#[cfg(test)]
mod tests {
    use super::Base;

    #[test]
    fn an_address_is_taken_apart() {
        let base = Base::parse("http://127.0.0.1:8080/").unwrap();
        assert_eq!((base.url.as_str(), base.tls), ("http://127.0.0.1:8080", false));
        assert_eq!(base.address(), "127.0.0.1:8080");
        let behind_path = Base::parse("https://example.com/billing").unwrap();
        assert_eq!((behind_path.tls, behind_path.prefix.as_str()), (true, "/billing"));
        assert_eq!(Base::parse("http://[::1]:9").unwrap().address(), "[::1]:9");
        assert_eq!(Base::parse("http://localhost").unwrap().address(), "localhost:80");
    }

    #[test]
    fn what_is_no_http_address_is_refused() {
        for bad in ["127.0.0.1:8080", "ftp://host", "http://", "http://user@host", "http://a b"] {
            assert!(Base::parse(bad).is_err(), "{bad}");
        }
    }
}
