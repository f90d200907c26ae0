use std::{fmt, str::FromStr};

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{Kek, KekProvider};

const DOMAIN: &[u8] = b"sealpost-keyring-v1";
const VERSION: &str = "sk1";
const SALT_LEN: usize = 24;
const TAG_LEN: usize = 16;
const MAX_PLAINTEXT: usize = 16 * 1024;

/// Seals a key under `kek`. `purpose` says what it is and whose; the same words are needed to open it.
///
/// # Errors
/// [`SealedKeyError::TooLong`] above 16 KiB: these are keys, not files.
pub fn seal(
    kek: &Kek,
    purpose: &str,
    plaintext: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<SealedKey, SealedKeyError> {
    if plaintext.len() > MAX_PLAINTEXT {
        return Err(SealedKeyError::TooLong);
    }
    let mut bytes = vec![0; SALT_LEN];
    rng.fill_bytes(&mut bytes);
    let (cipher, nonce) = cipher(kek, &bytes)?;
    let aad = aad(kek.id(), purpose);
    let ciphertext = cipher
        .encrypt(&nonce.into(), Payload { msg: plaintext, aad: &aad })
        .map_err(|_| SealedKeyError::TooLong)?;
    bytes.extend_from_slice(&ciphertext);
    Ok(SealedKey { kek_id: kek.id().to_owned(), bytes })
}

/// Opens a sealed key with the KEK it names.
///
/// # Errors
/// [`SealedKeyError::UnknownKek`] when the provider has no such KEK, [`SealedKeyError::DoesNotOpen`] when the bytes
/// were changed or sealed for another purpose.
pub fn open(
    keks: &(impl KekProvider + ?Sized),
    purpose: &str,
    sealed: &SealedKey,
) -> Result<Zeroizing<Vec<u8>>, SealedKeyError> {
    let kek =
        keks.by_id(&sealed.kek_id).ok_or_else(|| SealedKeyError::UnknownKek { id: sealed.kek_id.clone() })?;
    let (salt, ciphertext) = sealed.bytes.split_at_checked(SALT_LEN).ok_or(SealedKeyError::Malformed)?;
    let (cipher, nonce) = cipher(kek, salt)?;
    let aad = aad(kek.id(), purpose);
    cipher
        .decrypt(&nonce.into(), Payload { msg: ciphertext, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| SealedKeyError::DoesNotOpen)
}

/// The same key under the current KEK; `None` when it is there already.
///
/// # Errors
/// As [`open`].
pub fn reseal(
    keks: &(impl KekProvider + ?Sized),
    purpose: &str,
    sealed: &SealedKey,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Option<SealedKey>, SealedKeyError> {
    let current = keks.current();
    if sealed.kek_id == current.id() {
        return Ok(None);
    }
    let plaintext = open(keks, purpose, sealed)?;
    seal(current, purpose, &plaintext, rng).map(Some)
}

/// A key at rest; [`Display`](fmt::Display) and [`FromStr`] give and read its text `sk1.<kek id>.<base64>`.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    kek_id: String,
    bytes: Vec<u8>,
}

impl SealedKey {
    /// Id of the KEK that opens it.
    pub fn kek_id(&self) -> &str {
        &self.kek_id
    }
}

impl fmt::Display for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}.{}.{}", self.kek_id, STANDARD.encode(&self.bytes))
    }
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey").field("kek_id", &self.kek_id).finish_non_exhaustive()
    }
}

impl FromStr for SealedKey {
    type Err = SealedKeyError;

    fn from_str(text: &str) -> Result<Self, SealedKeyError> {
        let (version, rest) = text.split_once('.').ok_or(SealedKeyError::Malformed)?;
        if version != VERSION {
            return Err(SealedKeyError::Malformed);
        }
        let (kek_id, base64) = rest.split_once('.').ok_or(SealedKeyError::Malformed)?;
        let bytes = STANDARD.decode(base64).map_err(|_| SealedKeyError::Malformed)?;
        if kek_id.is_empty()
            || !(SALT_LEN + TAG_LEN..=SALT_LEN + MAX_PLAINTEXT + TAG_LEN).contains(&bytes.len())
        {
            return Err(SealedKeyError::Malformed);
        }
        Ok(Self { kek_id: kek_id.to_owned(), bytes })
    }
}

/// Why a key could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedKeyError {
    /// Not `sk1.<kek id>.<base64>`.
    #[error("this is not a sealed key of a version known here")]
    Malformed,
    /// Sealed under a KEK that is not at hand.
    #[error(
        "the key-encryption key {id} is missing; put back the key file that was in use when this was sealed"
    )]
    UnknownKek {
        /// Its id.
        id: String,
    },
    /// Changed since, or sealed for another purpose.
    #[error("a sealed key does not open: it was changed, or belongs to something else")]
    DoesNotOpen,
    /// More than 16 KiB.
    #[error("only keys of up to 16 KiB are sealed")]
    TooLong,
}

fn cipher(kek: &Kek, salt: &[u8]) -> Result<(Aes256Gcm, [u8; 12]), SealedKeyError> {
    let mut okm = Zeroizing::new([0; 44]);
    kek.derive(salt, DOMAIN, okm.as_mut());
    let (key, nonce) = okm.split_first_chunk::<32>().ok_or(SealedKeyError::Malformed)?;
    let nonce = nonce.try_into().map_err(|_| SealedKeyError::Malformed)?;
    Ok((Aes256Gcm::new(key.into()), nonce))
}

fn aad(kek_id: &str, purpose: &str) -> Vec<u8> {
    [DOMAIN, kek_id.as_bytes(), purpose.as_bytes()].join(&0)
}

#[cfg(test)]
mod tests {
    use getrandom::{SysRng, rand_core::UnwrapErr};
    use proptest::prelude::*;

    use super::*;

    const PURPOSE: &str = "content-key/release-7";

    struct TwoKeks(Kek, Kek);

    impl KekProvider for TwoKeks {
        fn current(&self) -> &Kek {
            &self.0
        }

        fn by_id(&self, id: &str) -> Option<&Kek> {
            self.0.by_id(id).or_else(|| self.1.by_id(id))
        }
    }

    fn kek() -> Kek {
        Kek::generate(&mut UnwrapErr(SysRng))
    }

    fn sealed(kek: &Kek) -> SealedKey {
        seal(kek, PURPOSE, b"a key to be kept", &mut UnwrapErr(SysRng)).unwrap()
    }

    #[test]
    fn a_key_opens_for_its_purpose_only() {
        let kek = kek();
        let sealed = sealed(&kek);
        assert_eq!(open(&kek, PURPOSE, &sealed).unwrap().as_slice(), b"a key to be kept");
        assert_eq!(open(&kek, "content-key/release-8", &sealed), Err(SealedKeyError::DoesNotOpen));
    }

    #[test]
    fn the_text_form_comes_back_the_same() {
        let sealed = sealed(&kek());
        assert_eq!(sealed.to_string().parse::<SealedKey>().unwrap(), sealed);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let kek = kek();
        let whole = sealed(&kek);
        for bit in 0..whole.bytes.len() * 8 {
            let mut changed = whole.clone();
            changed.bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&kek, PURPOSE, &changed), Err(SealedKeyError::DoesNotOpen));
        }
    }

    #[test]
    fn two_seals_of_one_key_share_nothing() {
        let kek = kek();
        assert_ne!(sealed(&kek), sealed(&kek));
    }

    #[test]
    fn another_kek_is_named_in_the_error() {
        let sealed = sealed(&kek());
        let id = sealed.kek_id().to_owned();
        assert_eq!(open(&kek(), PURPOSE, &sealed), Err(SealedKeyError::UnknownKek { id }));
    }

    #[test]
    fn a_rotated_key_moves_to_the_current_kek_once() {
        let keks = TwoKeks(kek(), kek());
        let old = sealed(&keks.1);
        let new = reseal(&keks, PURPOSE, &old, &mut UnwrapErr(SysRng)).unwrap().unwrap();
        assert_eq!(new.kek_id(), keks.0.id());
        assert_eq!(open(&keks, PURPOSE, &new), open(&keks, PURPOSE, &old));
        assert_eq!(reseal(&keks, PURPOSE, &new, &mut UnwrapErr(SysRng)), Ok(None));
    }

    proptest! {
        #[test]
        fn nonsense_is_refused_without_panic(text in "(sk1\\.)?[a-z0-9.+/=]{0,80}") {
            if let Ok(sealed) = text.parse::<SealedKey>() {
                prop_assert!(open(&kek(), PURPOSE, &sealed).is_err());
            }
        }
    }
}
