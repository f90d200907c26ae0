//! The JSON of bundles, with what the documents and the public demo call things.

use std::{borrow::Cow, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::Bundle;
use crate::{
    content::WHOLE_LIMIT,
    domain::{DomainVersion, WRAPPED_LEN},
    ecdh::Envelope,
    release::SIGNATURE_LEN,
    text::{hex_array, wrapped_base64},
};

/// The first whole number that JavaScript cannot tell from its neighbour.
const UNSAFE: u64 = 1 << 53;

/// Most slots of a kind: each may cost whoever opens the bundle an agreement. Buyers beyond get their envelope by itself.
const SLOTS: usize = 1 << 14;

impl Serialize for Bundle {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Written {
            plugin_id: &self.plugin_id,
            version: &self.version,
            manifest: &self.manifest,
            encrypted_data: self.encrypted_data.as_ref().map(|data| BASE64_STANDARD.encode(data)),
            cid: self.cid.as_deref(),
            wasm_hash: self.wasm_hash.map(hex::encode),
            domain_wrapped_keys: self.domain_wrapped_keys.iter().map(|slot| Slot(*slot)).collect(),
            domain_kek: self.domain_kek.map(DomainKek::from),
            buyer_wrapped_keys: &self.buyer_wrapped_keys,
            publisher: self.publisher.map(hex::encode),
            signature: self.signature.map(hex::encode),
        }
        .serialize(s)
    }
}

impl<'de> Deserialize<'de> for Bundle {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(d)?;
        let mut slots = read.domain_wrapped_keys.unwrap_or_default();
        slots.extend(read.wrapped_deks.unwrap_or_default());
        let mut buyer_wrapped_keys = read.buyer_wrapped_keys.unwrap_or_default();
        buyer_wrapped_keys.extend(read.envelope);
        if slots.len() > SLOTS || buyer_wrapped_keys.len() > SLOTS {
            return Err(de::Error::custom(format!("at most {SLOTS} slots of a kind are read")));
        }
        let demo = read.current_epoch.map(|epoch| DomainVersion::V1 { epoch: Some(epoch.0) });
        Ok(Self {
            plugin_id: read.plugin_id,
            version: read.version.unwrap_or_default().0,
            manifest: read.manifest.unwrap_or_default(),
            encrypted_data: read.encrypted_data.or(read.encrypted_payload).map(|data| data.0),
            cid: read.cid,
            wasm_hash: read.wasm_hash.map(|hash| hash.0),
            domain_wrapped_keys: slots.into_iter().map(|slot| slot.0).collect(),
            domain_kek: read
                .domain_kek
                .map(DomainVersion::try_from)
                .transpose()
                .map_err(de::Error::custom)?
                .or(demo),
            buyer_wrapped_keys,
            publisher: read.publisher.map(|key| key.0),
            signature: read.signature.map(|signature| signature.0),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    plugin_id: &'a str,
    version: &'a str,
    manifest: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wasm_hash: Option<String>,
    domain_wrapped_keys: Vec<Slot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_kek: Option<DomainKek>,
    buyer_wrapped_keys: &'a [Envelope],
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a bundle, which is a JSON object")]
struct Read {
    plugin_id: String,
    version: Option<Version>,
    manifest: Option<Map<String, Value>>,
    encrypted_data: Option<Data>,
    encrypted_payload: Option<Data>,
    cid: Option<String>,
    wasm_hash: Option<Hex<32>>,
    domain_wrapped_keys: Option<Vec<Slot>>,
    #[serde(rename = "wrappedDEKs")]
    wrapped_deks: Option<Vec<Slot>>,
    domain_kek: Option<DomainKek>,
    current_epoch: Option<Epoch>,
    buyer_wrapped_keys: Option<Vec<Envelope>>,
    envelope: Option<Envelope>,
    publisher: Option<Hex<32>>,
    signature: Option<Hex<SIGNATURE_LEN>>,
}

#[derive(Serialize, Deserialize)]
struct Slot(#[serde(with = "wrapped_base64")] [u8; WRAPPED_LEN]);

#[derive(Serialize, Deserialize)]
struct DomainKek {
    version: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
}

impl From<DomainVersion> for DomainKek {
    fn from(version: DomainVersion) -> Self {
        Self { version: version.number(), epoch: version.epoch().map(Epoch) }
    }
}

impl TryFrom<DomainKek> for DomainVersion {
    type Error = &'static str;

    fn try_from(kek: DomainKek) -> Result<Self, Self::Error> {
        let epoch = kek.epoch.map(|epoch| epoch.0);
        match (kek.version, epoch) {
            (1, epoch) => Ok(Self::V1 { epoch }),
            (2, Some(epoch)) => Ok(Self::V2 { epoch }),
            (2, None) => Err("a `domainKek` of version 2 needs an `epoch`"),
            _ => Err("the `version` of a `domainKek` is 1 or 2"),
        }
    }
}

struct Epoch(u64);

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.0 < UNSAFE { s.serialize_u64(self.0) } else { s.collect_str(&self.0) }
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let read = match NumberOrText::deserialize(d)? {
            NumberOrText::Number(number) => Some(number),
            NumberOrText::Text(text) => text.parse().ok().filter(|number: &u64| number.to_string() == text),
        };
        read.map(Self).ok_or_else(|| de::Error::custom("an epoch is a whole number, or one as text"))
    }
}

/// The public demo writes a number.
#[derive(Default)]
struct Version(String);

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(match NumberOrText::deserialize(d)? {
            NumberOrText::Number(number) => number.to_string(),
            NumberOrText::Text(text) => text.into_owned(),
        }))
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "text or a whole number is expected")]
enum NumberOrText<'a> {
    Number(u64),
    Text(Cow<'a, str>),
}

struct Hex<const N: usize>([u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(d)?;
        let bytes = hex_array(&text.to_ascii_lowercase());
        bytes.map(Self).ok_or_else(|| de::Error::custom(format!("{N} bytes as hex are expected")))
    }
}

/// Sealed data as base64, decoded from where it lies: it can be large.
struct Data(Vec<u8>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(DataVisitor)
    }
}

struct DataVisitor;

impl de::Visitor<'_> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sealed data as base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Data, E> {
        let text = text.trim_ascii();
        if text.len() > WHOLE_LIMIT.div_ceil(3) * 4 {
            return Err(E::custom(format!("sealed data may have at most {WHOLE_LIMIT} bytes")));
        }
        BASE64_STANDARD.decode(text).map(Data).map_err(|_| E::custom("sealed data as base64 is expected"))
    }
}
