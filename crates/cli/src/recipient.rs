//! The device a plugin is bought for: a public key from elsewhere, or the next key of a wallet.

use std::path::Path;

use clap::Args;
use sealpost_api::purchase::{Licence, Recipient};
use sealpost_envelope::ecdh::{self, Curve};

use crate::{
    commands::wallet::Source,
    failure::{Failure, Result},
    offline::{curve_option, failed},
};

/// First index that wallets do not derive.
const INDEX_END: u32 = 1 << 31;

/// Which key a plugin's content key is wrapped for.
#[derive(Args, Debug)]
pub(crate) struct ForDevice {
    /// Public key of the device: SEC1, compressed or not, or 32 bytes [default: a key of the wallet]
    #[arg(
        long,
        value_name = "HEX",
        conflicts_with_all = ["mnemonic_file", "keystore", "passphrase_file", "bip39_passphrase_file"],
        help_heading = "Device"
    )]
    to: Option<String>,
    /// Curve of that key [default: secp256k1]
    #[arg(long, value_parser = curve_option(), help_heading = "Device")]
    curve: Option<Curve>,
    /// Index of the wallet's key [default: the next one that none of your devices has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=0x7fff_ffff), help_heading = "Device")]
    index: Option<u32>,
    /// What to call the device
    #[arg(long, help_heading = "Device")]
    name: Option<String>,
    #[command(flatten)]
    source: Source,
}

impl ForDevice {
    /// Every file it names, as readers of standard input.
    pub(crate) fn readers(&self) -> impl Iterator<Item = (&'static str, Option<&Path>)> {
        self.source.readers().into_iter()
    }

    /// Whether anything of it was said.
    pub(crate) fn is_given(&self) -> bool {
        self.to.is_some()
            || self.curve.is_some()
            || self.index.is_some()
            || self.name.is_some()
            || self.source.readers().iter().any(|(_, file)| file.is_some())
    }

    /// The key, checked. `licences` are those of whoever asks: they say which keys of the wallet are taken.
    pub(crate) fn recipient(&self, licences: &[Licence]) -> Result<Recipient> {
        let curve = self.curve.unwrap_or(Curve::Secp256k1);
        let (key, index) = match &self.to {
            Some(hex) => (ecdh::Recipient::from_hex(curve, hex.trim()).map_err(failed)?, self.index),
            None => {
                let index = self.index.map_or_else(|| next_index(licences), Ok)?;
                let key = self.source.wallet()?.key(curve, index).map_err(failed)?;
                (key.recipient(), Some(index))
            }
        };
        Ok(Recipient { curve: curve.to_string(), public_key: key.to_hex(), index, name: self.name.clone() })
    }
}

/// The index behind all that are taken.
pub(crate) fn next_index(licences: &[Licence]) -> Result<u32> {
    let devices = licences.iter().filter_map(|licence| licence.devices.as_ref()).flatten();
    let next = devices.filter_map(|device| device.index).max().map_or(0, |index| index.saturating_add(1));
    if next < INDEX_END {
        return Ok(next);
    }
    Err(Failure::new("wallet_index", "the last key of a wallet is taken")
        .hint("name a free one with --index N"))
}

#[cfg(test)]
mod tests {
    use sealpost_api::purchase::Device;

    use super::*;

    fn licence(indexes: &[Option<u32>]) -> Licence {
        let devices = indexes.iter().map(|index| Device { index: *index, ..Device::default() });
        Licence { devices: Some(devices.collect()), ..Licence::default() }
    }

    #[test]
    fn a_new_device_takes_the_index_behind_all_others() {
        assert_eq!(next_index(&[]).unwrap(), 0);
        assert_eq!(next_index(&[Licence::default(), licence(&[None])]).unwrap(), 0);
        assert_eq!(next_index(&[licence(&[Some(0), Some(7)]), licence(&[Some(3)])]).unwrap(), 8);
        assert!(next_index(&[licence(&[Some(INDEX_END - 1)])]).is_err());
    }
}
