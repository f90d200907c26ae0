//! What can be told.

use serde::{Deserialize, Serialize};

/// What changed, for one account.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "topic")]
pub(crate) enum Topic {
    /// A job of the account's, or of what it publishes.
    Job {
        /// Job id.
        id: String,
    },
    /// A printer of the account's: paired, renamed, gone, here or away.
    Printer {
        /// Printer id.
        id: String,
    },
    /// Something of the account's was bought.
    Sale {
        /// Purchase id.
        purchase: String,
        /// Listing id.
        listing: String,
    },
    /// Something else that a page may want to read anew.
    Notice {
        /// What, such as `backup` or `payout`; never a secret.
        kind: String,
        /// Id of what it is about, if it is about one thing.
        about: Option<String>,
    },
}
