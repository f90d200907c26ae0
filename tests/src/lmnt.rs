//! A printer with the deployed LMNT plugin, as far as a store can tell: its requests, its key, nothing of ours.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::person::{Person, client, expect};

/// Registered, with a token.
#[derive(Debug)]
pub struct LmntPrinter {
    /// Its id.
    pub id: String,
    /// Its token.
    pub token: String,
    store: String,
    secret: SecretKey,
    http: reqwest::Client,
}

impl LmntPrinter {
    /// Registers with its owner's token, as `register_printer` does.
    pub async fn register(store: &str, owner: &Person) -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let secret = SecretKey::from(seed);
        let body = json!({
            "printer_name": "Old faithful", "manufacturer": "LMNT Printer", "model": "Klipper",
            "printer_public_key": BASE64_STANDARD.encode(secret.public_key().as_bytes()),
        });
        let registered: Value =
            expect(owner.post("/api/register-printer", &body).await?).await?.json().await?;
        let text =
            |name: &str| registered[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        let printer = Self {
            id: text("id")?,
            token: text("printer_token")?,
            store: store.to_owned(),
            secret,
            http: client()?,
        };
        text("token_expires")?;
        Ok(printer)
    }

    /// A request with its token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.store)).bearer_auth(&self.token)
    }

    /// A `GET` whose answer must be good.
    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(expect(self.request(Method::GET, path).send().await?).await?.json().await?)
    }

    /// A `POST`; the answer may be a problem.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        Ok(self.request(Method::POST, path).json(body).send().await?)
    }

    /// The content key of a package `ephemeral:nonce:box`.
    pub fn unwrap_key(&self, package: &str) -> Result<Vec<u8>> {
        let parts: Result<Vec<Vec<u8>>, _> =
            package.split(':').map(|part| BASE64_STANDARD.decode(part)).collect();
        let parts = parts?;
        let [sender, nonce, sealed] = parts.as_slice() else { anyhow::bail!("a package has three parts") };
        let sender = PublicKey::from_slice(sender).ok().context("no key")?;
        let nonce: [u8; 24] = nonce.as_slice().try_into()?;
        let key = crypto_box::aead::Aead::decrypt(
            &SalsaBox::new(&sender, &self.secret),
            &nonce.into(),
            sealed.as_slice(),
        );
        key.ok().context("the package is not for this printer")
    }

    /// Downloads a job's blob and opens it with its package and IV.
    pub async fn open(&self, job: &Value) -> Result<Vec<u8>> {
        let url = job["encrypted_gcode_download_url"].as_str().context("no address")?;
        let blob = expect(self.http.get(url).bearer_auth(&self.token).send().await?).await?.bytes().await?;
        let key = self.unwrap_key(job["gcode_dek_encrypted_hex"].as_str().context("no package")?)?;
        let iv = hex::decode(job["gcode_iv_hex"].as_str().context("no IV")?)?;
        decrypt(&key, &iv, &blob)
    }
}

fn decrypt(key: &[u8], iv: &[u8], blob: &[u8]) -> Result<Vec<u8>> {
    use cbc::cipher::block_padding::Pkcs7;
    use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
    let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv).ok().context("wrong lengths")?;
    cipher.decrypt_padded_vec::<Pkcs7>(blob).ok().context("the blob does not open")
}
