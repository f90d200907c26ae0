//! From a sealed blob to a sealed memfd, in small steps: nothing is printed before the last byte was checked.

use std::{
    io::{self, BufRead, Read, Write},
    time::{Duration, Instant},
};

use sealpost_api::Problem;
use sealpost_envelope::{
    ContentCipher, ContentError, Dek, Digest, ErrorCode, JobManifest, Opener, PrinterSecret, Sha256Writer,
    nacl_box,
    psek::{self, Psek, PsekError},
};
use sealpost_faults::{pass, point};
use sealpost_gcode::{Limits, Refusal, Report, Scanner};

use crate::{
    memfd::{Draft, SealedFile},
    points,
    problem::coded,
};

/// A file ready to be handed over.
#[derive(Debug)]
pub struct OpenedFile {
    /// The G-code.
    pub file: SealedFile,
    /// What was found in it.
    pub report: Report,
    /// Where the time went.
    pub times: Times,
}

/// Where the time of opening went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Decrypting and copying.
    pub open: Duration,
    /// Hashing the plaintext.
    pub hash: Duration,
    /// Looking through the G-code.
    pub scan: Duration,
}

/// Why a blob was not opened. Wrong padding, a wrong tag and a wrong hash are one and the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Package, blob or plaintext are not what they should be.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The key package does not open.
    #[error(transparent)]
    Package(#[from] sealpost_envelope::NaclBoxError),
    /// The same of a package that a custodian's key opens.
    #[error(transparent)]
    LegacyPackage(#[from] PsekError),
    /// The blob or package is not the signed one.
    #[error(transparent)]
    Manifest(#[from] sealpost_envelope::ManifestError),
    /// Not G-code for this printer.
    #[error("{0}")]
    GCode(Refusal),
    /// No memory for the file.
    #[error("the file of {size} bytes does not fit into memory")]
    Memory {
        /// Bytes of the file.
        size: u64,
        /// Why.
        source: io::Error,
    },
}

/// The content key of a package, after the package was checked against the manifest.
pub fn open_package(package: &str, manifest: &JobManifest, secret: &PrinterSecret) -> Result<Dek, OpenError> {
    manifest.check_package(package)?;
    Ok(nacl_box::unwrap(package, secret)?)
}

/// The same of a package of a legacy store. Nothing but the manifest tells whether it was changed.
pub fn open_legacy_package(package: &str, manifest: &JobManifest, key: &Psek) -> Result<Dek, OpenError> {
    manifest.check_package(package)?;
    Ok(psek::unwrap(package, key)?)
}

/// Opens a blob into a sealed memfd.
///
/// `blob_digest` is what the reader's bytes amounted to when they were stored; it is compared with the manifest
/// before the first byte is decrypted. Not more than `plain_size` bytes are ever written.
pub fn open_blob(
    blob: impl Read,
    blob_digest: &Digest,
    manifest: &JobManifest,
    dek: &Dek,
    limits: &Limits,
) -> Result<OpenedFile, OpenError> {
    manifest.check_blob(blob_digest)?;
    let opener = Opener::new(manifest.cipher, dek, manifest.iv, blob)?;
    pour(opener, manifest.plain_size, limits, |digest| Ok(manifest.check_plain(digest)?))
}

/// Opens a file of the owner's own, which nobody signed: its cipher must be one that authenticates what it seals.
/// It came sealed, so its owner does not know what it does either: the printer's limits hold as for a purchased one.
pub fn open_own(
    blob: impl Read,
    size: u64,
    cipher: ContentCipher,
    dek: &Dek,
    limits: &Limits,
) -> Result<OpenedFile, OpenError> {
    if !matches!(cipher, ContentCipher::Age | ContentCipher::Fernet) {
        return Err(ContentError::Format { cipher }.into());
    }
    // What it opens to is always shorter.
    pour(Opener::new(cipher, dek, None, blob)?, size, limits, |_| Ok(()))
}

/// At most `size` bytes of plaintext, hashed and looked through on the way.
fn pour(
    mut opener: impl BufRead,
    size: u64,
    limits: &Limits,
    check: impl FnOnce(&Digest) -> Result<(), OpenError>,
) -> Result<OpenedFile, OpenError> {
    let no_memory = |source| OpenError::Memory { size, source };
    let mut times = Times::default();
    let mut draft = Draft::new().map_err(no_memory)?;
    let mut hash = Sha256Writer::new(io::sink());
    let mut scanner = Scanner::new(Some(limits.clone()));
    loop {
        let begin = Instant::now();
        let piece = opener.fill_buf().map_err(ContentError::from)?;
        let length = piece.len();
        if length == 0 {
            break;
        }
        pass(points::OPEN_STEP).map_err(|error| no_memory(error.into()))?;
        if hash.size() + length as u64 > size {
            return Err(ContentError::Corrupt.into());
        }
        draft.write_all(piece).map_err(no_memory)?;
        let written = Instant::now();
        hash.write_all(piece).map_err(no_memory)?;
        let hashed = Instant::now();
        scanner.update(piece);
        times.scan += hashed.elapsed();
        times.hash += hashed - written;
        times.open += written - begin;
        opener.consume(length);
    }
    let (_, digest) = hash.finish();
    check(&digest)?;
    let report = scanner.finish();
    report.check().map_err(OpenError::GCode)?;
    let file = draft.seal().map_err(no_memory)?;
    point(points::OPENED);
    Ok(OpenedFile { file, report, times })
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Content(error) => coded(422, "The job could not be opened", &error),
            OpenError::Package(error) => coded(422, "The job's key could not be opened", &error),
            OpenError::LegacyPackage(error) => coded(422, "The job's key could not be opened", &error),
            OpenError::Manifest(error) => coded(422, "The job is not the one that was signed", &error),
            OpenError::GCode(refusal) => {
                Self::new(422, refusal.code(), "The file cannot be printed on this printer")
                    .detail(refusal.to_string())
                    .hint(refusal.hint())
            }
            OpenError::Memory { ref source, .. } => {
                Self::new(507, "not_enough_memory", "There is not enough memory for the file")
                    .detail(format!("{error}: {source}"))
                    .hint("Free memory on the printer's computer, or print a smaller file.")
            }
        }
    }
}

/// Refuses a file that would not fit beside what runs already.
pub(crate) fn check_memory(plain_size: u64) -> Result<(), Problem> {
    const MARGIN: u64 = 32 << 20;
    let Some(available) = available_memory() else { return Ok(()) };
    if plain_size.saturating_add(MARGIN) <= available {
        return Ok(());
    }
    Err(Problem::new(507, "not_enough_memory", "There is not enough memory for the file")
        .detail(format!("The file has {plain_size} bytes, {available} bytes are available."))
        .hint("Free memory on the printer's computer, or print a smaller file."))
}

fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests;

/// For errors that have a code.
impl OpenError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Content(error) => error.code(),
            Self::Package(error) => error.code(),
            Self::LegacyPackage(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::GCode(refusal) => refusal.code(),
            Self::Memory { .. } => "not_enough_memory",
        }
    }
}
