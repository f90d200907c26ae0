//! Why a backup could not be made, read or restored.

use std::io;
use std::path::PathBuf;

use sealpost_envelope::ErrorCode;

/// Why a backup could not be made, read or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is nothing to back up.
    #[error("there is no store at {0}")]
    NoStore(String),
    /// The database was changed by a newer program.
    #[error("the database has gone through `{0}`, which this program does not know")]
    NewerDatabase(String),
    /// A sealed file that releases need is gone or damaged.
    #[error("the sealed file {0} is missing or damaged")]
    BlobMissing(String),
    /// The key file does not open this database.
    #[error("the key file {} does not open the keys in this database", .0.display())]
    OtherKeys(PathBuf),
    /// The key file in the backup does not open what is in its tables.
    #[error("the keys in the backup do not open all that is in it")]
    OtherKeysInside,
    /// Rows could not be put aside until the database was let go.
    #[error("the rows could not be put aside: {0}")]
    Spool(io::Error),
    /// Writing the backup failed.
    #[error("the backup could not be written: {0}")]
    Write(io::Error),
    /// It ends before it should.
    #[error("the backup ends before its end, or its end was changed")]
    Truncated,
    /// A byte was changed, or the file was not written by this program.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// Written by a newer program.
    #[error("the backup has format {found}, and this program reads up to {known}")]
    NewerFormat {
        /// Its format.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// Its tables went through changes that this program does not know.
    #[error("the backup is of a newer store: it has gone through `{0}`, which this program does not know")]
    NewerBackup(String),
    /// The store to restore into holds something.
    #[error("{0}")]
    NotEmpty(String),
    /// Processes of a store use the database, or another restore does.
    #[error("the database is in use by a store or another restore")]
    InUse,
    /// An earlier restore was not finished.
    #[error("a restore into this store was not finished")]
    Unfinished,
    /// What was restored cannot be made a store.
    #[error("what was restored does not hold together: {0}")]
    Rules(String),
    /// A setting makes no sense, or folders, keys or database cannot be used.
    #[error(transparent)]
    Store(#[from] crate::Error),
}

impl ErrorCode for BackupError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoStore(_) => "no_store",
            Self::NewerDatabase(_) => "database_newer",
            Self::BlobMissing(_) => "blob_missing",
            Self::OtherKeys(_) => "other_keys",
            Self::OtherKeysInside => "other_keys",
            Self::Spool(_) => "backup_spool",
            Self::Write(_) => "backup_write",
            Self::Truncated => "backup_truncated",
            Self::Damaged(_) => "backup_damaged",
            Self::NewerFormat { .. } => "backup_format",
            Self::NewerBackup(_) => "backup_newer",
            Self::NotEmpty(_) => "store_not_empty",
            Self::InUse => "store_in_use",
            Self::Unfinished => "restore_unfinished",
            Self::Rules(_) => "restore_rules",
            Self::Store(_) => "store",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::NoStore(_) => "name its settings with --config, or its folder with --data",
            Self::NewerDatabase(_) => "use the `sealpost` program that serves this store",
            Self::BlobMissing(_) => {
                "put it back from an older backup, or back up what there is with --allow-missing-blobs"
            }
            Self::OtherKeys(_) => "put the right key file back: without it a backup opens nothing",
            Self::OtherKeysInside => {
                "restore another backup: with this one, some of what was sold could not be opened"
            }
            Self::Spool(_) => "make room in the store's data folder, for about as much as its database takes",
            Self::Write(_) => "check that there is room, and that you may write there",
            Self::Truncated => "take a copy that is whole, or an older backup",
            Self::Damaged(_) => "take another copy of it, or an older backup",
            Self::NewerFormat { .. } | Self::NewerBackup(_) => {
                "restore it with the version of `sealpost` that made it, or a newer one"
            }
            Self::NotEmpty(_) => "restore into a new folder and an empty database; nothing was changed here",
            Self::InUse => {
                "stop every `sealpost serve` of this store and every other restore, on all machines"
            }
            Self::Unfinished => {
                "run `sealpost restore` again with the same settings; the store opens after that"
            }
            Self::Rules(_) => "take another backup, and report this",
            Self::Store(_) => "check the settings of the store",
        }
    }
}

impl From<sea_orm::DbErr> for BackupError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<sealpost_database::Error> for BackupError {
    fn from(error: sealpost_database::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<crate::fault::Fault> for BackupError {
    fn from(fault: crate::fault::Fault) -> Self {
        match fault {
            crate::fault::Fault::Database(error) => error.into(),
            fault => Self::Rules(fault.problem().to_string()),
        }
    }
}

impl From<serde_json::Error> for BackupError {
    fn from(error: serde_json::Error) -> Self {
        // The message may quote a row.
        Self::Damaged(format!("a member is not what it should be, at byte {}", error.column()))
    }
}

/// What went wrong while a backup was read: everything is sealed, so bytes that do not open were changed.
pub(super) fn unread(error: &io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::Truncated,
        io::ErrorKind::InvalidData => BackupError::Damaged("a byte of it was changed".to_owned()),
        _ => BackupError::Damaged(error.to_string()),
    }
}
