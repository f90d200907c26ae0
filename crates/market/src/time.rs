//! Time as the rules see it.

use serde::{Deserialize, Serialize};

/// A moment in whole seconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment `seconds` later; saturates at the end of time instead of wrapping.
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(i64::from(seconds)))
    }

    /// Whether `deadline` has come: true at the deadline itself and after it.
    #[must_use]
    pub fn reached(self, deadline: Self) -> bool {
        self >= deadline
    }
}
