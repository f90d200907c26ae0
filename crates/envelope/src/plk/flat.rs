use flatbuffers::FlatBufferBuilder;

use crate::flatbuffer::{self, Field, Fields, Limits, Schema, Table, Unreadable};

use super::{LICENCE_BYTES, Licence, LicenceType, PlkError, check_size};

const IDENTIFIER: &str = "$PLK";

const LICENSE_ID: u16 = 0;
const PLUGIN_ID: u16 = 1;
const PLUGIN_VERSION: u16 = 2;
const LICENSEE_ORG: u16 = 3;
const LICENSEE_EMAIL: u16 = 4;
const LICENSEE_PEER_ID: u16 = 5;
const LICENSEE_PUBKEY: u16 = 6;
const ISSUER_PUBKEY: u16 = 7;
const ALLOWED_DOMAINS: u16 = 8;
const ALLOWED_TLDS: u16 = 9;
const LICENSE_TYPE: u16 = 10;
const MAX_ACTIVATIONS: u16 = 11;
const ISSUED_AT: u16 = 12;
const VALID_FROM: u16 = 13;
const EXPIRES_AT: u16 = 14;
const ISSUER_PEER_ID: u16 = 15;
const SIGNATURE: u16 = 16;

struct Plk;

impl Schema for Plk {
    const FIELDS: &'static [Field] = &[
        Field::text(LICENSE_ID, "LICENSE_ID").required(),
        Field::text(PLUGIN_ID, "PLUGIN_ID").required(),
        Field::text(PLUGIN_VERSION, "PLUGIN_VERSION"),
        Field::text(LICENSEE_ORG, "LICENSEE_ORG").required(),
        Field::text(LICENSEE_EMAIL, "LICENSEE_EMAIL"),
        Field::text(LICENSEE_PEER_ID, "LICENSEE_PEER_ID"),
        Field::bytes(LICENSEE_PUBKEY, "LICENSEE_PUBKEY"),
        Field::bytes(ISSUER_PUBKEY, "ISSUER_PUBKEY"),
        Field::texts(ALLOWED_DOMAINS, "ALLOWED_DOMAINS"),
        Field::texts(ALLOWED_TLDS, "ALLOWED_TLDS"),
        Field::number::<1>(LICENSE_TYPE, "LICENSE_TYPE"),
        Field::number::<4>(MAX_ACTIVATIONS, "MAX_ACTIVATIONS"),
        Field::number::<8>(ISSUED_AT, "ISSUED_AT"),
        Field::number::<8>(VALID_FROM, "VALID_FROM"),
        Field::number::<8>(EXPIRES_AT, "EXPIRES_AT"),
        Field::text(ISSUER_PEER_ID, "ISSUER_PEER_ID"),
        Field::bytes(SIGNATURE, "SIGNATURE"),
    ];
}

/// Size-prefixed; what is empty or 0 is left out, as the schema's defaults have it.
pub(super) fn write(licence: &Licence) -> Result<Vec<u8>, PlkError> {
    // Bounds what the builder takes in, which knows no errors.
    licence.to_json()?;
    let kind = LicenceType::ALL.iter().position(|kind| *kind == licence.license_type);
    let mut builder = FlatBufferBuilder::new();
    let mut fields = Fields::new(&mut builder);
    fields.text(LICENSE_ID, &licence.license_id);
    fields.text(PLUGIN_ID, &licence.plugin_id);
    fields.text(PLUGIN_VERSION, &licence.plugin_version);
    fields.text(LICENSEE_ORG, &licence.licensee_org);
    fields.text(LICENSEE_EMAIL, &licence.licensee_email);
    fields.text(LICENSEE_PEER_ID, &licence.licensee_peer_id);
    fields.bytes(LICENSEE_PUBKEY, licence.licensee_pubkey.as_ref().map_or(&[], <[u8; 32]>::as_slice));
    fields.bytes(ISSUER_PUBKEY, licence.issuer_pubkey.as_ref().map_or(&[], <[u8; 32]>::as_slice));
    fields.texts(ALLOWED_DOMAINS, &licence.allowed_domains);
    fields.texts(ALLOWED_TLDS, &licence.allowed_tlds);
    fields.u8(LICENSE_TYPE, kind.and_then(|kind| u8::try_from(kind).ok()).unwrap_or_default());
    fields.u32(MAX_ACTIVATIONS, licence.max_activations);
    fields.u64(ISSUED_AT, licence.issued_at);
    fields.u64(VALID_FROM, licence.valid_from);
    fields.u64(EXPIRES_AT, licence.expires_at);
    fields.text(ISSUER_PEER_ID, &licence.issuer_peer_id);
    fields.bytes(SIGNATURE, licence.signature.as_ref().map_or(&[], <[u8; 64]>::as_slice));
    let root = fields.end();
    let bytes = flatbuffer::finish(builder, root, IDENTIFIER);
    check_size(bytes.len())?;
    Ok(bytes)
}

/// What is absent reads as empty or 0.
pub(super) fn read(bytes: &[u8]) -> Result<Licence, PlkError> {
    let limits = Limits { tables: 1, bytes: 2 * LICENCE_BYTES };
    let table = flatbuffer::root::<Plk>(bytes, IDENTIFIER, limits).map_err(|error| match error {
        Unreadable::Invalid => PlkError::Malformed,
        Unreadable::Limit => PlkError::TooLarge,
        Unreadable::Other => PlkError::NotPlk,
    })?;
    let text = |id| table.text(id).unwrap_or_default().to_owned();
    let texts = |id| table.texts(id).map(str::to_owned).collect();
    let kind = table.number::<1>(LICENSE_TYPE).map_or(0, |[kind]| kind);
    Ok(Licence {
        license_id: text(LICENSE_ID),
        plugin_id: text(PLUGIN_ID),
        plugin_version: text(PLUGIN_VERSION),
        licensee_org: text(LICENSEE_ORG),
        licensee_email: text(LICENSEE_EMAIL),
        licensee_peer_id: text(LICENSEE_PEER_ID),
        licensee_pubkey: array(table, LICENSEE_PUBKEY, "LICENSEE_PUBKEY")?,
        issuer_pubkey: array(table, ISSUER_PUBKEY, "ISSUER_PUBKEY")?,
        allowed_domains: texts(ALLOWED_DOMAINS),
        allowed_tlds: texts(ALLOWED_TLDS),
        license_type: *LicenceType::ALL
            .get(usize::from(kind))
            .ok_or(PlkError::Field { name: "LICENSE_TYPE" })?,
        max_activations: table.number(MAX_ACTIVATIONS).map_or(0, u32::from_le_bytes),
        issued_at: table.number(ISSUED_AT).map_or(0, u64::from_le_bytes),
        valid_from: table.number(VALID_FROM).map_or(0, u64::from_le_bytes),
        expires_at: table.number(EXPIRES_AT).map_or(0, u64::from_le_bytes),
        issuer_peer_id: text(ISSUER_PEER_ID),
        signature: array(table, SIGNATURE, "SIGNATURE")?,
    })
}

/// Writers of whole objects give empty vectors for what is not there.
fn array<const N: usize>(table: Table<'_>, id: u16, name: &'static str) -> Result<Option<[u8; N]>, PlkError> {
    match table.bytes(id) {
        None | Some([]) => Ok(None),
        Some(bytes) => Ok(Some(bytes.try_into().map_err(|_| PlkError::Field { name })?)),
    }
}
