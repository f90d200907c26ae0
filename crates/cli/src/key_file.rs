//! Keys a person hands over in files, in the shapes that keys have in the field. What is read is never quoted.

use std::path::Path;

use sealpost_envelope::{
    Dek, SecretText, SigningKey,
    domain::{DomainSecret, DomainVersion},
    ecdh::Curve,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    age_key,
    failure::{Failure, Result},
    input::{Input, is_dash},
    offline::failed,
};

/// Longest key file; more is a file given by mistake.
const LIMIT: u64 = 64 << 10;

/// A content key, and the IV that `sealpost seal` wrote beside it.
#[derive(Debug)]
pub(crate) struct ContentKey {
    /// The key.
    pub(crate) dek: Dek,
    /// Hex, unchecked.
    pub(crate) iv: Option<String>,
}

/// A private key whose curve the file may name.
pub(crate) struct PrivateKey {
    /// As many bytes as one of the curves has.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// As `sealpost wallet show` writes it.
    pub(crate) curve: Option<Curve>,
}

/// Reads a content key: hex, raw bytes, an age identity file, or JSON with `dek` or `identity`.
pub(crate) fn content_key(path: &Path) -> Result<ContentKey> {
    let content = Input::open(path)?.read_up_to(LIMIT)?;
    let (bytes, json) = parse(&content, &[Dek::LEN], Wanted::ContentKey).map_err(|why| {
        refusal(path, "content key", &why).hint(
            "a content key is 32 bytes as hex or raw, an age identity (AGE-SECRET-KEY-1...), or what `sealpost seal` printed",
        )
    })?;
    let dek =
        Dek::try_from(bytes.as_slice()).map_err(|error| refusal(path, "content key", &error.to_string()))?;
    Ok(ContentKey { dek, iv: json.and_then(|json| json.iv) })
}

/// Reads a private key on one of the curves: hex, raw bytes, or JSON with `privateKey`.
pub(crate) fn private_key(path: &Path, curves: &[Curve]) -> Result<PrivateKey> {
    let mut lengths: Vec<_> = curves.iter().map(|curve| curve.secret_len()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let refused = |why: &str| {
        refusal(path, "private key", why).hint(format!(
            "a private key for {} is {} bytes as hex or raw, or the JSON of `sealpost wallet show --reveal --json`",
            either(curves),
            either(&lengths)
        ))
    };
    let content = Input::open(path)?.read_up_to(LIMIT)?;
    let (bytes, json) = parse(&content, &lengths, Wanted::PrivateKey).map_err(|why| refused(&why))?;
    let curve = json.and_then(|json| json.curve).map(|curve| curve.parse());
    Ok(PrivateKey {
        bytes,
        curve: curve.transpose().map_err(|_| refused("its JSON names no curve that is known"))?,
    })
}

/// Reads an Ed25519 seed to sign with: hex, raw bytes, or JSON with `privateKey`. The keys of a wallet never sign.
pub(crate) fn signing_key(path: &Path) -> Result<SigningKey> {
    const WHAT: &str = "key to sign with";
    const HINT: &str = "an Ed25519 seed is 32 bytes as hex or raw; `openssl rand -hex 32 > FILE` makes one";
    let content = Input::open(path)?.read_up_to(LIMIT)?;
    let (bytes, json) =
        parse(&content, &[32], Wanted::PrivateKey).map_err(|why| refusal(path, WHAT, &why).hint(HINT))?;
    if let Some(json) = json {
        if json.path.is_some() {
            return Err(
                refusal(path, WHAT, "it is a wallet's, which open envelopes and never sign").hint(HINT)
            );
        }
        if json.curve.is_some_and(|curve| curve != Curve::Ed25519.as_str()) {
            return Err(refusal(path, WHAT, "it is on another curve than ed25519").hint(HINT));
        }
    }
    let seed = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).unwrap_or_default());
    Ok(SigningKey::from_bytes(&seed))
}

/// Reads a domain secret: for version 1 a text without its line end, as the public demo takes it; for version 2 at
/// least 32 bytes, as hex, raw or text.
pub(crate) fn domain_secret(path: &Path, version: DomainVersion) -> Result<DomainSecret> {
    let content = Input::open(path)?.read_up_to(LIMIT)?;
    let bytes = match version {
        DomainVersion::V1 { .. } => content.strip_suffix(b"\n").unwrap_or(&content),
        _ => content.as_slice(),
    };
    let bytes = match version {
        DomainVersion::V1 { .. } => Zeroizing::new(bytes.strip_suffix(b"\r").unwrap_or(bytes).to_vec()),
        _ => secret_v2(bytes).map_err(|why| {
            refusal(path, "domain secret of version 2", why)
                .hint("it is at least 32 bytes, as hex or raw; `openssl rand -hex 32 > FILE` makes one")
        })?,
    };
    DomainSecret::new(bytes).map_err(failed)
}

/// A text that is no hex counts without the space around it: an editor's line end makes no other secret of it.
fn secret_v2(content: &[u8]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let text = str::from_utf8(content).ok().map(str::trim);
    let bytes = match text {
        Some(text) if text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') => {
            Zeroizing::new(hex::decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()))
        }
        _ => Zeroizing::new(content.to_vec()),
    };
    if bytes.len() < DomainSecret::LEN_V2 { Err("it is shorter than 32 bytes") } else { Ok(bytes) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    ContentKey,
    PrivateKey,
}

/// What our own commands print; whatever else is in there is not looked at.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyJson {
    dek: Option<SecretText>,
    identity: Option<SecretText>,
    private_key: Option<SecretText>,
    curve: Option<String>,
    path: Option<String>,
    iv: Option<String>,
}

type Parsed = (Zeroizing<Vec<u8>>, Option<KeyJson>);

fn parse(content: &[u8], lengths: &[usize], wanted: Wanted) -> Result<Parsed, String> {
    // Raw bytes first: they may look like anything. Only when all of them are hex digits was text meant.
    if lengths.contains(&content.len()) && !content.iter().all(u8::is_ascii_hexdigit) {
        return Ok((Zeroizing::new(content.to_vec()), None));
    }
    let Some(text) = str::from_utf8(content).ok().map(str::trim) else {
        return Err(format!("it has {} bytes, not {}", content.len(), either(lengths)));
    };
    if !text.starts_with('{') {
        let iv =
            text.lines().find_map(|line| line.trim().strip_prefix("# iv:")).map(|iv| iv.trim().to_owned());
        return Ok((
            line(text, lengths, wanted)?,
            iv.map(|iv| KeyJson { iv: Some(iv), ..KeyJson::default() }),
        ));
    }
    let json: KeyJson = serde_json::from_str(text)
        .map_err(|error| format!("it is no JSON of a key (line {})", error.line()))?;
    let (field, found) = match wanted {
        Wanted::ContentKey => ("dek", json.dek.as_ref().or(json.identity.as_ref())),
        Wanted::PrivateKey => ("privateKey", json.private_key.as_ref()),
    };
    let found = found.ok_or_else(|| format!("its JSON has no `{field}`"))?;
    Ok((line(found.expose().trim(), lengths, wanted)?, Some(json)))
}

/// One key as text, beside which there may be comments as age's tools write them.
fn line(text: &str, lengths: &[usize], wanted: Wanted) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (line, more) = (lines.next().ok_or("it is empty")?, lines.next());
    if more.is_some() {
        return Err("it has more than one line".to_owned());
    }
    if line.get(..age_key::IDENTITY.len()).is_some_and(|start| start.eq_ignore_ascii_case(age_key::IDENTITY))
    {
        return match wanted {
            Wanted::ContentKey => {
                age_key::parse_identity(line).ok_or_else(|| "its age identity is mistyped".to_owned())
            }
            Wanted::PrivateKey => Err("it holds an age identity, which is a content key".to_owned()),
        };
    }
    let bytes = hex::decode(line).map_err(|_| "it is neither hex nor raw bytes of the right length")?;
    let bytes = Zeroizing::new(bytes);
    match lengths.contains(&bytes.len()) {
        true => Ok(bytes),
        false => Err(format!("it has {} bytes as hex, not {}", bytes.len(), either(lengths))),
    }
}

fn refusal(path: &Path, what: &str, why: &str) -> Failure {
    let name = if is_dash(path) { "standard input".to_owned() } else { path.display().to_string() };
    Failure::new("key_file", format!("{name} is no {what}: {why}"))
}

fn either<T: ToString>(alternatives: &[T]) -> String {
    alternatives.iter().map(T::to_string).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "4242424242424242424242424242424242424242424242424242424242424242";

    fn dek(content: impl AsRef<[u8]>) -> Result<Vec<u8>, String> {
        parse(content.as_ref(), &[32], Wanted::ContentKey).map(|(bytes, _)| bytes.to_vec())
    }

    #[test]
    fn a_content_key_is_read_in_every_shape_it_comes_in() {
        let identity = age_key::identity(&Dek::from_bytes([0x42; 32])).unwrap();
        let shapes = [
            HEX.to_owned(),
            format!(" {HEX}\r\n"),
            format!("# iv: 00112233445566778899aabbccddeeff\n{HEX}\n"),
            identity.to_string(),
            format!("# created: today\n# public key: age1x\n{}\n", *identity),
            format!("{{\"dek\": \"{HEX}\", \"cipher\": \"age\"}}"),
            format!("{{\"identity\": \"{}\"}}\n", *identity),
        ];
        for shape in shapes {
            assert_eq!(dek(&shape).unwrap(), [0x42; 32], "{shape}");
        }
        assert_eq!(dek([0xff; 32]).unwrap(), [0xff; 32]);
        assert_eq!(dek("raw bytes that are all printable").unwrap(), b"raw bytes that are all printable");
    }

    #[test]
    fn a_private_key_of_another_length_is_read_where_its_curve_has_it() {
        let key = |content: &str| parse(content.as_bytes(), &[32, 48], Wanted::PrivateKey);
        assert_eq!(key(&"ab".repeat(48)).unwrap().0.len(), 48);
        let json = format!("{{\"privateKey\": \"{HEX}\", \"curve\": \"p256\"}}");
        assert_eq!(key(&json).unwrap().1.unwrap().curve.unwrap(), "p256");
        assert!(key(&format!("{{\"dek\": \"{HEX}\"}}")).is_err());
        assert!(key(&age_key::identity(&Dek::from_bytes([0x42; 32])).unwrap()).is_err());
    }

    /// 32 hex digits have 32 bytes, as a raw key has.
    #[test]
    fn half_a_key_as_hex_is_not_taken_for_a_raw_one() {
        assert_eq!(dek(&HEX[..32]).unwrap_err(), "it has 16 bytes as hex, not 32");
    }

    #[test]
    fn a_secret_of_version_2_is_the_same_however_its_file_was_written() {
        let secret = |content: &[u8]| secret_v2(content).map(|secret| secret.to_vec());
        assert_eq!(secret(HEX.as_bytes()).unwrap(), [0x42; 32]);
        assert_eq!(secret(format!("{HEX}\n").as_bytes()).unwrap(), [0x42; 32]);
        assert_eq!(secret(&[0x00; 32]).unwrap(), [0x00; 32]);
        assert_eq!(secret(&[0xff; 48]).unwrap(), [0xff; 48]);
        let pass_phrase = b"correct horse battery staple, a text of more than 32 characters\n";
        let (text, line_end) = pass_phrase.split_at(pass_phrase.len() - 1);
        assert_eq!(line_end, b"\n");
        assert_eq!(secret(pass_phrase).unwrap(), text);
        assert_eq!(secret(text).unwrap(), text);
        for wrong in [&b""[..], b"\n", &text[..31], &HEX.as_bytes()[..62], &[0xff; 31]] {
            assert!(secret(wrong).is_err());
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        let long = format!("{HEX}42");
        let twice = format!("{HEX}\n{HEX}");
        for content in [
            "",
            "\n",
            "# only a comment\n",
            "hunter2",
            &long,
            &twice,
            "{\"dek\": \"hunter2\"}",
            "{\"dek\": 1}",
            "{hunter2",
            "{}",
            "AGE-SECRET-KEY-1HUNTER2",
        ] {
            let why = dek(content).unwrap_err();
            assert!(!why.contains("hunter2") && !why.contains("4242"), "{why}");
        }
        assert!(dek([0xff; 31]).is_err());
        assert!(dek([0xff; 33]).is_err());
    }
}
