//! The sealed blob, into a cache file, hashed while it streams; taken up again where it broke off.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use reqwest::{StatusCode, header};
use sealpost_api::Problem;
use sealpost_envelope::{Digest, JobManifest, ManifestError, SecretText, Sha256Writer};
use sealpost_faults::{pass, point};
use tokio::sync::mpsc;
use url::Url;

use super::{Store, check, network, origin};
use crate::{
    core::Trouble,
    points,
    problem::{coded, file as file_problem},
};

/// Answers that end well and bring nothing before it is given up: there is nothing more to be had.
const EMPTY_ANSWERS: u32 = 3;
/// Before the rest is asked for.
const SOON: Duration = Duration::from_millis(500);

/// A blob to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Download<'a> {
    /// Folder for the cache file.
    pub folder: &'a Path,
    /// Says what the blob is.
    pub manifest: &'a JobManifest,
    /// Where it is.
    pub url: &'a str,
    /// Set before the cache is cleaned: from then on nobody wants it.
    pub unwanted: &'a Arc<AtomicBool>,
}

/// A blob that is there and is the one the manifest names.
#[derive(Debug)]
pub struct Downloaded {
    /// The cache file, at its beginning.
    pub file: File,
    /// Hash and size.
    pub digest: Digest,
}

impl Store {
    /// Fetches a blob, or what is missing of it.
    ///
    /// `wait` is asked where the store is away or says that it cannot give the blob just now: it is told whether bytes came before
    /// that, and says how long to wait, or that it is over.
    pub async fn download(
        &self,
        token: &SecretText,
        download: Download<'_>,
        mut wait: impl FnMut(bool, &Problem) -> Option<Duration>,
    ) -> Result<Downloaded, Trouble> {
        let url = self.own_url(download.url)?;
        let path = cache_path(download.folder, download.manifest);
        make_room(download.folder, download.manifest.blob_size).map_err(Trouble::Refused)?;
        let (opening, unwanted) = (path.clone(), Arc::clone(download.unwanted));
        let opened = tokio::task::spawn_blocking(move || {
            let partial = Partial::open(&opening);
            // Nobody waits for this thread: the cache may have been cleaned before the file was made.
            if unwanted.load(Ordering::SeqCst) {
                let _ = fs::remove_file(&opening);
            }
            partial
        })
        .await;
        let opened = opened.unwrap_or_else(|error| Err(io::Error::other(error)));
        let mut partial = opened.map_err(|error| Trouble::Refused(file_problem(&path, &error)))?;
        if partial.hash.size() > download.manifest.blob_size {
            partial.restart().map_err(|error| Trouble::Refused(file_problem(&path, &error)))?;
        }
        let mut empty = 0;
        loop {
            let before = partial.hash.size();
            let mut outcome = Ok(());
            if before < download.manifest.blob_size {
                (partial, outcome) = self.fetch(token, &url, partial, download.manifest.blob_size).await?;
            }
            let grown = partial.hash.size() > before;
            match outcome {
                Ok(()) if partial.hash.size() == download.manifest.blob_size => break,
                // The answer ended early: ask for the rest.
                Ok(()) => empty = if grown { 0 } else { empty + 1 },
                Err(Trouble::Retry(problem)) => {
                    let Some(pause) = wait(grown, &problem) else { return Err(Trouble::Refused(problem)) };
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Err(trouble) => return Err(trouble),
            }
            if empty == EMPTY_ANSWERS {
                let missing = download.manifest.blob_size.saturating_sub(partial.hash.size());
                return Err(Trouble::Refused(
                    Problem::new(502, "blob_incomplete", "The file could not be downloaded completely")
                        .detail(format!("{missing} bytes are missing."))
                        .hint("Check the printer's network and send the job again."),
                ));
            }
            tokio::time::sleep(SOON).await;
        }
        partial.finish(&path, download.manifest)
    }

    /// Answers to LMNT printers are the store's own addresses; a token goes nowhere else.
    fn own_url(&self, text: &str) -> Result<Url, Trouble> {
        let url = self.base.join(text).ok().filter(|url| url.origin() == self.base.origin());
        url.ok_or_else(|| {
            Trouble::Refused(
                Problem::new(
                    422,
                    "download_elsewhere",
                    "The file is not on the store this printer belongs to",
                )
                .detail(format!("Only {} is asked.", origin(&self.base)))
                .hint("Report it to the store."),
            )
        })
    }

    /// One request. The outer error is for good; the inner one leaves what came so far.
    async fn fetch(
        &self,
        token: &SecretText,
        url: &Url,
        mut partial: Partial,
        size: u64,
    ) -> Result<(Partial, Result<(), Trouble>), Trouble> {
        let mut request = self.authorized(self.http.get(url.clone()), token);
        let have = partial.hash.size();
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
            if let Some(etag) = &partial.etag {
                request = request.header(header::IF_RANGE, etag);
            }
        }
        let answered = match request.send().await.map_err(network) {
            Ok(response) => check(response).await,
            Err(trouble) => Err(trouble),
        };
        let response = match answered {
            Ok(response) => response,
            Err(trouble @ Trouble::Retry(_)) => return Ok((partial, Err(trouble))),
            Err(trouble) => return Err(trouble),
        };
        let whole = response.status() != StatusCode::PARTIAL_CONTENT;
        if have > 0 && (whole || !starts_at(&response, have)) {
            partial.restart().map_err(broken)?;
            if !whole {
                return Ok((partial, Ok(())));
            }
        }
        partial.etag = response.headers().get(header::ETAG).cloned();
        receive(response, partial, size).await
    }
}

/// Writes and hashes on a thread of its own: a slow disk must not hold up signs of life.
async fn receive(
    mut response: reqwest::Response,
    mut partial: Partial,
    size: u64,
) -> Result<(Partial, Result<(), Trouble>), Trouble> {
    let mut received = partial.hash.size();
    let (chunks, mut inbox) = mpsc::channel::<Bytes>(8);
    let writing = tokio::task::spawn_blocking(move || {
        while let Some(chunk) = inbox.blocking_recv() {
            partial.write(&chunk)?;
        }
        Ok(partial)
    });
    let outcome = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                received += chunk.len() as u64;
                if received > size {
                    return Err(Trouble::Refused(coded(
                        422,
                        "The download was refused",
                        &ManifestError::Blob,
                    )));
                }
                if chunks.send(chunk).await.is_err() {
                    // Writing failed; it says how below.
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(network(error)),
        }
    };
    drop(chunks);
    let written = writing.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    Ok((written.map_err(broken)?, outcome))
}

fn broken(error: io::Error) -> Trouble {
    Trouble::Refused(file_problem(Path::new("cache_dir"), &error))
}

/// Forgets every blob: there is one job at a time, and none needs its blob.
pub(crate) fn clean(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "sealed") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

struct Partial {
    file: File,
    hash: Sha256Writer<io::Sink>,
    etag: Option<header::HeaderValue>,
}

impl Partial {
    /// Takes up what is there: its bytes are hashed again, never trusted.
    fn open(path: &Path) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut hash = Sha256Writer::new(io::sink());
        let mut buffer = vec![0; 256 << 10];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(Self { file, hash, etag: None });
            }
            hash.write_all(&buffer[..read])?;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        pass(points::SLICE)?;
        self.file.write_all(bytes)?;
        self.hash.write_all(bytes)?;
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hash = Sha256Writer::new(io::sink());
        self.etag = None;
        Ok(())
    }

    fn finish(mut self, path: &Path, manifest: &JobManifest) -> Result<Downloaded, Trouble> {
        let (_, digest) = self.hash.finish();
        if let Err(error) = manifest.check_blob(&digest) {
            // Kept, it would fail again for ever.
            let _ = fs::remove_file(path);
            return Err(Trouble::Refused(coded(422, "The download was refused", &error)));
        }
        self.file.rewind().map_err(|error| Trouble::Refused(file_problem(path, &error)))?;
        point(points::DOWNLOADED);
        Ok(Downloaded { file: self.file, digest })
    }
}

fn cache_path(folder: &Path, manifest: &JobManifest) -> PathBuf {
    folder.join(format!("{}.sealed", hex::encode(manifest.blob_sha256)))
}

fn starts_at(response: &reqwest::Response, position: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {position}-")))
}

pub(crate) fn make_room(folder: &Path, size: u64) -> Result<(), Problem> {
    const MARGIN: u64 = 16 << 20;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| file_problem(folder, &error))?;
    let stat = rustix::fs::statvfs(folder).map_err(|error| file_problem(folder, &error.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if size.saturating_add(MARGIN) <= free {
        return Ok(());
    }
    Err(Problem::new(507, "not_enough_space", "There is not enough space for the download")
        .detail(format!("{}: {size} bytes are needed, {free} are free.", folder.display()))
        .hint("Free space, or point `cache_dir` to a larger disk."))
}

#[cfg(test)]
mod tests;
