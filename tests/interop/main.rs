//! Suite `interop`: other implementations of the same formats agree with ours, in both directions.
//!
//! The others are small programs under `peers/` that answer one JSON request a line ([`peer`]), Debian's `age`, and
//! the `sealpost` command. Cases are drawn from a seed ([`cases`]); a peer that is missing fails the suite.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod peer;
mod program;

mod age_files;
mod command_line;
mod content;
mod domain;
mod ecdh;
mod eme;
mod nacl_box;
mod sdk;
mod statements;
mod wallet;
