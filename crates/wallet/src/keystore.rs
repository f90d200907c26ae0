//! The file that keeps a wallet's words: an armored `age` v1 file under a passphrase (scrypt).
//!
//! Armored, because people mail, print and paste such files: text survives that. The stock `age -d` opens it, and
//! shows one line of JSON with the words in it, so nobody depends on Sealpost to get at a wallet:
//!
//! ```json
//! {"version":1,"language":"english","mnemonic":"…","bip39_passphrase":false,"first_key":"03e9…"}
//! ```
//!
//! `first_key` is the public secp256k1 key at index 0: it tells a wrong BIP-39 passphrase, which would otherwise lead
//! to another, empty wallet without a word. Files are read armored or binary.

use std::io::{Read as _, Write as _};

use age::{
    DecryptError, Decryptor, Encryptor,
    armor::{ArmoredReader, ArmoredWriter, Format},
    scrypt,
    secrecy::SecretString,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use sealpost_envelope::{SecretText, ecdh::Curve};

use crate::{Language, Mnemonic, Wallet, WalletError};

mod error;
mod work;

pub use error::KeystoreError;
pub use work::{OutOfRange, WorkFactor};

/// Characters a new passphrase has at least. Whoever gets hold of the file can try passphrases for as long as they
/// like: scrypt makes each try slow, and only length makes the tries many.
pub const MIN_PASSPHRASE_CHARS: usize = 10;

const VERSION: u32 = 1;
/// Longer than any keystore: 24 words and the JSON around them.
const PLAIN_LIMIT: u64 = 8 << 10;
const FILE_LIMIT: usize = 64 << 10;

/// What a keystore file holds.
#[derive(Clone, Debug)]
pub struct Keystore {
    mnemonic: Mnemonic,
    has_passphrase: bool,
    first_key: String,
}

impl Keystore {
    /// Takes over words and notes which wallet they lead to; `passphrase` is BIP-39's own, empty where there is none.
    /// It is not kept.
    ///
    /// # Errors
    /// [`WalletError::Seed`].
    pub fn new(mnemonic: Mnemonic, passphrase: &str) -> Result<Self, WalletError> {
        let first_key = first_key(&Wallet::new(&mnemonic, passphrase)?)?;
        Ok(Self { mnemonic, has_passphrase: !passphrase.is_empty(), first_key })
    }

    /// The words.
    pub fn mnemonic(&self) -> &Mnemonic {
        &self.mnemonic
    }

    /// Whether a BIP-39 passphrase belongs to the words.
    pub fn has_passphrase(&self) -> bool {
        self.has_passphrase
    }

    /// The wallet the words lead to, with the BIP-39 passphrase they were saved with.
    ///
    /// # Errors
    /// [`KeystoreError::Bip39Passphrase`] for any other passphrase.
    pub fn wallet(&self, passphrase: &str) -> Result<Wallet, KeystoreError> {
        let wallet = Wallet::new(&self.mnemonic, passphrase)?;
        if first_key(&wallet)? == self.first_key { Ok(wallet) } else { Err(KeystoreError::Bip39Passphrase) }
    }
}

/// Seals a keystore under a passphrase.
///
/// Salt, file key and nonce are drawn by the age library from the operating system.
///
/// # Errors
/// [`KeystoreError::ShortPassphrase`].
pub fn seal(keystore: &Keystore, passphrase: &str, work: WorkFactor) -> Result<Vec<u8>, KeystoreError> {
    if passphrase.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err(KeystoreError::ShortPassphrase);
    }
    // Large enough from the start, so that growing leaves no copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(PLAIN_LIMIT as usize));
    let content = Content {
        version: VERSION,
        language: keystore.mnemonic.language().as_str().to_owned(),
        mnemonic: SecretText::new(keystore.mnemonic.expose().to_string()),
        bip39_passphrase: keystore.has_passphrase,
        first_key: keystore.first_key.clone(),
    };
    serde_json::to_writer(&mut *plain, &content).map_err(|_| KeystoreError::Sealing)?;
    plain.push(b'\n');

    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase));
    recipient.set_work_factor(work.log2());
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as _));
    let encryptor = encryptor.map_err(|_| KeystoreError::Sealing)?;
    let armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor);
    armored
        .and_then(|armored| encryptor.wrap_output(armored))
        .and_then(|mut sealed| sealed.write_all(&plain).and_then(|()| sealed.finish()))
        .and_then(ArmoredWriter::finish)
        .map_err(|_| KeystoreError::Sealing)
}

/// Opens a keystore; one that would cost more than `most` is refused before any work is done.
///
/// # Errors
/// A wrong passphrase, too much work, another kind of file, or damage.
pub fn open(file: &[u8], passphrase: &str, most: WorkFactor) -> Result<Keystore, KeystoreError> {
    if file.len() > FILE_LIMIT {
        return Err(KeystoreError::Format);
    }
    let decryptor =
        Decryptor::new_buffered(ArmoredReader::new(file)).map_err(|error| refused(&error, most))?;
    if !decryptor.is_scrypt() {
        return Err(KeystoreError::Format);
    }
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase));
    identity.set_max_work_factor(most.log2());
    let opened = decryptor.decrypt(std::iter::once(&identity as _)).map_err(|error| refused(&error, most))?;

    let mut plain = Zeroizing::new(Vec::with_capacity(PLAIN_LIMIT as usize));
    opened.take(PLAIN_LIMIT).read_to_end(&mut plain).map_err(|_| KeystoreError::Damaged)?;
    read(&plain)
}

#[derive(Deserialize, Serialize)]
struct Content {
    version: u32,
    language: String,
    mnemonic: SecretText,
    bip39_passphrase: bool,
    first_key: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

fn read(plain: &[u8]) -> Result<Keystore, KeystoreError> {
    let Versioned { version } = serde_json::from_slice(plain).map_err(|_| KeystoreError::Content)?;
    if version != VERSION {
        return Err(KeystoreError::Version { found: version });
    }
    let content: Content = serde_json::from_slice(plain).map_err(|_| KeystoreError::Content)?;
    let language: Language = content.language.parse().map_err(|_| KeystoreError::Content)?;
    let mnemonic = Mnemonic::parse_in(language, content.mnemonic.expose());
    Ok(Keystore {
        mnemonic: mnemonic.map_err(|_| KeystoreError::Content)?,
        has_passphrase: content.bip39_passphrase,
        first_key: content.first_key,
    })
}

fn refused(error: &DecryptError, most: WorkFactor) -> KeystoreError {
    match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => KeystoreError::Passphrase,
        DecryptError::ExcessiveWork { required, .. } => {
            KeystoreError::TooMuchWork { required: *required, most: most.log2() }
        }
        DecryptError::InvalidMac => KeystoreError::Damaged,
        _ => KeystoreError::Format,
    }
}

fn first_key(wallet: &Wallet) -> Result<String, WalletError> {
    Ok(wallet.key(Curve::Secp256k1, 0)?.recipient().to_hex())
}

#[cfg(test)]
mod tests;
