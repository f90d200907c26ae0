//! The same work by AWS-LC, and by libsecp256k1 for its curve, in straight calls: ephemeral key, agreement, HKDF, GCM.

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{
    self, Algorithm, EphemeralPrivateKey, ParsedPublicKey, PrivateKey, UnparsedPublicKey, agree,
    agree_ephemeral,
};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyCompressedBin};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use sealpost_envelope::ecdh::Curve;
use secp256k1::ecdh::shared_secret_point;

/// A recipient, its keys read beforehand.
pub(super) struct Peer {
    keys: Keys,
    salt: Vec<u8>,
    random: SystemRandom,
}

enum Keys {
    AwsLc { algorithm: &'static Algorithm, secret: PrivateKey, public: ParsedPublicKey },
    Secp256k1 { secret: secp256k1::SecretKey, public: secp256k1::PublicKey },
}

/// What is sent.
pub(super) struct Sent {
    ephemeral: Vec<u8>,
    wrapped: [u8; 60],
}

impl Peer {
    pub(super) fn new(curve: Curve) -> Result<Self> {
        let random = SystemRandom::new();
        let algorithm = match curve {
            Curve::P256 => &agreement::ECDH_P256,
            Curve::P384 => &agreement::ECDH_P384,
            Curve::Secp256k1 => {
                let secret = scalar(&random)?;
                let public = secret.public_key();
                let salt = digest(&SHA256, &public.serialize()).as_ref().to_vec();
                return Ok(Self { keys: Keys::Secp256k1 { secret, public }, salt, random });
            }
            _ => &agreement::X25519,
        };
        let secret = PrivateKey::generate(algorithm).map_err(crypto)?;
        let bytes = compressed(algorithm, &secret.compute_public_key().map_err(crypto)?)?;
        let public = ParsedPublicKey::try_from(UnparsedPublicKey::new(algorithm, &bytes))
            .map_err(|error| anyhow!("{error}"))?;
        let salt = digest(&SHA256, &bytes).as_ref().to_vec();
        Ok(Self { keys: Keys::AwsLc { algorithm, secret, public }, salt, random })
    }

    pub(super) fn wrap(&self, dek: &[u8; 32], plugin: &str) -> Result<Sent> {
        let (ephemeral, key) = match &self.keys {
            Keys::AwsLc { algorithm, public, .. } => {
                let own = EphemeralPrivateKey::generate(algorithm, &self.random).map_err(crypto)?;
                let ephemeral = compressed(algorithm, &own.compute_public_key().map_err(crypto)?)?;
                let key =
                    agree_ephemeral(own, public.clone(), Unspecified, |shared| self.key(shared, plugin));
                (ephemeral, key.map_err(crypto)?)
            }
            Keys::Secp256k1 { public, .. } => {
                let own = scalar(&self.random)?;
                let ephemeral = own.public_key().serialize().to_vec();
                let shared = shared_secret_point(public, &own);
                (ephemeral, self.key(&shared[..32], plugin).map_err(crypto)?)
            }
        };
        let mut wrapped = [0; 60];
        let mut iv = [0; 12];
        self.random.fill(&mut iv).map_err(crypto)?;
        wrapped[..12].copy_from_slice(&iv);
        wrapped[12..44].copy_from_slice(dek);
        let nonce = Nonce::assume_unique_for_key(iv);
        let tag =
            key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut wrapped[12..44]).map_err(crypto)?;
        wrapped[44..].copy_from_slice(tag.as_ref());
        Ok(Sent { ephemeral, wrapped })
    }

    pub(super) fn unwrap(&self, sent: &Sent, plugin: &str) -> Result<[u8; 32]> {
        let key = match &self.keys {
            Keys::AwsLc { algorithm, secret, .. } => {
                let public = UnparsedPublicKey::new(algorithm, &sent.ephemeral);
                agree(secret, public, Unspecified, |shared| self.key(shared, plugin)).map_err(crypto)?
            }
            Keys::Secp256k1 { secret, .. } => {
                let public = secp256k1::PublicKey::from_slice(&sent.ephemeral)?;
                let shared = shared_secret_point(&public, secret);
                self.key(&shared[..32], plugin).map_err(crypto)?
            }
        };
        let (iv, sealed) = sent.wrapped.split_first_chunk::<12>().context("no IV")?;
        let mut sealed = <[u8; 48]>::try_from(sealed)?;
        let opened = key
            .open_in_place(Nonce::assume_unique_for_key(*iv), Aad::empty(), &mut sealed)
            .map_err(crypto)?;
        Ok(<[u8; 32]>::try_from(&*opened)?)
    }

    fn key(&self, shared: &[u8], plugin: &str) -> Result<LessSafeKey, Unspecified> {
        let pseudorandom = Salt::new(HKDF_SHA256, &self.salt).extract(shared);
        let info = [b"orbpro-marketplace:", plugin.as_bytes()];
        let key = UnboundKey::from(pseudorandom.expand(&info, &AES_256_GCM)?);
        Ok(LessSafeKey::new(key))
    }
}

fn compressed(algorithm: &'static Algorithm, public: &agreement::PublicKey) -> Result<Vec<u8>> {
    if *algorithm == agreement::X25519 {
        return Ok(public.as_ref().to_vec());
    }
    let bytes: EcPublicKeyCompressedBin<'static> = public.as_be_bytes().map_err(crypto)?;
    Ok(bytes.as_ref().to_vec())
}

fn scalar(random: &SystemRandom) -> Result<secp256k1::SecretKey> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes).map_err(crypto)?;
    Ok(secp256k1::SecretKey::from_secret_bytes(bytes)?)
}

fn crypto(_: Unspecified) -> anyhow::Error {
    anyhow!("the library refused")
}
