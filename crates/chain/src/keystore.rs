//! Files with the key of an account: [Web3 Secret Storage](https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage)
//! (version 3, which wallets write and read), or a hex key that nobody else can read.

mod v3;

use std::{fmt, fs::File, io::Read as _, os::unix::fs::MetadataExt as _, path::Path};

use rand_core::CryptoRng;
use sealpost_envelope::ErrorCode;
use sealpost_market::chain::Address;
use zeroize::Zeroizing;

use crate::signer::Signer;

/// The largest file that is read.
const MOST_BYTES: u64 = 16 << 10;

/// A file with a key, read and not yet opened.
pub enum KeyFile {
    /// The key itself.
    Plain(Signer),
    /// Under a passphrase.
    Sealed(Keystore),
}

/// A key under a passphrase.
pub struct Keystore(v3::Document);

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file says it is another account's.
    #[error("the key in the file is that of {found}, and the file names {named}")]
    Address {
        /// The account of the key.
        found: Address,
        /// The account that is named.
        named: Address,
    },
    /// Neither.
    #[error("the file is neither a keystore (version 3) nor a private key of 64 hex digits")]
    Format,
    /// It cannot be read.
    #[error("cannot read the file: {0}")]
    Io(String),
    /// Others can read a key without a passphrase.
    #[error("others than its owner can read this private key (mode {0:o})")]
    Open(u32),
    /// The passphrase is another one, or the file is damaged.
    #[error("the passphrase is wrong, or the file is damaged")]
    Passphrase,
    /// No private key.
    #[error("these 32 bytes are no private key")]
    Scalar,
    /// It would take too long, or too much memory.
    #[error("opening the keystore takes more work than is granted")]
    TooMuchWork,
    /// A cipher or derivation that is not known.
    #[error("the keystore uses {0}, which is not known")]
    Unknown(String),
}

impl KeyFile {
    /// Reads a file. One without a passphrase must be its owner's alone (mode 0600 or less).
    ///
    /// # Errors
    /// [`KeyError`], which quotes nothing of the file.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let io = |error: std::io::Error| KeyError::Io(error.to_string());
        let file = File::open(path).map_err(io)?;
        let mode = file.metadata().map_err(io)?.mode() & 0o777;
        let mut text = Zeroizing::new(String::new());
        file.take(MOST_BYTES).read_to_string(&mut text).map_err(|_| KeyError::Format)?;
        match Self::parse(&text)? {
            Self::Plain(_) if mode & 0o077 != 0 => Err(KeyError::Open(mode)),
            key => Ok(key),
        }
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// [`KeyError`], which quotes nothing of the content.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with('{') {
            return v3::Document::parse(text).map(Keystore).map(Self::Sealed);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        let digits = text.strip_prefix("0x").unwrap_or(text);
        hex::decode_to_slice(digits, &mut *bytes).map_err(|_| KeyError::Format)?;
        Signer::from_bytes(&bytes).map(Self::Plain)
    }

    /// The account, where the file tells it without the passphrase.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::Plain(signer) => Some(signer.address()),
            Self::Sealed(keystore) => keystore.address(),
        }
    }
}

impl Keystore {
    /// The account, where the file names it. Not to be believed before it is opened.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        self.0.address
    }

    /// What opening it costs: blocks of scrypt, or rounds of PBKDF2.
    pub(crate) fn work(&self) -> u64 {
        self.0.work()
    }

    /// Opens it, which takes a second on purpose.
    ///
    /// # Errors
    /// [`KeyError::Passphrase`], and [`KeyError::TooMuchWork`] for files made to stall whoever opens them.
    pub fn open(&self, passphrase: &str) -> Result<Signer, KeyError> {
        let signer = Signer::from_bytes(&*self.0.open(passphrase.as_bytes())?)?;
        match self.0.address {
            Some(named) if named != signer.address() => {
                Err(KeyError::Address { found: signer.address(), named })
            }
            _ => Ok(signer),
        }
    }
}

impl Signer {
    /// The content of a keystore file (scrypt with N = 2^18, r = 8, p = 1, as geth writes it).
    ///
    /// # Errors
    /// Never with these parameters, unless memory is short.
    pub fn seal(&self, passphrase: &str, rng: &mut impl CryptoRng) -> Result<String, KeyError> {
        v3::seal(self, passphrase.as_bytes(), v3::Cost::STANDARD, rng)
    }
}

impl ErrorCode for KeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "key_address",
            Self::Format => "key_format",
            Self::Io(_) => "key_file",
            Self::Open(_) => "key_open",
            Self::Passphrase => "key_passphrase",
            Self::Scalar => "key_scalar",
            Self::TooMuchWork => "key_work",
            Self::Unknown(_) => "key_unknown",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Address { .. } => "the file was changed: use the one you made",
            Self::Format => "make one with `sealpost chain key new`",
            Self::Io(_) => "check the path, and that this user may read the file",
            Self::Open(_) => "take the others' rights away: chmod 600 FILE",
            Self::Passphrase => "type it again; without it nobody gets the key back",
            Self::Scalar => "use a key that a wallet made",
            Self::TooMuchWork => "write the file anew with a wallet you trust",
            Self::Unknown(_) => "write the file anew as Web3 Secret Storage version 3",
        }
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystore").field("address", &self.address()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n";

    #[test]
    fn a_bare_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, KEY).unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o660, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match KeyFile::read(&path) {
                Ok(key) => {
                    let address = key.address().unwrap().to_string();
                    assert_eq!(address, "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
                    assert!(good, "{mode:o}");
                }
                Err(error) => assert_eq!((error, good), (KeyError::Open(mode), false)),
            }
        }
        assert!(matches!(KeyFile::read(&folder.path().join("none")), Err(KeyError::Io(_))));
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        for text in ["", "hunter2", "{", "{\"version\": 3}", &KEY[..60], "0x", &"0".repeat(64)] {
            let error = KeyFile::parse(text).unwrap_err();
            assert!(matches!(error, KeyError::Format | KeyError::Scalar), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_file_makes_reading_it_panic(text in ".{0,100}", n: u64, r: u32, p: u32, dklen in 0..64_usize) {
            let _whatever = KeyFile::parse(&text);
            let hex = "00".repeat(32);
            let file = format!(
                "{{\"version\":3,\"crypto\":{{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{{\"iv\":\"{iv}\"}},\
                 \"ciphertext\":\"{hex}\",\"kdf\":\"scrypt\",\"kdfparams\":{{\"dklen\":{dklen},\"n\":{n},\"r\":{r},\
                 \"p\":{p},\"salt\":\"{hex}\"}},\"mac\":\"{hex}\"}}}}",
                iv = &hex[..32],
            );
            prop_assert!(KeyFile::parse(&file).is_err() || (n.is_power_of_two() && dklen == 32));
        }
    }
}
