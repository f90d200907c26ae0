//! How bytes and numbers are written inside signed statements and sealed messages: bytes as lower hex, 64-bit
//! numbers as decimal strings, JSON by RFC 8785.

use serde::{Serialize, de::DeserializeOwned};

/// RFC 8785 bytes. The types of this crate hold only text, maps and small numbers, so it cannot fail for them.
pub(crate) fn canonical(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(value)
}

/// Reads a JSON object.
pub(crate) fn read_object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    // In members that are ignored the reader would not look whether text is UTF-8.
    let text = str::from_utf8(json).ok()?;
    // Derived readers take an array of the values too, which nobody signs or sends.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Lower hex of a fixed length, canonical: upper case is refused.
pub(crate) fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// For `#[serde(with)]` on `[u8; N]`.
pub(crate) mod lower_hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(d: D) -> Result<[u8; N], D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        super::hex_array(&text)
            .ok_or_else(|| D::Error::custom(format!("{N} bytes as lower hex are expected")))
    }
}

/// For `#[serde(with)]` on `Option<[u8; N]>`.
pub(crate) mod lower_hex_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Hex<const N: usize>(#[serde(with = "super::lower_hex")] [u8; N]);

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &Option<[u8; N]>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.map(Hex).serialize(s)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        d: D,
    ) -> Result<Option<[u8; N]>, D::Error> {
        Ok(Option::<Hex<N>>::deserialize(d)?.map(|hex| hex.0))
    }
}

/// For `#[serde(with)]` on `u64`: no sign, no leading zero.
pub(crate) mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(number: &u64, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(number)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let expected = || D::Error::custom("a decimal number without sign or leading zeros is expected");
        parse(&text).ok_or_else(expected)
    }

    /// The number, where it is in its one form.
    pub(crate) fn parse(text: &str) -> Option<u64> {
        text.parse().ok().filter(|number: &u64| number.to_string() == text)
    }
}

/// For `#[serde(with)]` on Unix seconds, which RFC 7519 wants as a JSON number: RFC 8785 rounds from 2^53 on, so what
/// would be signed is not what was meant.
pub(crate) mod seconds {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    const END: u64 = 1 << 53;

    pub(crate) fn serialize<S: Serializer>(seconds: &u64, s: S) -> Result<S::Ok, S::Error> {
        if *seconds >= END {
            return Err(ser::Error::custom("a time below 2^53 seconds is expected"));
        }
        s.serialize_u64(*seconds)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        let seconds = u64::deserialize(d)?;
        if seconds >= END {
            return Err(de::Error::custom("a time below 2^53 seconds is expected"));
        }
        Ok(seconds)
    }
}

/// For `#[serde(with)]` on `Vec<u8>`: written as lower hex, read in either case.
pub(crate) mod any_hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        hex::decode(&*text).map_err(D::Error::custom)
    }
}

/// For `#[serde(with)]` on `[u8; N]`: standard base64.
pub(crate) mod wrapped_base64 {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(d: D) -> Result<[u8; N], D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let bytes = BASE64_STANDARD.decode(&*text).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom(format!("base64 of {N} bytes is expected")))
    }
}
