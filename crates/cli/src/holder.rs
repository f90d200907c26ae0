//! Whoever an envelope is for: a private key in a file, or a wallet.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpost_envelope::ecdh::{Curve, EcdhError, Envelope, SecretKey};
use sealpost_wallet::GAP;

use crate::{
    commands::wallet::Source,
    failure::{Failure, Result},
    key_file,
    offline::failed,
};

/// The recipient's key: from a file of its own, or else out of a wallet.
#[derive(Args, Debug)]
pub(crate) struct Holder {
    /// Private key of the recipient: hex, raw bytes, or JSON with `privateKey` [default: a key of the wallet]
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["mnemonic_file", "keystore", "passphrase_file", "bip39_passphrase_file"],
        help_heading = "Recipient"
    )]
    key_file: Option<PathBuf>,
    /// Index of the wallet's key [default: found by trying them]
    #[arg(long, value_name = "N", conflicts_with = "key_file", help_heading = "Recipient")]
    index: Option<u32>,
    #[command(flatten)]
    source: Source,
}

impl Holder {
    /// Every file it names, as readers of standard input.
    pub(crate) fn readers(&self) -> impl Iterator<Item = (&'static str, Option<&Path>)> {
        self.source.readers().into_iter().chain([("--key-file", self.key_file.as_deref())])
    }

    /// The keys of this holder that may open one of the envelopes; at least one.
    pub(crate) fn keys(&self, envelopes: &[Envelope]) -> Result<Vec<SecretKey>> {
        match &self.key_file {
            Some(path) => keys_in(path, envelopes),
            None => self.wallet_keys(envelopes),
        }
    }

    fn wallet_keys(&self, envelopes: &[Envelope]) -> Result<Vec<SecretKey>> {
        let wallet = self.source.wallet()?;
        let mut places: Vec<(Curve, u32)> = match self.index {
            Some(index) => envelopes.iter().map(|envelope| (envelope.curve, index)).collect(),
            None => {
                let found = envelopes.iter().zip(wallet.scan(envelopes, GAP));
                found.filter_map(|(envelope, index)| Some((envelope.curve, index?))).collect()
            }
        };
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            let sentence = format!("no envelope here is for one of the first {GAP} keys of this wallet");
            return Err(Failure::new("envelope_not_for_us", sentence).hint(
                "check which wallet it was made for; a later key, or one that the envelope does not tell, is named with --index N",
            ));
        }
        places.into_iter().map(|(curve, index)| wallet.key(curve, index).map_err(failed)).collect()
    }
}

/// A bare key fits every curve of its length.
fn keys_in(path: &Path, envelopes: &[Envelope]) -> Result<Vec<SecretKey>> {
    let mut curves: Vec<Curve> = envelopes.iter().map(|envelope| envelope.curve).collect();
    curves.sort_unstable();
    curves.dedup();
    let key = key_file::private_key(path, &curves)?;
    if let (Some(held), Some(curve)) = (key.curve, curves.first())
        && !curves.contains(&held)
    {
        return Err(failed(EcdhError::Curve { curve: *curve, held }));
    }
    let fits =
        |curve: &Curve| curve.secret_len() == key.bytes.len() && key.curve.is_none_or(|held| held == *curve);
    let keys = curves.into_iter().filter(fits).map(|curve| SecretKey::from_bytes(curve, &key.bytes));
    let (good, bad): (Vec<_>, Vec<_>) = keys.partition(|key| key.is_ok());
    match (good.is_empty(), bad.into_iter().next()) {
        (true, Some(Err(error))) => Err(failed(error)),
        _ => Ok(good.into_iter().flatten().collect()),
    }
}
