//! `bundle make`.

use std::path::{Path, PathBuf};

use clap::{Args, builder::NonEmptyStringValueParser};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealpost_envelope::{
    Dek, Digest,
    bundle::Bundle,
    domain::DomainVersion,
    ecdh::{Curve, Recipient, UnknownCurve},
    release::Trust,
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::whole;
use crate::{
    failure::{Failure, Result},
    input::{Input, is_dash, one_reader_of_stdin},
    key_file,
    offline::{Replace, Shown, failed, hand_over},
    outfile::{Access, OutFile},
    output::say,
};

const MAKE_HELP: &str = "\
Standard output gets the bundle as JSON. Its content key is wrapped for every --to and --domain;
keep it with --dek-out to wrap it for later buyers with `sealpost envelope wrap`.

Files: a content key is 32 bytes as hex or raw, an age identity, or what `sealpost seal` printed; a
publisher's key is an Ed25519 seed, 32 bytes as hex or raw. A domain secret of version 2 is at least
32 bytes, as hex, raw or text; one of version 1 is a text, taken without its last line end.

Examples:
  sealpost bundle make plugin.wasm --plugin-id ID --to secp256k1:03e9... > bundle.json

With the data apart, published between the two:
  sealpost seal --cipher aes-256-gcm plugin.wasm blob > key.txt
  sealpost bundle make blob --sealed --dek-file key.txt --cid bafy... --plugin-id ID --to ...";

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
    pub(super) shown: Shown,
}

pub(super) fn make(args: &MakeArgs) -> Result<()> {
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
    let (dek_out, blob_out) = (args.dek_out.as_deref(), args.blob_out.as_deref());
    if dek_out.is_some_and(is_dash) || blob_out.is_some_and(is_dash) {
        return Err(Failure::usage("stdout_taken", "standard output is taken: the bundle goes there")
            .hint("name a file for --dek-out and --blob-out"));
    }
    if dek_out.is_some() && dek_out == blob_out {
        return Err(Failure::usage("same_file", "the key and the sealed data cannot be one file")
            .hint("name another file with --dek-out"));
    }

    let rng = &mut UnwrapErr(SysRng);
    let given = args.dek_file.as_deref().map(key_file::content_key).transpose()?.map(|key| key.dek);
    let dek = given.unwrap_or_else(|| Dek::generate(rng));
    let publisher = args.publisher_key_file.as_deref().map(key_file::signing_key).transpose()?;
    let manifest = args.manifest_file.as_deref().map(manifest).transpose()?.unwrap_or_default();
    let key_out = dek_out.map(|path| OutFile::create(path, Access::Owner, args.replace.force)).transpose()?;
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
    // What the bundle is worthless without gets its name first, and the bundle is told last.
    if let Some(file) = key_out {
        let hex = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(dek.expose()))));
        file.finish_with(hex.as_bytes())?;
    }
    if let (Some(file), Some(blob)) = (blob_out, blob) {
        file.finish_with(&blob)?;
    }
    hand_over(format!("{}\n", bundle.to_json().map_err(failed)?).as_bytes())?;
    if args.dek_file.is_none() && args.dek_out.is_none() {
        say!(
            "sealpost: its content key was not kept, so nobody else can be added later; keep it with --dek-out FILE"
        );
    }
    Ok(())
}

/// A bundle around data that is sealed already.
fn sealed_before(plugin_id: &str, blob: Vec<u8>, dek: &Dek) -> Result<Bundle> {
    let mut bundle =
        Bundle { plugin_id: plugin_id.to_owned(), encrypted_data: Some(blob), ..Bundle::default() };
    let opened = bundle.verify(Trust::AllowUnsigned).and_then(|own| own.open(dek));
    let plain = opened.map_err(|error| {
        failed(error).hint(
            "with --sealed, IN is made by `sealpost seal --cipher aes-256-gcm` with the key of --dek-file",
        )
    })?;
    bundle.wasm_hash = Some(Digest::of(&plain).sha256);
    Ok(bundle)
}

fn manifest(path: &Path) -> Result<Map<String, Value>> {
    let text = Input::open(path)?.read_all()?;
    serde_json::from_slice(&text).map_err(|error| {
        Failure::new("manifest_file", format!("{} is no JSON object: {error}", path.display()))
            .hint("a manifest is what the plugin says of itself, such as {\"name\": \"My plugin\"}")
    })
}

fn recipient(text: &str) -> Result<Recipient, String> {
    let (curve, key) =
        text.trim().split_once(':').ok_or("a buyer is written CURVE:HEX, such as secp256k1:03e9...")?;
    let curve: Curve = curve.parse().map_err(|error: UnknownCurve| error.to_string())?;
    Recipient::from_hex(curve, key).map_err(|error| error.to_string())
}
