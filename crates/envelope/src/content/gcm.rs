//! AES-256-GCM (SP 800-38D) as `iv12 ‖ ct ‖ tag16` without associated data.

use std::io::{self, Write};

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag, aead::AeadInOut};
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

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
        let cipher = Aes256Gcm::new(self.dek.expose().into());
        let tag = cipher
            .encrypt_inout_detached(&Nonce::from(self.nonce), &[], self.plain.as_mut_slice().into())
            .map_err(|_| ContentError::TooLarge)?;
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
    if sealed.len() < IV + TAG {
        return Err(ContentError::Format { cipher: ContentCipher::Aes256Gcm });
    }
    let body_end = sealed.len() - TAG;
    let nonce = Nonce::try_from(&sealed[..IV]).map_err(|_| ContentError::Corrupt)?;
    let tag = Tag::try_from(&sealed[body_end..]).map_err(|_| ContentError::Corrupt)?;
    Aes256Gcm::new(dek.expose().into())
        .decrypt_inout_detached(&nonce, &[], (&mut sealed[IV..body_end]).into(), &tag)
        .map_err(|_| ContentError::Corrupt)?;
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
