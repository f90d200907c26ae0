//! What a publisher says of a plugin's version: its manifest, signature and CID, and whether they belong together.

use sealpost_api::Problem;
use sealpost_api::catalogue::NewRelease;
use sealpost_envelope::release::{Release, ReleaseError, SIGNATURE_LEN};
use sealpost_envelope::{ContentCipher, ErrorCode, VerifyingKey, keyset};
use sealpost_market::{ListingKind, Version};
use serde_json::{Map, Value};

use crate::fault::{Fault, Result};
use crate::limits;
use crate::schema::listing;

/// What was said of a plugin's version, before its file is read.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) manifest: Map<String, Value>,
    /// Key and signature.
    pub(crate) signed: Option<(VerifyingKey, [u8; SIGNATURE_LEN])>,
    pub(crate) cid: Option<String>,
    plugin_id: String,
    version: String,
}

impl Said {
    /// Reads what was said; `None` for G-code, of which nothing may be said.
    pub(crate) fn read(
        listing: &listing::Model,
        kind: ListingKind,
        new: &NewRelease,
        version: &Version,
    ) -> Result<Option<Self>> {
        if kind == ListingKind::Gcode {
            let given = [
                ("manifest", new.manifest.is_some()),
                ("signature", new.signature.is_some()),
                ("cid", new.cid.is_some()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((field, _)) => Err(limits::invalid(field, "this listing sells G-code, which has none")),
                None => Ok(None),
            };
        }
        let plugin_id = listing.plugin_id.clone();
        let said = Self {
            manifest: new.manifest.clone().unwrap_or_default(),
            signed: signed(listing, new, version)?,
            cid: new.cid.clone(),
            plugin_id: plugin_id.ok_or_else(|| Fault::internal("a plugin without a plugin id"))?,
            version: version.to_string(),
        };
        if said.cid.is_some() && new.sealed.is_none() {
            return Err(limits::invalid("cid", "the store seals this file, so nobody knows its CID yet"));
        }
        said.check_version()?;
        said.statement([0; 32]).signed_bytes().map_err(|error| said.refused(error))?;
        Ok(Some(said))
    }

    /// Whether the signature fits, as soon as the file's hash is known.
    pub(crate) fn check_signature(&self, plain_sha256: [u8; 32]) -> Result<()> {
        let Some((key, signature)) = &self.signed else { return Ok(()) };
        let statement = Release { publisher: key.to_bytes(), ..self.statement(plain_sha256) };
        statement.verify(signature, key).map_err(|error| self.refused(error))
    }

    /// Whether the blob is the one that was said.
    pub(crate) fn check_cid(&self, cid: &str) -> Result<()> {
        match &self.cid {
            Some(said) if said != cid => {
                Err(Problem::new(422, "cid_mismatch", "The sealed file is another one than was said")
                    .detail(format!("Its CID is {cid}."))
                    .hint("Compute it as `ipfs add --cid-version=1` does: CIDv1, chunks of 256 KiB, 174 links, raw leaves.")
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// A careless publisher sends the manifest of the version before.
    fn check_version(&self) -> Result<()> {
        let named = self.manifest.get("version").and_then(Value::as_str).map(str::parse::<Version>);
        match named {
            Some(Ok(named)) if named.to_string() != self.version => {
                Err(Problem::new(422, "manifest_version", "The manifest is that of another version")
                    .detail(format!("Its `version` is {named}, and {} is published.", self.version))
                    .hint("Make them the same, or leave `version` out of the manifest.")
                    .into())
            }
            _ => Ok(()),
        }
    }

    fn statement(&self, plain_sha256: [u8; 32]) -> Release {
        Release {
            publisher: [0; 32],
            listing: self.plugin_id.clone(),
            version: self.version.clone(),
            cid: self.cid.clone(),
            plain_sha256,
            cipher: ContentCipher::Aes256Gcm,
            manifest: self.manifest.clone(),
        }
    }

    /// The crate's own hints speak to those who buy.
    fn refused(&self, error: ReleaseError) -> Fault {
        let (title, detail, hint) = match error {
            ReleaseError::Number => (
                "The manifest cannot be signed",
                "It has a whole number beyond ±(2^53 - 1), which JSON libraries read differently.".to_owned(),
                "Write such numbers as text.".to_owned(),
            ),
            _ => (
                "The signature does not fit",
                format!(
                    "It is not the listing's publisher key that signed exactly this version of {}.",
                    self.plugin_id
                ),
                format!(
                    "Sign with the key whose public half the listing names, over plugin id, version {}, SHA-256 of the file, cipher, manifest{}.",
                    self.version,
                    if self.cid.is_some() { " and CID" } else { ", and no CID because none was sent" },
                ),
            ),
        };
        Problem::new(422, error.code(), title).detail(detail).hint(hint).into()
    }
}

/// The signature, where the listing has a key to check it by; with a key there is no release without one.
fn signed(
    listing: &listing::Model,
    new: &NewRelease,
    version: &Version,
) -> Result<Option<(VerifyingKey, [u8; SIGNATURE_LEN])>> {
    let (key, text) = match (&listing.publisher_key, &new.signature) {
        (Some(key), Some(text)) => (key, text),
        (None, None) => return Ok(None),
        (Some(key), None) => {
            return Err(Problem::new(422, "release_unsigned", "The release is not signed")
                .detail(format!("Every release of this listing is signed by {key}."))
                .hint("Sign it with that key and send `signature`.")
                .into());
        }
        (None, Some(_)) => {
            return Err(Problem::new(422, "no_publisher_key", "The listing has no publisher key")
                .detail("Nobody could check the signature.")
                .hint("Give the listing the key first: `publisher_key` in PATCH /api/v1/listings/{id}.")
                .into());
        }
    };
    if new.version != version.to_string() {
        return Err(limits::invalid("version", format!("what is signed is written in full, {version}")));
    }
    let mut signature = [0; SIGNATURE_LEN];
    hex::decode_to_slice(text, &mut signature)
        .map_err(|_| limits::invalid("signature", "it is 128 hex digits"))?;
    let key = keyset::public_key_from_hex(key).map_err(Fault::internal)?;
    Ok(Some((key, signature)))
}
