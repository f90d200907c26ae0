//! Buyers' keys: what is on chain, and what opens envelopes.

use alloy::primitives::Bytes;
use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use rand_core::Rng;
use sealpost_api::marketplace::PluginBundle;
use sealpost_envelope::ecdh::{self, Curve, Envelope, SecretKey};
use serde_json::{Value, json};

use crate::person::{Person, expect};

/// A key that things are bought for.
pub struct Buyer {
    /// The key.
    pub secret: SecretKey,
}

impl Buyer {
    /// A new secp256k1 key, as wallets have them.
    pub fn new() -> Self {
        Self::with(Curve::Secp256k1)
    }

    /// A new key on another curve.
    pub fn with(curve: Curve) -> Self {
        Self { secret: SecretKey::generate(curve, &mut crate::random()) }
    }

    /// The public key as the contract is told it: secp256k1 as it is, others behind their multicodec.
    pub fn on_chain(&self) -> Bytes {
        let prefix: &[u8] = match self.secret.curve() {
            Curve::P256 => &[0x80, 0x24],
            Curve::P384 => &[0x81, 0x24],
            Curve::X25519 => &[0xec, 0x01],
            Curve::Ed25519 => &[0xed, 0x01],
            _ => &[],
        };
        [prefix, self.secret.recipient().as_bytes()].concat().into()
    }

    /// The public key in hex.
    pub fn public(&self) -> String {
        self.secret.recipient().to_hex()
    }

    /// Name of its curve.
    pub fn curve(&self) -> &'static str {
        self.secret.curve().as_str()
    }

    /// As requests name it.
    pub fn recipient(&self) -> Value {
        json!({"curve": self.curve(), "public_key": self.public()})
    }

    /// Whether an envelope opens for this key.
    pub fn opens(&self, envelope: &Value, plugin_id: &str) -> bool {
        serde_json::from_value::<Envelope>(envelope.clone())
            .is_ok_and(|envelope| ecdh::unwrap(&envelope, &self.secret, plugin_id).is_ok())
    }

    /// The plugin itself, from what a store gave and the sealed blob.
    pub fn open(&self, bundle: &PluginBundle, blob: &[u8]) -> Result<Vec<u8>> {
        use sealpost_envelope::{ContentCipher, Opener};
        let envelope = bundle.buyer_wrapped_keys.first().context("a bundle without an envelope")?;
        let envelope: Envelope = serde_json::from_value(envelope.clone())?;
        let dek = ecdh::unwrap(&envelope, &self.secret, &bundle.plugin_id)?;
        let mut plain = Vec::new();
        let mut opener = Opener::new(ContentCipher::Aes256Gcm, &dek, None, blob)?;
        std::io::Read::read_to_end(&mut opener, &mut plain)?;
        Ok(plain)
    }

    /// Proves to a store that this key is `person`'s; gives what the store said.
    pub async fn link(&self, person: &Person, origin: &str) -> Result<Value> {
        let challenge = expect(person.post("/api/v1/keys/challenge", &self.recipient()).await?).await?;
        let challenge: Value = challenge.json().await?;
        let context = format!("sealpost-key:{origin}:{}", person.id);
        anyhow::ensure!(challenge["context"] == context, "a challenge for {}", challenge["context"]);
        let envelope: Envelope = serde_json::from_value(challenge["envelope"].clone())?;
        let secret = ecdh::unwrap(&envelope, &self.secret, &context)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let answer = hmac::sign(&key, format!("sealpost-key-proof-v1\n{context}").as_bytes());
        let mut proof = self.recipient();
        proof["answer"] = hex::encode(answer).into();
        Ok(expect(person.post("/api/v1/keys", &proof).await?).await?.json().await?)
    }
}

impl Default for Buyer {
    fn default() -> Self {
        Self::new()
    }
}

/// Random bytes, such as of an address that nobody has.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    crate::random().fill_bytes(&mut bytes);
    bytes
}
