//! By the RustCrypto crates.

use aes::Aes256;
use cbc::cipher::{
    Array, BlockModeEncrypt, KeyIvInit,
    block_padding::{Padding, Pkcs7},
};
use zeroize::Zeroizing;

use super::BLOCK;
use crate::Dek;

pub(super) struct Encryptor {
    cipher: cbc::Encryptor<Aes256>,
    /// What fills no block yet is `partial[..held]`.
    partial: Zeroizing<[u8; BLOCK]>,
    held: usize,
}

impl Encryptor {
    pub(super) fn new(dek: &Dek, iv: &[u8; BLOCK]) -> Option<Self> {
        let cipher = cbc::Encryptor::new(dek.expose().into(), iv.into());
        Some(Self { cipher, partial: Zeroizing::default(), held: 0 })
    }

    pub(super) fn update(&mut self, mut plain: &[u8], sealed: &mut [u8]) -> Option<usize> {
        let (mut sealed, _) = Array::slice_as_chunks_mut(sealed);
        let mut written = 0;
        if self.held > 0 {
            let (first, rest) = plain.split_at(plain.len().min(BLOCK - self.held));
            self.hold(first);
            plain = rest;
            if self.held < BLOCK {
                return Some(0);
            }
            let (block, after) = sealed.split_first_mut()?;
            self.cipher.encrypt_block_b2b((&*self.partial).into(), block);
            (sealed, self.held, written) = (after, 0, BLOCK);
        }
        let (blocks, rest) = Array::slice_as_chunks(plain);
        self.cipher.encrypt_blocks_b2b(blocks, sealed.get_mut(..blocks.len())?).ok()?;
        self.hold(rest);
        Some(written + blocks.len() * BLOCK)
    }

    pub(super) fn finish(mut self, sealed: &mut [u8]) -> Option<usize> {
        let block = sealed.first_chunk_mut::<BLOCK>()?;
        Pkcs7::raw_pad(&mut *self.partial, self.held);
        self.cipher.encrypt_block_b2b((&*self.partial).into(), block.into());
        Some(BLOCK)
    }

    fn hold(&mut self, bytes: &[u8]) {
        self.partial[self.held..self.held + bytes.len()].copy_from_slice(bytes);
        self.held += bytes.len();
    }
}
