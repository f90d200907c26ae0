//! Plugin licences: the `$PLK` of Space Data Standards 1.1.1, signed by who issues them (design section 3).
//!
//! The schema leaves open what is signed. Here it is `"sealpost-plk-v1\n"` and the RFC 8785 JSON of all fields but
//! `SIGNATURE`, with Ed25519: field names as in the schema, bytes as lower hex, 64-bit numbers as decimal strings,
//! `LICENSE_TYPE` by its name, `MAX_ACTIVATIONS` as a number. Text and lists that are empty are left out; numbers never
//! are. A FlatBuffer is one way for a licence to travel, and nothing is signed of its bytes.
//!
//! [`Licence::verify`] asks everything at once and gives the only thing that opens a content key with a licence,
//! [`Verified`]. A loader that is given a licence beside a bundle does this:
//!
//! ```
//! # use sealpost_envelope::{SigningKey, bundle::Bundle, domain::*, keyset, plk::{Licence, Usage}, release::Trust};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
//! # let issuer = keyset::generate(&mut rng);
//! # let (secret, version) = (DomainSecret::generate(&mut rng), DomainVersion::V2 { epoch: 1 });
//! # let domain = "app.example.com";
//! # let domain_key = DomainKey::derive(&secret, domain, "com.publisher.my-plugin", version)?;
//! # let (mut bundle, dek) = Bundle::seal("com.publisher.my-plugin", b"\0asm", &mut rng)?;
//! # bundle.add_domains(&dek, &secret, &[domain], version, &mut rng)?;
//! # let licence = Licence {
//! #     license_id: "lic_1".into(),
//! #     plugin_id: "com.publisher.my-plugin".into(),
//! #     licensee_org: "Example Org".into(),
//! #     allowed_domains: vec![domain.into()],
//! #     ..Licence::default()
//! # };
//! # let json = licence.sign(&issuer)?.to_json()?;
//! # let (trusted, now) = (issuer.verifying_key(), 1_790_000_000);
//! let licence = Licence::from_json(json.as_bytes())?;
//! let usage = Usage {
//!     plugin_id: &bundle.plugin_id,
//!     plugin_version: Some(&bundle.version),
//!     domain: Some(domain),
//!     activations: 0,
//!     now,
//! };
//! let verified = licence.verify(&trusted, &usage)?;
//! let dek = verified.open_with_domain_key(&bundle.domain_wrapped_keys, &domain_key)?;
//! let wasm = bundle.verify(Trust::AllowUnsigned)?.open(&dek)?;
//! # assert_eq!(*wasm, b"\0asm");
//! # Ok(())
//! # }
//! ```

mod error;
mod flat;
mod usage;
mod verified;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::{
    domain,
    ecdh::{Curve, Recipient},
    text::{self, decimal, lower_hex_option},
};

pub use error::PlkError;
pub use usage::{LEEWAY, Usage};
pub use verified::Verified;

/// Most bytes of a licence, as JSON or FlatBuffer, that are written or read.
pub const LICENCE_BYTES: usize = 64 << 10;

const CONTEXT: &[u8] = b"sealpost-plk-v1\n";

/// A licence, signed or not yet. Times are Unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub struct Licence {
    /// The issuer's name for this licence.
    pub license_id: String,
    /// The plugin it is for.
    pub plugin_id: String,
    /// The versions it is for: one (`1.2.3`), or a range of Cargo's notation (`^1.2`, `>=1.2, <3`); empty for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plugin_version: String,
    /// Who may use the plugin.
    pub licensee_org: String,
    /// Where the licensee is reached; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub licensee_email: String,
    /// The licensee's node; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub licensee_peer_id: String,
    /// The licensee's X25519 key, for which content keys are wrapped.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "lower_hex_option")]
    pub licensee_pubkey: Option<[u8; 32]>,
    /// The issuer's Ed25519 key, set by [`Licence::sign`]. Never trusted for being here. The schema speaks of an X25519
    /// key: the X25519 counterpart of the issuer's key is read too.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "lower_hex_option")]
    pub issuer_pubkey: Option<[u8; 32]>,
    /// Domains it may be used on, each for itself. With both lists empty it is bound to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_domains: Vec<String>,
    /// Endings such as `gov` or `co.uk`: every domain below one is allowed, besides those of the other list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_tlds: Vec<String>,
    /// What kind of use it is for. Told, not judged: what follows from it is the host's business.
    pub license_type: LicenceType,
    /// How many devices may use it; 0 for any number.
    pub max_activations: u32,
    /// When it was issued.
    #[serde(with = "decimal")]
    pub issued_at: u64,
    /// From when on it is valid.
    #[serde(with = "decimal")]
    pub valid_from: u64,
    /// From when on it is not valid any more; 0 for never.
    #[serde(with = "decimal")]
    pub expires_at: u64,
    /// The issuer's node; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub issuer_peer_id: String,
    /// The issuer's signature, set by [`Licence::sign`].
    #[serde(default, skip_serializing_if = "Option::is_none", with = "lower_hex_option")]
    pub signature: Option<[u8; 64]>,
}

/// Kinds of licences, by the schema's names and numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LicenceType {
    /// 0: to try it out.
    #[default]
    Trial,
    /// 1
    Commercial,
    /// 2
    Enterprise,
    /// 3
    Educational,
    /// 4
    OpenSource,
    /// 5
    Internal,
}

impl LicenceType {
    /// Every kind, each at the place of its number.
    pub const ALL: [Self; 6] = [
        Self::Trial,
        Self::Commercial,
        Self::Enterprise,
        Self::Educational,
        Self::OpenSource,
        Self::Internal,
    ];
}

impl Licence {
    /// Brings domains into their one spelling, sets the issuer's key and signs. Whatever could never be verified or
    /// used is refused.
    pub fn sign(mut self, key: &SigningKey) -> Result<Self, PlkError> {
        for domain in &mut self.allowed_domains {
            *domain = domain::normalise(domain)?;
        }
        for tld in &mut self.allowed_tlds {
            *tld = domain::normalise(tld.strip_prefix('.').unwrap_or(tld))?;
        }
        if let Some(public) = &self.licensee_pubkey {
            Recipient::new(Curve::X25519, public).map_err(|_| PlkError::Field { name: "LICENSEE_PUBKEY" })?;
        }
        if self.expires_at != 0 && self.expires_at <= self.valid_from.max(self.issued_at) {
            return Err(PlkError::Field { name: "EXPIRES_AT" });
        }
        self.check_required()?;
        self.issuer_pubkey = Some(key.verifying_key().to_bytes());
        self.signature = Some(key.sign(&self.signed_bytes()?).to_bytes());
        self.to_json()?;
        Ok(self)
    }

    /// Signed by that issuer, as it is. Says nothing about dates, domains and the rest: see [`Licence::verify`].
    pub fn check_signature(&self, issuer: &VerifyingKey) -> Result<(), PlkError> {
        let signature = self.signature.ok_or(PlkError::Unsigned)?;
        let named =
            |public: [u8; 32]| public == issuer.to_bytes() || public == issuer.to_montgomery().to_bytes();
        if !self.issuer_pubkey.is_some_and(named) {
            return Err(PlkError::WrongIssuer);
        }
        issuer
            .verify_strict(&self.signed_bytes()?, &Signature::from_bytes(&signature))
            .map_err(|_| PlkError::Signature)
    }

    /// Signed by that issuer, and good for this use.
    pub fn verify(&self, issuer: &VerifyingKey, usage: &Usage<'_>) -> Result<Verified<'_>, PlkError> {
        self.check_signature(issuer)?;
        self.check_required()?;
        usage.check(self)?;
        Ok(Verified::new(self))
    }

    /// RFC 8785 JSON of all fields, with the signature when there is one.
    pub fn to_json(&self) -> Result<String, PlkError> {
        let json = text::canonical(self).map_err(|_| PlkError::Malformed)?;
        check_size(json.len())?;
        String::from_utf8(json).map_err(|_| PlkError::Malformed)
    }

    /// Reads JSON with any spacing and order. Unknown fields are refused: the signature would not cover them.
    pub fn from_json(json: &[u8]) -> Result<Self, PlkError> {
        check_size(json.len())?;
        let licence: Self = text::read_object(json).ok_or(PlkError::Malformed)?;
        licence.check_required()?;
        Ok(licence)
    }

    /// A size-prefixed `$PLK` FlatBuffer.
    pub fn to_flatbuffer(&self) -> Result<Vec<u8>, PlkError> {
        flat::write(self)
    }

    /// Reads a `$PLK` FlatBuffer with or without size prefix. The verifier runs first.
    pub fn from_flatbuffer(bytes: &[u8]) -> Result<Self, PlkError> {
        check_size(bytes.len())?;
        let licence = flat::read(bytes)?;
        licence.check_required()?;
        // Text may be longer in JSON, which is what is signed.
        licence.to_json()?;
        Ok(licence)
    }

    fn signed_bytes(&self) -> Result<Vec<u8>, PlkError> {
        let unsigned = Self { signature: None, ..self.clone() };
        let json = text::canonical(&unsigned).map_err(|_| PlkError::Malformed)?;
        Ok([CONTEXT, &json].concat())
    }

    /// What the schema requires is there, and no list has an empty entry.
    fn check_required(&self) -> Result<(), PlkError> {
        let empty = |list: &[String]| list.iter().any(String::is_empty);
        let missing = [
            (self.license_id.is_empty(), "LICENSE_ID"),
            (self.plugin_id.is_empty(), "PLUGIN_ID"),
            (self.licensee_org.is_empty(), "LICENSEE_ORG"),
            (empty(&self.allowed_domains), "ALLOWED_DOMAINS"),
            (empty(&self.allowed_tlds), "ALLOWED_TLDS"),
        ];
        match missing.into_iter().find(|(missing, _)| *missing) {
            Some((_, name)) => Err(PlkError::Field { name }),
            None => Ok(()),
        }
    }
}

fn check_size(bytes: usize) -> Result<(), PlkError> {
    if bytes > LICENCE_BYTES { Err(PlkError::TooLarge) } else { Ok(()) }
}
