//! `bundle open`.

use std::path::{Path, PathBuf};

use clap::Args;
use sealpost_envelope::{Digest, VerifyingKey, bundle::Bundle, release::Trust};
use serde::Serialize;

use super::opening::{Beside, Opening, told};
use crate::{
    failure::{Failure, Result},
    input::{document, is_dash, one_reader_of_stdin},
    offline::{Replace, Shown, failed, hand_over_json, verifying_key},
    outfile::{Access, OutFile},
    output::say,
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
    #[command(flatten)]
    beside: Beside,
    /// Ed25519 key that must have signed it [default: anybody's, or none]
    #[arg(long, value_name = "HEX", value_parser = verifying_key)]
    publisher: Option<VerifyingKey>,
    #[command(flatten)]
    opening: Opening,
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
    let mut readers = vec![("the bundle", Some(Path::new("-")))];
    readers.extend(args.beside.readers());
    readers.extend(args.opening.readers());
    one_reader_of_stdin(&readers)?;
    if is_dash(&args.output) && args.shown.json {
        return Err(Failure::usage("stdout_taken", "the plugin and JSON cannot both go to standard output")
            .hint("name a file for OUT, or leave out --json"));
    }
    let mut bundle = Bundle::from_json(&document("a bundle")?).map_err(failed)?;
    args.beside.add_to(&mut bundle)?;
    let trust = args.publisher.as_ref().map_or(Trust::AllowUnsigned, Trust::Publisher);
    let verified = bundle.verify(trust).map_err(told)?;
    let plain = args.opening.plaintext(&verified, None)?;

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
        hand_over_json(&opened)?;
    }
    Ok(())
}
