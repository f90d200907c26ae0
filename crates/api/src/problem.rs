//! Errors as RFC 9457 problem JSON.

use serde::{Deserialize, Serialize};

/// Media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// One failure: a stable code for programs, a sentence and a hint for people.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// HTTP status, repeated from the response.
    pub status: u16,
    /// Stable name of the failure in snake case, for programs.
    pub code: String,
    /// The failure in a few words, the same for every occurrence of `code`.
    pub title: String,
    /// What happened this time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

impl Problem {
    /// A problem without detail or hint.
    pub fn new(status: u16, code: impl Into<String>, title: impl Into<String>) -> Self {
        Self { status, code: code.into(), title: title.into(), detail: String::new(), hint: String::new() }
    }

    /// The same problem with what happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The same problem with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sentence = if self.detail.is_empty() { &self.title } else { &self.detail };
        write!(f, "{sentence} ({})", self.code)
    }
}

impl std::error::Error for Problem {}
