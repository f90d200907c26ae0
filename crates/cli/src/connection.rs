//! What every command that talks to a store takes.

use clap::Args;
use sealpost_market::PluginId;

use crate::{
    failure::{Failure, Result},
    store_url::StoreUrl,
};

/// Which store is spoken to, and how the answer is shown.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connection {
    /// Address of the store [default: that of the latest sign-in]
    #[arg(long, value_name = "URL", env = "SEALPOST_STORE", hide_env_values = true, help_heading = "Store")]
    pub(crate) store: Option<String>,
    /// Talk to a store on your own network without TLS
    #[arg(long, help_heading = "Store")]
    pub(crate) allow_http: bool,
    /// Print one JSON object instead of text
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

impl Connection {
    /// The store that is named, or else `saved`.
    pub(crate) fn store_or(&self, saved: Option<&str>) -> Result<StoreUrl> {
        let text = self.store.as_deref().or(saved).ok_or_else(|| {
            Failure::usage("no_store", "which store?")
                .hint("name it with --store URL or SEALPOST_STORE, or sign in: sealpost login --store URL")
        })?;
        text.parse().map_err(|why| {
            Failure::usage("bad_store", format!("{text:?} is no store: {why}"))
                .hint("an address is written such as https://shop.example")
        })
    }
}

/// Reads an id of something in a store.
pub(crate) fn id(text: &str) -> Result<String, &'static str> {
    let id = text.trim();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if (1..=64).contains(&id.len()) && id.bytes().all(plain) {
        Ok(id.to_owned())
    } else {
        Err("an id has 1 to 64 characters out of a-z, 0-9, `_` and `-`")
    }
}

/// Reads the name of a listing: its id, or its plugin's.
pub(crate) fn listing_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    if id(name).is_ok() || plugin_id(name).is_ok() {
        Ok(name.to_owned())
    } else {
        Err("a listing is named by its id, or by a plugin id such as org.example.viewer")
    }
}

/// Reads a publisher's name for a plugin.
pub(crate) fn plugin_id(text: &str) -> Result<String, String> {
    PluginId::parse(text.trim()).map(String::from).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_place_in_a_path() {
        for text in ["", "..", "a/b", "A", "a b", "é", &"x".repeat(65)] {
            assert!(id(text).is_err(), "{text:?}");
        }
        assert_eq!(id(" job_a-1 ").unwrap(), "job_a-1");
    }

    #[test]
    fn plugins_are_named_as_their_publishers_name_them() {
        for text in ["", "..", ".a", "a/b", "a b", "é", &"x".repeat(129)] {
            assert!(listing_name(text).is_err(), "{text:?}");
        }
        for text in ["org.example.Viewer-2", "_odd_id", "l_1"] {
            assert_eq!(listing_name(text).unwrap(), text);
        }
    }
}
