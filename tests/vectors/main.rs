//! Vectors of other people, in full: each collection must pass, and none may be empty. What they are and where they
//! come from: `README.md` beside this file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod aes_cbc;
mod aes_gcm;
mod common;
mod ecdh;
