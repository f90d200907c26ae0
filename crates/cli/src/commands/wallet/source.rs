//! The wallet a command works with: words in a file, or a keystore.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpost_wallet::{Keystore, Mnemonic, Wallet, WorkFactor, keystore};
use zeroize::Zeroizing;

use super::keep::default_keystore;
use crate::{
    failure::{Failure, Result},
    input::{Input, one_reader_of_stdin},
    offline::failed,
    secret,
};

/// Longest keystore; more is a file given by mistake.
const LIMIT: u64 = 64 << 10;

#[derive(Args, Debug)]
pub(crate) struct Source {
    /// File whose first line is the words (`-`: standard input)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keystore", "passphrase_file"], help_heading = "Wallet")]
    mnemonic_file: Option<PathBuf>,
    /// Keystore with the words [default: wallet.age beside the saved sign-ins]
    #[arg(long, value_name = "FILE", help_heading = "Wallet")]
    keystore: Option<PathBuf>,
    /// File whose first line is the passphrase of the keystore (`-`: standard input) instead of asking
    #[arg(long, value_name = "FILE", help_heading = "Wallet")]
    passphrase_file: Option<PathBuf>,
    /// File whose first line is the BIP-39 passphrase of the wallet (`-`: standard input)
    #[arg(long, value_name = "FILE", help_heading = "Wallet")]
    bip39_passphrase_file: Option<PathBuf>,
}

impl Source {
    /// Every file it names, as readers of standard input.
    pub(crate) fn readers(&self) -> [(&'static str, Option<&Path>); 4] {
        [
            ("--mnemonic-file", self.mnemonic_file.as_deref()),
            ("--keystore", self.keystore.as_deref()),
            ("--passphrase-file", self.passphrase_file.as_deref()),
            ("--bip39-passphrase-file", self.bip39_passphrase_file.as_deref()),
        ]
    }

    /// The wallet, opened.
    pub(crate) fn wallet(&self) -> Result<Wallet> {
        if let Some(file) = &self.mnemonic_file {
            let mnemonic = words(file)?;
            return Wallet::new(&mnemonic, &self.bip39_passphrase(false)?).map_err(failed);
        }
        let keystore = self.open_keystore()?;
        keystore.wallet(&self.bip39_passphrase(keystore.has_passphrase())?).map_err(failed)
    }

    /// The words, and whether a BIP-39 passphrase belongs to them, where that is known.
    pub(crate) fn mnemonic(&self) -> Result<(Mnemonic, Option<bool>)> {
        if let Some(file) = &self.mnemonic_file {
            return Ok((words(file)?, None));
        }
        let keystore = self.open_keystore()?;
        Ok((keystore.mnemonic().clone(), Some(keystore.has_passphrase())))
    }

    fn open_keystore(&self) -> Result<Keystore> {
        let path = match &self.keystore {
            Some(path) => {
                let [_, keystore, passphrase, bip39] = self.readers();
                one_reader_of_stdin(&[keystore, passphrase])?;
                one_reader_of_stdin(&[keystore, bip39])?;
                path.clone()
            }
            None => default_keystore()?,
        };
        if self.keystore.is_none() && !path.exists() {
            return Err(Failure::new("no_wallet", format!("there is no wallet in {}", path.display())).hint(
                "make one with `sealpost wallet new`, or name a file with --mnemonic-file FILE or --keystore FILE",
            ));
        }
        let file = Input::open(&path)?.read_up_to(LIMIT)?;
        let passphrase =
            secret::read("passphrase of the keystore", self.passphrase_file.as_deref(), "--passphrase-file")?;
        keystore::open(&file, &passphrase, WorkFactor::MAX).map_err(failed)
    }

    fn bip39_passphrase(&self, needed: bool) -> Result<Zeroizing<String>> {
        match self.bip39_passphrase_file.as_deref() {
            None if !needed => Ok(Zeroizing::default()),
            file => secret::read("BIP-39 passphrase", file, "--bip39-passphrase-file"),
        }
    }
}

fn words(file: &Path) -> Result<Mnemonic> {
    let text = secret::read("words", Some(file), "--mnemonic-file")?;
    Mnemonic::parse(&text).map_err(failed)
}
