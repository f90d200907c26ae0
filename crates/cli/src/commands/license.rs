//! `license issue` and `license verify`.

use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::{
    Args, Subcommand,
    builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser},
};
use getrandom::SysRng;
use rand_core::TryRng as _;
use sealpost_envelope::{
    ErrorCode as _, VerifyingKey,
    plk::{Licence, LicenceType, PlkError, Usage},
};
use serde_json::json;

use crate::{
    failure::{Doing as _, Failure, Result},
    input::document,
    key_file,
    moment::{Moment, moment, now, readable},
    offline::{Shown, failed, hand_over, hex_option, verifying_key},
    outfile::{Access, OutFile},
    output::{answer, facts, print_json},
};

const ISSUE_HELP: &str = "\
Standard output gets the signed licence as JSON on one line, or with --flatbuffer as the bytes of a
$PLK FlatBuffer (with --json too: {plk} as base64). The key file holds an Ed25519 seed, 32 bytes as
hex or raw; ISSUER_PUBKEY in the licence is its public key, which `license verify --issuer` takes.

Days are UTC: --valid-from begins with the day, --expires ends with it.

Example:
  sealpost license issue --key-file issuer.key --plugin-id ID --licensee-org ACME > licence.json";

const VERIFY_HELP: &str = "\
Reads the licence from standard input, JSON or $PLK bytes. A licence for domains is good for none
but them, one for a version for none but that: name both where the licence does.

--json prints {valid, licence}; a refusal is {error: {code, title, hint}} and exit code 1.";

#[derive(Debug, Subcommand)]
pub(crate) enum LicenseCommand {
    /// Sign a licence for a plugin (PLK)
    Issue(Box<IssueArgs>),
    /// Check a licence: signature, dates, plugin, domain, devices
    Verify(Box<VerifyArgs>),
}

impl LicenseCommand {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Issue(args) => args.shown.json,
            Self::Verify(args) => args.shown.json,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = ISSUE_HELP)]
pub(crate) struct IssueArgs {
    /// Issuer's Ed25519 seed (`-`: standard input)
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Plugin it is for
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    plugin_id: String,
    /// Who may use the plugin
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    licensee_org: String,
    /// Your name for the licence [default: a random one]
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    license_id: Option<String>,
    /// Write the bytes of a $PLK FlatBuffer instead of JSON
    #[arg(long)]
    flatbuffer: bool,

    /// The one version it is for [default: all]
    #[arg(long, value_name = "VERSION", value_parser = NonEmptyStringValueParser::new(), help_heading = "What it allows")]
    plugin_version: Option<String>,
    /// Domain it may be used on; can be given again [default: not bound to domains]
    #[arg(long, help_heading = "What it allows")]
    domain: Vec<String>,
    /// Ending below which every domain is allowed, such as gov or co.uk; can be given again
    #[arg(long, help_heading = "What it allows")]
    tld: Vec<String>,
    /// Kind of use
    #[arg(long = "type", value_parser = licence_type(), default_value = "commercial", help_heading = "What it allows")]
    kind: LicenceType,
    /// How many devices may use it; 0 is any number
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "What it allows")]
    max_activations: u32,
    /// First day or time it is valid [default: now]
    #[arg(long, value_name = "DATE", value_parser = moment, help_heading = "What it allows")]
    valid_from: Option<Moment>,
    /// Last day it is valid, or the time it ends [default: never]
    #[arg(long, value_name = "DATE", value_parser = moment, help_heading = "What it allows")]
    expires: Option<Moment>,
    /// Time it is issued [default: now]
    #[arg(long, value_name = "DATE", value_parser = moment, help_heading = "What it allows")]
    issued_at: Option<Moment>,

    /// Where the licensee is reached
    #[arg(long, value_name = "EMAIL", help_heading = "Licensee and issuer")]
    licensee_email: Option<String>,
    /// Licensee's node
    #[arg(long, value_name = "PEER", help_heading = "Licensee and issuer")]
    licensee_peer_id: Option<String>,
    /// Licensee's X25519 key, for which content keys are wrapped
    #[arg(long, value_name = "HEX", value_parser = hex_option::<32>, help_heading = "Licensee and issuer")]
    licensee_key: Option<[u8; 32]>,
    /// Issuer's node
    #[arg(long, value_name = "PEER", help_heading = "Licensee and issuer")]
    issuer_peer_id: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
#[command(after_help = VERIFY_HELP)]
pub(crate) struct VerifyArgs {
    /// Ed25519 key of the issuer you trust
    #[arg(long, value_name = "HEX", value_parser = verifying_key)]
    issuer: VerifyingKey,
    /// Plugin that is to run [default: whatever the licence is for]
    #[arg(long, value_name = "ID")]
    plugin_id: Option<String>,
    /// Version of that plugin
    #[arg(long, value_name = "VERSION")]
    plugin_version: Option<String>,
    /// Domain it is to run on
    #[arg(long)]
    domain: Option<String>,
    /// How many other devices use the licence already
    #[arg(long, value_name = "N", default_value_t = 0)]
    activations: u32,
    /// Time to check it at [default: now]
    #[arg(long, value_name = "DATE", value_parser = moment)]
    at: Option<Moment>,
    #[command(flatten)]
    shown: Shown,
}

pub(crate) fn license(command: LicenseCommand) -> Result<()> {
    match command {
        LicenseCommand::Issue(args) => issue(*args),
        LicenseCommand::Verify(args) => verify(&args),
    }
}

fn issue(args: IssueArgs) -> Result<()> {
    let key = key_file::signing_key(&args.key_file)?;
    let license_id = match args.license_id {
        Some(id) => id,
        None => random_id()?,
    };
    let issued_at = args.issued_at.map_or_else(now, Moment::start);
    let licence = Licence {
        license_id,
        plugin_id: args.plugin_id,
        plugin_version: args.plugin_version.unwrap_or_default(),
        licensee_org: args.licensee_org,
        licensee_email: args.licensee_email.unwrap_or_default(),
        licensee_peer_id: args.licensee_peer_id.unwrap_or_default(),
        licensee_pubkey: args.licensee_key,
        allowed_domains: args.domain,
        allowed_tlds: args.tld,
        license_type: args.kind,
        max_activations: args.max_activations,
        issued_at,
        valid_from: args.valid_from.map_or(issued_at, Moment::start),
        expires_at: args.expires.map_or(0, Moment::end),
        issuer_peer_id: args.issuer_peer_id.unwrap_or_default(),
        ..Licence::default()
    };
    let licence = licence.sign(&key).map_err(|error| match error {
        PlkError::Field { name: "EXPIRES_AT" } => {
            Failure::usage("plk_field", "the licence would end before it begins")
                .hint("give a later day with --expires")
        }
        PlkError::Field { name: "LICENSEE_PUBKEY" } => {
            Failure::usage("plk_field", "--licensee-key is no usable X25519 key")
                .hint("ask the licensee for it again")
        }
        other => failed(other),
    })?;
    if !args.flatbuffer {
        return hand_over(format!("{}\n", licence.to_json().map_err(failed)?).as_bytes());
    }
    let bytes = licence.to_flatbuffer().map_err(failed)?;
    if args.shown.json {
        print_json(&json!({ "plk": BASE64_STANDARD.encode(&bytes) }));
        return Ok(());
    }
    let out = OutFile::create(Path::new("-"), Access::Ordinary, false)?;
    out.not_on_a_terminal("send them to a file, or print base64 with --json")?.finish_with(&bytes)
}

fn verify(args: &VerifyArgs) -> Result<()> {
    let licence = read(&document("a licence")?)?;
    let usage = Usage {
        plugin_id: args.plugin_id.as_deref().unwrap_or(&licence.plugin_id),
        plugin_version: args.plugin_version.as_deref(),
        domain: args.domain.as_deref(),
        activations: args.activations,
        now: args.at.map_or_else(now, Moment::start),
    };
    licence.verify(&args.issuer, &usage).map_err(|error| told(&error, usage.domain, usage.plugin_version))?;
    answer(args.shown.json, &json!({ "valid": true, "licence": licence }), |_| describe(&licence));
    Ok(())
}

/// Reads a licence, JSON or the bytes of a $PLK FlatBuffer.
pub(crate) fn read(content: &[u8]) -> Result<Licence> {
    let licence = match content.trim_ascii_start().first() {
        Some(b'{') => Licence::from_json(content),
        _ => Licence::from_flatbuffer(content),
    };
    licence.map_err(failed)
}

/// A refusal for the use of a domain and a version, as a person understands it: times readable, options named.
pub(crate) fn told(error: &PlkError, domain: Option<&str>, version: Option<&str>) -> Failure {
    let sentence = match error {
        PlkError::Expired { expires_at, .. } => format!("the licence ended at {}", readable(*expires_at)),
        PlkError::NotYetValid { valid_from, .. } => {
            format!("the licence is valid from {} on", readable(*valid_from))
        }
        PlkError::FromTheFuture { issued_at, .. } => {
            format!("the licence was issued at {}, which is yet to come", readable(*issued_at))
        }
        other => other.to_string(),
    };
    let hint = match error {
        PlkError::WrongDomain if domain.is_none() => "it is for certain domains: name yours with --domain",
        PlkError::WrongVersion if version.is_none() => {
            "it is for one version: name yours with --plugin-version"
        }
        other => other.hint(),
    };
    Failure::new(error.code(), sentence).hint(hint)
}

fn describe(licence: &Licence) -> String {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let list = |list: &[String]| text(&list.join(", "));
    let devices = match licence.max_activations {
        0 => "any number".to_owned(),
        number => number.to_string(),
    };
    let expires = match licence.expires_at {
        0 => "never".to_owned(),
        time => readable(time),
    };
    facts([
        ("Licence", text(&licence.license_id)),
        ("Plugin", text(&licence.plugin_id)),
        ("Version", text(&licence.plugin_version)),
        ("Licensee", text(&licence.licensee_org)),
        ("Email", text(&licence.licensee_email)),
        ("Licensee node", text(&licence.licensee_peer_id)),
        ("Licensee key", licence.licensee_pubkey.map(hex::encode)),
        ("Type", Some(format!("{:?}", licence.license_type))),
        ("Devices", Some(devices)),
        ("Domains", list(&licence.allowed_domains)),
        ("Endings", list(&licence.allowed_tlds)),
        ("Issued", Some(readable(licence.issued_at))),
        ("Valid from", Some(readable(licence.valid_from))),
        ("Expires", Some(expires)),
        ("Issuer", licence.issuer_pubkey.map(hex::encode)),
        ("Issuer node", text(&licence.issuer_peer_id)),
    ])
}

/// `Commercial` is `commercial`, `OpenSource` is `open-source`.
fn licence_type() -> impl TypedValueParser<Value = LicenceType> {
    PossibleValuesParser::new(["trial", "commercial", "enterprise", "educational", "open-source", "internal"])
        .map(|name| match name.as_str() {
            "commercial" => LicenceType::Commercial,
            "enterprise" => LicenceType::Enterprise,
            "educational" => LicenceType::Educational,
            "open-source" => LicenceType::OpenSource,
            "internal" => LicenceType::Internal,
            _ => LicenceType::Trial,
        })
}

fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).doing("random", "draw a name for the licence")?;
    Ok(format!("plk_{}", hex::encode(bytes)))
}
