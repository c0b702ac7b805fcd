//! The address of the client: the peer of the connection, or what a proxy that is configured as trusted says about it.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;

use crate::app::App;
use crate::failure::Failure;

/// Where the request comes from, for limits and logs. `None` when there is no network connection (tests).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u32,
}

/// A text that is not a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an address or a network such as \"10.0.0.0/8\"")]
pub struct NetworkError {
    text: String,
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<ClientAddress, Failure> {
        let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Ok(ClientAddress(None));
        };
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        Ok(ClientAddress(Some(client(peer.ip(), &hops, &app.settings().trusted_proxies))))
    }
}

/// Walks back from the peer as long as the speaker is a trusted proxy: what comes before is anybody's claim.
fn client(peer: IpAddr, hops: &[&str], trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer.to_canonical();
    for hop in hops.iter().rev() {
        match hop.parse::<IpAddr>() {
            Ok(claimed) if is_trusted(address) => address = claimed.to_canonical(),
            Ok(_) | Err(_) => break,
        }
    }
    address
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let outside = u32::from(base) ^ u32::from(address);
                outside.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let outside = u128::from(base) ^ u128::from(address);
                outside.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let error = || NetworkError { text: text.to_owned() };
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| error())?;
        let bits = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), str::parse).map_err(|_| error())?;
        if prefix > bits { Err(error()) } else { Ok(Network { base, prefix }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, forwarded: &[&str], expected: &str) {
        let trusted: Vec<Network> = ["10.0.0.0/8", "fd00::1"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(client(peer.parse().unwrap(), forwarded, &trusted), expected.parse::<IpAddr>().unwrap());
    }

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        // checklist 106
        check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        check("10.1.1.1", &["198.51.100.1"], "198.51.100.1");
        check("::ffff:10.1.1.1", &["198.51.100.1"], "198.51.100.1");
        check("fd00::1", &["198.51.100.1"], "198.51.100.1");
        check("fd00::2", &["198.51.100.1"], "fd00::2");
    }

    #[test]
    fn a_client_cannot_put_words_into_the_proxies_mouth() {
        check("10.1.1.1", &["1.1.1.1", "198.51.100.1"], "198.51.100.1");
        check("10.1.1.1", &["1.1.1.1", "198.51.100.1", "10.2.2.2"], "198.51.100.1");
        check("10.1.1.1", &["1.1.1.1", "nonsense"], "10.1.1.1");
    }

    #[test]
    fn a_malformed_network_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/x"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("203.0.113.9".parse().unwrap()));
    }
}
