//! Key packages of legacy LMNT stores: hex of `iv16 ‖ AES-256-CBC(PSEK, content key)` with PKCS#7, exactly 64 bytes.
//!
//! Read only; [`KeyPackage`] tells them from [`nacl_box`](crate::nacl_box). Nothing but the padding is authenticated:
//! a change of the first 32 bytes gives another content key instead of an error. Check the package against the job
//! manifest first, as [`JobManifest::check_package`](crate::JobManifest::check_package) does.

use std::fmt;

use aes::Aes256;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::NoPadding};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Dek, ErrorCode};

const BLOCK: usize = 16;
/// IV, content key and one block of padding.
const PACKAGE: usize = BLOCK + Dek::LEN + BLOCK;
/// PKCS#7 of a plaintext that fills its last block.
const PADDING: [u8; BLOCK] = [BLOCK as u8; BLOCK];

/// Unwraps the content key of a package. Hex digits of either case are read.
pub fn unwrap(package_hex: &str, psek: &Psek) -> Result<Dek, PsekError> {
    let mut package = Zeroizing::new([0; PACKAGE]);
    hex::decode_to_slice(package_hex, package.as_mut_slice()).map_err(|_| PsekError::Format)?;
    let (iv, sealed) = package.split_at_mut(BLOCK);
    let opened = cbc::Decryptor::<Aes256>::new_from_slices(psek.0.as_slice(), iv)
        .map_err(|_| PsekError::Format)?
        .decrypt_padded::<NoPadding>(sealed)
        .map_err(|_| PsekError::Open)?;
    let (key, padding) = opened.split_at(Dek::LEN);
    if !bool::from(padding.ct_eq(&PADDING)) {
        return Err(PsekError::Open);
    }
    Dek::try_from(key).map_err(|_| PsekError::Open)
}

/// A printer-specific encryption key: 32 bytes that a custodian keeps and gives out; erased when dropped.
#[derive(Clone)]
pub struct Psek(Zeroizing<[u8; 32]>);

impl Psek {
    /// Takes over existing key bytes; the caller erases its own copy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key itself. Never log or print it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Psek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psek([redacted])")
    }
}

/// A key package of an LMNT job, told by its form: only NaCl boxes have colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPackage<'a> {
    /// For [`nacl_box::unwrap`](crate::nacl_box::unwrap).
    NaclBox(&'a str),
    /// For [`psek::unwrap`](unwrap).
    Psek(&'a str),
}

impl<'a> KeyPackage<'a> {
    /// Which of the two a package is; whether it is a good one shows when unwrapping.
    pub fn of(package: &'a str) -> Self {
        if package.contains(':') { Self::NaclBox(package) } else { Self::Psek(package) }
    }
}

/// Why a package was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PsekError {
    /// Not 64 bytes in hex.
    #[error("the key package is not 64 bytes in hex")]
    Format,
    /// Wrong key or padding: deliberately not told apart.
    #[error("the key package was made for another printer, or changed on its way")]
    Open,
}

impl ErrorCode for PsekError {
    fn code(&self) -> &'static str {
        match self {
            Self::Format => "key_package_malformed",
            Self::Open => "key_package_not_for_us",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Format => "Claim the job again; if it stays, report it to the store.",
            Self::Open => "Register the printer again if its key changed, then send the job anew.",
        }
    }
}

#[cfg(test)]
mod tests {
    use cbc::cipher::{BlockModeEncrypt, block_padding::Pkcs7};
    use proptest::{prelude::*, sample::Index};

    use super::*;

    #[test]
    fn only_nacl_boxes_have_colons() {
        assert_eq!(KeyPackage::of("a:b:c"), KeyPackage::NaclBox("a:b:c"));
        assert_eq!(KeyPackage::of("00ff"), KeyPackage::Psek("00ff"));
    }

    #[test]
    fn debug_shows_no_key_byte() {
        assert_eq!(format!("{:?}", Psek::from_bytes([0xab; 32])), "Psek([redacted])");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_package_comes_back_and_a_changed_one_never_as_the_same_key(
            psek: [u8; 32], dek: [u8; 32], iv: [u8; 16], at in 0..PACKAGE, bit in 0u8..8,
        ) {
            let psek = Psek::from_bytes(psek);
            let package = wrap(&dek, &psek, iv);
            prop_assert_eq!(unwrap(&hex::encode(&package), &psek), Ok(Dek::from_bytes(dek)));

            let mut changed = package;
            changed[at] ^= 1 << bit;
            match unwrap(&hex::encode(&changed), &psek) {
                // The padding hangs on the last two blocks only: see the module's documentation.
                Ok(other) => prop_assert!(at < 2 * BLOCK && other.expose() != &dek),
                Err(error) => prop_assert!(at >= 2 * BLOCK && error == PsekError::Open),
            }
        }

        #[test]
        fn other_lengths_and_digits_are_refused(
            psek: [u8; 32], dek: [u8; 32], at in any::<Index>(), text in "\\PC{0,140}",
        ) {
            let psek = Psek::from_bytes(psek);
            let package = hex::encode(wrap(&dek, &psek, [1; 16]));
            let at = at.index(package.len());
            prop_assert_eq!(unwrap(&package[..at], &psek), Err(PsekError::Format));
            prop_assert_eq!(unwrap(&(package.clone() + "00"), &psek), Err(PsekError::Format));
            prop_assert_eq!(unwrap(&package.replace(&package[at..=at], "g"), &psek), Err(PsekError::Format));
            prop_assert!(unwrap(&text, &psek).is_err());
        }
    }

    fn wrap(dek: &[u8; 32], psek: &Psek, iv: [u8; 16]) -> Vec<u8> {
        let mut package = [iv.as_slice(), dek, &[0; BLOCK]].concat();
        cbc::Encryptor::<Aes256>::new(psek.expose().into(), &iv.into())
            .encrypt_padded::<Pkcs7>(&mut package[BLOCK..], Dek::LEN)
            .unwrap();
        package
    }
}
