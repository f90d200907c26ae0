//! Why a store does not open or stops.

use std::path::{Path, PathBuf};

/// Why a store does not open or stops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting makes no sense.
    #[error("the setting `{setting}` is wrong: {reason}")]
    Config {
        /// Its name.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The database does not open or migrate.
    #[error("the database cannot be used: {0}")]
    Database(#[from] sealpost_database::Error),
    /// The place of the blobs cannot be used.
    #[error("the blobs cannot be used: {0}")]
    Blobs(String),
    /// What is sold on chain cannot be brought up to the settings.
    #[error("sales on chain cannot be set up: {0}")]
    Chain(String),
    /// A file or folder cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A restore into this store was begun and not finished.
    #[error("a restore into this store was not finished")]
    RestoreUnfinished,
    /// Somebody else uses the database in a way that does not go with this.
    #[error("the database is in use: a restore into it is under way")]
    InUse,
    /// Keys are missing, damaged, or do not open.
    #[error("the store's keys cannot be used: {0}")]
    Keys(String),
    /// The address to listen on is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error.into())
    }
}

impl From<sealpost_keyring::FileKeysError> for Error {
    fn from(error: sealpost_keyring::FileKeysError) -> Self {
        Self::Keys(error.to_string())
    }
}

impl From<sealpost_keyring::SealedKeyError> for Error {
    fn from(error: sealpost_keyring::SealedKeyError) -> Self {
        Self::Keys(error.to_string())
    }
}
