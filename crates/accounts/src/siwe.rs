//! Sign-in with Ethereum: the message of ERC-4361, read strictly, and whose key signed it (ERC-191).

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sealpost_database::clock::parse_rfc3339;
use sha3::{Digest, Keccak256};

/// Longest message.
const MOST_BYTES: usize = 4_096;
/// How old a message may be, and how far ahead the clock of a device.
const AGE_MS: (i64, i64) = (600_000, 60_000);

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// `https` or `http`, where it is said.
    pub(crate) scheme: Option<String>,
    pub(crate) domain: String,
    /// With the checksum of EIP-55.
    pub(crate) address: String,
    pub(crate) statement: Option<String>,
    pub(crate) uri: String,
    pub(crate) chain_id: u64,
    pub(crate) nonce: String,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) not_before: Option<i64>,
}

/// Why a message, or what it was signed with, does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SiweError {
    /// Not the message of ERC-4361.
    #[error("the message is not one of ERC-4361: {0}")]
    Malformed(&'static str),
    /// Of another site.
    #[error("the message is for another site")]
    Domain,
    /// Of another chain.
    #[error("the message is for another chain")]
    Chain,
    /// Not said what was asked.
    #[error("the message does not say what it is for")]
    Statement,
    /// Too old, too new, or over.
    #[error("the message is of another time")]
    Time,
    /// Not signed by the address in it.
    #[error("the message was not signed by that wallet")]
    Signature,
}

impl Message {
    /// Reads a message: every field in its place, none twice, none unknown.
    pub(crate) fn read(text: &str) -> Result<Self, SiweError> {
        use SiweError::Malformed;
        let clean = |c: char| c == '\n' || (!c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}'));
        if text.len() > MOST_BYTES || !text.chars().all(clean) {
            return Err(Malformed("its length or its characters"));
        }
        let mut lines = text.split('\n');
        let first = lines
            .next()
            .and_then(|line| line.strip_suffix(" wants you to sign in with your Ethereum account:"));
        let first = first.ok_or(Malformed("its first line"))?;
        let (scheme, domain) = match first.split_once("://") {
            Some((scheme, domain)) => (Some(scheme.to_owned()), domain),
            None => (None, first),
        };
        let plain = |c: char| c.is_ascii_graphic() && !"/?#@\\".contains(c);
        if domain.is_empty() || !domain.chars().all(plain) {
            return Err(Malformed("its domain"));
        }
        let address = lines.next().filter(|text| is_checksummed(text)).ok_or(Malformed("its address"))?;
        if lines.next() != Some("") {
            return Err(Malformed("the line behind its address"));
        }
        let statement = match lines.next() {
            Some("") => None,
            Some(statement) if lines.next() == Some("") => Some(statement.to_owned()),
            _ => return Err(Malformed("its statement")),
        };
        let mut rest = lines.peekable();
        let mut field =
            |name: &'static str| rest.next_if(|line| line.starts_with(name)).map(|line| &line[name.len()..]);
        let uri = field("URI: ").ok_or(Malformed("its URI"))?;
        if field("Version: ") != Some("1") {
            return Err(Malformed("its version"));
        }
        let chain = field("Chain ID: ").ok_or(Malformed("its chain"))?;
        let digits = chain.bytes().all(|byte| byte.is_ascii_digit()) && !chain.starts_with('0');
        let chain_id = chain.parse().ok().filter(|_| digits).ok_or(Malformed("its chain"))?;
        let nonce = field("Nonce: ").ok_or(Malformed("its nonce"))?;
        if nonce.len() < 8 || !nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Malformed("its nonce"));
        }
        let time = |text: &str| parse_rfc3339(text).ok_or(Malformed("a time in it"));
        let issued_at = time(field("Issued At: ").ok_or(Malformed("when it was issued"))?)?;
        let expires_at = field("Expiration Time: ").map(time).transpose()?;
        let not_before = field("Not Before: ").map(time).transpose()?;
        field("Request ID: ");
        if rest.next().is_some() {
            // Resources too: nothing here gives any.
            return Err(Malformed("what follows its times"));
        }
        Ok(Self {
            scheme,
            domain: domain.to_owned(),
            address: address.to_owned(),
            statement,
            uri: uri.to_owned(),
            chain_id,
            nonce: nonce.to_owned(),
            issued_at,
            expires_at,
            not_before,
        })
    }

    /// Checks that it is for one of these sites (origins and their authorities), this chain and this purpose, now.
    pub(crate) fn check(
        &self,
        site: &crate::site::Site,
        chain_id: u64,
        statement: &str,
        now_ms: i64,
    ) -> Result<(), SiweError> {
        let place = site.authorities.iter().position(|authority| *authority == self.domain);
        let origin = place.and_then(|place| site.origins.get(place)).ok_or(SiweError::Domain)?;
        let scheme = origin.split("://").next();
        let within = self
            .uri
            .strip_prefix(origin.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if !within || self.scheme.as_deref().is_some_and(|said| Some(said) != scheme) {
            return Err(SiweError::Domain);
        }
        if self.chain_id != chain_id {
            return Err(SiweError::Chain);
        }
        if self.statement.as_deref() != Some(statement) {
            return Err(SiweError::Statement);
        }
        let age = now_ms.saturating_sub(self.issued_at);
        let over = self.expires_at.is_some_and(|at| at <= now_ms);
        let early = self.not_before.is_some_and(|at| at > now_ms);
        if over || early || !(-AGE_MS.1..AGE_MS.0).contains(&age) {
            return Err(SiweError::Time);
        }
        Ok(())
    }
}

/// Checks that the key of `address` signed `text`: 65 bytes as hex, `r`, `s` of the lower half, and which of the keys it was.
pub(crate) fn check_signature(text: &str, signature: &str, address: &str) -> Result<(), SiweError> {
    let signer = signer(text, signature).ok_or(SiweError::Signature)?;
    // Public on both sides.
    if signer == address { Ok(()) } else { Err(SiweError::Signature) }
}

fn signer(text: &str, signature: &str) -> Option<String> {
    let bytes = hex::decode(signature.strip_prefix("0x")?).ok()?;
    let (parity, numbers) = bytes.split_last()?;
    let signature = Signature::from_slice(numbers).ok()?;
    if signature.normalize_s() != signature {
        return None;
    }
    let parity = match parity {
        0 | 27 => false,
        1 | 28 => true,
        _ => return None,
    };
    let hash = Keccak256::new()
        .chain_update(format!("\x19Ethereum Signed Message:\n{}", text.len()))
        .chain_update(text)
        .finalize();
    let key = VerifyingKey::recover_from_prehash(&hash, &signature, RecoveryId::new(parity, false)).ok()?;
    let point = key.to_sec1_point(false);
    let hash = Keccak256::digest(point.as_bytes().get(1..)?);
    Some(checksummed(&hex::encode(hash.get(12..)?)))
}

/// EIP-55, of 40 lower-case digits.
fn checksummed(digits: &str) -> String {
    let hash = hex::encode(Keccak256::digest(digits));
    let large = |(digit, hash): (char, char)| {
        if hash >= '8' { digit.to_ascii_uppercase() } else { digit }
    };
    "0x".chars().chain(digits.chars().zip(hash.chars()).map(large)).collect()
}

/// An address with its checksum.
pub(crate) fn with_checksum(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| checksummed(&digits.to_ascii_lowercase()))
}

fn is_checksummed(text: &str) -> bool {
    with_checksum(text).is_some_and(|own| own == text)
}

#[cfg(test)]
mod tests;
