//! Whom a request comes from when it came through proxies.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::extract::ClientAddress;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word about the client's address counts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// Whether it was said that a proxy is not trusted: once is enough.
static SAID: AtomicBool = AtomicBool::new(false);

impl TrustedProxies {
    /// Reads addresses and networks such as `127.0.0.1` and `10.0.0.0/8`.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, BadProxy> {
        let network = |text: &T| {
            let text = text.as_ref().trim();
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(|_| address()).map_err(|_| BadProxy { text: text.to_owned() })
        };
        texts.iter().map(network).collect::<Result<_, _>>().map(Self)
    }

    /// The client behind a connection from `peer`: the last address in `X-Forwarded-For` that is not a trusted proxy's.
    ///
    /// What stands further left was written by the client itself and counts for nothing.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let lines = headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>();
        let hops = lines.into_iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            match address(hop) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }

    /// Whether a neighbour speaks for others without being trusted: somebody forgot to name a proxy.
    fn looks_forgotten(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let near = match peer.to_canonical() {
            IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        };
        near && headers.contains_key(FORWARDED_FOR) && !self.trusts(peer)
    }

    /// Whether this is a trusted proxy's.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Middleware that tells [`ClientAddress`] whom a request comes from.
pub async fn tell_client(
    State(proxies): State<TrustedProxies>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    if let Some(peer) = peer {
        let client = proxies.client(peer, request.headers());
        if proxies.looks_forgotten(peer, request.headers()) && !SAID.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "a proxy seems to stand before this server, but `trusted_proxies` does not name it: all that comes through it counts \
                 as one client, and a few wrong passwords keep everybody out"
            );
        }
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
}

/// Neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is neither an address nor a network such as 10.0.0.0/8")]
pub struct BadProxy {
    /// The text.
    pub text: String,
}

/// An address with or without a port, as proxies write it.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bracketed = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bracketed.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let proxies = TrustedProxies::parse(&["127.0.0.1", "10.0.0.0/8", "fd00::/8"]).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_speak_for_others() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_itself_counts_for_nothing() {
        assert_eq!(client("127.0.0.1", &["1.1.1.1, 198.51.100.1, 10.1.2.3"]), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &["1.1.1.1", "198.51.100.1, 10.1.2.3"]), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &["198.51.100.1, nonsense"]), "127.0.0.1");
        assert_eq!(client("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
    }

    #[test]
    fn a_neighbour_that_speaks_for_others_unasked_is_noticed() {
        let headers = HeaderMap::from_iter([(FORWARDED_FOR, "198.51.100.1".parse().unwrap())]);
        let forgotten = |trusted: &[&str], peer: &str, headers: &HeaderMap| {
            TrustedProxies::parse(trusted).unwrap().looks_forgotten(peer.parse().unwrap(), headers)
        };
        for peer in ["127.0.0.1", "::1", "172.18.0.2", "fd00::2", "::ffff:10.0.0.1"] {
            assert!(forgotten(&[], peer, &headers), "{peer}");
            assert!(!forgotten(&[], peer, &HeaderMap::new()), "{peer}");
        }
        assert!(!forgotten(&["127.0.0.1"], "127.0.0.1", &headers));
        assert!(!forgotten(&[], "203.0.113.9", &headers), "what strangers write is no sign");
    }

    #[test]
    fn a_text_that_is_no_network_is_named() {
        let refused = TrustedProxies::parse(&["10.0.0.0/8", "everybody"]).unwrap_err();
        assert_eq!(refused, BadProxy { text: "everybody".to_owned() });
    }
}
