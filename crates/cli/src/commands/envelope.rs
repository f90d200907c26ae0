//! `envelope wrap`, `unwrap`, `to-eme` and `from-eme`.

use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealpost_envelope::{
    ecdh::{self, Curve, EcdhError, Envelope, Recipient},
    eme::{self, Record},
};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, Result},
    holder::Holder,
    input::{document, one_reader_of_stdin},
    key_file,
    offline::{Shown, curve_option, failed, hand_over, json_text},
    outfile::{Access, OutFile},
    output::{clean, print_json, say},
};

const STDIN: &str = "standard input";

#[derive(Debug, Subcommand)]
pub(crate) enum EnvelopeCommand {
    /// Wrap a content key for one recipient: the envelope is JSON on standard output
    Wrap(WrapArgs),
    /// Unwrap a content key: envelope JSON on standard input, the key as hex on standard output
    Unwrap(UnwrapArgs),
    /// Write envelope JSON from standard input as the bytes of an $EME FlatBuffer, size-prefixed
    ToEme(ToEmeArgs),
    /// Read an $EME FlatBuffer from standard input, with or without size prefix, and print its envelope as JSON
    FromEme(FromEmeArgs),
}

impl EnvelopeCommand {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Wrap(args) => args.shown.json,
            Self::Unwrap(args) => args.shown.json,
            Self::ToEme(args) => args.shown.json,
            Self::FromEme(args) => args.shown.json,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct WrapArgs {
    /// Public key of the recipient: SEC1, compressed or not, or 32 bytes for x25519 and ed25519
    #[arg(long, value_name = "HEX")]
    to: String,
    /// Curve of that key
    #[arg(long, value_parser = curve_option())]
    curve: Curve,
    /// Plugin the content key is for; unwrapping takes the same
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    plugin_id: String,
    /// Content key to wrap (`-`: standard input)
    #[arg(long, value_name = "FILE")]
    dek_file: PathBuf,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct UnwrapArgs {
    /// Plugin the content key was wrapped for
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    plugin_id: String,
    #[command(flatten)]
    holder: Holder,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct ToEmeArgs {
    /// Plugin to name in the record [default: none]
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    plugin_id: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct FromEmeArgs {
    /// Read any number of records, or a collection, and print an array
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    shown: Shown,
}

/// A content key, as hex.
#[derive(Serialize)]
struct Unwrapped<'a> {
    dek: &'a str,
}

pub(crate) fn envelope(command: &EnvelopeCommand) -> Result<()> {
    match command {
        EnvelopeCommand::Wrap(args) => wrap(args),
        EnvelopeCommand::Unwrap(args) => unwrap(args),
        EnvelopeCommand::ToEme(args) => to_eme(args),
        EnvelopeCommand::FromEme(args) => from_eme(args),
    }
}

fn wrap(args: &WrapArgs) -> Result<()> {
    let recipient = Recipient::from_hex(args.curve, args.to.trim()).map_err(failed)?;
    let dek = key_file::content_key(&args.dek_file)?.dek;
    let wrapped = ecdh::wrap(&dek, &recipient, &args.plugin_id, &mut UnwrapErr(SysRng)).map_err(failed)?;
    print_json(&wrapped);
    Ok(())
}

fn unwrap(args: &UnwrapArgs) -> Result<()> {
    let mut readers = vec![("the envelope", Some(Path::new("-")))];
    readers.extend(args.holder.readers());
    one_reader_of_stdin(&readers)?;
    let envelope = read_envelope(&document("an envelope")?, STDIN)?;
    let mut last = EcdhError::Open;
    for key in args.holder.keys(std::slice::from_ref(&envelope))? {
        match ecdh::unwrap(&envelope, &key, &args.plugin_id) {
            Ok(dek) => {
                let hex = Zeroizing::new(hex::encode(dek.expose()));
                return match args.shown.json {
                    true => hand_over(json_text(&Unwrapped { dek: &hex })?.as_bytes()),
                    false => hand_over(Zeroizing::new(format!("{}\n", *hex)).as_bytes()),
                };
            }
            Err(error) => last = error,
        }
    }
    Err(match last {
        EcdhError::Open => failed(last)
            .hint("check that the key is the recipient's, and --plugin-id the one it was wrapped for"),
        _ => failed(last),
    })
}

fn to_eme(args: &ToEmeArgs) -> Result<()> {
    let text = document("an envelope")?;
    let envelopes = match text.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice(&text).map_err(|error| no_envelope(STDIN, &error))?,
        _ => vec![read_envelope(&text, STDIN)?],
    };
    let records: Vec<_> = envelopes
        .into_iter()
        .map(|envelope| Record { envelope, plugin_id: args.plugin_id.clone() })
        .collect();
    let bytes = eme::to_stream(&records).map_err(failed)?;
    if args.shown.json {
        print_json(&json!({ "eme": BASE64_STANDARD.encode(&bytes) }));
        return Ok(());
    }
    let out = OutFile::create(Path::new("-"), Access::Ordinary, false)?;
    out.not_on_a_terminal("send them to a file, or print base64 with --json")?.finish_with(&bytes)
}

fn from_eme(args: &FromEmeArgs) -> Result<()> {
    let bytes = document("an $EME FlatBuffer")?;
    let records = eme::from_any(&bytes).map_err(failed)?;
    let named: Vec<_> = records.iter().filter_map(|record| record.plugin_id.as_deref()).collect();
    let envelopes: Vec<_> = records.iter().map(|record| &record.envelope).collect();
    match (args.all, envelopes.as_slice()) {
        (true, all) => print_json(&all),
        (false, [one]) => print_json(one),
        (false, all) => {
            return Err(Failure::new("eme_records", format!("there are {} records", all.len()))
                .hint("print them as an array with --all"));
        }
    }
    for plugin_id in named {
        say!("plugin: {}", clean(plugin_id));
    }
    Ok(())
}

/// Reads envelope JSON; `source` is what it is called in a sentence.
pub(crate) fn read_envelope(text: &[u8], source: &str) -> Result<Envelope> {
    serde_json::from_slice(text).map_err(|error| no_envelope(source, &error))
}

fn no_envelope(source: &str, error: &serde_json::Error) -> Failure {
    Failure::new("envelope_malformed", format!("{source} is no envelope: {error}")).hint(
        "an envelope is JSON such as {\"ephemeralPub\": hex, \"wrappedDEK\": base64, \"salt\": hex, \"curve\": \"secp256k1\"}",
    )
}
