//! Secrets, and every form in which one could lie about.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bech32::{Bech32, Hrp};

/// Shortest form that is looked for: what is shorter is found by chance.
const SHORTEST: usize = 7;

/// One secret in all its forms.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    /// What it is.
    pub(crate) name: &'static str,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Secret {
    /// A secret that is written as text.
    pub(crate) fn text(name: &'static str, text: &str) -> Self {
        let mut secret = Self::bytes(name, text.as_bytes());
        secret.add("lower case", text.to_lowercase().into_bytes());
        secret.add("upper case", text.to_uppercase().into_bytes());
        let json = serde_json::Value::from(text).to_string();
        secret.add("JSON", json.trim_matches('"').as_bytes().to_vec());
        let ascii: String =
            text.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect();
        secret.add("JSON in ASCII", ascii.into_bytes());
        let url: String = text.bytes().map(in_url).collect();
        secret.add("URL", url.into_bytes());
        secret
    }

    /// A secret of bytes.
    pub(crate) fn bytes(name: &'static str, bytes: &[u8]) -> Self {
        let mut secret = Self { name, forms: Vec::new() };
        secret.add("raw", bytes.to_vec());
        secret.add("hex", hex::encode(bytes).into_bytes());
        secret.add("HEX", hex::encode_upper(bytes).into_bytes());
        secret.add(
            "list of numbers",
            bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes(),
        );
        secret.add(
            "tight list of numbers",
            bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(",").into_bytes(),
        );
        for (form, engine) in [("base64", &STANDARD_NO_PAD), ("base64url", &URL_SAFE_NO_PAD)] {
            for shift in 0..3 {
                // Somewhere inside a longer text: only what no neighbour changes.
                let encoded = engine.encode([&vec![0; shift], bytes].concat());
                let whole = (shift + bytes.len()) * 8 / 6;
                secret.add(form, encoded.as_bytes()[(shift * 8).div_ceil(6)..whole].to_vec());
            }
        }
        secret
    }

    /// A content key, also as the identity that opens an age file.
    pub(crate) fn content_key(name: &'static str, key: &[u8; 32]) -> Self {
        let mut secret = Self::bytes(name, key);
        if let Ok(identity) = bech32::encode::<Bech32>(Hrp::parse_unchecked("age-secret-key-"), key) {
            secret.add("age identity", identity.clone().into_bytes());
            secret.add("AGE identity", identity.to_uppercase().into_bytes());
        }
        secret
    }

    /// Its forms, each with a name.
    pub(crate) fn forms(&self) -> &[(&'static str, Vec<u8>)] {
        &self.forms
    }

    fn add(&mut self, form: &'static str, bytes: Vec<u8>) {
        if bytes.len() >= SHORTEST && !self.forms.iter().any(|(_, known)| *known == bytes) {
            self.forms.push((form, bytes));
        }
    }
}

/// Looks for many forms in one pass.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    needles: Vec<(&'a Secret, &'static str, &'a [u8])>,
    /// By the first two bytes.
    starts: Vec<Vec<usize>>,
}

impl<'a> Finder<'a> {
    /// Makes one for `secrets`.
    pub(crate) fn new(secrets: &'a [Secret]) -> Self {
        let mut finder = Self { needles: Vec::new(), starts: vec![Vec::new(); 1 << 16] };
        for secret in secrets {
            for (form, bytes) in &secret.forms {
                finder.starts[start(bytes)].push(finder.needles.len());
                finder.needles.push((secret, form, bytes));
            }
        }
        finder
    }

    /// Names and forms of what is in `bytes`, each once.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        for (at, pair) in bytes.windows(2).enumerate() {
            for number in &self.starts[start(pair)] {
                let (secret, form, needle) = self.needles[*number];
                if bytes[at..].starts_with(needle) && !found.contains(&(secret.name, form)) {
                    found.push((secret.name, form));
                }
            }
        }
        found
    }
}

fn start(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

fn escaped(c: char) -> String {
    let mut units = [0; 2];
    c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn in_url(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

#[test]
fn every_form_is_found_wherever_it_stands() {
    let secrets = [Secret::text("text", "; \"canary\" ä 17.4931"), Secret::content_key("key", &[0xa7; 32])];
    let finder = Finder::new(&secrets);
    for secret in &secrets {
        for (form, bytes) in secret.forms() {
            let around = [b"before".as_slice(), bytes, b"after"].concat();
            assert!(finder.find(&around).iter().any(|(name, _)| *name == secret.name), "{form}");
        }
        for shift in 0..3 {
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                let longer = [&b"xyz"[..shift], &secret.forms()[0].1, b"more"].concat();
                let found = finder.find(engine.encode(longer).as_bytes());
                assert!(found.iter().any(|(name, _)| *name == secret.name), "base64 after {shift} bytes");
            }
        }
    }
    assert_eq!(finder.find(b"neither this nor that"), []);
}
