//! Blobs through `object_store`, in a local folder.

use std::ops::Range;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::{GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt};
use sealpost_faults::{pass, point};

use super::{BlobError, Blobs};
use crate::pipe::Pieces;
use crate::points;

/// Bytes written at once: no less than what object stores take as a part.
const PART: usize = 5 << 20;

/// Blobs in a folder; written aside, made durable, then given their names.
#[derive(Debug)]
pub struct FolderBlobs {
    store: LocalFileSystem,
}

impl FolderBlobs {
    /// Opens the folder. With `alone`, no other process writes there, and what a killed one left half-written is removed.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(folder: &Path, alone: bool) -> Result<Self, BlobError> {
        let store = LocalFileSystem::new_with_prefix(folder)
            .map_err(storage)?
            .with_fsync(true)
            .with_automatic_cleanup(false);
        if alone {
            remove_half_written(folder).map_err(|error| BlobError::Storage(error.to_string()))?;
        }
        Ok(Self { store })
    }
}

#[async_trait::async_trait]
impl Blobs for FolderBlobs {
    async fn write(&self, name: &str, mut pieces: Pieces) -> Result<(), BlobError> {
        let mut upload = self.store.put_multipart(&name.into()).await.map_err(storage)?;
        let written = fill(&mut *upload, &mut pieces).await;
        if written.is_err() {
            let _ = upload.abort().await;
        }
        written
    }

    async fn read(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
        let found = self.store.get_opts(&name.into(), options).await.map_err(storage)?;
        Ok(found.into_stream().map_err(storage).boxed())
    }

    async fn delete(&self, name: &str) -> Result<(), BlobError> {
        match self.store.delete(&name.into()).await.map_err(storage) {
            Err(BlobError::Missing) => Ok(()),
            done => done,
        }
    }
}

async fn fill(upload: &mut dyn MultipartUpload, pieces: &mut Pieces) -> Result<(), BlobError> {
    let mut part = BytesMut::with_capacity(PART);
    loop {
        match pieces.next().await {
            Some(Ok(piece)) => {
                part.extend_from_slice(&piece);
                if part.len() >= PART {
                    pass(points::BLOB_PART)?;
                    upload.put_part(part.split().freeze().into()).await.map_err(storage)?;
                    part.reserve(PART);
                }
            }
            Some(Err(_)) => return Err(BlobError::Aborted),
            None => break,
        }
    }
    if !part.is_empty() {
        pass(points::BLOB_PART)?;
        upload.put_part(part.freeze().into()).await.map_err(storage)?;
    }
    pass(points::BLOB_WRITTEN)?;
    upload.complete().await.map_err(storage)?;
    point(points::BLOB_NAMED);
    Ok(())
}

/// `object_store` writes `NAME#NUMBER` and renames it; no blob of ours has that character in its name.
fn remove_half_written(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_half_written(&entry.path())?;
        } else if entry.file_name().to_string_lossy().contains('#') {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn storage(error: object_store::Error) -> BlobError {
    match error {
        object_store::Error::NotFound { .. } => BlobError::Missing,
        error => BlobError::Storage(error.to_string()),
    }
}
