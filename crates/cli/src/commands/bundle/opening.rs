//! What opens a bundle: who has a key for it, and what it comes without.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpost_envelope::{
    ContentError, Dek,
    bundle::{Bundle, BundleError, VerifiedBundle},
    domain::{DomainKey, DomainVersion},
    ecdh::Curve,
    plk::Verified,
    release::ReleaseError,
};
use zeroize::Zeroizing;

use super::whole;
use crate::{
    commands::envelope::read_envelope,
    failure::{Failure, Result},
    holder::Holder,
    input::Input,
    key_file,
    offline::failed,
    output::clean,
};

/// What comes beside a bundle that does not carry it.
#[derive(Args, Debug)]
pub(crate) struct Beside {
    /// Sealed data of a bundle that carries none
    #[arg(long, value_name = "FILE")]
    blob: Option<PathBuf>,
    /// Envelope from the purchase, as JSON, for a bundle that has none for you
    #[arg(long, value_name = "FILE")]
    envelope: Option<PathBuf>,
}

/// Whose key opens it.
#[derive(Args, Debug)]
pub(crate) struct Opening {
    #[command(flatten)]
    holder: Holder,
    /// Domain to open it for
    #[arg(long, requires = "domain_secret_file", conflicts_with_all = ["key_file", "mnemonic_file", "keystore", "index"], help_heading = "Domain")]
    domain: Option<String>,
    /// Secret that the keys of domains come from
    #[arg(long, value_name = "FILE", requires = "domain", help_heading = "Domain")]
    domain_secret_file: Option<PathBuf>,
    /// Period of the domain keys [default: what the bundle says]
    #[arg(long, value_name = "N", requires = "domain", help_heading = "Domain")]
    epoch: Option<u64>,
    /// Content key to open it with, as its publisher
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_file", "mnemonic_file", "keystore", "index", "domain"], help_heading = "Publisher")]
    dek_file: Option<PathBuf>,
}

impl Beside {
    /// Every file it names, as readers of standard input.
    pub(crate) fn readers(&self) -> [(&'static str, Option<&Path>); 2] {
        [("--blob", self.blob.as_deref()), ("--envelope", self.envelope.as_deref())]
    }

    /// Puts it into the bundle.
    pub(crate) fn add_to(&self, bundle: &mut Bundle) -> Result<()> {
        if let Some(path) = &self.blob {
            bundle.encrypted_data = Some(whole(path)?.to_vec());
        }
        if let Some(path) = &self.envelope {
            let envelope = read_envelope(&Input::open(path)?.read_all()?, &path.display().to_string())?;
            bundle.buyer_wrapped_keys.push(envelope);
        }
        Ok(())
    }
}

impl Opening {
    /// Every file it names, as readers of standard input.
    pub(crate) fn readers(&self) -> impl Iterator<Item = (&'static str, Option<&Path>)> {
        let own = [
            ("--domain-secret-file", self.domain_secret_file.as_deref()),
            ("--dek-file", self.dek_file.as_deref()),
        ];
        own.into_iter().chain(self.holder.readers())
    }

    /// The domain it is opened for.
    pub(crate) fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// The plaintext, once tag and hash were checked. A licence that names its licensee's key is opened by that key, or by a
    /// domain's, alone.
    pub(crate) fn plaintext(
        &self,
        verified: &VerifiedBundle<'_>,
        licence: Option<Verified<'_>>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let bundle = verified.bundle();
        if let Some(path) = &self.dek_file {
            return verified.open(&key_file::content_key(path)?.dek).map_err(|error| match error {
                BundleError::Content(ContentError::Corrupt) => failed(error).hint(
                    "check that the content key is this bundle's, and fetch bundle and data again if it is",
                ),
                error => told(error),
            });
        }
        let dek = match (&self.domain, &self.domain_secret_file) {
            (Some(domain), Some(secret)) => {
                let version = domain_version(bundle, self.epoch)?;
                let secret = key_file::domain_secret(secret, version)?;
                let key = DomainKey::derive(&secret, domain, &bundle.plugin_id, version).map_err(failed)?;
                bundle.dek_by_domain_key(&key).map_err(told)?
            }
            _ => match licence.filter(|licence| licence.licence().licensee_pubkey.is_some()) {
                Some(licence) => self.as_licensee(bundle, licence)?,
                None => self.as_buyer(bundle)?,
            },
        };
        verified.open(&dek).map_err(told)
    }

    fn as_buyer(&self, bundle: &Bundle) -> Result<Dek> {
        if bundle.buyer_wrapped_keys.is_empty() {
            return Err(no_envelope());
        }
        let mut refused = BundleError::NotForKey;
        for key in self.holder.keys(&bundle.buyer_wrapped_keys)? {
            match bundle.dek_by_buyer_key(&key) {
                Ok(dek) => return Ok(dek),
                Err(error) => refused = error,
            }
        }
        Err(told(refused))
    }

    fn as_licensee(&self, bundle: &Bundle, licence: Verified<'_>) -> Result<Dek> {
        let for_it = |envelope: &&_| {
            matches!(envelope, sealpost_envelope::ecdh::Envelope { curve: Curve::X25519, .. })
        };
        let envelopes: Vec<_> = bundle.buyer_wrapped_keys.iter().filter(for_it).cloned().collect();
        if envelopes.is_empty() {
            return Err(no_envelope());
        }
        let mut refused = None;
        for key in self.holder.keys(&envelopes)? {
            match licence.open_with_licensee_key(&envelopes, &key) {
                Ok(dek) => return Ok(dek),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.map_or_else(no_envelope, failed))
    }
}

/// The bundle's word, or else the epoch that was given.
fn domain_version(bundle: &Bundle, epoch: Option<u64>) -> Result<DomainVersion> {
    let version = bundle.domain_version();
    match (version.epoch(), epoch) {
        (Some(own), Some(wanted)) if own != wanted => Err(Failure::new(
            "bundle_epoch",
            format!("the bundle's domain keys are those of epoch {own}, not {wanted}"),
        )
        .hint("leave out --epoch, or fetch the bundle of that epoch")),
        (None, epoch @ Some(_)) => Ok(DomainVersion::V1 { epoch }),
        _ => Ok(version),
    }
}

fn no_envelope() -> Failure {
    Failure::new("bundle_no_envelope", "the bundle is wrapped for no buyer").hint(
        "open it with --domain D --domain-secret-file FILE, or give the envelope from the purchase with --envelope FILE",
    )
}

/// A failure of opening, with what can be done about it here.
pub(crate) fn told(error: BundleError) -> Failure {
    match &error {
        BundleError::NoData { cid: Some(cid) } => {
            let cid = clean(cid);
            failed(error).hint(format!(
                "fetch {cid}, such as with `ipfs cat {cid} > FILE`, and give it with --blob FILE"
            ))
        }
        BundleError::Release(ReleaseError::Unsigned) => failed(error)
            .hint("ask the publisher for a signed one, or leave out --publisher to open it all the same"),
        BundleError::NoEnvelope { .. } | BundleError::NotForKey => failed(error).hint(
            "use the key it was bought with, or give the envelope from the purchase with --envelope FILE",
        ),
        BundleError::NoData { cid: None } => failed(error).hint("give it with --blob FILE"),
        _ => failed(error),
    }
}
