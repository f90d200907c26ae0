//! Content keys as age writes keys: the identity that opens a file, the recipient it was sealed for
//! (<https://c2sp.org/age#x25519-recipient-stanza>).

use bech32::{Bech32, Hrp};
use sealpost_envelope::{Dek, content, x25519};
use zeroize::Zeroizing;

use crate::failure::{Doing as _, Result};

/// How an identity begins.
pub(crate) const IDENTITY: &str = "AGE-SECRET-KEY-1";
const IDENTITY_PREFIX: Hrp = Hrp::parse_unchecked("AGE-SECRET-KEY-");
const RECIPIENT_PREFIX: Hrp = Hrp::parse_unchecked("age");

/// `AGE-SECRET-KEY-1…` of a content key.
pub(crate) fn identity(dek: &Dek) -> Result<Zeroizing<String>> {
    content::age_identity(dek).doing("key", "write the key as an age identity")
}

/// `age1…` of a content key.
pub(crate) fn recipient(dek: &Dek) -> Result<String> {
    let public = x25519::Secret::from_bytes(*dek.expose()).public();
    bech32::encode::<Bech32>(RECIPIENT_PREFIX, &public).doing("key", "write the key as an age recipient")
}

/// The bytes of `AGE-SECRET-KEY-1…`; nothing where it is mistyped.
pub(crate) fn parse_identity(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(text).ok()?;
    // Room from the start: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    bytes.extend(checked.byte_iter());
    (checked.hrp() == IDENTITY_PREFIX && bytes.len() == Dek::LEN).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [0x42; 32];
    const IDENTITY_TEXT: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    /// What `age-keygen -y` of age 1.1.1 says of that identity.
    const RECIPIENT_TEXT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    #[test]
    fn a_content_key_is_written_as_ages_own_tools_write_it() {
        let dek = Dek::from_bytes(KEY);
        assert_eq!(*identity(&dek).unwrap(), IDENTITY_TEXT);
        assert_eq!(recipient(&dek).unwrap(), RECIPIENT_TEXT);
    }

    #[test]
    fn an_identity_is_read_in_either_case() {
        assert_eq!(*parse_identity(IDENTITY_TEXT).unwrap(), KEY);
        assert_eq!(*parse_identity(&IDENTITY_TEXT.to_lowercase()).unwrap(), KEY);
    }

    #[test]
    fn a_mistyped_identity_is_none() {
        assert!(parse_identity(&IDENTITY_TEXT.replacen('4', "5", 1)).is_none());
        assert!(parse_identity(&IDENTITY_TEXT[..IDENTITY_TEXT.len() - 1]).is_none());
        assert!(parse_identity(RECIPIENT_TEXT).is_none());
    }
}
