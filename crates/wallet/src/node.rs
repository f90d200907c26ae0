//! A key of BIP-32 with its chain code, and its children.
//!
//! The steps are those of the `bip32` crate; its own extended keys leave the chain code in memory, from which, with
//! one child's private key, every sibling can be computed.

use bip32::{ChildNumber, PrivateKey as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use k256::SecretKey;
use sha2::Sha512;
use zeroize::{Zeroize as _, Zeroizing};

/// Fewer than one in 2^127 seeds or children have no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKey;

#[derive(Clone)]
pub(crate) struct Node {
    key: SecretKey,
    chain_code: Zeroizing<[u8; 32]>,
}

impl Node {
    pub(crate) fn master(seed: &[u8]) -> Result<Self, NoKey> {
        let mut mac = Hmac::<Sha512>::new_from_slice(b"Bitcoin seed").map_err(|_| NoKey)?;
        mac.update(seed);
        let mut output = mac.finalize().into_bytes();
        let (key, code) = output.split_at(32);
        let mut chain_code = Zeroizing::new([0; 32]);
        chain_code.copy_from_slice(code);
        let key = SecretKey::from_slice(key).map_err(|_| NoKey);
        output.as_mut_slice().zeroize();
        Ok(Self { key: key?, chain_code })
    }

    pub(crate) fn child(&self, number: ChildNumber) -> Result<Self, NoKey> {
        let (tweak, chain_code) = self.key.derive_tweak(&self.chain_code, number).map_err(|_| NoKey)?;
        let (tweak, chain_code) = (Zeroizing::new(tweak), Zeroizing::new(chain_code));
        Ok(Self { key: self.key.derive_child(*tweak).map_err(|_| NoKey)?, chain_code })
    }

    /// The private key, big endian.
    pub(crate) fn scalar(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes().into())
    }
}

#[cfg(test)]
mod tests;
