//! The crate as others see it: properties of sealing, wrapping and signing, and files made by other programs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bundle;
#[cfg(feature = "cid")]
mod cid;
mod common;
mod compared;
mod content;
mod domain;
mod ecdh;
mod eme;
#[cfg(target_os = "linux")]
mod erased;
mod key_proof;
#[cfg(target_os = "linux")]
mod memory;
mod messages;
mod plk;
mod psek;
mod redacted;
mod release;
mod seeking;
mod statements;
mod vectors;
mod wraps;
