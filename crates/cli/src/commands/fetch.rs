//! `fetch`.

use std::path::PathBuf;

use clap::Args;
use sealpost_api::{marketplace::PluginBundle, purchase::Licence};
use sealpost_envelope::{
    VerifyingKey,
    bundle::{Bundle, BundleError},
    content::WHOLE_LIMIT,
    digest::sha256_hex,
    keyset,
    release::{ReleaseError, Trust},
};
use sealpost_wallet::GAP;
use serde::Serialize;

use crate::{
    client::Client,
    commands::{buying::fetch_licences, devices::find_licence},
    connection::{Connection, id, listing_name},
    failure::{Failure, Result},
    input::is_dash,
    offline::{Replace, failed, verifying_key},
    outfile::{Access, OutFile},
    output::{answer, say, short_size},
    upload::progress_bar,
};

const HELP: &str = "\
The bundle holds the sealed plugin and its key, wrapped for one of your devices: `sealpost run` and
`sealpost bundle open` open it with the wallet or key file of that device, and nothing else does.
What was signed is checked by the publisher's key as it was when you bought the plugin.

Examples:
  sealpost fetch org.example.viewer
  sealpost fetch lic_4f --version 1.2.0 --out viewer.json
  sealpost bundle open viewer.wasm < viewer.json";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct FetchArgs {
    /// Licence, or plugin you have a licence for
    #[arg(value_name = "LICENCE|PLUGIN", value_parser = listing_name)]
    what: String,
    /// Bundle to write (`-`: standard output) [default: PLUGIN-VERSION.json]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Version to fetch [default: the newest that the licence covers]
    #[arg(long)]
    version: Option<String>,
    /// Device to fetch it for [default: the only one of the licence]
    #[arg(long, value_name = "ID", value_parser = id)]
    device: Option<String>,
    /// Ed25519 key that must have signed it [default: the publisher's when it was bought]
    #[arg(long, value_name = "HEX", value_parser = verifying_key)]
    publisher: Option<VerifyingKey>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// What was fetched.
#[derive(Serialize)]
struct Fetched<'a> {
    file: String,
    plugin_id: &'a str,
    version: &'a str,
    licence: &'a str,
    device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_by: Option<String>,
    blob_size: u64,
}

pub(crate) async fn fetch(args: FetchArgs) -> Result<()> {
    if args.out.as_deref().is_some_and(is_dash) && args.connection.json {
        return Err(Failure::usage("stdout_taken", "the bundle and JSON cannot both go to standard output")
            .hint("name a file with --out, or leave out --json"));
    }
    let client = Client::signed_in(&args.connection)?;
    let licences = fetch_licences(&client).await?.licences;
    let licence = find_licence(&licences, &args.what)?;
    let told = fetch_bundle(&client, licence, &args).await?;
    let file = args.out.unwrap_or_else(|| format!("{}-{}.json", told.plugin_id, told.version).into());
    let out = OutFile::create(&file, Access::Ordinary, args.replace.force)?;

    let mut bundle = to_bundle(&told)?;
    bundle.encrypted_data = Some(fetch_blob(&client, &told).await?);
    check_signature(&bundle, licence, args.publisher)?;
    out.finish_with(format!("{}\n", bundle.to_json().map_err(failed)?).as_bytes())?;

    if is_dash(&file) {
        return Ok(());
    }
    let fetched = Fetched {
        file: file.display().to_string(),
        plugin_id: &told.plugin_id,
        version: &told.version,
        licence: &told.licence,
        device: &told.device,
        index: index_of(licence, &told.device),
        signed_by: bundle.publisher.filter(|_| bundle.signature.is_some()).map(hex::encode),
        blob_size: told.blob_size,
    };
    answer(args.connection.json, &fetched, readable);
    Ok(())
}

fn readable(fetched: &Fetched<'_>) -> String {
    let size = short_size(fetched.blob_size);
    let Fetched { file, plugin_id, version, device, .. } = fetched;
    let mut text = format!("Fetched {plugin_id} {version} for device {device}: {file} ({size}).\n");
    if let Some(key) = &fetched.signed_by {
        text += &format!("Signed by its publisher: --publisher {key}\n");
    }
    // Those before are found by trying.
    if let Some(index) = fetched.index.filter(|index| *index >= GAP) {
        text += &format!("Its key is far down the wallet: --index {index}\n");
    }
    text
}

fn index_of(licence: &Licence, device: &str) -> Option<u32> {
    licence.devices.iter().flatten().find(|known| known.id == device)?.index
}

async fn fetch_bundle(client: &Client, licence: &Licence, args: &FetchArgs) -> Result<PluginBundle> {
    let mut query = Vec::new();
    if let Some(version) = &args.version {
        query.push(("version", version.as_str()));
    }
    match (&args.device, licence.devices.as_deref()) {
        (Some(device), _) => query.push(("device", device)),
        (None, Some([])) => {
            return Err(Failure::new("which_device", "this licence has no device yet")
                .hint(format!("register one: sealpost devices {} --add", licence.id)));
        }
        (None, Some([_, _, ..])) => {
            return Err(Failure::new("which_device", "this licence has several devices")
                .hint(format!("name one with --device ID: `sealpost devices {}` shows them", licence.id)));
        }
        _ => {}
    }
    client.get(&["api", "v1", "licences", &licence.id, "bundle"], &query).await
}

/// The bundle as it is written to a file: what only the store's API needs is left out.
fn to_bundle(told: &PluginBundle) -> Result<Bundle> {
    let json = serde_json::to_vec(told).map_err(|error| Failure::new("json", error.to_string()))?;
    Bundle::from_json(&json).map_err(failed)
}

async fn fetch_blob(client: &Client, told: &PluginBundle) -> Result<Vec<u8>> {
    if told.blob_size > WHOLE_LIMIT as u64 {
        let sentence = format!("the plugin has {}, more than are opened", short_size(told.blob_size));
        return Err(Failure::new("file_too_large", sentence).hint("ask its publisher for a smaller one"));
    }
    let bar = progress_bar(told.blob_size);
    let path = ["api", "v1", "releases", &told.release, "blob"];
    let blob = client.download(&path, told.blob_size, |seen| bar.set_position(seen)).await;
    bar.finish_and_clear();
    let blob = blob?;
    if sha256_hex(&blob) != told.blob_sha256 {
        return Err(Failure::new("blob_changed", "the sealed plugin is another one than the store named")
            .hint("fetch it again; if it stays, tell the store's operator"));
    }
    Ok(blob)
}

/// By the key that was recorded at purchase, not by whatever the bundle names.
fn check_signature(bundle: &Bundle, licence: &Licence, trusted: Option<VerifyingKey>) -> Result<()> {
    let recorded = || licence.publisher_key.as_deref().map(keyset::public_key_from_hex).transpose();
    let key = trusted.map_or_else(recorded, |key| Ok(Some(key))).map_err(failed)?;
    if key.is_none() && bundle.signature.is_none() {
        say!("sealpost: this plugin is not signed by its publisher");
    }
    let trust = key.as_ref().map_or(Trust::AllowUnsigned, Trust::Publisher);
    bundle.verify(trust).map(drop).map_err(|error| match &error {
        BundleError::Release(ReleaseError::WrongPublisher) if trusted.is_none() => failed(error).hint(
            "its publisher may have a new key since you bought it: ask for it elsewhere, and trust it with --publisher HEX",
        ),
        _ => failed(error),
    })
}
