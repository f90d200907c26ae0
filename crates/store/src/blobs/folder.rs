//! Blobs through `object_store`, in a local folder.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::{GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt};
use sealpost_faults::{pass, point};

use tokio::sync::mpsc;

use super::{BlobError, Blobs, Found};
use crate::pipe::Pieces;
use crate::points;

/// Bytes written at once: no less than what object stores take as a part.
const PART: usize = 5 << 20;

/// Files found that are told together.
const BATCH: usize = 256;
/// `object_store` writes `NAME#NUMBER` and renames it; no blob of ours has that character in its name.
const HALF: char = '#';

/// Blobs in a folder; written aside, made durable, then given their names.
#[derive(Debug)]
pub struct FolderBlobs {
    store: LocalFileSystem,
    folder: PathBuf,
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
        Ok(Self { store, folder: folder.to_owned() })
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

    async fn delete(&self, place: &str) -> Result<(), BlobError> {
        if place.contains(HALF) {
            return self.remove(place.to_owned()).await.map(drop);
        }
        match self.store.delete(&place.into()).await.map_err(storage) {
            Ok(()) | Err(BlobError::Missing) => {}
            Err(error) => return Err(error),
        }
        // Its writer may have been killed before it had its name.
        for number in 1_u32.. {
            if !self.remove(format!("{place}{HALF}{number}")).await? {
                break;
            }
        }
        Ok(())
    }

    fn list(&self) -> BoxStream<'static, Result<Vec<Found>, BlobError>> {
        let (tell, mut told) = mpsc::channel(2);
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || {
            let mut batch = Vec::new();
            let walked = walk(&folder, "", &mut |found| {
                batch.push(found);
                batch.len() < BATCH || tell.blocking_send(Ok(std::mem::take(&mut batch))).is_ok()
            });
            let last = walked.map(|_| batch).map_err(|error| failed(&error));
            let _ = tell.blocking_send(last);
        });
        futures::stream::poll_fn(move |context| told.poll_recv(context)).boxed()
    }
}

impl FolderBlobs {
    /// Whether there was such a file.
    async fn remove(&self, place: String) -> Result<bool, BlobError> {
        let path = self.folder.join(place);
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_file(path)).await;
        match removed.map_err(io::Error::other).flatten() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed(&error)),
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

/// Tells of each file until nobody wants to hear more; whether somebody does.
fn walk(folder: &Path, prefix: &str, tell: &mut impl FnMut(Found) -> bool) -> io::Result<bool> {
    let entries = match std::fs::read_dir(folder) {
        // Taken away meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let file = entry.file_name();
        let place = format!("{prefix}{}", file.to_string_lossy());
        let more = match entry.metadata() {
            Ok(seen) if seen.is_dir() => walk(&entry.path(), &format!("{place}/"), tell)?,
            // The folder's own notes.
            _ if place.starts_with('.') => true,
            Ok(seen) => {
                let changed = seen.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                let changed_ms = i64::try_from(changed.as_millis()).unwrap_or(i64::MAX);
                let name = place.split(HALF).next().unwrap_or_default().to_owned();
                tell(Found { name, place, changed_ms })
            }
            // Deleted meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        if !more {
            return Ok(false);
        }
    }
    Ok(true)
}

fn remove_half_written(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_half_written(&entry.path())?;
        } else if entry.file_name().to_string_lossy().contains(HALF) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn failed(error: &io::Error) -> BlobError {
    BlobError::Storage(error.to_string())
}

fn storage(error: object_store::Error) -> BlobError {
    match error {
        object_store::Error::NotFound { .. } => BlobError::Missing,
        error => BlobError::Storage(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn what_is_forgotten_leaves_no_half_written_file() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let blobs = FolderBlobs::open(folder.path(), false)?;
        fs::create_dir(folder.path().join("jobs"))?;
        for file in ["jobs/killed#1", "jobs/killed#2", "jobs/killed-not#1", "jobs/whole"] {
            fs::write(folder.path().join(file), "sealed")?;
        }
        for name in ["jobs/killed", "jobs/whole", "jobs/never"] {
            blobs.delete(name).await?;
        }
        let left: Vec<_> =
            fs::read_dir(folder.path().join("jobs"))?.flatten().map(|file| file.file_name()).collect();
        assert_eq!(left, ["killed-not#1"]);
        Ok(())
    }
}
