//! What the fuzz targets share.
#![forbid(unsafe_code)]

mod edits;
mod jws;
mod licence;

use std::{convert::Infallible, io::Read, sync::LazyLock};

use rand_core::{TryCryptoRng, TryRng};
use sealpost_envelope::{
    ContentCipher, ContentError, Dek, Opener, digest,
    ecdh::{Curve, SecretKey},
};

pub use edits::edited;
pub use jws::{Signed, read_signed};
pub use licence::check_licence;

/// Draws bytes that count up: a target does the same for the same input.
#[derive(Debug, Default)]
pub struct Counting(u8);

impl From<u8> for Counting {
    fn from(start: u8) -> Self {
        Self(start)
    }
}

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

/// The key of somebody for whom nothing in an input was sealed: it changes with every byte of it. A fixed key would do
/// only where nothing is sealed with it, for libFuzzer puts into its inputs what it sees compared.
pub fn stranger(data: &[u8]) -> [u8; 32] {
    digest::sha256(data)
}

/// A key of each curve that nothing in the seeds was sealed for.
pub fn strangers() -> &'static [SecretKey] {
    static STRANGERS: LazyLock<Vec<SecretKey>> = LazyLock::new(|| {
        let stranger = |curve| SecretKey::generate(curve, &mut Counting(200));
        Curve::ALL.into_iter().map(stranger).collect()
    });
    &STRANGERS
}

/// What an opener handed out, and how it ended.
pub fn open(
    cipher: ContentCipher,
    dek: &Dek,
    iv: Option<[u8; 16]>,
    blob: &[u8],
) -> (Vec<u8>, Result<(), ContentError>) {
    let mut plain = Vec::new();
    let end = match Opener::new(cipher, dek, iv, blob) {
        Ok(mut opener) => opener.read_to_end(&mut plain).map(drop).map_err(ContentError::from),
        Err(error) => Err(error),
    };
    (plain, end)
}

/// 32 bytes from hex, for the keys of `tests/vectors`, which seeds are made for.
pub fn key(hex: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    assert!(hex::decode_to_slice(hex, &mut bytes).is_ok(), "a key is 64 hex digits");
    bytes
}
