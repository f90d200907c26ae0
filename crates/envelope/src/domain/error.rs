use super::DomainSecret;
use crate::ErrorCode;

/// Why a domain key could not be derived or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// Digits that only browsers read as an IPv4 address.
    #[error("the domain ends in a number but is not an IPv4 address in four parts")]
    Ipv4,
    /// Empty, over-long, or with characters that no domain has.
    #[error("this is not a domain name")]
    NotADomain,
    /// The key belongs to another domain, plugin or epoch, or the slot changed.
    #[error("the key was wrapped for another domain, plugin or epoch, or changed on its way")]
    Open,
    /// Empty or with a zero byte.
    #[error("the plugin id is empty or contains a zero byte")]
    PluginId,
    /// `example.com:8080`.
    #[error("the domain has a port")]
    Port,
    /// No bytes at all.
    #[error("the domain secret is empty")]
    SecretEmpty,
    /// Too short for version 2.
    #[error("the domain secret has {found} bytes, at least {} are needed", DomainSecret::LEN_V2)]
    SecretShort {
        /// Bytes it has.
        found: usize,
    },
    /// `example.com.`.
    #[error("the domain ends in a dot")]
    TrailingDot,
    /// `https://example.com/`, `user@example.com`.
    #[error("a whole address was given where a domain is expected")]
    Url,
    /// `*.example.com`.
    #[error("the domain has a wildcard")]
    Wildcard,
    /// The library refused to encrypt or derive.
    #[error("the content key could not be wrapped")]
    Wrap,
}

impl ErrorCode for DomainError {
    fn code(&self) -> &'static str {
        match self {
            Self::Ipv4 => "domain_ipv4",
            Self::NotADomain => "domain_invalid",
            Self::Open => "domain_not_for_us",
            Self::PluginId => "domain_plugin_id",
            Self::Port => "domain_port",
            Self::SecretEmpty => "domain_secret_empty",
            Self::SecretShort { .. } => "domain_secret_short",
            Self::TrailingDot => "domain_trailing_dot",
            Self::Url => "domain_is_url",
            Self::Wildcard => "domain_wildcard",
            Self::Wrap => "domain_not_wrapped",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Ipv4 => "Write the address as in `127.0.0.1`.",
            Self::NotADomain => {
                "Give a host name such as `example.com`, `localhost`, `127.0.0.1` or `[::1]`."
            }
            Self::Open => "Check domain, secret, plugin and epoch.",
            Self::PluginId => "Give the plugin's id, such as `com.publisher.my-plugin`.",
            Self::Port => "Leave the port out: a domain key is for all ports of its host.",
            Self::SecretEmpty => "Give the publisher's domain secret.",
            Self::SecretShort { .. } => {
                "Make a secret of 32 random bytes, for example with `openssl rand 32`."
            }
            Self::TrailingDot => "Leave the last dot out.",
            Self::Url => "Give the host name alone, without scheme, path or user.",
            Self::Wildcard => "Name every domain: each has a key of its own.",
            Self::Wrap => "Try again.",
        }
    }
}
