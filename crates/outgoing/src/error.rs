//! Why an address was not asked, or its answer not taken.

use std::time::Duration;

/// Why an address was not asked, or its answer not taken. Texts name no part of an address but its host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no address of the kind that is asked.
    #[error("the address cannot be used: {0}")]
    Address(&'static str),
    /// It leads into a network that is not open to everybody.
    #[error("the address leads into a network that the server must not reach")]
    Forbidden,
    /// It sends the client elsewhere.
    #[error("{host} redirects, which is not followed")]
    Redirect {
        /// Its host.
        host: String,
    },
    /// It did not answer in time.
    #[error("{host} did not answer within {} seconds", limit.as_secs())]
    Timeout {
        /// Its host.
        host: String,
        /// How long it had.
        limit: Duration,
    },
    /// It answers with more than is taken.
    #[error("{host} answers with more than {limit} bytes")]
    TooLarge {
        /// Its host.
        host: String,
        /// How many are taken.
        limit: usize,
    },
    /// It could not be reached, or stopped in between.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// Its host.
        host: String,
    },
    /// The client itself could not be set up.
    #[error("the client cannot be set up: {0}")]
    Client(String),
}

impl Error {
    /// Stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "address_unusable",
            Self::Forbidden => "address_forbidden",
            Self::Redirect { .. } => "address_redirects",
            Self::Timeout { .. } => "address_too_slow",
            Self::TooLarge { .. } => "answer_too_large",
            Self::Unreachable { .. } => "address_unreachable",
            Self::Client(_) => "client",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Address(_) => "give an https:// address without a name or password in it",
            Self::Forbidden => "give an address of the open internet, or allow that network in the settings",
            Self::Redirect { .. } => "give the address that it leads to",
            Self::Timeout { .. } | Self::Unreachable { .. } => "check the address, and try again later",
            Self::TooLarge { .. } => "give the address of something smaller",
            Self::Client(_) => "check the certificates of this machine",
        }
    }
}
