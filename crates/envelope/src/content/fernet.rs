//! Fernet tokens, read only: `0x80 ‖ time8 ‖ iv16 ‖ AES-128-CBC ‖ HMAC-SHA256`, base64url. The first half of the
//! key signs, the second encrypts. Tokens have no expiry here: they seal files, not sessions.
//! Source: <https://github.com/fernet/spec>.

use std::io::Read;

use aes::Aes128;
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{
    ContentCipher, ContentError,
    plain::Plain,
    whole::{WHOLE_LIMIT, read_limited},
};
use crate::Dek;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const VERSION: u8 = 0x80;
const IV: usize = 16;
const HEAD: usize = 1 + 8 + IV;
const BLOCK: usize = 16;
const MAC: usize = 32;

pub(super) fn open(dek: &Dek, inner: impl Read) -> Result<Plain, ContentError> {
    let bytes = decode(&read_limited(inner, WHOLE_LIMIT)?)?;
    let (signing, encryption) = dek.expose().split_at(16);
    let (signed, tag) = bytes.split_at(bytes.len() - MAC);
    let mut mac = Hmac::<Sha256>::new_from_slice(signing).map_err(|_| ContentError::Corrupt)?;
    mac.update(signed);
    mac.verify_slice(tag).map_err(|_| ContentError::Corrupt)?;

    let cipher = cbc::Decryptor::<Aes128>::new_from_slices(encryption, &bytes[HEAD - IV..HEAD])
        .map_err(|_| ContentError::Corrupt)?;
    let mut plain = Plain::behind(HEAD, bytes);
    plain.truncate(plain.len() - MAC);
    let len = cipher.decrypt_padded::<Pkcs7>(plain.as_mut_slice()).map_err(|_| ContentError::Corrupt)?.len();
    plain.truncate(len);
    Ok(plain)
}

fn decode(token: &[u8]) -> Result<Vec<u8>, ContentError> {
    let bytes = BASE64.decode(token.trim_ascii()).map_err(|_| not_fernet())?;
    let fernet = bytes.len() >= HEAD + BLOCK + MAC && bytes[0] == VERSION;
    fernet.then_some(bytes).ok_or_else(not_fernet)
}

fn not_fernet() -> ContentError {
    ContentError::Format { cipher: ContentCipher::Fernet }
}
