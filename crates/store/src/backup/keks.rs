//! Which key-encryption keys the secrets in a store's tables are sealed under: without one of them, a backup opens half of what it holds.

use std::collections::BTreeSet;

use sealpost_keyring::{FileKeys, KekProvider as _, SealedKey};
use serde_json::Value as Json;

use super::BackupError;

/// Every column that holds something sealed by the keyring.
pub(crate) const SEALED: [(&str, &str); 7] = [
    ("answers", "sealed_body"),
    ("mails", "sealed"),
    ("payment_sources", "sealed_secret"),
    ("signing_keys", "sealed"),
    ("store_keys", "sealed"),
    ("vault", "sealed"),
    ("webhook_endpoints", "sealed_secret"),
];

/// Those that were seen.
#[derive(Debug, Default)]
pub(super) struct Keks(BTreeSet<String>);

impl Keks {
    /// Which cell of a table's rows is sealed, if one is.
    pub(super) fn cell<'c>(table: &str, mut columns: impl Iterator<Item = &'c str>) -> Option<usize> {
        let (_, sealed) = SEALED.iter().find(|(name, _)| *name == table)?;
        columns.position(|column| column == *sealed)
    }

    /// Looks at such a cell.
    pub(super) fn see(&mut self, cell: Option<&Json>) -> Result<(), BackupError> {
        // Of a mail that was sent nothing is left.
        let Some(text) = cell.and_then(Json::as_str).filter(|text| !text.is_empty()) else { return Ok(()) };
        let sealed: SealedKey = text.parse().map_err(crate::Error::from)?;
        if !self.0.contains(sealed.kek_id()) {
            self.0.insert(sealed.kek_id().to_owned());
        }
        Ok(())
    }

    /// Whether all of them are there.
    pub(super) fn are_in(&self, keys: &FileKeys) -> bool {
        self.0.iter().all(|kek| keys.by_id(kek).is_some())
    }
}
