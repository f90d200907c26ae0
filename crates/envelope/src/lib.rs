#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod code;
mod dek;
mod flatbuffer;
mod jws;
mod secret;
mod slot;
mod text;

pub mod bundle;
pub mod challenge;
#[cfg(feature = "cid")]
pub mod cid;
pub mod content;
pub mod digest;
pub mod domain;
pub mod ecdh;
pub mod eme;
pub mod key_proof;
pub mod keyset;
pub mod manifest;
pub mod nacl_box;
pub mod orbpro;
pub mod pairing;
pub mod plk;
pub mod psek;
pub mod receipt;
pub mod release;
pub mod sealed;
pub mod x25519;

pub use code::ErrorCode;
pub use content::{ContentCipher, ContentError, Opener, Sealer, SeekableOpener};
pub use dek::{Dek, WrongLength};
pub use digest::{Digest, Sha256Reader, Sha256Writer};
pub use keyset::{KeySet, KeySetError, KeyUse};
pub use manifest::{Expected, JobManifest, ManifestError};
pub use nacl_box::{NaclBoxError, PrinterPublic, PrinterSecret};
pub use sealed::{SealedError, SealedMessage};
pub use secret::SecretText;

pub use ed25519_dalek::{SigningKey, VerifyingKey};
