//! `bundle make` and `bundle open`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealpost_envelope::{
    Dek, Digest, VerifyingKey,
    bundle::{Bundle, BundleError},
    content::WHOLE_LIMIT,
    domain::{DomainKey, DomainVersion},
    ecdh::{Curve, Recipient},
    release::{ReleaseError, Trust},
};
use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    failure::{Doing as _, Failure, Result},
    holder::Holder,
    input::{Input, document, is_dash, one_reader_of_stdin},
    key_file,
    offline::{Replace, Shown, failed, hand_over, json_text, verifying_key},
    outfile::{Access, OutFile},
    output::{clean, say},
};

const MAKE_HELP: &str = "\
Standard output gets the bundle as JSON. Its content key is wrapped for every --to and --domain;
keep it with --dek-out to wrap it for later buyers with `sealpost envelope wrap`.

Files: a content key is 32 bytes as hex or raw, an age identity, or what `sealpost seal` printed; a
publisher's key is an Ed25519 seed, 32 bytes as hex or raw. A domain secret of version 2 is at least
32 bytes, as hex or raw; one of version 1 is a text, taken without its last line end.

Examples:
  sealpost bundle make plugin.wasm --plugin-id ID --to secp256k1:03e9... > bundle.json

With the data apart, published between the two:
  sealpost seal --cipher aes-256-gcm plugin.wasm blob > key.txt
  sealpost bundle make blob --sealed --dek-file key.txt --cid bafy... --plugin-id ID --to ...";

const OPEN_HELP: &str = "\
Reads the bundle as JSON from standard input and writes the plugin to OUT when signature, tag and
hash were checked.

A domain secret of version 2 is at least 32 bytes, as hex or raw; one of version 1 is a text, taken
without its last line end. A bundle without `domainKek` has domain keys of version 1.

--json prints {pluginId, version, publisher?, sha256, size}.";

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Seal a plugin and wrap its content key for buyers and domains
    Make(MakeArgs),
    /// Open a bundle with a buyer's key, a domain secret or its content key
    Open(OpenArgs),
}

impl BundleCommand {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Make(args) => args.shown.json,
            Self::Open(args) => args.shown.json,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = MAKE_HELP)]
pub(crate) struct MakeArgs {
    /// Plugin to seal (`-`: standard input)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Id of the plugin, such as com.publisher.my-plugin
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    plugin_id: String,
    /// Version of the plugin
    #[arg(long, default_value = "1.0.0", value_parser = NonEmptyStringValueParser::new())]
    version: String,
    /// JSON object to publish with it
    #[arg(long, value_name = "FILE")]
    manifest_file: Option<PathBuf>,
    /// Sign it with this Ed25519 seed
    #[arg(long, value_name = "FILE")]
    publisher_key_file: Option<PathBuf>,

    /// Content key to seal with [default: a fresh one]
    #[arg(long, value_name = "FILE", help_heading = "Content key")]
    dek_file: Option<PathBuf>,
    /// Write the fresh content key to this new file, as hex
    #[arg(long, value_name = "FILE", conflicts_with = "dek_file", help_heading = "Content key")]
    dek_out: Option<PathBuf>,

    /// Buyer to wrap the content key for, such as secp256k1:03e9...; can be given again
    #[arg(long, value_name = "CURVE:HEX", value_parser = recipient, help_heading = "Who can open it")]
    to: Vec<Recipient>,
    /// Domain to wrap the content key for; can be given again
    #[arg(long, requires = "domain_secret_file", help_heading = "Who can open it")]
    domain: Vec<String>,
    /// Secret that the keys of domains come from
    #[arg(long, value_name = "FILE", requires = "domain", help_heading = "Who can open it")]
    domain_secret_file: Option<PathBuf>,
    /// Period of the domain keys [default: 0, or none with version 1]
    #[arg(long, value_name = "N", requires = "domain", help_heading = "Who can open it")]
    epoch: Option<u64>,
    /// How the keys of domains are derived; 1 is for what exists already
    #[arg(long, value_name = "1|2", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2), help_heading = "Who can open it")]
    domain_version: u8,

    /// IN is sealed already, by `sealpost seal --cipher aes-256-gcm` and the key of --dek-file
    #[arg(long, requires = "dek_file", help_heading = "Data")]
    sealed: bool,
    /// Where the sealed data can be fetched; the bundle then carries none
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), help_heading = "Data")]
    cid: Option<String>,
    /// Write the sealed data to this file instead of into the bundle
    #[arg(long, value_name = "FILE", conflicts_with = "sealed", help_heading = "Data")]
    blob_out: Option<PathBuf>,

    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
#[command(after_help = OPEN_HELP)]
pub(crate) struct OpenArgs {
    /// Plugin to write (`-`: standard output)
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Sealed data of a bundle that carries none
    #[arg(long, value_name = "FILE")]
    blob: Option<PathBuf>,
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
    shown: Shown,
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

pub(crate) fn bundle(command: &BundleCommand) -> Result<()> {
    match command {
        BundleCommand::Make(args) => make(args),
        BundleCommand::Open(args) => open(args),
    }
}

fn make(args: &MakeArgs) -> Result<()> {
    one_reader_of_stdin(&[
        ("IN", Some(&args.input)),
        ("--dek-file", args.dek_file.as_deref()),
        ("--manifest-file", args.manifest_file.as_deref()),
        ("--publisher-key-file", args.publisher_key_file.as_deref()),
        ("--domain-secret-file", args.domain_secret_file.as_deref()),
    ])?;
    if args.to.is_empty() && args.domain.is_empty() && args.dek_file.is_none() && args.dek_out.is_none() {
        return Err(Failure::usage("no_recipient", "nobody could open this bundle").hint(
            "name buyers with --to CURVE:HEX or domains with --domain, or keep its key with --dek-out FILE",
        ));
    }
    if args.cid.is_some() && !args.sealed && args.blob_out.is_none() {
        return Err(Failure::usage(
            "no_blob",
            "the sealed data would be neither in the bundle nor in a file",
        )
        .hint(
            "publish what `sealpost seal` made and give it with --sealed, or write it with --blob-out FILE",
        ));
    }
    for path in [&args.dek_out, &args.blob_out].into_iter().flatten().filter(|path| is_dash(path)) {
        let sentence = format!("{} is taken: the bundle goes there", path.display());
        return Err(Failure::usage("stdout_taken", sentence).hint("name a file"));
    }

    let rng = &mut UnwrapErr(SysRng);
    let given = args.dek_file.as_deref().map(key_file::content_key).transpose()?.map(|key| key.dek);
    let dek = given.unwrap_or_else(|| Dek::generate(rng));
    let publisher = args.publisher_key_file.as_deref().map(key_file::signing_key).transpose()?;
    let manifest = args.manifest_file.as_deref().map(manifest).transpose()?.unwrap_or_default();
    let key_out = args.dek_out.as_deref();
    let key_out = key_out.map(|path| OutFile::create(path, Access::Owner, args.replace.force)).transpose()?;
    let blob_out = args.blob_out.as_deref();
    let blob_out =
        blob_out.map(|path| OutFile::create(path, Access::Ordinary, args.replace.force)).transpose()?;

    let data = whole(&args.input)?;
    let mut bundle = match args.sealed {
        false => Bundle::seal_with(&args.plugin_id, &data, &dek, rng).map_err(failed)?,
        true => sealed_before(&args.plugin_id, data.to_vec(), &dek)?,
    };
    bundle.version.clone_from(&args.version);
    bundle.manifest = manifest;
    bundle.cid.clone_from(&args.cid);
    for buyer in &args.to {
        bundle.add_buyer(&dek, buyer, rng).map_err(failed)?;
    }
    if let Some(path) = &args.domain_secret_file {
        let version = match (args.domain_version, args.epoch) {
            (1, epoch) => DomainVersion::V1 { epoch },
            (_, epoch) => DomainVersion::V2 { epoch: epoch.unwrap_or_default() },
        };
        let secret = key_file::domain_secret(path, version)?;
        bundle.add_domains(&dek, &secret, &args.domain, version, rng).map_err(failed)?;
    }
    if let Some(publisher) = &publisher {
        bundle.sign(publisher).map_err(failed)?;
    }

    let blob = match blob_out.is_some() || bundle.cid.is_some() {
        true => bundle.encrypted_data.take(),
        false => None,
    };
    let mut kept = Vec::new();
    if let Some(mut file) = key_out {
        let hex = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(dek.expose()))));
        file.write_all(hex.as_bytes()).doing("output_file", format_args!("write {}", file.name()))?;
        kept.push(file);
    }
    if let (Some(mut file), Some(blob)) = (blob_out, blob) {
        file.write_all(&blob).doing("output_file", format_args!("write {}", file.name()))?;
        kept.push(file);
    }
    // What the bundle is worthless without gets its name first, and the bundle is told last.
    kept.into_iter().try_for_each(OutFile::commit)?;
    hand_over(format!("{}\n", bundle.to_json().map_err(failed)?).as_bytes())?;
    if args.dek_file.is_none() && args.dek_out.is_none() {
        say!(
            "sealpost: its content key was not kept, so nobody else can be added later; keep it with --dek-out FILE"
        );
    }
    Ok(())
}

fn open(args: &OpenArgs) -> Result<()> {
    let mut readers = vec![
        ("the bundle", Some(Path::new("-"))),
        ("--blob", args.blob.as_deref()),
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
    let trust = args.publisher.as_ref().map_or(Trust::AllowUnsigned, Trust::Publisher);
    bundle.verify(trust).map_err(told)?;
    if let Some(path) = &args.blob {
        bundle.encrypted_data = Some(whole(path)?.to_vec());
    }
    let plain = match (&args.domain, &args.domain_secret_file, &args.dek_file) {
        (Some(domain), Some(secret), _) => {
            let version = domain_version(&bundle, args.epoch)?;
            let secret = key_file::domain_secret(secret, version)?;
            let key = DomainKey::derive(&secret, domain, &bundle.plugin_id, version).map_err(failed)?;
            bundle.open_with_domain_key(&key).map_err(told)?
        }
        (.., Some(dek)) => bundle.open(&key_file::content_key(dek)?.dek).map_err(told)?,
        _ => open_as_buyer(&bundle, &args.holder)?,
    };

    let mut output = OutFile::create(&args.output, Access::Owner, args.replace.force)?;
    output.write_all(&plain).doing("output_file", format_args!("write {}", output.name()))?;
    output.commit()?;
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

fn open_as_buyer(bundle: &Bundle, holder: &Holder) -> Result<Zeroizing<Vec<u8>>> {
    if bundle.buyer_wrapped_keys.is_empty() {
        return Err(Failure::new("bundle_no_envelope", "the bundle is wrapped for no buyer").hint(
            "open it with --domain D --domain-secret-file FILE, or add the envelope from the purchase",
        ));
    }
    let mut refused = BundleError::NotForKey;
    for key in holder.keys(&bundle.buyer_wrapped_keys)? {
        match bundle.dek_by_buyer_key(&key) {
            Ok(dek) => return bundle.open(&dek).map_err(told),
            Err(error) => refused = error,
        }
    }
    Err(failed(refused))
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

/// A bundle around data that is sealed already.
fn sealed_before(plugin_id: &str, blob: Vec<u8>, dek: &Dek) -> Result<Bundle> {
    let mut bundle =
        Bundle { plugin_id: plugin_id.to_owned(), encrypted_data: Some(blob), ..Bundle::default() };
    let plain = bundle.open(dek).map_err(|error| {
        failed(error).hint(
            "with --sealed, IN is made by `sealpost seal --cipher aes-256-gcm` with the key of --dek-file",
        )
    })?;
    bundle.wasm_hash = Some(Digest::of(&plain).sha256);
    Ok(bundle)
}

/// A file that is sealed or opened as a whole.
fn whole(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    Input::open(path)?.read_up_to(WHOLE_LIMIT as u64)
}

fn manifest(path: &Path) -> Result<Map<String, Value>> {
    let text = Input::open(path)?.read_all()?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::new("manifest_file", format!("{} is no JSON object: {error}", path.display()))
            .hint("a manifest is what the plugin says of itself, such as {\"name\": \"My plugin\"}")
    })
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
        BundleError::NoData { cid: None } => failed(error).hint("give it with --blob FILE"),
        _ => failed(error),
    }
}

fn recipient(text: &str) -> Result<Recipient, String> {
    let (curve, key) =
        text.trim().split_once(':').ok_or("a buyer is written CURVE:HEX, such as secp256k1:03e9...")?;
    let curve: Curve =
        curve.parse().map_err(|error: sealpost_envelope::ecdh::UnknownCurve| error.to_string())?;
    Recipient::from_hex(curve, key).map_err(|error| error.to_string())
}
