//! The functions of the OrbPro marketplace document under their own names, in Rust spelling.
//!
//! `use sealpost_envelope::orbpro::*;` brings all that they need. They are thin: each does what the function it links
//! to does, in the document's order of arguments; what Rust adds (how domain keys are derived, the source of
//! randomness) comes last.
//!
//! # Which one do I use?
//!
//! | I am | and want to | use |
//! |---|---|---|
//! | a publisher | sell a plugin: seal it once, wrap its key at each purchase | [`encrypt_for_marketplace`], then [`wrap_dek_for_buyer`] |
//! | a publisher | ship one file to my own domains and to buyers | [`encrypt_with_dual_kek`] |
//! | a publisher | ship to my own domains only | [`encrypt_with_kek_wrapper`] |
//! | a buyer | open what I bought | [`unwrap_marketplace_dek`], then [`decrypt_with_dek`] |
//! | a buyer | open it on another device of mine | [`wrap_marketplace_dek`] |
//!
//! Domain keys are a speed bump, not a lock ([`domain`](crate::domain)): what is sold is sold through buyers' keys.
//! A bundle opens more conveniently once [`Bundle::verify`] was told whose signature counts: what it gives opens by a
//! buyer's or a domain's key, and checks the hash.

pub use crate::{
    Dek, ErrorCode,
    bundle::{Bundle, BundleError, VerifiedBundle},
    domain::{DomainKey, DomainSecret, DomainVersion},
    ecdh::{Agreement, Curve, EcdhError, Envelope, Recipient, SecretKey},
    release::Trust,
};

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{bundle, content, ecdh};

/// A plugin, sealed: what [`encrypt_for_marketplace`] gives.
#[derive(Debug, Clone)]
pub struct EncryptedPlugin {
    /// `iv12 ‖ ct ‖ tag16`, for IPFS or a file; base64 of it is a bundle's `encryptedData`.
    pub encrypted_data: Vec<u8>,
    /// The content key, for the publisher's vault.
    pub dek: Dek,
}

/// Seals a plugin with a fresh content key: once for all buyers ([`Bundle::seal`]).
///
/// ```
/// use sealpost_envelope::orbpro::*;
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// let EncryptedPlugin { encrypted_data, dek } = encrypt_for_marketplace(b"\0asm", &mut rng)?;
/// assert_eq!(encrypted_data.len(), 4 + 28);
/// assert_eq!(*decrypt_with_dek(&encrypted_data, &dek)?, b"\0asm");
/// # Ok::<(), BundleError>(())
/// ```
pub fn encrypt_for_marketplace(
    data: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<EncryptedPlugin, BundleError> {
    let dek = Dek::generate(rng);
    let encrypted_data = bundle::seal(data, &dek, rng)?;
    Ok(EncryptedPlugin { encrypted_data, dek })
}

/// Wraps the content key for one buyer, given the buyer's public key as hex ([`ecdh::wrap`]).
///
/// ```
/// use sealpost_envelope::orbpro::*;
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// let EncryptedPlugin { dek, .. } = encrypt_for_marketplace(b"\0asm", &mut rng)?;
/// let buyer = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
/// let envelope = wrap_dek_for_buyer(&dek, buyer, Curve::Secp256k1, "com.publisher.my-plugin", &mut rng)?;
/// assert_eq!(envelope.wrapped_dek.len(), 60);
/// # Ok::<(), BundleError>(())
/// ```
pub fn wrap_dek_for_buyer(
    dek: &Dek,
    pubkey_hex: &str,
    curve: Curve,
    plugin_id: &str,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Envelope, EcdhError> {
    ecdh::wrap(dek, &Recipient::from_hex(curve, pubkey_hex)?, plugin_id, rng)
}

/// Seals a plugin for domains and buyers at once; either kind of slot opens it ([`Bundle::add_domains`],
/// [`Bundle::add_buyer`]).
///
/// Set version and manifest on the bundle, then [`Bundle::sign`] it. Buyers of later need the content key again: to
/// keep it, use [`Bundle::seal`].
///
/// ```
/// use sealpost_envelope::orbpro::*;
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// let secret = DomainSecret::generate(&mut rng);
/// let buyer = SecretKey::generate(Curve::P256, &mut rng);
/// let version = DomainVersion::V2 { epoch: 0 };
/// let bundle = encrypt_with_dual_kek(
///     b"\0asm", &secret, "com.publisher.my-plugin", &["example.com"], &[buyer.recipient()], version, &mut rng,
/// )?;
/// let key = DomainKey::derive(&secret, "example.com", "com.publisher.my-plugin", version)?;
/// assert_eq!(*bundle.verify(Trust::AllowUnsigned)?.open_with_domain_key(&key)?, b"\0asm");
/// assert_eq!(*bundle.verify(Trust::AllowUnsigned)?.open_with_buyer_key(&buyer)?, b"\0asm");
/// # Ok::<(), BundleError>(())
/// ```
pub fn encrypt_with_dual_kek(
    data: &[u8],
    secret: &DomainSecret,
    plugin_id: &str,
    domains: &[impl AsRef<str>],
    buyers: &[Recipient],
    version: DomainVersion,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Bundle, BundleError> {
    let (mut bundle, dek) = Bundle::seal(plugin_id, data, rng)?;
    bundle.add_domains(&dek, secret, domains, version, rng)?;
    for buyer in buyers {
        bundle.add_buyer(&dek, buyer, rng)?;
    }
    Ok(bundle)
}

/// Seals a plugin for domains only ([`Bundle::add_domains`]).
///
/// ```
/// use sealpost_envelope::orbpro::*;
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// let secret = DomainSecret::generate(&mut rng);
/// let version = DomainVersion::V2 { epoch: 0 };
/// let domains = ["example.com", "localhost"];
/// let bundle = encrypt_with_kek_wrapper(b"\0asm", &secret, "my-plugin", &domains, version, &mut rng)?;
/// let key = DomainKey::derive(&secret, "localhost", "my-plugin", version)?;
/// assert_eq!(*bundle.verify(Trust::AllowUnsigned)?.open_with_domain_key(&key)?, b"\0asm");
/// # Ok::<(), BundleError>(())
/// ```
pub fn encrypt_with_kek_wrapper(
    data: &[u8],
    secret: &DomainSecret,
    plugin_id: &str,
    domains: &[impl AsRef<str>],
    version: DomainVersion,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Bundle, BundleError> {
    encrypt_with_dual_kek(data, secret, plugin_id, domains, &[], version, rng)
}

/// Unwraps the content key with the buyer's key, or with a wallet that holds it ([`ecdh::unwrap`]).
///
/// ```
/// use sealpost_envelope::orbpro::*;
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// let buyer = SecretKey::generate(Curve::X25519, &mut rng);
/// let EncryptedPlugin { dek, .. } = encrypt_for_marketplace(b"\0asm", &mut rng)?;
/// let pubkey = buyer.recipient().to_hex();
/// let envelope = wrap_dek_for_buyer(&dek, &pubkey, Curve::X25519, "my-plugin", &mut rng)?;
/// assert_eq!(unwrap_marketplace_dek(&envelope, &buyer, "my-plugin")?, dek);
/// # Ok::<(), BundleError>(())
/// ```
pub fn unwrap_marketplace_dek(
    envelope: &Envelope,
    buyer_private_key: &(impl Agreement + ?Sized),
    plugin_id: &str,
) -> Result<Dek, EcdhError> {
    ecdh::unwrap(envelope, buyer_private_key, plugin_id)
}

/// Wraps a content key for another device of the buyer ([`ecdh::wrap`]).
///
/// ```
/// use sealpost_envelope::orbpro::*;
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// let tablet = SecretKey::generate(Curve::Ed25519, &mut rng);
/// let EncryptedPlugin { dek, .. } = encrypt_for_marketplace(b"\0asm", &mut rng)?;
/// let envelope = wrap_marketplace_dek(&dek, &tablet.recipient(), "my-plugin", &mut rng)?;
/// assert_eq!(unwrap_marketplace_dek(&envelope, &tablet, "my-plugin")?, dek);
/// # Ok::<(), BundleError>(())
/// ```
pub fn wrap_marketplace_dek(
    dek: &Dek,
    buyer_pubkey: &Recipient,
    plugin_id: &str,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Envelope, EcdhError> {
    ecdh::wrap(dek, buyer_pubkey, plugin_id, rng)
}

/// Opens a sealed plugin, raw bytes or base64 text, with its content key. Compare the SHA-256 of what comes out with
/// the `wasmHash` of the listing, or open a [`Bundle`], which does ([`VerifiedBundle::open`]).
///
/// ```
/// use sealpost_envelope::orbpro::*;
/// # let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
///
/// let EncryptedPlugin { encrypted_data, dek } = encrypt_for_marketplace(b"\0asm", &mut rng)?;
/// assert_eq!(*decrypt_with_dek(&encrypted_data, &dek)?, b"\0asm");
///
/// let refused = decrypt_with_dek(&encrypted_data, &Dek::generate(&mut rng)).unwrap_err();
/// assert_eq!(refused.code(), "blob_corrupt");
/// # Ok::<(), BundleError>(())
/// ```
pub fn decrypt_with_dek(encrypted_payload: &[u8], dek: &Dek) -> Result<Zeroizing<Vec<u8>>, BundleError> {
    Ok(content::open_gcm(dek, encrypted_payload)?)
}
