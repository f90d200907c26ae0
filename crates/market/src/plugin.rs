//! How plugins are named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text names no plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a plugin id has 1 to 128 characters out of a-z, A-Z, 0-9, `.`, `_` and `-`, and begins with a letter or digit"
)]
pub struct PluginIdError;

/// A publisher's name for a plugin, such as `org.example.viewer`: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, told apart by case.
///
/// It is part of what wraps the plugin's keys and of what its publisher signs, so it never changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"))]
pub struct PluginId(String);

impl PluginId {
    /// Reads a plugin id.
    ///
    /// # Errors
    /// When the text is not `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
    pub fn parse(text: &str) -> Result<Self, PluginIdError> {
        if is_plugin_id(text) { Ok(Self(text.to_owned())) } else { Err(PluginIdError) }
    }

    /// The text of the identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for PluginId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for PluginId {
    type Err = PluginIdError;
    fn from_str(text: &str) -> Result<Self, PluginIdError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for PluginId {
    type Error = PluginIdError;
    fn try_from(text: String) -> Result<Self, PluginIdError> {
        if is_plugin_id(&text) { Ok(Self(text)) } else { Err(PluginIdError) }
    }
}

impl From<PluginId> for String {
    fn from(id: PluginId) -> Self {
        id.0
    }
}

fn is_plugin_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
