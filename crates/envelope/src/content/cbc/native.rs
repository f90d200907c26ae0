//! By AWS-LC, whose assembly waits for nothing but the cipher: each block needs the one before.

use aws_lc_rs::{
    cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey},
    iv::FixedLength,
};

use super::BLOCK;
use crate::Dek;

/// AWS-LC keeps what fills no block yet, and erases its context when that is dropped.
pub(super) struct Encryptor(StreamingEncryptingKey);

impl Encryptor {
    pub(super) fn new(dek: &Dek, iv: &[u8; BLOCK]) -> Option<Self> {
        let key = UnboundCipherKey::new(&AES_256, dek.expose()).ok()?;
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        StreamingEncryptingKey::less_safe_cbc_pkcs7(key, context).ok().map(Self)
    }

    pub(super) fn update(&mut self, plain: &[u8], sealed: &mut [u8]) -> Option<usize> {
        Some(self.0.update(plain, sealed).ok()?.written().len())
    }

    pub(super) fn finish(self, sealed: &mut [u8]) -> Option<usize> {
        Some(self.0.finish(sealed).ok()?.1.written().len())
    }
}
