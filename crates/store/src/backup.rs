//! Backups of a whole store, made while it is served, and stores made of them ([ADR 13](../../../docs/adr/0013-backups.md)).
//!
//! A backup is a stream of members: what it is, the rows of all tables as JSON, the sealed files of releases, the key-encryption
//! keys, and hashes. It is sealed by whoever writes it to a file: it opens everything.

mod archive;
mod cells;
mod error;
mod keks;
mod manifest;
mod mark;
mod read;
mod restore;
mod rewind;
mod spool;
mod tables;
mod target;
mod write;

use sealpost_database::Database;

pub use error::BackupError;
#[cfg(test)]
pub(crate) use keks::SEALED;
pub use manifest::{Contents, Manifest, Table};
pub(crate) use mark::remove as remove_marks;
pub use read::Opened;
pub use restore::{Restored, restore};
pub(crate) use tables::MARKER;
pub use write::{Backup, Lies};

/// The member that is the file of the key-encryption keys.
const KEK: &str = "keys/kek";

/// What the audit log says when a backup was made, and about what.
pub(crate) const AUDIT_MADE: &str = "backup.made";
const AUDIT_RESTORED: &str = "backup.restored";
pub(crate) const AUDIT_SUBJECT: &str = "store:backup";

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The rows of this table.
    Table(&'a str),
    /// The sealed files.
    Blobs {
        /// Bytes that are done.
        bytes: u64,
        /// Bytes there are; 0 where that is not known.
        of: u64,
    },
}

/// Whether a restore into this database was begun and not finished.
pub(crate) async fn is_unfinished(db: &Database) -> Result<bool, sea_orm::DbErr> {
    Ok(tables::names(db.read()).await?.iter().any(|name| name == MARKER))
}
