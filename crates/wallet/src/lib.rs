#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod language;
mod mnemonic;
mod node;
mod scan;
mod wallet;

pub mod keystore;

pub use keystore::{Keystore, KeystoreError, WorkFactor};
pub use language::{Language, UnknownLanguage};
pub use mnemonic::{Mnemonic, MnemonicError, WordCount};
pub use scan::GAP;
pub use sealpost_envelope::ErrorCode;
pub use wallet::{Wallet, WalletError, path};
