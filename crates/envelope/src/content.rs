//! Sealing and opening of files with a content key, as streams.
//!
//! [`Sealer`] is a writer, [`Opener`] a reader, and [`SeekableOpener`] reads `age` blobs at any position. Formats:
//! design section 3.
//!
//! | id | seal | open | memory |
//! |---|---|---|---|
//! | `age` | stream | stream, every 64 KiB authenticated before it is handed out | about 200 KiB |
//! | `aes-256-cbc` | stream | stream, **not** authenticated: check the hashes of the job manifest first | 256 KiB |
//! | `aes-256-gcm` | whole | whole, withheld until the tag verified | the file, at most [`WHOLE_LIMIT`]; of base64 text twice that |
//! | `fernet` | refused | whole, withheld until the HMAC verified | twice the file, at most [`WHOLE_LIMIT`] |

mod age;
mod cbc;
mod error;
mod fernet;
mod gcm;
mod plain;
mod seek;
mod whole;

use std::{
    fmt,
    io::{self, BufRead, Read, Write},
    str::FromStr,
};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Dek;

pub use self::{age::age_identity, error::ContentError, seek::SeekableOpener, whole::WHOLE_LIMIT};

/// How a blob is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ContentCipher {
    /// A binary age v1 file whose one X25519 identity is the content key.
    #[serde(rename = "age")]
    Age,
    /// AES-256-CBC with PKCS#7; the IV travels beside it.
    #[serde(rename = "aes-256-cbc")]
    Aes256Cbc,
    /// `iv12 ‖ ct ‖ tag16`, no associated data.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
    /// A Fernet token; read only.
    #[serde(rename = "fernet")]
    Fernet,
}

impl ContentCipher {
    /// The id used in manifests and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Aes256Cbc => "aes-256-cbc",
            Self::Aes256Gcm => "aes-256-gcm",
            Self::Fernet => "fernet",
        }
    }

    /// Whether the IV travels beside the blob instead of inside it.
    pub const fn has_outer_iv(self) -> bool {
        matches!(self, Self::Aes256Cbc)
    }
}

impl fmt::Display for ContentCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ContentCipher {
    type Err = UnknownCipher;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Age, Self::Aes256Cbc, Self::Aes256Gcm, Self::Fernet]
            .into_iter()
            .find(|cipher| cipher.as_str() == text)
            .ok_or(UnknownCipher)
    }
}

/// The name of no cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content cipher is one of `age`, `aes-256-cbc`, `aes-256-gcm`, `fernet`")]
pub struct UnknownCipher;

/// Seals what is written into it. Without [`Sealer::finish`] the blob is truncated and will not open.
pub struct Sealer<W: Write> {
    iv: Option<[u8; 16]>,
    mode: SealMode<W>,
}

enum SealMode<W: Write> {
    Age(age::AgeSealer<W>),
    Cbc(Box<cbc::CbcSealer<W>>),
    Gcm(gcm::GcmSealer<W>),
}

impl<W: Write> Sealer<W> {
    /// Starts a blob; writes its header, if it has one, to `inner`.
    ///
    /// Each blob needs a content key or an IV of its own: IVs are drawn from `rng`. For `age` the file key and
    /// nonce are drawn by the age library from the operating system.
    pub fn new(
        cipher: ContentCipher,
        dek: &Dek,
        rng: &mut (impl CryptoRng + ?Sized),
        inner: W,
    ) -> Result<Self, ContentError> {
        let (iv, mode) = match cipher {
            ContentCipher::Age => (None, SealMode::Age(age::AgeSealer::new(dek, inner)?)),
            ContentCipher::Aes256Cbc => {
                let mut iv = [0; 16];
                rng.fill_bytes(&mut iv);
                (Some(iv), SealMode::Cbc(Box::new(cbc::CbcSealer::new(dek, &iv, inner)?)))
            }
            ContentCipher::Aes256Gcm => {
                let mut nonce = [0; 12];
                rng.fill_bytes(&mut nonce);
                (None, SealMode::Gcm(gcm::GcmSealer::new(dek, nonce, inner)))
            }
            ContentCipher::Fernet => return Err(ContentError::ReadOnly),
        };
        Ok(Self { iv, mode })
    }

    /// The IV that must travel beside the blob: `Some` only for `aes-256-cbc`.
    pub fn iv(&self) -> Option<[u8; 16]> {
        self.iv
    }

    /// Writes the end of the blob and gives the writer back, not flushed.
    pub fn finish(self) -> Result<W, ContentError> {
        match self.mode {
            SealMode::Age(sealer) => sealer.finish(),
            SealMode::Cbc(sealer) => sealer.finish(),
            SealMode::Gcm(sealer) => sealer.finish(),
        }
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.mode {
            SealMode::Age(sealer) => sealer.write(buf),
            SealMode::Cbc(sealer) => sealer.write(buf),
            SealMode::Gcm(sealer) => sealer.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.mode {
            SealMode::Age(sealer) => sealer.flush(),
            SealMode::Cbc(sealer) => sealer.flush(),
            SealMode::Gcm(sealer) => sealer.flush(),
        }
    }
}

impl<W: Write> fmt::Debug for Sealer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

/// Reads the plaintext of a sealed blob.
///
/// Errors are [`io::Error`]s that carry a [`ContentError`]; `ContentError::from(io_error)` takes it out again.
/// After an error every further read fails too. Only `Ok(0)` (an empty [`BufRead::fill_buf`]) is the end of a
/// whole and valid blob. Use it as [`BufRead`] to move plaintext on without another copy.
pub struct Opener<R: Read> {
    mode: OpenMode<R>,
}

enum OpenMode<R: Read> {
    Age(Box<age::AgeOpener<R>>),
    Cbc(Box<cbc::CbcOpener<R>>),
    Whole(whole::WholeOpener<R>),
}

impl<R: Read> Opener<R> {
    /// Reads the header, if the cipher has one. `iv` is needed for `aes-256-cbc` and refused otherwise.
    pub fn new(
        cipher: ContentCipher,
        dek: &Dek,
        iv: Option<[u8; 16]>,
        inner: R,
    ) -> Result<Self, ContentError> {
        let mode = match (cipher, iv) {
            (ContentCipher::Aes256Cbc, Some(iv)) => {
                OpenMode::Cbc(Box::new(cbc::CbcOpener::new(dek, &iv, inner)))
            }
            (ContentCipher::Aes256Cbc, None) => return Err(ContentError::MissingIv),
            (_, Some(_)) => return Err(ContentError::UnexpectedIv { cipher }),
            (ContentCipher::Age, None) => OpenMode::Age(Box::new(age::AgeOpener::new(dek, inner)?)),
            (ContentCipher::Aes256Gcm, None) => {
                OpenMode::Whole(whole::WholeOpener::new(dek, gcm::open, inner))
            }
            (ContentCipher::Fernet, None) => {
                OpenMode::Whole(whole::WholeOpener::new(dek, fernet::open, inner))
            }
        };
        Ok(Self { mode })
    }
}

/// Opens an `aes-256-gcm` blob and gives the plaintext away in the memory it was decrypted in.
pub(crate) fn open_gcm(dek: &Dek, blob: impl Read) -> Result<Zeroizing<Vec<u8>>, ContentError> {
    Ok(gcm::open(dek, blob)?.take())
}

impl<R: Read> BufRead for Opener<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.mode {
            OpenMode::Age(opener) => opener.fill_buf(),
            OpenMode::Cbc(opener) => opener.fill_buf(),
            OpenMode::Whole(opener) => opener.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.mode {
            OpenMode::Age(opener) => opener.consume(amount),
            OpenMode::Cbc(opener) => opener.consume(amount),
            OpenMode::Whole(opener) => opener.consume(amount),
        }
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let OpenMode::Age(opener) = &mut self.mode {
            return opener.read(buf);
        }
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> fmt::Debug for Opener<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener([redacted])")
    }
}
