//! The key that is paid for: one of the buyer's wallet, or a device's own.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpost_api::purchase::Recipient;
use sealpost_envelope::ecdh::{self, Curve, SecretKey};
use sealpost_market::{DeviceKey, chain::BuyerKey};
use sealpost_wallet::Wallet;

use crate::{
    commands::wallet::Source,
    failure::{Failure, Result},
    key_file,
    offline::{curve_option, failed},
};

/// First index that wallets do not derive.
const INDEX_END: u32 = 1 << 31;

/// Whom a purchase is for.
#[derive(Args, Debug)]
pub(super) struct BuyingKey {
    /// Curve of the key that is paid for [default: secp256k1]
    #[arg(long, value_parser = curve_option(), help_heading = "Device")]
    curve: Option<Curve>,
    /// Index of the wallet's key [default: the next one that nothing was bought for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=0x7fff_ffff), help_heading = "Device")]
    index: Option<u32>,
    /// Private key of a device instead of a wallet's: hex, raw bytes, or JSON with `privateKey`
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["index", "mnemonic_file", "keystore", "passphrase_file", "bip39_passphrase_file"],
        help_heading = "Device"
    )]
    device_key_file: Option<PathBuf>,
    /// What to call the device
    #[arg(long, help_heading = "Device")]
    name: Option<String>,
    #[command(flatten)]
    source: Source,
}

/// Keys to try, one after the other.
pub(super) enum Keys {
    /// This one alone.
    One(Box<Candidate>),
    /// Those of a wallet from an index on.
    Wallet {
        /// The wallet.
        wallet: Box<Wallet>,
        /// Their curve.
        curve: Curve,
        /// The next one.
        next: u32,
        /// What to call the device.
        name: Option<String>,
    },
}

/// A key that may be paid for.
pub(super) struct Candidate {
    /// With its private half, to prove whose it is.
    pub(super) key: SecretKey,
    /// As the contract knows it.
    pub(super) on_chain: BuyerKey,
    /// As the store knows it.
    pub(super) recipient: Recipient,
}

impl BuyingKey {
    /// Every file it names, as readers of standard input.
    pub(super) fn readers(&self) -> impl Iterator<Item = (&'static str, Option<&Path>)> {
        self.source.readers().into_iter().chain([("--device-key-file", self.device_key_file.as_deref())])
    }

    /// The keys; a wallet's from `first` on, where none is named.
    pub(super) fn keys(&self, first: u32) -> Result<Keys> {
        let name = self.name.clone();
        if let Some(path) = &self.device_key_file {
            let curve = self.curve.unwrap_or(Curve::Secp256k1);
            let held = key_file::private_key(path, &[curve])?;
            let curve = held.curve.unwrap_or(curve);
            let key = SecretKey::from_bytes(curve, &held.bytes).map_err(failed)?;
            return Ok(Keys::One(Box::new(Candidate::new(key, None, name)?)));
        }
        let wallet = self.source.wallet()?;
        let curve = self.curve.unwrap_or(Curve::Secp256k1);
        match self.index {
            Some(index) => {
                let key = wallet.key(curve, index).map_err(failed)?;
                Ok(Keys::One(Box::new(Candidate::new(key, Some(index), name)?)))
            }
            None => Ok(Keys::Wallet { wallet: Box::new(wallet), curve, next: first, name }),
        }
    }
}

impl Keys {
    /// Whether there is no other than the first.
    pub(super) fn is_one(&self) -> bool {
        matches!(self, Self::One(_))
    }

    /// The first, or the one after.
    pub(super) fn next(&mut self) -> Result<Candidate> {
        match self {
            Self::One(one) => {
                let key = SecretKey::from_bytes(one.key.curve(), one.key.expose()).map_err(failed)?;
                Ok(Candidate { key, on_chain: one.on_chain.clone(), recipient: one.recipient.clone() })
            }
            Self::Wallet { wallet, curve, next, name } => {
                // Few scalars are no key of a curve; the next index is.
                let mut found = wallet.key(*curve, *next);
                while found.is_err() && *next + 1 < INDEX_END {
                    *next += 1;
                    found = wallet.key(*curve, *next);
                }
                let candidate = Candidate::new(found.map_err(failed)?, Some(*next), name.clone())?;
                *next = next.saturating_add(1);
                Ok(candidate)
            }
        }
    }
}

impl Candidate {
    fn new(key: SecretKey, index: Option<u32>, name: Option<String>) -> Result<Self> {
        let curve = key.curve().to_string();
        let public_key = key.recipient().to_hex();
        let on_chain = on_chain(&key.recipient())?;
        Ok(Self { key, on_chain, recipient: Recipient { curve, public_key, index, name } })
    }
}

/// A device's public key, as the contract knows it.
pub(super) fn on_chain(key: &ecdh::Recipient) -> Result<BuyerKey> {
    let device = DeviceKey { curve: key.curve().to_string(), public_key: key.to_hex() };
    BuyerKey::from_device(&device).map_err(|error| {
        Failure::new("buyer_key", error.to_string()).hint("take a key of another curve with --curve")
    })
}
