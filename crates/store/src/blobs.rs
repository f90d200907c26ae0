//! Where sealed files lie: the port, and the folder that fills it.

mod folder;
pub(crate) mod pending;

use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;

pub use folder::FolderBlobs;

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

    /// Forgets a blob; one that is not there is forgotten already.
    async fn delete(&self, name: &str) -> Result<(), BlobError>;
}
