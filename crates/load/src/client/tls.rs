//! Requests to an `https` server, through `ureq` with `ring`; used by the smoke check, where speed does not matter.

use std::sync::Arc;

use ureq::http;
use ureq::tls::{TlsConfig, TlsProvider};

use super::{REPLY_TIMEOUT, Reply, Request};
use crate::LoadError;

/// The largest reply taken over TLS.
const REPLY_BYTES_MAX: u64 = 64 * 1024 * 1024;

pub(super) fn agent() -> ureq::Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder().provider(TlsProvider::Rustls).unversioned_rustls_crypto_provider(provider).build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(REPLY_TIMEOUT))
        .build()
        .into()
}

pub(super) fn exchange(agent: &ureq::Agent, base_url: &str, request: &Request) -> Result<Reply, LoadError> {
    let broken = |source: std::io::Error| LoadError::Exchange { address: base_url.to_owned(), source };
    let mut builder = http::Request::builder().method(request.method).uri(format!("{base_url}{}", request.path));
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    let body = request.body.clone().unwrap_or_default();
    let message = builder.body(body).map_err(|source| broken(std::io::Error::other(source)))?;
    let reply = agent.run(message).map_err(|source| broken(source.into_io()))?;
    let status = reply.status().as_u16();
    let headers = reply
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let body = reply
        .into_body()
        .into_with_config()
        .limit(REPLY_BYTES_MAX)
        .read_to_vec()
        .map_err(|source| broken(source.into_io()))?;
    Ok(Reply { status, headers, body })
}
