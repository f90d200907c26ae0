//! What every command that talks to no store takes and does.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use sealpost_envelope::{ErrorCode, VerifyingKey, ecdh::Curve, keyset};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::{Doing as _, Failure, Result, STDOUT_HINT};
use crate::output::for_terminal;

/// How the answer is shown.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// Print one JSON object instead of text
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Where a new file goes.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Replace {
    /// Replace files that are there already
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
}

/// A failure of a library, with its code and hint.
pub(crate) fn failed(error: impl ErrorCode + std::fmt::Display) -> Failure {
    Failure::new(error.code(), error.to_string()).hint(error.hint())
}

/// JSON that may hold a secret, ended by a newline.
pub(crate) fn json_text(value: &impl Serialize) -> Result<Zeroizing<String>> {
    // Room for most answers from the start: what grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    serde_json::to_writer_pretty(&mut *text, value).doing("json", "write JSON")?;
    text.push(b'\n');
    String::from_utf8(std::mem::take(&mut *text)).map(Zeroizing::new).doing("json", "write JSON")
}

/// Writes what must not be lost, such as a fresh key, to standard output: here a reader that went away is a failure.
pub(crate) fn hand_over(text: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => nobody_reads(),
        _ => Failure::new("output", format!("could not write to standard output: {error}")).hint(STDOUT_HINT),
    })
}

/// Hands over JSON that tells of somebody else's file, and so may not steer a terminal.
pub(crate) fn hand_over_json(value: &impl Serialize) -> Result<()> {
    hand_over(for_terminal(&json_text(value)?, std::io::stdout().is_terminal()).as_bytes())
}

/// Standard output is a pipe whose other end is closed.
pub(crate) fn nobody_reads() -> Failure {
    Failure::new("output", "nobody reads standard output")
        .hint("send it to a file, or to a program that reads all of it")
}

/// The name of a curve, for options.
pub(crate) fn curve_option() -> impl TypedValueParser<Value = Curve> {
    PossibleValuesParser::new(Curve::ALL.map(Curve::as_str)).try_map(|name| name.parse::<Curve>())
}

/// Hex of exactly `N` bytes, for options.
pub(crate) fn hex_option<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let bytes = hex::decode(text.trim()).map_err(|_| "it is not hex".to_owned())?;
    let found = bytes.len();
    bytes.try_into().map_err(|_| format!("{N} bytes are {} hex digits, these are {}", 2 * N, 2 * found))
}

/// An Ed25519 public key as hex, for options.
pub(crate) fn verifying_key(text: &str) -> Result<VerifyingKey, String> {
    let text = text.trim().to_ascii_lowercase();
    hex_option::<32>(&text)?;
    keyset::public_key_from_hex(&text).map_err(|_| "no Ed25519 public key has these bytes".to_owned())
}
