use serde::{Deserialize, Serialize};

use crate::{
    ecdh::{Curve, Envelope, INFO},
    flatbuffer::Table,
    text,
};

use super::{
    EmeError, Record,
    layout::{ENCRYPTED_BLOB, EPHEMERAL_PUBLIC_KEY, IV, Layout, MAC, NONCE, TAG},
};

pub(super) const ALGORITHM: &str = r#"{"iv":12,"name":"AES-256-GCM","tag":16}"#;

const SUITE: (&str, &str) = ("ECDH-", "+HKDF-SHA256+AES-256-GCM");

pub(super) fn suite(curve: Curve) -> String {
    format!("{}{}{}", SUITE.0, name(curve), SUITE.1)
}

pub(super) fn curve(suite: &str) -> Option<Curve> {
    let named = suite.strip_prefix(SUITE.0)?.strip_suffix(SUITE.1)?;
    Curve::ALL.into_iter().find(|curve| name(*curve) == named)
}

pub(super) fn kdf(salt: &[u8], plugin_id: Option<&str>) -> Result<String, EmeError> {
    let info = plugin_id.map(|id| format!("{INFO}{id}"));
    let parameters = KdfParameters { info, salt: Some(hex::encode(salt)) };
    let unusable = EmeError::Field { name: "KDF_PARAMETERS" };
    String::from_utf8(text::canonical(&parameters).map_err(|_| unusable.clone())?).map_err(|_| unusable)
}

/// The fields of a verified table.
pub(super) fn read(layout: Layout, table: Table<'_>) -> Result<Record, EmeError> {
    let curve = layout.curve(table).ok_or(EmeError::Suite)?;
    let wrapped_dek = table
        .bytes(ENCRYPTED_BLOB)
        .and_then(|blob| blob.try_into().ok())
        .ok_or(EmeError::Field { name: "ENCRYPTED_BLOB" })?;
    let ephemeral_pub = present(table, EPHEMERAL_PUBLIC_KEY)
        .and_then(hex)
        .ok_or(EmeError::Field { name: "EPHEMERAL_PUBLIC_KEY" })?;
    for (id, name) in [(MAC, "MAC"), (NONCE, "NONCE"), (TAG, "TAG"), (IV, "IV")] {
        if table.bytes(id).is_some_and(|bytes| !bytes.is_empty()) {
            return Err(EmeError::Unused { name });
        }
    }
    let kdf: KdfParameters = match present(table, layout.kdf_parameters()) {
        Some(json) => serde_json::from_str(json).map_err(|_| EmeError::Field { name: "KDF_PARAMETERS" })?,
        None => KdfParameters::default(),
    };
    let plugin_id = match &kdf.info {
        Some(info) => Some(info.strip_prefix(INFO).ok_or(EmeError::Info)?.to_owned()),
        None => None,
    };
    Ok(Record {
        envelope: Envelope { ephemeral_pub, wrapped_dek, salt: salt(layout, table, &kdf)?, curve },
        plugin_id,
    })
}

/// The salt that the derivation names; the identifier of the key, which is the same in records of ours, where it names none.
fn salt(layout: Layout, table: Table<'_>, kdf: &KdfParameters) -> Result<Vec<u8>, EmeError> {
    let named = kdf.salt.as_deref();
    let field = layout.salt().and_then(|id| present(table, id));
    if let (Some(named), Some(field)) = (named, field)
        && !named.eq_ignore_ascii_case(field)
    {
        return Err(EmeError::Field { name: "SALT" });
    }
    named
        .or(field)
        .or_else(|| present(table, layout.public_key_identifier()))
        .and_then(hex)
        .ok_or(EmeError::Field { name: "KDF_PARAMETERS" })
}

/// Writers of whole objects give empty text for what is not there.
fn present<'a>(table: Table<'a>, id: u16) -> Option<&'a str> {
    table.text(id).filter(|text| !text.is_empty())
}

fn hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok()
}

fn name(curve: Curve) -> &'static str {
    match curve {
        Curve::Ed25519 => "Ed25519",
        Curve::P256 => "P-256",
        Curve::P384 => "P-384",
        Curve::Secp256k1 => "secp256k1",
        Curve::X25519 => "X25519",
    }
}

/// What else a writer says of its derivation is not looked at: the cipher suite names it.
#[derive(Default, Serialize, Deserialize)]
struct KdfParameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
}
