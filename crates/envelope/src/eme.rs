//! Envelopes as `$EME` FlatBuffers, the encrypted message envelope of spacedatastandards.org (design section 3).
//!
//! Written in the layout of the npm package `spacedatastandards.org` 1.0.197, size-prefixed, as its `writeFB` does:
//!
//! | field | what is written |
//! |---|---|
//! | `ENCRYPTED_BLOB` | `iv12 ‖ ct32 ‖ tag16`, 60 bytes |
//! | `EPHEMERAL_PUBLIC_KEY` | lower hex |
//! | `PUBLIC_KEY_IDENTIFIER` | the salt, lower hex: SHA-256 of the recipient's key |
//! | `CIPHER_SUITE` | `ECDH-` + `secp256k1`, `P-256`, `P-384`, `X25519` or `Ed25519` + `+HKDF-SHA256+AES-256-GCM` |
//! | `KDF_PARAMETERS` | JSON `{"info":"orbpro-marketplace:" + plugin id,"salt":hex}`, without `info` when no plugin is named |
//! | `ENCRYPTION_ALGORITHM_PARAMETERS` | JSON `{"iv":12,"name":"AES-256-GCM","tag":16}`, lengths in bytes |
//! | `MAC`, `NONCE`, `TAG`, `IV` | absent: IV and tag are inside the blob |
//!
//! Read with and without the size prefix, hex in either case. The verifier runs first. Schema 1.0.4 moved fields
//! without changing the identifier: what does not read as 1.0.1 with a cipher suite from above is read as 1.0.4.

mod collection;
mod error;
mod layout;
mod parameters;

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, WIPOffset};

use crate::{
    ecdh::Envelope,
    flatbuffer::{self, Fields},
};

use layout::Layout;

pub use collection::{RECORDS, from_any, from_collection, from_stream, to_collection, to_stream};
pub use error::EmeError;

/// Most bytes of one record that are written or read.
pub const RECORD_BYTES: usize = 16 << 10;

const IDENTIFIER: &str = "$EME";

/// An envelope and what it says of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The wrapped content key.
    pub envelope: Envelope,
    /// The plugin id it was wrapped under, where the record tells.
    pub plugin_id: Option<String>,
}

/// One record, size-prefixed.
pub fn to_bytes(envelope: &Envelope, plugin_id: Option<&str>) -> Result<Vec<u8>, EmeError> {
    let mut builder = FlatBufferBuilder::new();
    let table = write(&mut builder, envelope, plugin_id)?;
    Ok(flatbuffer::finish(builder, table, IDENTIFIER))
}

/// One record, with or without its size prefix, and nothing behind it.
pub fn from_bytes(bytes: &[u8]) -> Result<Record, EmeError> {
    if bytes.len() > RECORD_BYTES {
        return Err(EmeError::TooLarge { limit: RECORD_BYTES });
    }
    let (layout, table) = layout::find(bytes)?;
    parameters::read(layout, table)
}

fn write<'b>(
    builder: &mut FlatBufferBuilder<'b>,
    envelope: &Envelope,
    plugin_id: Option<&str>,
) -> Result<WIPOffset<TableFinishedWIPOffset>, EmeError> {
    let Envelope { ephemeral_pub, wrapped_dek, salt, curve } = envelope;
    // Hex doubles, JSON escapes at most sixfold: nobody's plugin id comes near, and no record is written that is not read.
    let plugin_len = plugin_id.map_or(0, str::len);
    if ephemeral_pub.len() > 256 || salt.len() > 256 || plugin_len > 2048 {
        return Err(EmeError::TooLarge { limit: RECORD_BYTES });
    }
    let kdf = parameters::kdf(salt, plugin_id)?;
    let layout = Layout::V1_0_1;
    let mut fields = Fields::new(builder);
    fields.bytes(layout::ENCRYPTED_BLOB, wrapped_dek);
    fields.text(layout::EPHEMERAL_PUBLIC_KEY, &hex::encode(ephemeral_pub));
    fields.text(layout.public_key_identifier(), &hex::encode(salt));
    fields.text(layout.cipher_suite(), &parameters::suite(*curve));
    fields.text(layout.kdf_parameters(), &kdf);
    fields.text(layout.algorithm_parameters(), parameters::ALGORITHM);
    Ok(fields.end())
}
