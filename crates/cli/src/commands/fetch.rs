//! `fetch`.

use std::path::PathBuf;
use std::str::FromStr;

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
use sealpost_market::{PluginId, Version};
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
    output::{answer, clean, say, short_size},
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
    #[arg(long, value_parser = Version::from_str)]
    version: Option<Version>,
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
    let named = file_name(&told, licence, &args)?;
    let file = args.out.unwrap_or(named);
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
    let Fetched { file, plugin_id, version, .. } = fetched;
    let device = clean(fetched.device);
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
        query.push(("version", version.to_string()));
    }
    match (&args.device, licence.devices.as_deref()) {
        (Some(device), _) => query.push(("device", device.clone())),
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
    let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    client.get(&["api", "v1", "licences", &licence.id, "bundle"], &query).await
}

/// What the bundle is called where nobody names a file: only a bundle that was asked for has a name. What comes from the
/// store never becomes a path, and a signature alone does not tell one plugin or version of a publisher from another.
fn file_name(told: &PluginBundle, licence: &Licence, args: &FetchArgs) -> Result<PathBuf> {
    let other = |what: &str| {
        Failure::new(
            "other_bundle",
            format!("the store sent the bundle of another {what} than was asked for"),
        )
        .hint("fetch it again; if it stays, tell the store's operator")
    };
    let plugin_id = PluginId::parse(&told.plugin_id).map_err(|_| other("plugin"))?;
    if licence.plugin_id.as_deref() != Some(plugin_id.as_str()) {
        return Err(other("plugin"));
    }
    let version = told.version.parse::<Version>().map_err(|_| other("version"))?;
    if told.version != version.to_string() || args.version.as_ref().is_some_and(|asked| *asked != version) {
        return Err(other("version"));
    }
    if told.licence != licence.id {
        return Err(other("licence"));
    }
    if args.device.as_ref().is_some_and(|asked| *asked != told.device) {
        return Err(other("device"));
    }
    Ok(format!("{plugin_id}-{version}.json").into())
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
        BundleError::Release(ReleaseError::WrongPublisher) => failed(error).hint(
            "a version that is signed by another key than the one of your purchase is given by name: add --version",
        ),
        _ => failed(error),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: FetchArgs,
    }

    fn named(changes: &[(&str, &str)], line: &str) -> Result<PathBuf> {
        let mut told = json!({
            "pluginId": "org.example.viewer", "version": "1.2.0", "manifest": {}, "wasmHash": "",
            "buyerWrappedKeys": [], "blobUrl": "", "blobSha256": "", "blobSize": 1,
            "licence": "lic_1", "device": "d_1", "release": "r_1",
        });
        for (name, value) in changes {
            told[*name] = json!(value);
        }
        let licence = Licence {
            id: "lic_1".into(),
            plugin_id: Some("org.example.viewer".into()),
            ..Licence::default()
        };
        let line =
            Line::try_parse_from(format!("fetch org.example.viewer {line}").split_whitespace()).unwrap();
        file_name(&serde_json::from_value(told).unwrap(), &licence, &line.args)
    }

    #[test]
    fn a_bundle_that_was_asked_for_is_named_after_plugin_and_version() {
        for line in ["", "--version 1.2", "--version 1.2.0 --device d_1"] {
            assert_eq!(named(&[], line).unwrap(), PathBuf::from("org.example.viewer-1.2.0.json"), "{line}");
        }
    }

    #[test]
    fn no_store_chooses_another_path_plugin_version_licence_or_device() {
        for (change, line) in [
            (("pluginId", "/tmp/pwned"), ""),
            (("pluginId", "../pwned"), ""),
            (("pluginId", "org.example.other"), ""),
            (("pluginId", "\u{1b}]0;x\u{7}"), ""),
            (("version", "1.0.0/../../pwned"), ""),
            (("version", "1.2"), ""),
            (("version", "1.1.0"), "--version 1.2.0"),
            (("licence", "lic_2"), ""),
            (("device", "d_2"), "--device d_1"),
        ] {
            assert_eq!(named(&[change], line).unwrap_err().code(), "other_bundle", "{change:?}");
        }
        // Not even with a licence to match.
        let strange =
            Licence { id: "lic_1".into(), plugin_id: Some("../pwned".into()), ..Licence::default() };
        let line = Line::try_parse_from(["fetch", "lic_1"]).unwrap();
        let told = json!({
            "pluginId": "../pwned", "version": "1.2.0", "manifest": {}, "wasmHash": "",
            "buyerWrappedKeys": [], "blobUrl": "", "blobSha256": "", "blobSize": 1,
            "licence": "lic_1", "device": "d_1", "release": "r_1",
        });
        let told = serde_json::from_value(told).unwrap();
        assert_eq!(file_name(&told, &strange, &line.args).unwrap_err().code(), "other_bundle");
    }
}
