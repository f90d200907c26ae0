//! The key of an account.

use std::fmt;

use alloy::primitives::{B256, Signature};
use k256::ecdsa::SigningKey;
use rand_core::CryptoRng;
use sealpost_market::chain::{Address, keccak256};
use zeroize::Zeroizing;

use crate::keystore::KeyError;

/// Signs transactions. The key is wiped when this is dropped; `Debug` shows the account alone.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    address: Address,
}

impl Signer {
    /// A new account.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            rng.fill_bytes(&mut *bytes);
            // One in 2^127 is no scalar of the curve.
            if let Ok(signer) = Self::from_bytes(&bytes) {
                return signer;
            }
        }
    }

    /// The account of a private key.
    ///
    /// # Errors
    /// [`KeyError::Scalar`] when the bytes are zero, or not below the order of the curve.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_slice(bytes).map_err(|_| KeyError::Scalar)?;
        let point = key.verifying_key().to_sec1_point(false);
        let hash = keccak256(&point.as_bytes()[1..]);
        let mut address = [0; 20];
        address.copy_from_slice(&hash.as_bytes()[12..]);
        Ok(Self { key, address: Address::new(address) })
    }

    /// The account's address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// The compressed public key (33 bytes), which envelopes can be sealed to.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.key.verifying_key().to_sec1_point(true).as_bytes().to_vec()
    }

    /// The private key. What is returned is wiped when it is dropped.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        let scalar = Zeroizing::new(self.key.to_bytes());
        bytes.copy_from_slice(&scalar);
        bytes
    }

    /// Signs a hash (RFC 6979, low s), with the parity that Ethereum adds.
    pub(crate) fn sign(&self, hash: B256) -> Signature {
        let (signature, recovery) = self.key.sign_prehash_recoverable(hash.as_slice());
        Signature::from_bytes_and_parity(&signature.to_bytes(), recovery.is_y_odd())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("address", &self.address).field("key", &"[redacted]").finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first account of Anvil and Hardhat, and of the vectors of `eth_account`.
    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn an_account_is_that_of_its_key_and_signs_for_itself() {
        let mut bytes = [0; 32];
        hex::decode_to_slice(KEY, &mut bytes).unwrap();
        let signer = Signer::from_bytes(&bytes).unwrap();
        assert_eq!(signer.address().to_string(), "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
        let hash = B256::repeat_byte(7);
        let signature = signer.sign(hash);
        assert!(signature.normalize_s().is_none(), "s is low");
        assert!(!format!("{signer:?}").contains("ac0974"));
        assert_eq!(*signer.expose(), bytes);
    }

    #[test]
    fn zero_and_what_is_beyond_the_curve_are_no_keys() {
        assert_eq!(Signer::from_bytes(&[0; 32]).unwrap_err(), KeyError::Scalar);
        assert_eq!(Signer::from_bytes(&[0xff; 32]).unwrap_err(), KeyError::Scalar);
    }
}
