//! The arithmetic by AWS-LC, and by libsecp256k1 for its curve.

use std::sync::Arc;

use aws_lc_rs::agreement::{self, Algorithm, ParsedPublicKey, PrivateKey, UnparsedPublicKey};
use secp256k1::ecdh::shared_secret_point;
use zeroize::Zeroizing;

use super::{Curve, canonical::Canonical};

/// A public key.
#[derive(Clone)]
pub(super) enum Public {
    Secp256k1(secp256k1::PublicKey),
    AwsLc(ParsedPublicKey),
}

impl Public {
    pub(super) fn read(curve: Curve, public: &[u8]) -> Option<Self> {
        if curve == Curve::Secp256k1 {
            return secp256k1::PublicKey::from_slice(public).ok().map(Self::Secp256k1);
        }
        let unparsed = UnparsedPublicKey::new(algorithm(curve)?, public);
        ParsedPublicKey::try_from(unparsed).ok().map(Self::AwsLc)
    }
}

/// A private key. AWS-LC erases what it frees.
#[derive(Clone)]
pub(super) enum Secret {
    Secp256k1(Scalar),
    AwsLc(Arc<PrivateKey>),
}

impl Secret {
    pub(super) fn read(curve: Curve, secret: &[u8]) -> Option<Self> {
        if curve == Curve::Secp256k1 {
            let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(secret.try_into().ok()?);
            return secp256k1::SecretKey::from_secret_bytes(*bytes).ok().map(Scalar).map(Self::Secp256k1);
        }
        PrivateKey::from_private_key(algorithm(curve)?, secret).ok().map(|key| Self::AwsLc(Arc::new(key)))
    }

    pub(super) fn public(&self) -> Option<Canonical> {
        match self {
            Self::Secp256k1(secret) => Canonical::new(&secret.0.public_key().serialize()),
            Self::AwsLc(secret) => Canonical::new(secret.compute_public_key().ok()?.as_ref()),
        }
    }

    pub(super) fn agree(&self, public: &Public) -> Option<Zeroizing<Vec<u8>>> {
        match (self, public) {
            (Self::Secp256k1(secret), Public::Secp256k1(public)) => {
                let point = Zeroizing::new(shared_secret_point(public, &secret.0));
                let (x, _) = point.split_at(32);
                Some(Zeroizing::new(x.to_vec()))
            }
            (Self::AwsLc(secret), Public::AwsLc(public)) => {
                agreement::agree(secret, public.clone(), (), |x| Ok(Zeroizing::new(x.to_vec()))).ok()
            }
            _ => None,
        }
    }
}

/// A scalar of libsecp256k1, which does not erase itself.
#[derive(Clone)]
pub(super) struct Scalar(secp256k1::SecretKey);

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.non_secure_erase();
    }
}

fn algorithm(curve: Curve) -> Option<&'static Algorithm> {
    match curve {
        Curve::P256 => Some(&agreement::ECDH_P256),
        Curve::P384 => Some(&agreement::ECDH_P384),
        Curve::X25519 => Some(&agreement::X25519),
        Curve::Secp256k1 | Curve::Ed25519 => None,
    }
}
