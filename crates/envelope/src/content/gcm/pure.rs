//! By the RustCrypto crate.

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag, aead::AeadInOut};

use super::{IV, TAG};
use crate::Dek;

pub(super) fn seal(dek: &Dek, iv: &[u8; IV], plain: &mut [u8]) -> Option<[u8; TAG]> {
    let tag = Aes256Gcm::new(dek.expose().into())
        .encrypt_inout_detached(&Nonce::from(*iv), &[], plain.into())
        .ok()?;
    Some(tag.into())
}

pub(super) fn open(dek: &Dek, iv: &[u8; IV], sealed: &mut [u8]) -> Option<()> {
    let (body, tag) = sealed.split_last_chunk_mut::<TAG>()?;
    Aes256Gcm::new(dek.expose().into())
        .decrypt_inout_detached(&Nonce::from(*iv), &[], body.into(), &Tag::from(*tag))
        .ok()
}
