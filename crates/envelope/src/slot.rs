//! A content key under a wrapping key: `iv12 ‖ ct32 ‖ tag16`, AES-256-GCM without associated data.

use aes_gcm::{Aes256Gcm, Error, KeyInit, Nonce, Tag, aead::AeadInOut};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::Dek;

const IV: usize = 12;
const TAG: usize = 16;
/// Bytes of a wrapped content key.
pub(crate) const LEN: usize = IV + Dek::LEN + TAG;

pub(crate) fn seal(
    wrapping: &[u8; 32],
    dek: &Dek,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<[u8; LEN], Error> {
    let mut iv = [0; IV];
    rng.fill_bytes(&mut iv);
    let mut slot = [0; LEN];
    slot[..IV].copy_from_slice(&iv);
    slot[IV..IV + Dek::LEN].copy_from_slice(dek.expose());
    let tag = Aes256Gcm::new(wrapping.into()).encrypt_inout_detached(
        &Nonce::from(iv),
        &[],
        (&mut slot[IV..IV + Dek::LEN]).into(),
    )?;
    slot[IV + Dek::LEN..].copy_from_slice(&tag);
    Ok(slot)
}

pub(crate) fn open(wrapping: &[u8; 32], slot: &[u8; LEN]) -> Result<Dek, Error> {
    let (iv, sealed) = slot.split_at(IV);
    let (key, tag) = sealed.split_at(Dek::LEN);
    let mut opened = Zeroizing::new([0; Dek::LEN]);
    opened.copy_from_slice(key);
    Aes256Gcm::new(wrapping.into()).decrypt_inout_detached(
        &Nonce::try_from(iv).map_err(|_| Error)?,
        &[],
        opened.as_mut_slice().into(),
        &Tag::try_from(tag).map_err(|_| Error)?,
    )?;
    Ok(Dek::from_bytes(*opened))
}
