//! `run`: opens a bundle and calls its plugin, with limits, here.

mod answer;
mod argument;
mod outside;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use sealpost_envelope::{
    VerifyingKey,
    bundle::{Bundle, VerifiedBundle},
    content::WHOLE_LIMIT,
    plk::{Licence, Usage, Verified},
    release::{ReleaseError, Trust},
};
use sealpost_host::{Imports, Limits, Manifest, Permission, Plugin, Value};

use self::{argument::argument, outside::Outside};
use crate::{
    commands::{
        bundle::opening::{Beside, Opening, told},
        license,
    },
    failure::{Failure, Result},
    input::{Input, one_reader_of_stdin},
    moment::now,
    offline::{Replace, Shown, failed, verifying_key},
};

const HELP: &str = "\
Without --call it lists the plugin's functions and opens nothing.

Arguments are what the plugin's manifest says. Bytes come from a file (@FILE) or standard input (-);
text and JSON are written out, or come from there too (@@ at the beginning is one @); numbers are
written out. Bytes that come back go to standard output as they are, or to --out FILE.

Signature, licence, tag and hash are checked before anything of the plugin runs. It gets no files,
no network and no environment; the log, the clock and randomness only where its manifest asks for
them and --allow allows. Nothing of it outlives the command.

--json prints {pluginId, version, function, type, result}, bytes as base64; with --out {pluginId,
version, function, type, size, sha256}.

Examples:
  sealpost run bundle.json
  sealpost run bundle.json --publisher HEX --call stats @part.gcode
  sealpost run bundle.json --publisher HEX --call preview @part.gcode 800 600 --out part.rgba";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct RunArgs {
    /// Bundle from the store, as JSON (`-`: standard input)
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// What to call it with
    #[arg(value_name = "ARGS", requires = "call", allow_negative_numbers = true)]
    arguments: Vec<String>,
    /// Function to call [default: list them]
    #[arg(long, value_name = "NAME")]
    call: Option<String>,
    #[command(flatten)]
    beside: Beside,

    /// Ed25519 key that must have signed it: the one recorded when it was bought
    #[arg(long, value_name = "HEX", value_parser = verifying_key, conflicts_with = "allow_unsigned", help_heading = "Trust")]
    publisher: Option<VerifyingKey>,
    /// Run it whoever made it
    #[arg(long, help_heading = "Trust")]
    allow_unsigned: bool,
    /// Licence that must allow it (PLK, JSON or $PLK bytes)
    #[arg(long, value_name = "FILE", requires = "issuer", help_heading = "Trust")]
    license: Option<PathBuf>,
    /// Ed25519 key that must have signed the licence
    #[arg(long, value_name = "HEX", value_parser = verifying_key, requires = "license", help_heading = "Trust")]
    issuer: Option<VerifyingKey>,

    #[command(flatten)]
    opening: Opening,

    /// Memory it may use, such as 64M
    #[arg(long, value_name = "SIZE", value_parser = argument::size, default_value = "64M", help_heading = "Limits")]
    memory: usize,
    /// Units of work it may do, about one for an instruction
    #[arg(long, value_name = "N", default_value_t = Limits::default().fuel, help_heading = "Limits")]
    fuel: u64,
    /// Time it may take, such as 10s, 500ms or 2m
    #[arg(long, value_name = "TIME", value_parser = argument::time, default_value = "10s", help_heading = "Limits")]
    time: Duration,
    /// What it may use of log, clock, random, where it asks for it [default: nothing]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = str::parse::<Permission>, help_heading = "Limits")]
    allow: Vec<Permission>,

    /// File to write the result to
    #[arg(long, value_name = "FILE", requires = "call", help_heading = "Output")]
    out: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

pub(crate) fn run(args: &RunArgs) -> Result<()> {
    check_readers(args)?;
    let mut bundle = Bundle::from_json(&Input::open(&args.bundle)?.read_all()?).map_err(failed)?;
    args.beside.add_to(&mut bundle)?;
    let verified = bundle.verify(trust(args)?).map_err(|error| match error {
        sealpost_envelope::bundle::BundleError::Release(ReleaseError::Unsigned) => told(error)
            .hint("ask the publisher for a signed one, or run it all the same with --allow-unsigned"),
        error => told(error),
    })?;
    let manifest = Manifest::from_json(&bundle.manifest).map_err(failed)?;
    match &args.call {
        None => {
            answer::list(&bundle, &manifest, args.shown);
            Ok(())
        }
        Some(name) => call(args, name, &verified, &manifest),
    }
}

fn call(args: &RunArgs, name: &str, verified: &VerifiedBundle<'_>, manifest: &Manifest) -> Result<()> {
    let licence = args.license.as_deref().map(read_licence).transpose()?;
    let licence =
        licence.as_ref().map(|licence| check_licence(args, licence, verified.bundle())).transpose()?;
    let output = answer::Output::prepare(args.out.as_deref(), args.replace, args.shown)?;
    // What does not fit is told before any key is asked for.
    let declared = manifest.functions.get(name);
    let values = declared.map(|function| read_arguments(args, name, &function.params)).transpose()?;

    let plain = args.opening.plaintext(verified, licence)?;
    let limits = Limits {
        memory_bytes: args.memory,
        fuel: args.fuel,
        time: args.time,
        module_bytes: WHOLE_LIMIT,
        ..Limits::default()
    };
    let imports: Imports = args.allow.iter().copied().collect();
    let mut plugin = Plugin::load(&plain, manifest, &limits, &imports, Outside::new()).map_err(refused)?;
    drop(plain);
    let values = match values {
        Some(values) => values,
        None => {
            let function = plugin.function(name).ok_or_else(|| no_function(name, manifest))?;
            read_arguments(args, name, &function.params)?
        }
    };
    let value = plugin.call(name, &values).map_err(refused)?;
    output.give(verified.bundle(), name, value)
}

/// Whose word is taken. To look at it, anybody's: nothing of it runs.
fn trust(args: &RunArgs) -> Result<Trust<'_>> {
    match &args.publisher {
        Some(key) => Ok(Trust::Publisher(key)),
        None if args.allow_unsigned || args.call.is_none() => Ok(Trust::AllowUnsigned),
        None => Err(Failure::usage("publisher_missing", "whose plugin may run is not said").hint(
            "give the publisher's key with --publisher HEX, as it was recorded when you bought it, or say --allow-unsigned",
        )),
    }
}

fn check_readers(args: &RunArgs) -> Result<()> {
    let mut readers =
        vec![("the bundle", Some(args.bundle.as_path())), ("--license", args.license.as_deref())];
    readers.extend(args.beside.readers());
    readers.extend(args.opening.readers());
    let files = args
        .arguments
        .iter()
        .map(|word| word.strip_prefix('@').filter(|rest| !rest.starts_with('@')).unwrap_or(word));
    readers.extend(files.map(|path| ("an argument", Some(Path::new(path)))));
    one_reader_of_stdin(&readers)
}

fn read_licence(path: &Path) -> Result<Licence> {
    let content = Input::open(path)?.read_up_to(sealpost_envelope::plk::LICENCE_BYTES as u64)?;
    license::read(&content)
}

fn check_licence<'a>(args: &RunArgs, licence: &'a Licence, bundle: &Bundle) -> Result<Verified<'a>> {
    let Some(issuer) = &args.issuer else {
        return Err(
            Failure::usage("issuer_missing", "whose licence counts is not said").hint("give --issuer HEX")
        );
    };
    let usage = Usage {
        plugin_id: &bundle.plugin_id,
        plugin_version: Some(bundle.version.as_str()).filter(|version| !version.is_empty()),
        domain: args.opening.domain(),
        activations: 0,
        now: now(),
    };
    licence.verify(issuer, &usage).map_err(|error| license::told(&error, usage.domain, usage.plugin_version))
}

fn read_arguments(args: &RunArgs, name: &str, params: &[sealpost_host::ValueType]) -> Result<Vec<Value>> {
    if params.len() != args.arguments.len() {
        let kinds: Vec<_> = params.iter().map(|kind| kind.as_str()).collect();
        let sentence =
            format!("`{name}` takes ({}), and {} were given", kinds.join(", "), args.arguments.len());
        return Err(Failure::usage("plugin_argument", sentence)
            .hint("see `sealpost run BUNDLE`, which lists what each takes"));
    }
    params.iter().zip(&args.arguments).map(|(kind, text)| argument(*kind, text)).collect()
}

fn refused(error: sealpost_host::HostError) -> Failure {
    use sealpost_host::HostError::{MemoryLimit, OutOfFuel, OutOfMemory, Permission, Timeout};
    let hint = match &error {
        MemoryLimit | OutOfMemory { .. } => {
            Some("pass less at a time, or allow more with --memory".to_owned())
        }
        OutOfFuel { .. } => Some("pass less at a time, or allow more with --fuel".to_owned()),
        Timeout { .. } => Some("pass less at a time, or allow more with --time".to_owned()),
        Permission { permission } => {
            Some(format!("allow it with --allow {permission}, if you trust the plugin with it"))
        }
        _ => None,
    };
    let failure = failed(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn no_function(name: &str, manifest: &Manifest) -> Failure {
    let known: Vec<&str> = manifest.functions.keys().map(String::as_str).take(20).collect();
    let hint = match known.as_slice() {
        [] => "its manifest declares none; ask the publisher how it is called".to_owned(),
        known => format!("it has: {}", known.join(", ")),
    };
    failed(sealpost_host::HostError::NoFunction { name: name.to_owned() }).hint(hint)
}
