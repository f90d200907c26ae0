use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;

/// A statement that is signed correctly, whatever it says.
#[derive(Debug)]
pub struct Signed {
    /// The statement as it travels.
    pub jws: String,
    /// Its header, where that is a JSON object without repeated members.
    pub header: Option<Value>,
}

/// Signs an input of two parts, header and payload, with a line feed between them.
pub fn read_signed(data: &[u8], key: &SigningKey) -> Option<Signed> {
    let split = data.iter().position(|byte| *byte == b'\n')?;
    let (header, payload) = (&data[..split], &data[split + 1..]);
    let mut jws = format!("{}.{}", encode(header), encode(payload));
    let signature = key.sign(jws.as_bytes()).to_bytes();
    jws.push('.');
    jws.push_str(&encode(&signature));
    Some(Signed { jws, header: serde_json::from_slice(header).ok() })
}

impl Signed {
    /// Demands what RFC 7515 and design section 3 demand of a header that was accepted.
    pub fn assert_acceptable(&self, typ: &str, kid: &str) {
        let Some(Value::Object(header)) = &self.header else {
            panic!("a header that is no object was accepted")
        };
        assert_eq!(header.get("alg"), Some(&Value::from("EdDSA")));
        assert_eq!(header.get("typ"), Some(&Value::from(typ)));
        assert_eq!(header.get("kid"), Some(&Value::from(kid)));
        for refused in ["crit", "jku", "jwk", "x5c", "x5u"] {
            assert!(!header.contains_key(refused), "a header with `{refused}` was accepted");
        }
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
