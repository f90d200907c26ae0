#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod file;
mod kek;
mod sealed;

pub use file::{FileKeys, FileKeysError};
pub use kek::{Kek, KekProvider};
pub use sealed::{SealedKey, SealedKeyError, open, reseal, seal};
