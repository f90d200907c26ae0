//! Lists of endpoints as people write them.

use std::{collections::HashSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};
use url::{Host, Url};

use crate::{endpoint, settings::SettingsError};

/// More endpoints cost more and say no more.
pub(crate) const MOST_ENDPOINTS: usize = 16;

/// Addresses of endpoints, each of another host. Providers' keys are part of them: errors and `Debug` show hosts at most.
///
/// ```
/// let endpoints: sealpost_chain::Endpoints = "https://a.example/v2/KEY, https://b.example".parse()?;
/// assert_eq!(endpoints.hosts(), ["a.example", "b.example"]);
/// let wrong = "htps://a.example/v2/KEY".parse::<sealpost_chain::Endpoints>().unwrap_err();
/// assert!(!wrong.to_string().contains("KEY"));
/// # Ok::<(), sealpost_chain::SettingsError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoints(Vec<Url>);

impl Endpoints {
    /// From one text for each.
    ///
    /// # Errors
    /// [`SettingsError`] where one is no `https://` address, or `http://` on this machine or network, or two are of one host, or
    /// there are none.
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, SettingsError> {
        let mut hosts = HashSet::new();
        let mut urls = Vec::new();
        for text in texts {
            let number = urls.len() + 1;
            let url = web(text.as_ref()).ok_or(SettingsError::Url(number))?;
            let host = endpoint::host(&url);
            if url.scheme() == "http" && !is_near(&url) {
                return Err(SettingsError::ClearText { number, host });
            }
            if !hosts.insert((url.host_str().map(str::to_owned), url.port_or_known_default())) {
                return Err(SettingsError::SameHost(host));
            }
            urls.push(url);
        }
        if urls.is_empty() || urls.len() > MOST_ENDPOINTS {
            return Err(SettingsError::Endpoints(urls.len()));
        }
        Ok(Self(urls))
    }

    /// The addresses, with whatever keys are in them.
    #[must_use]
    pub fn as_urls(&self) -> &[Url] {
        &self.0
    }

    /// What may be shown: name and port of each.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.0.iter().map(endpoint::host).collect()
    }
}

/// Addresses with commas or white space between them. In a file, lines that begin with `#` are no addresses.
impl FromStr for Endpoints {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()));
        Self::new(words.filter(|word| !word.is_empty()))
    }
}

/// One text, or a list of them.
impl<'de> Deserialize<'de> for Endpoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(String),
            Many(Vec<String>),
        }
        // What serde says of another kind of value quotes it.
        let written = Written::deserialize(deserializer).map_err(|_| D::Error::custom(SettingsError::Rpc))?;
        let read = match written {
            Written::One(text) => text.parse(),
            Written::Many(texts) => Self::new(texts),
        };
        read.map_err(D::Error::custom)
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoints").field(&self.hosts()).finish()
    }
}

/// An `http://` or `https://` address.
pub(crate) fn web(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(url)
}

/// Whether what is sent there stays on this machine or network, as far as an address can tell.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let top = name.rsplit('.').next().unwrap_or(name);
            !name.contains('.') || matches!(top, "localhost" | "local" | "internal" | "lan" | "test")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "s3cret-k3y";

    #[test]
    fn addresses_stand_apart_by_commas_or_lines() {
        let read = "# mine\nhttps://a.example/v2/k, https://b.example\n\n  https://c.example:444/x "
            .parse::<Endpoints>();
        assert_eq!(read.unwrap().hosts(), ["a.example", "b.example", "c.example:444"]);
        for none in ["", " ,\n", "# https://a.example"] {
            assert_eq!(none.parse::<Endpoints>().unwrap_err(), SettingsError::Endpoints(0));
        }
    }

    #[test]
    fn nothing_that_is_wrong_is_quoted() {
        let near = |text: &str| text.replace("KEY", KEY);
        for text in [
            "KEY",
            "htps://a.example/KEY",
            "https://",
            "https://a.example/KEY https://a.example/KEY",
            "http://a.example/KEY",
            "wss://a.example/KEY",
            "https://a.example:KEY/",
        ] {
            let wrong = near(text).parse::<Endpoints>().unwrap_err();
            assert!(!format!("{wrong} {wrong:?}").contains(KEY), "{wrong:?}");
        }
        #[derive(Debug, Deserialize)]
        struct Table {
            #[expect(dead_code, reason = "it is read alone")]
            rpc: Endpoints,
        }
        for value in
            ["\"KEY\"", "[\"KEY\"]", "[[\"KEY\"]]", "{ url = \"KEY\" }", "{ KEY = 1 }", "[1, \"KEY\"]"]
        {
            let wrong = toml::from_str::<Table>(&near(&format!("rpc = {value}"))).unwrap_err();
            assert!(!wrong.message().contains(KEY) && wrong.message().contains("rpc"), "{}", wrong.message());
        }
        let shown = format!("{:?}", near("https://a.example/KEY").parse::<Endpoints>().unwrap());
        assert_eq!(shown, "Endpoints([\"a.example\"])");
    }
}
