//! The arithmetic by the RustCrypto and dalek crates.

use k256::{
    Secp256k1,
    elliptic_curve::{
        AffinePoint, CurveArithmetic, FieldBytesSize, PublicKey, SecretKey,
        sec1::{FromSec1Point, ModulusSize, ToSec1Point},
    },
};
use p256::NistP256;
use p384::NistP384;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::{Curve, canonical::Canonical};

/// A public key.
#[derive(Clone)]
pub(super) enum Public {
    Secp256k1(PublicKey<Secp256k1>),
    P256(PublicKey<NistP256>),
    P384(PublicKey<NistP384>),
    X25519(x25519_dalek::PublicKey),
}

impl Public {
    pub(super) fn read(curve: Curve, public: &[u8]) -> Option<Self> {
        match curve {
            Curve::Secp256k1 => PublicKey::from_sec1_bytes(public).ok().map(Self::Secp256k1),
            Curve::P256 => PublicKey::from_sec1_bytes(public).ok().map(Self::P256),
            Curve::P384 => PublicKey::from_sec1_bytes(public).ok().map(Self::P384),
            Curve::X25519 => <[u8; 32]>::try_from(public).ok().map(|u| Self::X25519(u.into())),
            Curve::Ed25519 => None,
        }
    }
}

/// A private key; the types of the crates erase themselves.
#[derive(Clone)]
pub(super) enum Secret {
    Secp256k1(SecretKey<Secp256k1>),
    P256(SecretKey<NistP256>),
    P384(SecretKey<NistP384>),
    X25519(StaticSecret),
}

impl Secret {
    pub(super) fn read(curve: Curve, secret: &[u8]) -> Option<Self> {
        match curve {
            Curve::Secp256k1 => SecretKey::from_slice(secret).ok().map(Self::Secp256k1),
            Curve::P256 => SecretKey::from_slice(secret).ok().map(Self::P256),
            Curve::P384 => SecretKey::from_slice(secret).ok().map(Self::P384),
            Curve::X25519 => {
                let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(secret.try_into().ok()?);
                Some(Self::X25519(StaticSecret::from(*bytes)))
            }
            Curve::Ed25519 => None,
        }
    }

    pub(super) fn public(&self) -> Option<Canonical> {
        match self {
            Self::Secp256k1(secret) => compress(secret),
            Self::P256(secret) => compress(secret),
            Self::P384(secret) => compress(secret),
            Self::X25519(secret) => Canonical::new(x25519_dalek::PublicKey::from(secret).as_bytes()),
        }
    }

    pub(super) fn agree(&self, public: &Public) -> Option<Zeroizing<Vec<u8>>> {
        let shared = match (self, public) {
            (Self::Secp256k1(secret), Public::Secp256k1(public)) => {
                secret.diffie_hellman(public).raw_secret_bytes().to_vec()
            }
            (Self::P256(secret), Public::P256(public)) => {
                secret.diffie_hellman(public).raw_secret_bytes().to_vec()
            }
            (Self::P384(secret), Public::P384(public)) => {
                secret.diffie_hellman(public).raw_secret_bytes().to_vec()
            }
            (Self::X25519(secret), Public::X25519(public)) => {
                let shared = secret.diffie_hellman(public);
                // Zero comes from a u coordinate of low order. AWS-LC refuses it by itself.
                if !shared.was_contributory() {
                    return None;
                }
                shared.as_bytes().to_vec()
            }
            _ => return None,
        };
        Some(Zeroizing::new(shared))
    }
}

fn compress<C>(secret: &SecretKey<C>) -> Option<Canonical>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    Canonical::new(secret.public_key().to_sec1_point(true).as_bytes())
}
