//! Where a store is, and whether it may be spoken to in the clear.

use std::{fmt, str::FromStr};

use url::{Host, Url};

use crate::failure::{Failure, Result};

/// A store's address without a slash at the end, such as `https://shop.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreUrl(Url);

impl StoreUrl {
    /// The address of a path below the store; segments are escaped.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Refuses `http://` to anything but this machine: tokens and passwords would be readable on the way.
    pub(crate) fn check_transport(&self, allow_http: bool) -> Result<()> {
        if self.0.scheme() == "https" || allow_http || self.is_loopback() {
            return Ok(());
        }
        Err(Failure::usage("http_refused", format!("{self} would send your password and token in the clear"))
            .hint("use the https:// address of the store\nfor a store on your own network, say --allow-http"))
    }

    /// Whether the store runs on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let mut url = Url::parse(&full).map_err(|_| "a store is an address such as https://shop.example")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("a store's address begins with https:// or http://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a store's address holds no name or password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a store's address ends before any `?` or `#`");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        let store = Self(url);
        if !text.contains("://") && store.is_loopback() {
            return Self::parse(&format!("http://{text}"));
        }
        Ok(store)
    }
}

impl FromStr for StoreUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.trim())
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(text: &str) -> StoreUrl {
        text.parse().unwrap()
    }

    #[test]
    fn one_store_has_one_spelling() {
        for text in
            ["https://shop.example", "https://SHOP.example:443/", "shop.example", " https://shop.example/ "]
        {
            assert_eq!(store(text).to_string(), "https://shop.example", "{text}");
        }
        assert_eq!(store("localhost:8080").to_string(), "http://localhost:8080");
        assert_eq!(store("https://example.org/shop/").to_string(), "https://example.org/shop");
    }

    #[test]
    fn addresses_with_secrets_or_leftovers_are_refused() {
        for text in [
            "https://me:pw@shop.example",
            "https://shop.example/setup#token",
            "ftp://shop.example",
            "",
            "https://",
        ] {
            assert!(text.parse::<StoreUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn clear_text_goes_to_this_machine_only() {
        for text in [
            "http://127.0.0.1:80",
            "http://[::1]:80",
            "http://localhost",
            "http://a.localhost",
            "https://shop.example",
        ] {
            assert!(store(text).check_transport(false).is_ok(), "{text}");
        }
        for text in ["http://shop.example", "http://192.168.1.2", "http://localhost.example", "http://[::2]"]
        {
            assert!(store(text).check_transport(false).is_err(), "{text}");
            assert!(store(text).check_transport(true).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_path_segment_stays_one_segment() {
        assert_eq!(
            store("http://localhost/shop").join(&["api", "a/b?c"]).as_str(),
            "http://localhost/shop/api/a%2Fb%3Fc"
        );
    }
}
