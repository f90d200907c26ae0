//! `bundle open`.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpost_envelope::{
    ContentError, Digest, VerifyingKey,
    bundle::{Bundle, BundleError, VerifiedBundle},
    domain::{DomainKey, DomainVersion},
    release::{ReleaseError, Trust},
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::whole;
use crate::{
    commands::envelope::read_envelope,
    failure::{Failure, Result},
    holder::Holder,
    input::{Input, document, is_dash, one_reader_of_stdin},
    key_file,
    offline::{Replace, Shown, failed, hand_over, json_text, verifying_key},
    outfile::{Access, OutFile},
    output::{clean, say},
};

const OPEN_HELP: &str = "\
Reads the bundle as JSON from standard input and writes the plugin to OUT when signature, tag and
hash were checked.

A domain secret of version 2 is at least 32 bytes, as hex, raw or text; one of version 1 is a text, taken
without its last line end. A bundle without `domainKek` has domain keys of version 1.

--json prints {pluginId, version, publisher?, sha256, size}.";

#[derive(Args, Debug)]
#[command(after_help = OPEN_HELP)]
pub(crate) struct OpenArgs {
    /// Plugin to write (`-`: standard output)
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Sealed data of a bundle that carries none
    #[arg(long, value_name = "FILE")]
    blob: Option<PathBuf>,
    /// Envelope from the purchase, as JSON, for a bundle that has none for you
    #[arg(long, value_name = "FILE")]
    envelope: Option<PathBuf>,
    /// Ed25519 key that must have signed it [default: anybody's, or none]
    #[arg(long, value_name = "HEX", value_parser = verifying_key)]
    publisher: Option<VerifyingKey>,
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
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    pub(super) shown: Shown,
}

/// What was opened.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Opened<'a> {
    plugin_id: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
    sha256: String,
    size: u64,
}

pub(super) fn open(args: &OpenArgs) -> Result<()> {
    let mut readers = vec![
        ("the bundle", Some(Path::new("-"))),
        ("--blob", args.blob.as_deref()),
        ("--envelope", args.envelope.as_deref()),
        ("--domain-secret-file", args.domain_secret_file.as_deref()),
        ("--dek-file", args.dek_file.as_deref()),
    ];
    readers.extend(args.holder.readers());
    one_reader_of_stdin(&readers)?;
    if is_dash(&args.output) && args.shown.json {
        return Err(Failure::usage("stdout_taken", "the plugin and JSON cannot both go to standard output")
            .hint("name a file for OUT, or leave out --json"));
    }
    let mut bundle = Bundle::from_json(&document("a bundle")?).map_err(failed)?;
    if let Some(path) = &args.blob {
        bundle.encrypted_data = Some(whole(path)?.to_vec());
    }
    if let Some(path) = &args.envelope {
        let envelope = read_envelope(&Input::open(path)?.read_all()?, &path.display().to_string())?;
        bundle.buyer_wrapped_keys.push(envelope);
    }
    let trust = args.publisher.as_ref().map_or(Trust::AllowUnsigned, Trust::Publisher);
    let verified = bundle.verify(trust).map_err(told)?;
    let plain = match (&args.domain, &args.domain_secret_file, &args.dek_file) {
        (Some(domain), Some(secret), _) => {
            let version = domain_version(&bundle, args.epoch)?;
            let secret = key_file::domain_secret(secret, version)?;
            let key = DomainKey::derive(&secret, domain, &bundle.plugin_id, version).map_err(failed)?;
            verified.open_with_domain_key(&key).map_err(told)?
        }
        (.., Some(dek)) => {
            let opened = verified.open(&key_file::content_key(dek)?.dek);
            opened.map_err(|error| match error {
                BundleError::Content(ContentError::Corrupt) => failed(error).hint(
                    "check that the content key is this bundle's, and fetch bundle and data again if it is",
                ),
                error => told(error),
            })?
        }
        _ => open_as_buyer(&verified, &args.holder)?,
    };

    OutFile::create(&args.output, Access::Owner, args.replace.force)?.finish_with(&plain)?;
    let publisher = bundle.publisher.filter(|_| bundle.signature.is_some()).map(hex::encode);
    match (&publisher, args.publisher) {
        (Some(key), None) => {
            say!("sealpost: signed by {key}; whether that is the publisher, --publisher HEX checks")
        }
        (None, None) => say!("sealpost: this bundle is not signed"),
        _ => {}
    }
    if bundle.wasm_hash.is_none() {
        say!("sealpost: this bundle names no hash of its plugin");
    }
    if args.shown.json {
        let digest = Digest::of(&plain);
        let opened = Opened {
            plugin_id: &bundle.plugin_id,
            version: &bundle.version,
            publisher,
            sha256: digest.hex(),
            size: digest.size,
        };
        hand_over(json_text(&opened)?.as_bytes())?;
    }
    Ok(())
}

fn open_as_buyer(verified: &VerifiedBundle<'_>, holder: &Holder) -> Result<Zeroizing<Vec<u8>>> {
    let bundle = verified.bundle();
    if bundle.buyer_wrapped_keys.is_empty() {
        return Err(Failure::new("bundle_no_envelope", "the bundle is wrapped for no buyer").hint(
            "open it with --domain D --domain-secret-file FILE, or give the envelope from the purchase with --envelope FILE",
        ));
    }
    let mut refused = BundleError::NotForKey;
    for key in holder.keys(&bundle.buyer_wrapped_keys)? {
        match bundle.dek_by_buyer_key(&key) {
            Ok(dek) => return verified.open(&dek).map_err(told),
            Err(error) => refused = error,
        }
    }
    Err(told(refused))
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

/// A failure of opening, with what can be done about it here.
fn told(error: BundleError) -> Failure {
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
