use std::{convert::Infallible, io::Read, path::PathBuf};

use rand_core::{TryCryptoRng, TryRng};
use sealpost_envelope::{ContentCipher, ContentError, Dek, Opener};
use serde_json::Value;

pub(crate) fn rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

pub(crate) fn vector_bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn vectors(name: &str) -> Value {
    serde_json::from_slice(&vector_bytes(name)).unwrap()
}

pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field}"))
}

pub(crate) fn bytes<const N: usize>(value: &Value, field: &str) -> [u8; N] {
    hex::decode(text(value, field)).unwrap().try_into().unwrap()
}

/// The plaintext all vectors share, `n` bytes of it.
pub(crate) fn plain(n: usize) -> Vec<u8> {
    b"G1 X12.5 Y7.25 E0.031 F1800\n".iter().copied().cycle().take(n).collect()
}

/// Opens a blob to its end.
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
        unimplemented_draw()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unimplemented_draw()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Repeat {}

fn unimplemented_draw<T>() -> Result<T, Infallible> {
    panic!("only bytes are drawn")
}
