use std::fmt;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Where a server's key-encryption keys come from.
pub trait KekProvider: Send + Sync {
    /// The KEK that new keys are sealed under.
    fn current(&self) -> &Kek;

    /// The KEK of this id, for keys that were sealed before a rotation.
    fn by_id(&self, id: &str) -> Option<&Kek>;
}

/// A key-encryption key: 32 bytes, erased when dropped, with an id derived from them.
pub struct Kek {
    id: String,
    key: Zeroizing<[u8; Kek::LEN]>,
}

impl Kek {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Zeroizing::new([0; Self::LEN]);
        rng.fill_bytes(key.as_mut());
        Self::new(key)
    }

    /// Takes over existing bytes.
    pub fn new(key: Zeroizing<[u8; Self::LEN]>) -> Self {
        let mut id = [0; 8];
        expand(key.as_ref(), &[], b"sealpost-kek-id-v1", &mut id);
        Self { id: hex::encode(id), key }
    }

    /// 16 lower-hex digits derived from the key; not secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn derive(&self, salt: &[u8], info: &[u8], okm: &mut [u8]) {
        expand(self.key.as_ref(), salt, info, okm);
    }

    pub(crate) fn expose(&self) -> &[u8; Self::LEN] {
        &self.key
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kek").field("id", &self.id).field("key", &"[redacted]").finish()
    }
}

/// A single key is a provider without a past: for tests and for callers that keep the key themselves.
impl KekProvider for Kek {
    fn current(&self) -> &Kek {
        self
    }

    fn by_id(&self, id: &str) -> Option<&Kek> {
        (self.id == id).then_some(self)
    }
}

fn expand(ikm: &[u8], salt: &[u8], info: &[u8], okm: &mut [u8]) {
    // HKDF-SHA256 refuses only outputs above 255 * 32 bytes; ours are fixed and far below.
    let expanded = Hkdf::<Sha256>::new(Some(salt), ikm).expand(info, okm);
    debug_assert!(expanded.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_id_but_no_key_byte() {
        let kek = Kek::new(Zeroizing::new([0xab; 32]));
        let shown = format!("{kek:?}");
        assert!(shown.contains(kek.id()));
        assert!(shown.contains("[redacted]"));
        assert!(!shown.contains("abab") && !shown.contains("171"));
    }

    #[test]
    fn the_id_is_a_function_of_the_key() {
        let id = |byte| Kek::new(Zeroizing::new([byte; 32])).id().to_owned();
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
        assert_eq!(id(1).len(), 16);
    }
}
