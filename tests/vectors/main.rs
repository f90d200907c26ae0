//! Vectors of other people, in full: each collection must pass, and none may be empty. What they are and where they
//! come from: `README.md` beside this file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod aes_cbc;
mod aes_gcm;
mod age_testkit;
mod bip32;
mod bip39;
mod chacha20_poly1305;
mod common;
mod ecdh;
mod ed25519;
mod fernet;
mod hkdf;
mod rfc8785;
mod wallet;
