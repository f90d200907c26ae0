use std::convert::Infallible;
use std::io::Read;
use std::path::PathBuf;

use rand_core::{TryCryptoRng, TryRng};
use sealpost_envelope::{ContentCipher, ContentError, Dek, Opener};

/// How many vectors of a collection were taken and how many turned away; compared with what its authors count.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) accepted: usize,
    pub(crate) refused: usize,
}

pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn open(
    cipher: ContentCipher,
    dek: &Dek,
    iv: Option<[u8; 16]>,
    blob: &[u8],
) -> Result<Vec<u8>, ContentError> {
    let mut plain = Vec::new();
    Opener::new(cipher, dek, iv, blob)?.read_to_end(&mut plain)?;
    Ok(plain)
}

/// Draws the given bytes, to repeat what another program drew.
pub(crate) struct Repeat(pub(crate) Vec<u8>);

impl TryRng for Repeat {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only bytes are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only bytes are drawn")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Repeat {}
