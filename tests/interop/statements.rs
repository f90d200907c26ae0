//! Signed statements: what Python's `cryptography` and `rfc8785` sign holds here, and the other way round. Ed25519 is
//! deterministic and RFC 8785 canonical, so even the bytes are the same.

mod licence;
mod manifest;
mod release;

use sealpost_envelope::SigningKey;

use crate::peer::Peer;

/// 2026-09-21, in Unix seconds.
const NOW: u64 = 1_790_000_000;

fn python() -> Peer {
    Peer::python("statements")
}

fn seed(key: &SigningKey) -> String {
    hex::encode(key.to_bytes())
}

fn public(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().as_bytes())
}
