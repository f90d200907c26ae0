use sealpost_envelope::ErrorCode;

use super::MIN_PASSPHRASE_CHARS;
use crate::WalletError;

/// Why a keystore was not sealed or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The words are there, but the BIP-39 passphrase beside them is another one.
    #[error("the BIP-39 passphrase is not the one this keystore was made with")]
    Bip39Passphrase,
    /// It opened, and holds no wallet.
    #[error("the file opened, but what is in it is no wallet")]
    Content,
    /// Changed, or cut off.
    #[error("the keystore is damaged")]
    Damaged,
    /// No age file, or one that takes no passphrase.
    #[error("the file is no keystore: it is not an age file under a passphrase")]
    Format,
    /// Does not open with this passphrase.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// The age library or the operating system failed.
    #[error("the keystore could not be sealed")]
    Sealing,
    /// Below [`MIN_PASSPHRASE_CHARS`].
    #[error("the passphrase has fewer than {MIN_PASSPHRASE_CHARS} characters")]
    ShortPassphrase,
    /// Opening would take too long, or too much memory.
    #[error("opening the keystore takes scrypt work of 2^{required}; more than 2^{most} is refused")]
    TooMuchWork {
        /// Binary logarithm of what the file asks for.
        required: u8,
        /// Binary logarithm of what is granted.
        most: u8,
    },
    /// Made by a later Sealpost.
    #[error("the keystore is of version {found}, which this program does not know")]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// The words lead to no wallet.
    #[error(transparent)]
    Wallet(#[from] WalletError),
}

impl ErrorCode for KeystoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Bip39Passphrase => "keystore_bip39_passphrase",
            Self::Content => "keystore_content",
            Self::Damaged => "keystore_damaged",
            Self::Format => "keystore_format",
            Self::Passphrase => "keystore_passphrase",
            Self::Sealing => "keystore_sealing",
            Self::ShortPassphrase => "keystore_short_passphrase",
            Self::TooMuchWork { .. } => "keystore_work",
            Self::Version { .. } => "keystore_version",
            Self::Wallet(error) => error.code(),
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Bip39Passphrase => "Give the BIP-39 passphrase the wallet was made with.",
            Self::Content => "Check that this is the file of a Sealpost wallet.",
            Self::Damaged => "Take a copy of the file, or make the keystore anew from the words.",
            Self::Format => "Check that this is the file of a wallet, and that it is whole.",
            Self::Passphrase => {
                "Try again. If the passphrase is right, the file was changed: take a copy of it."
            }
            Self::Sealing => "Try again.",
            Self::ShortPassphrase => "Take a longer one: four random words are good.",
            Self::TooMuchWork { .. } => {
                "Open it with `age -d`, and make a keystore with less work from its words."
            }
            Self::Version { .. } => "Update this program.",
            Self::Wallet(error) => error.hint(),
        }
    }
}
