//! Which index an envelope was made for.

use sealpost_envelope::ecdh::{Curve, Envelope};

use crate::Wallet;

/// Indexes in a row without a hit, after which a scan gives up.
pub const GAP: u32 = 20;

const INDEXES: u32 = 1 << 31;

impl Wallet {
    /// The index whose key an envelope was made for, as its salt tells: SHA-256 of the recipient's canonical bytes.
    ///
    /// A salt that another writer chose freely says nothing: such an envelope is not found.
    pub fn find(&self, envelope: &Envelope, gap: u32) -> Option<u32> {
        self.scan(std::slice::from_ref(envelope), gap).pop().flatten()
    }

    /// The index of each envelope, in their order. Indexes are tried from 0 on, until every envelope has its own or
    /// `gap` in a row belong to none.
    ///
    /// Derives one key for each index and curve that is asked for, and keeps none of them.
    pub fn scan(&self, envelopes: &[Envelope], gap: u32) -> Vec<Option<u32>> {
        let mut found = vec![None; envelopes.len()];
        let mut silent = 0;
        for index in 0..INDEXES {
            if silent == gap || found.iter().all(Option::is_some) {
                break;
            }
            silent += 1;
            for curve in Curve::ALL {
                let wanted =
                    |(at, envelope): (usize, &Envelope)| envelope.curve == curve && found[at].is_none();
                if !envelopes.iter().enumerate().any(wanted) {
                    continue;
                }
                let Ok(key) = self.key(curve, index) else { continue };
                let salt = key.recipient().salt();
                for (envelope, found) in envelopes.iter().zip(&mut found) {
                    if found.is_none() && envelope.curve == curve && envelope.salt == salt {
                        *found = Some(index);
                        silent = 0;
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
