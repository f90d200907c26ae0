//! Words to keys: BIP-39, BIP-32, and one key for each curve and index (design section 3 "Wallet").

use std::fmt;

use bip32::ChildNumber;
use hkdf::Hkdf;
use p384::elliptic_curve::ops::Reduce as _;
use sealpost_envelope::{
    ErrorCode,
    ecdh::{Curve, SecretKey},
};
use sha2::Sha384;
use zeroize::Zeroizing;

use crate::{Mnemonic, node::Node};

/// Binds the P-384 key to its purpose.
const P384_INFO: &[u8] = b"sealpost/p384/v1";
const HARDENED: u32 = ChildNumber::HARDENED_FLAG;
/// `m/44'/9999'/0'/0`, above every key.
const ACCOUNT: [u32; 4] = [44 | HARDENED, 9999 | HARDENED, HARDENED, 0];

/// Where the key of an index is found, whatever its curve: `m/44'/9999'/0'/0/{index}`.
///
/// # Errors
/// [`WalletError::Index`] from 2^31 on.
pub fn path(index: u32) -> Result<String, WalletError> {
    ChildNumber::new(index, false).map_err(|_| WalletError::Index { index })?;
    Ok(format!("m/44'/9999'/0'/0/{index}"))
}

/// The keys of one mnemonic. They open envelopes and never sign.
#[derive(Clone)]
pub struct Wallet {
    account: Node,
}

impl Wallet {
    /// The wallet of some words; `passphrase` is BIP-39's own, empty where there is none. Every passphrase leads to
    /// a wallet: a wrong one to another.
    ///
    /// # Errors
    /// [`WalletError::Seed`], for fewer than one in 2^127 mnemonics.
    pub fn new(mnemonic: &Mnemonic, passphrase: &str) -> Result<Self, WalletError> {
        let mut account = Node::master(&*mnemonic.seed(passphrase)).map_err(|_| WalletError::Seed)?;
        for number in ACCOUNT {
            account = account.child(ChildNumber(number)).map_err(|_| WalletError::Seed)?;
        }
        Ok(Self { account })
    }

    /// The private key of an index.
    ///
    /// The scalar at [`path`] serves secp256k1 and P-256, X25519, and Ed25519 as its seed, so the keys of one index
    /// stand and fall together. P-384 is longer: its key is stretched from the scalar by HKDF-SHA384.
    ///
    /// # Errors
    /// [`WalletError::NoKey`] where the scalar is none of the curve's (P-256: about one index in 2^32), and
    /// [`WalletError::Index`] from 2^31 on.
    pub fn key(&self, curve: Curve, index: u32) -> Result<SecretKey, WalletError> {
        let no_key = WalletError::NoKey { curve, index };
        let number = ChildNumber::new(index, false).map_err(|_| WalletError::Index { index })?;
        let node = self.account.child(number).map_err(|_| no_key)?;
        key_of(curve, &node.scalar()).ok_or(no_key)
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wallet([redacted])")
    }
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// Above the last index of BIP-32.
    #[error("a wallet ends at index 2147483647; there is no index {index}")]
    Index {
        /// The index that was asked for.
        index: u32,
    },
    /// This index leads to no key on this curve.
    #[error("index {index} has no key on {curve}")]
    NoKey {
        /// The curve that was asked for.
        curve: Curve,
        /// The index that was asked for.
        index: u32,
    },
    /// These words lead to no wallet.
    #[error("these words lead to no wallet")]
    Seed,
}

impl ErrorCode for WalletError {
    fn code(&self) -> &'static str {
        match self {
            Self::Index { .. } => "wallet_index",
            Self::NoKey { .. } => "wallet_no_key",
            Self::Seed => "wallet_seed",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Index { .. } => "Take an index below 2147483648.",
            Self::NoKey { .. } => "Take the next index.",
            Self::Seed => "Make a new wallet.",
        }
    }
}

fn key_of(curve: Curve, scalar: &[u8; 32]) -> Option<SecretKey> {
    let key = match curve {
        Curve::P384 => SecretKey::from_bytes(curve, &*p384_key(scalar)?),
        _ => SecretKey::from_bytes(curve, scalar),
    };
    key.ok()
}

fn p384_key(scalar: &[u8; 32]) -> Option<Zeroizing<[u8; 48]>> {
    let mut wide = Zeroizing::new([0; 48]);
    Hkdf::<Sha384>::new(None, scalar).expand(P384_INFO, wide.as_mut_slice()).ok()?;
    Some(reduce(&wide))
}

/// `wide mod (n-1) + 1`: never zero. The order of P-384 lies so close below 2^384 that the bias is under 2^-190.
fn reduce(wide: &[u8; 48]) -> Zeroizing<[u8; 48]> {
    let wide: &p384::FieldBytes = wide.into();
    let scalar = Zeroizing::new(p384::NonZeroScalar::reduce(wide));
    Zeroizing::new(scalar.to_bytes().into())
}

#[cfg(test)]
mod tests;
