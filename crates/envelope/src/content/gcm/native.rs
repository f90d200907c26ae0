//! By AWS-LC.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{IV, TAG};
use crate::Dek;

pub(super) fn seal(dek: &Dek, iv: &[u8; IV], plain: &mut [u8]) -> Option<[u8; TAG]> {
    let nonce = Nonce::assume_unique_for_key(*iv);
    let tag = key(dek)?.seal_in_place_separate_tag(nonce, Aad::empty(), plain).ok()?;
    tag.as_ref().try_into().ok()
}

pub(super) fn open(dek: &Dek, iv: &[u8; IV], sealed: &mut [u8]) -> Option<()> {
    key(dek)?.open_in_place(Nonce::assume_unique_for_key(*iv), Aad::empty(), sealed).ok()?;
    Some(())
}

fn key(dek: &Dek) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, dek.expose()).ok()?))
}
