//! Fernet tokens, read only: `0x80 ‖ time8 ‖ iv16 ‖ AES-128-CBC ‖ HMAC-SHA256`, base64url. The first half of the
//! key signs, the second encrypts. Tokens have no expiry here: they seal files, not sessions.
//! Source: <https://github.com/fernet/spec>.

use aes::Aes128;
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{ContentCipher, ContentError};
use crate::Dek;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const VERSION: u8 = 0x80;
const HEAD: usize = 1 + 8 + 16;
const MAC: usize = 32;

pub(super) fn open(dek: &Dek, token: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, ContentError> {
    let mut bytes = Zeroizing::new(BASE64.decode(token.trim_ascii()).map_err(|_| not_fernet())?);
    if bytes.len() < HEAD + 16 + MAC || bytes[0] != VERSION {
        return Err(not_fernet());
    }
    let (signing, encryption) = dek.expose().split_at(16);
    let body_end = bytes.len() - MAC;
    let mut mac = Hmac::<Sha256>::new_from_slice(signing).map_err(|_| ContentError::Corrupt)?;
    mac.update(&bytes[..body_end]);
    mac.verify_slice(&bytes[body_end..]).map_err(|_| ContentError::Corrupt)?;

    let plain = cbc::Decryptor::<Aes128>::new_from_slices(encryption, &bytes[9..HEAD])
        .map_err(|_| ContentError::Corrupt)?
        .decrypt_padded::<Pkcs7>(&mut bytes[HEAD..body_end])
        .map_err(|_| ContentError::Corrupt)?
        .len();
    bytes.truncate(HEAD + plain);
    bytes.drain(..HEAD);
    Ok(bytes)
}

fn not_fernet() -> ContentError {
    ContentError::Format { cipher: ContentCipher::Fernet }
}
