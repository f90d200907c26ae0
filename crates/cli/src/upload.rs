//! Sending a release: the multipart body is a stream with a progress bar, never held in memory.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{
    Body,
    multipart::{Form, Part},
};
use sealpost_api::catalogue::{NewRelease, Release};
use sealpost_envelope::{Digest, Sha256Reader};
use sealpost_gcode::Scanner;
use tokio_util::io::ReaderStream;

use crate::{
    client::Client,
    failure::{Doing as _, Failure, Result},
    output::person_watches,
    seal::SealedFile,
};

/// Bytes read at a time.
const STEP: usize = 256 << 10;

/// Reads the whole file: refuses what no printer prints, and gives hash and size of the rest.
pub(crate) fn check(path: &Path) -> Result<Digest> {
    let reading = format!("read {}", path.display());
    // Before it is opened: a named pipe would wait for somebody to write.
    let hinted = |failure: Failure| failure.hint("check the name of the file, and that you may read it");
    if !fs::metadata(path).doing("file", &reading).map_err(hinted)?.is_file() {
        return Err(Failure::new("file", format!("{} is not a file", path.display()))
            .hint("give the .gcode file that the slicer exported"));
    }
    let mut file = Sha256Reader::new(File::open(path).doing("file", &reading).map_err(hinted)?);
    let mut scanner = Scanner::new(None);
    let mut step = vec![0; STEP];
    loop {
        let read = file.read(&mut step).doing("file", &reading)?;
        if read == 0 {
            break;
        }
        scanner.update(&step[..read]);
    }
    let refusal = scanner.finish().check().err();
    if let Some(refusal) = refusal {
        let sentence = format!("{} cannot be published: {refusal}", path.display());
        return Err(Failure::new(refusal.code(), sentence).hint(refusal.hint()));
    }
    Ok(file.finish().1)
}

/// Sends a file to be sealed by the store while it streams.
pub(crate) async fn send_plain(
    client: &Client,
    release: &NewRelease,
    path: &Path,
    size: u64,
) -> Result<Release> {
    let file = tokio::fs::File::open(path).await.doing("file", format_args!("read {}", path.display()))?;
    send(client, release, ReaderStream::with_capacity(file, STEP), Some(size), size).await
}

/// Sends a file that is sealed here while it streams.
pub(crate) async fn send_sealed(client: &Client, release: &NewRelease, file: SealedFile) -> Result<Release> {
    let size = file.upload().plain_size;
    let blob = stream::unfold(file.start(), async |mut blob| Some((blob.recv().await?, blob)));
    send(client, release, blob, None, size).await
}

/// Sends bytes at hand.
pub(crate) async fn send_bytes(client: &Client, release: &NewRelease, bytes: Vec<u8>) -> Result<Release> {
    let size = bytes.len() as u64;
    let bytes = Bytes::from(bytes);
    let pieces = (0..bytes.len()).step_by(STEP).map(|at| bytes.slice(at..bytes.len().min(at + STEP)));
    let pieces: Vec<_> = pieces.map(Ok).collect();
    send(client, release, stream::iter(pieces), Some(size), size).await
}

/// `shown_size` is what the progress bar runs to: sealing adds a little that is not worth knowing beforehand.
async fn send(
    client: &Client,
    release: &NewRelease,
    body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    length: Option<u64>,
    shown_size: u64,
) -> Result<Release> {
    let bar = progress_bar(shown_size);
    let broken: Arc<Mutex<Option<String>>> = Arc::default();
    let body = {
        let (bar, broken) = (bar.clone(), Arc::clone(&broken));
        Body::wrap_stream(body.inspect(move |piece| match piece {
            Ok(bytes) => bar.inc(bytes.len() as u64),
            Err(error) => {
                if let Ok(mut broken) = broken.lock() {
                    *broken = Some(error.to_string());
                }
            }
        }))
    };
    let file = match length {
        Some(length) => Part::stream_with_length(body, length),
        None => Part::stream(body),
    };
    let about = serde_json::to_string(release).doing("json", "describe the release")?;
    let binary = "application/octet-stream";
    let form = Form::new()
        .part(
            "release",
            Part::text(about).mime_str("application/json").doing("upload", "describe the release")?,
        )
        .part("file", file.file_name("file").mime_str(binary).doing("upload", "name the file")?);

    let sent = client.upload(&["api", "v1", "releases"], form).await;
    bar.finish_and_clear();
    let broken_here = broken.lock().ok().and_then(|mut broken| broken.take());
    match broken_here {
        Some(error) => Err(Failure::new("file", format!("could not read the file to its end: {error}"))),
        None => sent,
    }
}

/// A bar that runs to so many bytes, for people who watch.
pub(crate) fn progress_bar(size: u64) -> ProgressBar {
    if !person_watches() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(
        "{bar:30} {percent:>3}%  {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(size).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(content: &[u8]) -> Result<Digest> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.gcode");
        fs::write(&path, content).unwrap();
        check(&path)
    }

    #[test]
    fn gcode_is_taken_with_its_hash_and_size() {
        assert_eq!(checked(b"G28\nG1 X1 Y1\n").unwrap(), Digest::of(b"G28\nG1 X1 Y1\n"));
    }

    #[test]
    fn what_is_no_gcode_is_refused_before_anything_is_sent() {
        for content in
            [&b""[..], b"\xff\xd8\xff\xe0\0\x10JFIF", b"GCDE\x01\0\0\0\x01\0", b"only words; nothing to do\n"]
        {
            assert!(checked(content).is_err(), "{content:?}");
        }
        assert!(check(Path::new("/")).is_err());
    }
}
