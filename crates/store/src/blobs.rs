//! Where sealed files lie: the port, and the folder that fills it.
//!
//! What is needed: the blob of each release, for ever, whether it is yanked or its listing hidden; the blob of each job until it
//! ends; and what is being written. Notes ([`pending`]) say what is being written and what was given up. A note comes before the
//! first byte and goes with the transaction that gives the blob an owner; giving a blob up is a note in the transaction that ends
//! its owner, and the file goes before the note. So whatever is killed where, each file has an owner or a note, and [`audit`]
//! looks for those that have neither.

mod audit;
mod folder;
mod mine;
pub(crate) mod pending;

use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;

#[cfg(test)]
pub(crate) use audit::look;
pub(crate) use audit::{Audit, Looked, is_gone, seal_anew, work as audit};
pub use folder::FolderBlobs;
pub(crate) use mine::is_mine;

use crate::pipe::Pieces;

/// Why a blob could not be written, read or deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// There is no such blob.
    #[error("there is no such blob")]
    Missing,
    /// What was to be written stopped before its end; nothing was kept.
    #[error("the blob stopped before its end")]
    Aborted,
    /// The place of the blobs failed.
    #[error("the blobs cannot be reached: {0}")]
    Storage(String),
}

/// Something that lies with the blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The blob's name; of a half-written one, the name it was to get.
    pub name: String,
    /// By what it is deleted: its name, or more than that where it is half-written.
    pub place: String,
    /// Milliseconds since 1970 of its last byte.
    pub changed_ms: i64,
}

/// A place for sealed blobs. Blobs never change once written; their names are `[a-z0-9_/-]`.
#[async_trait::async_trait]
pub trait Blobs: Send + Sync {
    /// Writes a blob as its pieces arrive; it is durable on `Ok`, and nothing is left otherwise.
    async fn write(&self, name: &str, pieces: Pieces) -> Result<(), BlobError>;

    /// Bytes of a blob, in pieces.
    async fn read(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError>;

    /// Forgets a blob by its name, or what was found by its place; one that is not there is forgotten already.
    async fn delete(&self, place: &str) -> Result<(), BlobError>;

    /// Everything that lies there, in batches and in no order; what comes and goes meanwhile may be missed.
    fn list(&self) -> BoxStream<'static, Result<Vec<Found>, BlobError>>;
}
