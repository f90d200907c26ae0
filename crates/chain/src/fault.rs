//! Why one endpoint gave no answer that can be used.

use std::time::Duration;

/// Characters of an endpoint's own words that are passed on.
const WORDS: usize = 200;

/// What one endpoint did instead of answering. Names no address: keys of providers are part of those.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing, or not all of it, within the time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// No connection, or one that broke.
    #[error("{0}")]
    Connection(String),
    /// Another HTTP status than 200, and no JSON-RPC error with it.
    #[error("HTTP status {0}")]
    Status(u16),
    /// More bytes than are read.
    #[error("an answer of more than {0} bytes")]
    TooLarge(usize),
    /// An answer that is no answer to the question.
    #[error("an answer that makes no sense: {0}")]
    Garbage(&'static str),
    /// A JSON-RPC error.
    #[error("refused ({code}): {message}")]
    Refused {
        /// The code of JSON-RPC.
        code: i64,
        /// The endpoint's words, cut, and without what looks like the key of its address.
        message: String,
        /// What a contract that reverted gave back.
        data: Option<Vec<u8>>,
    },
    /// It has not, or not yet, the block that a question ends with, so that it cannot know all of the answer.
    #[error("it does not have block {0} of the chain")]
    Behind(u64),
    /// It serves another chain, and is not asked until that changes.
    #[error("it serves chain {0}")]
    OtherChain(u64),
}

impl Fault {
    /// Whether a smaller question may be answered.
    pub(crate) fn is_too_much(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::TooLarge(_) | Self::Timeout(_) | Self::Status(413))
    }

    /// Whether the endpoint did answer, so that it is alive.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Behind(_))
    }

    /// Whether nothing is known of the endpoint for now, not even which chain it serves.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Connection(_) | Self::Status(_))
    }

    /// What a contract gave back when it reverted.
    pub(crate) fn revert(&self) -> Option<&[u8]> {
        match self {
            Self::Refused { data, .. } => data.as_deref(),
            _ => None,
        }
    }
}

/// An endpoint's words as they may be shown: short, on one line, without `secrets`.
pub(crate) fn clean(words: &str, secrets: &[String]) -> String {
    let mut words = words.to_owned();
    for secret in secrets {
        words = words.replace(secret, "[redacted]");
    }
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_short_on_one_line_and_without_the_key_of_the_address() {
        let words = format!("bad key k3y-of-me\u{1b}[2J\n{}", "x".repeat(1000));
        let shown = clean(&words, &["k3y-of-me".to_owned()]);
        assert!(shown.starts_with("bad key [redacted] [2J "), "{shown}");
        assert_eq!(shown.chars().count(), WORDS);
    }
}
