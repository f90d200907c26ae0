//! AES-256-GCM (SP 800-38D) as `iv12 ‖ ct ‖ tag16` without associated data. The arithmetic is pure Rust, or AWS-LC with
//! the feature `native`: the same bytes.

#[cfg(feature = "native")]
mod native;
#[cfg(any(test, not(feature = "native")))]
mod pure;
#[cfg(all(test, feature = "native"))]
mod tests;

use std::io::{self, Read, Write};

use base64::{Engine, prelude::BASE64_STANDARD};

#[cfg(feature = "native")]
use self::native as backend;
#[cfg(not(feature = "native"))]
use self::pure as backend;
use super::{
    ContentCipher, ContentError,
    plain::Plain,
    whole::{WHOLE_LIMIT, read_limited},
};
use crate::Dek;

const IV: usize = 12;
const TAG: usize = 16;

pub(super) struct GcmSealer<W> {
    dek: Dek,
    nonce: [u8; IV],
    plain: Plain,
    inner: W,
}

impl<W: Write> GcmSealer<W> {
    pub(super) fn new(dek: &Dek, nonce: [u8; IV], inner: W) -> Self {
        Self { dek: dek.clone(), nonce, plain: Plain::default(), inner }
    }

    pub(super) fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.len() > WHOLE_LIMIT - IV - TAG - self.plain.len() {
            return Err(ContentError::TooLarge.into());
        }
        self.plain.extend(buf);
        Ok(buf.len())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    pub(super) fn finish(mut self) -> Result<W, ContentError> {
        let tag =
            backend::seal(&self.dek, &self.nonce, self.plain.as_mut_slice()).ok_or(ContentError::TooLarge)?;
        self.inner.write_all(&self.nonce)?;
        self.inner.write_all(&self.plain.take_encrypted())?;
        self.inner.write_all(&tag)?;
        Ok(self.inner)
    }
}

/// Raw bytes, or base64 text of them.
///
/// Which of the two is decided by the tag alone: raw bytes can look like base64, so raw is tried first.
pub(super) fn open(dek: &Dek, mut inner: impl Read) -> Result<Plain, ContentError> {
    // The IV apart, so that the plaintext begins where its memory does and can be given away with it.
    let iv = read_limited(inner.by_ref().take(IV as u64), IV)?;
    let mut body = read_limited(inner, WHOLE_LIMIT - IV)?;
    let iv: [u8; IV] = iv.try_into().map_err(|_| not_gcm())?;
    let decoded = from_base64(&iv, &mut body);
    match (open_raw(dek, &iv, body), decoded) {
        (Err(_), Some(mut decoded)) => {
            let iv = *decoded.first_chunk().ok_or_else(not_gcm)?;
            decoded.drain(..IV);
            open_raw(dek, &iv, decoded)
        }
        (opened, _) => opened,
    }
}

fn open_raw(dek: &Dek, iv: &[u8; IV], body: Vec<u8>) -> Result<Plain, ContentError> {
    let mut plain = Plain::behind(0, body);
    let len = plain.len().checked_sub(TAG).ok_or_else(not_gcm)?;
    backend::open(dek, iv, plain.as_mut_slice()).ok_or(ContentError::Corrupt)?;
    plain.truncate(len);
    Ok(plain)
}

fn from_base64(iv: &[u8; IV], body: &mut Vec<u8>) -> Option<Vec<u8>> {
    let in_text = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b) || b.is_ascii_whitespace();
    if !iv.iter().chain(body.iter()).all(in_text) {
        return None;
    }
    body.splice(..0, *iv);
    let decoded = BASE64_STANDARD.decode(body.trim_ascii()).ok();
    body.drain(..IV);
    decoded
}

fn not_gcm() -> ContentError {
    ContentError::Format { cipher: ContentCipher::Aes256Gcm }
}
