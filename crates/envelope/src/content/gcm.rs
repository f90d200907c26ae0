//! AES-256-GCM (SP 800-38D) as `iv12 ‖ ct ‖ tag16` without associated data. The arithmetic is pure Rust, or AWS-LC with
//! the feature `native`: the same bytes.

#[cfg(feature = "native")]
mod native;
#[cfg(any(test, not(feature = "native")))]
mod pure;
#[cfg(all(test, feature = "native"))]
mod tests;

use std::io::{self, Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

#[cfg(feature = "native")]
use self::native as backend;
#[cfg(not(feature = "native"))]
use self::pure as backend;
use super::{ContentCipher, ContentError, whole::WHOLE_LIMIT};
use crate::Dek;

const IV: usize = 12;
const TAG: usize = 16;

pub(super) struct GcmSealer<W> {
    dek: Dek,
    nonce: [u8; IV],
    plain: Zeroizing<Vec<u8>>,
    inner: W,
}

impl<W: Write> GcmSealer<W> {
    pub(super) fn new(dek: &Dek, nonce: [u8; IV], inner: W) -> Self {
        Self { dek: dek.clone(), nonce, plain: Zeroizing::new(Vec::new()), inner }
    }

    pub(super) fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.len() > WHOLE_LIMIT - IV - TAG - self.plain.len() {
            return Err(ContentError::TooLarge.into());
        }
        reserve_erasing(&mut self.plain, buf.len());
        self.plain.extend_from_slice(buf);
        Ok(buf.len())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }

    pub(super) fn finish(mut self) -> Result<W, ContentError> {
        let tag = backend::seal(&self.dek, &self.nonce, &mut self.plain).ok_or(ContentError::TooLarge)?;
        self.inner.write_all(&self.nonce)?;
        self.inner.write_all(&self.plain)?;
        self.inner.write_all(&tag)?;
        Ok(self.inner)
    }
}

/// Raw bytes, or base64 text of them.
///
/// Which of the two is decided by the tag alone: raw bytes can look like base64, so raw is tried first.
pub(super) fn open(dek: &Dek, sealed: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, ContentError> {
    let text = sealed.trim_ascii().iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b));
    let decoded = text.then(|| BASE64_STANDARD.decode(sealed.trim_ascii()).ok()).flatten();
    match (open_raw(dek, sealed), decoded) {
        (Err(_), Some(decoded)) => open_raw(dek, Zeroizing::new(decoded)),
        (opened, _) => opened,
    }
}

fn open_raw(dek: &Dek, mut sealed: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, ContentError> {
    let Some((iv, body)) = sealed.split_first_chunk_mut::<IV>().filter(|(_, body)| body.len() >= TAG) else {
        return Err(ContentError::Format { cipher: ContentCipher::Aes256Gcm });
    };
    backend::open(dek, iv, body).ok_or(ContentError::Corrupt)?;
    let body_end = sealed.len() - TAG;
    sealed.truncate(body_end);
    sealed.drain(..IV);
    Ok(sealed)
}

/// Grows without leaving plaintext behind in the old allocation.
fn reserve_erasing(bytes: &mut Zeroizing<Vec<u8>>, more: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let mut grown = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
        grown.extend_from_slice(bytes);
        *bytes = grown;
    }
}
