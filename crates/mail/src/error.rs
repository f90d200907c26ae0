//! Why a letter could not be written down or looked up.

use sea_orm::DbErr;
use sealpost_database::{Failure, is_serialization_failure};
use sealpost_keyring::SealedKeyError;

/// Why a letter could not be written down or looked up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// The database refused.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// It cannot be sealed or opened.
    #[error("a letter of the outbox: {0}")]
    Sealed(#[from] SealedKeyError),
    /// It is no letter of this version.
    #[error("a letter of the outbox is not readable")]
    Unreadable,
}

impl Failure for MailError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Database(error) if is_serialization_failure(error))
    }
}
