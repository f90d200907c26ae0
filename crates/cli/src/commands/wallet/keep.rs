//! Where words are kept: a keystore under a passphrase, or a file in the clear. Nothing is ever replaced.

use std::{
    fs,
    io::{self, IsTerminal as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use sealpost_wallet::{Keystore, Mnemonic, WorkFactor, keystore};
use zeroize::Zeroizing;

use crate::{
    failure::{Doing as _, Failure, Result},
    input::is_dash,
    offline::failed,
    outfile::{Access, OutFile},
    secret, session,
};

/// Where fresh words go.
#[derive(Args, Debug)]
pub(super) struct Keep {
    /// Write the words to this new file in the clear, and to no keystore unless one is named
    #[arg(long, value_name = "FILE", help_heading = "Keeping")]
    mnemonic_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) keystore: KeepKeystore,
}

/// A keystore to be.
#[derive(Args, Debug)]
pub(super) struct KeepKeystore {
    /// Keystore to make [default: wallet.age beside the saved sign-ins]
    #[arg(long, value_name = "FILE", help_heading = "Keeping")]
    keystore: Option<PathBuf>,
    /// File whose first line is the passphrase of the keystore (`-`: standard input) instead of asking
    #[arg(long, value_name = "FILE", help_heading = "Keeping")]
    passphrase_file: Option<PathBuf>,
    /// File whose first line is a BIP-39 passphrase, without which the words lead to another wallet
    #[arg(long, value_name = "FILE", help_heading = "Keeping")]
    bip39_passphrase_file: Option<PathBuf>,
    /// Work of each try at the passphrase: scrypt with 2^N, N from 10 to 20
    #[arg(long, value_name = "N", default_value_t, help_heading = "Keeping")]
    work_factor: WorkFactor,
}

impl Keep {
    /// Reserves the files and reads the passphrase, before there is anything to lose.
    pub(super) fn prepare(&self, reveal: bool) -> Result<Kept> {
        let words = self.mnemonic_file.as_deref().map(new_file).transpose()?;
        let asked_for = self.keystore.keystore.is_some() || self.keystore.passphrase_file.is_some();
        let elsewhere = words.is_some() || reveal;
        if !asked_for && !elsewhere && !io::stdin().is_terminal() {
            return Err(Failure::usage("words_lost", "the words of the new wallet would be lost").hint(
                "keep them with --passphrase-file FILE or --mnemonic-file FILE, or show them with --reveal",
            ));
        }
        let keystore = if asked_for || !elsewhere { Some(self.keystore.prepare()?) } else { None };
        Ok(Kept { words, keystore })
    }
}

impl KeepKeystore {
    /// Reserves the file and reads its passphrase.
    pub(super) fn prepare(&self) -> Result<KeptKeystore> {
        let file = match &self.keystore {
            Some(path) => new_file(path)?,
            None => {
                let path = default_keystore()?;
                if let Some(folder) = path.parent() {
                    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
                    made.doing("output_file", format_args!("make {}", folder.display()))?;
                }
                new_file(&path)?
            }
        };
        let passphrase =
            secret::read_new("passphrase", self.passphrase_file.as_deref(), "--passphrase-file")?;
        if passphrase.chars().count() < keystore::MIN_PASSPHRASE_CHARS {
            return Err(failed(keystore::KeystoreError::ShortPassphrase));
        }
        Ok(KeptKeystore { file, passphrase, work: self.work_factor })
    }

    /// BIP-39's own passphrase; empty where there is none.
    pub(super) fn bip39_passphrase(&self) -> Result<Zeroizing<String>> {
        let file = self.bip39_passphrase_file.as_deref();
        let read = |file| secret::read("BIP-39 passphrase", Some(file), "--bip39-passphrase-file");
        file.map(read).transpose().map(Option::unwrap_or_default)
    }
}

/// The files of a new wallet, without a name as yet.
pub(super) struct Kept {
    words: Option<OutFile>,
    keystore: Option<KeptKeystore>,
}

impl Kept {
    /// Writes them, and tells their names.
    pub(super) fn write(self, mnemonic: &Mnemonic, bip39_passphrase: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        if let Some(keystore) = self.keystore {
            names.push(keystore.write(mnemonic, bip39_passphrase)?);
        }
        if let Some(file) = self.words {
            let mut text = mnemonic.expose();
            text.push('\n');
            names.push(write(file, text.as_bytes())?);
        }
        Ok(names)
    }
}

/// A keystore without a name as yet, and what seals it.
pub(super) struct KeptKeystore {
    file: OutFile,
    passphrase: Zeroizing<String>,
    work: WorkFactor,
}

impl KeptKeystore {
    /// Writes it, and tells its name.
    pub(super) fn write(self, mnemonic: &Mnemonic, bip39_passphrase: &str) -> Result<String> {
        let keystore = Keystore::new(mnemonic.clone(), bip39_passphrase).map_err(failed)?;
        let sealed = keystore::seal(&keystore, &self.passphrase, self.work).map_err(failed)?;
        write(self.file, &sealed)
    }
}

/// `wallet.age` in the folder of the saved sign-ins.
pub(super) fn default_keystore() -> Result<PathBuf> {
    Ok(session::folder()?.join("wallet.age"))
}

fn new_file(path: &Path) -> Result<OutFile> {
    if is_dash(path) {
        return Err(Failure::usage("not_to_stdout", "standard output gets the key, not the file")
            .hint("name a file, or show the words with --reveal"));
    }
    if path.symlink_metadata().is_ok() {
        return Err(Failure::new("file_exists", format!("{} is there already", path.display()))
            .hint("a wallet is never replaced: name another file, or move that one away"));
    }
    OutFile::create(path, Access::Owner, false)
}

fn write(file: OutFile, content: &[u8]) -> Result<String> {
    let name = file.name();
    file.finish_with(content)?;
    Ok(name)
}
