//! The names under which a server's pages are reached, as passkeys and wallets know them.

use http::Uri;

/// A server's own names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    /// Origins of its pages, the main one first.
    pub(crate) origins: Vec<String>,
    /// Host and port of the same.
    pub(crate) authorities: Vec<String>,
    /// The domain that passkeys belong to; none where there is none, or everybody on the way could read along.
    pub(crate) rp_id: Option<String>,
}

impl Site {
    /// Of a server at `origin`. On its own machine it has several names, and the one that passkeys can belong to is `localhost`.
    pub(crate) fn of(origin: &str) -> Self {
        let uri: Option<Uri> = origin.parse().ok();
        let uri = uri.as_ref();
        let scheme = uri.and_then(Uri::scheme_str).unwrap_or_default();
        let host = uri.and_then(Uri::host).unwrap_or_default().to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<std::net::IpAddr>().ok();
        let local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        let port = uri.and_then(Uri::port_u16).map(|port| format!(":{port}")).unwrap_or_default();
        let mut hosts = vec![host.clone()];
        if local && scheme == "http" {
            let others = ["localhost", "127.0.0.1", "[::1]"].into_iter().filter(|other| *other != host);
            hosts.extend(others.map(str::to_owned));
        }
        let authorities: Vec<String> = hosts.iter().map(|host| format!("{host}{port}")).collect();
        let origins = authorities.iter().map(|authority| format!("{scheme}://{authority}")).collect();
        let rp_id = match (scheme, local, address) {
            ("http", true, _) => Some("localhost".to_owned()),
            ("https", _, None) if !host.is_empty() => Some(host),
            _ => None,
        };
        Self { origins, authorities, rp_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_belong_to_names_that_nobody_can_listen_to() {
        let rp_id = |origin: &str| Site::of(origin).rp_id;
        assert_eq!(rp_id("https://store.example"), Some("store.example".to_owned()));
        assert_eq!(rp_id("https://store.example:8443"), Some("store.example".to_owned()));
        assert_eq!(rp_id("http://127.0.0.1:8080"), Some("localhost".to_owned()));
        assert_eq!(rp_id("http://localhost:8080"), Some("localhost".to_owned()));
        for none in ["http://store.example", "https://192.0.2.1", "http://192.168.1.7:8080", "nonsense"] {
            assert_eq!(rp_id(none), None, "{none}");
        }
    }

    #[test]
    fn only_the_machine_itself_has_several_names() {
        assert_eq!(Site::of("https://store.example").origins, ["https://store.example"]);
        let here = Site::of("http://127.0.0.1:8080");
        assert_eq!(here.origins, ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"]);
        assert_eq!(here.authorities[1], "localhost:8080");
    }
}
