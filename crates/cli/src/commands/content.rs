//! `seal` and `open`.

use std::{
    io::{self, BufWriter, Read, Write},
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealpost_envelope::{
    ContentCipher, ContentError, Dek, Digest, ErrorCode as _, Opener, Sealer, Sha256Reader, Sha256Writer,
    content::WHOLE_LIMIT,
};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    age_key,
    failure::{Failure, Result},
    input::{Input, is_dash, one_reader_of_stdin},
    key_file,
    offline::{Replace, Shown, hand_over, hex_option, json_text},
    outfile::{Access, OutFile, unwritten},
    output::{say, short_size},
};

/// Bytes moved at a time.
const STEP: usize = 256 << 10;
/// What `aes-256-gcm` adds: an IV and a tag.
const GCM_EXTRA: usize = 12 + 16;

const SEAL_HELP: &str = "\
Standard output gets the key: for age an identity file that opens OUT with any age tool, else the
key as hex, after a line `# iv: HEX` where the cipher has an IV. Such a file is good for --dek-file.
With a --dek-file of yours only the identity for age and the IV for aes-256-cbc are printed.

A --dek-file holds 32 bytes as hex or raw, an age identity, or what this command printed.

--json prints {cipher, dek?, identity?, recipient?, iv?, blobSha256, blobSize, plainSha256,
plainSize}; dek only when it is fresh, identity and recipient only for age.

Example:
  sealpost seal --cipher age part.gcode part.age > key.txt
  age -d -i key.txt part.age > part.gcode";

const OPEN_HELP: &str = "\
OUT appears when the blob was opened to its end, readable by you alone. To standard output (-) bytes
go as they are opened: age has every 64 KiB checked before, aes-256-gcm and fernet all of it,
aes-256-cbc nothing, and whether --sha256 fits is then known only from the exit code.

A --dek-file holds 32 bytes as hex or raw, an age identity, or what `sealpost seal` printed.

--json prints {cipher, blobSha256, blobSize, plainSha256, plainSize}.";

#[derive(Args, Debug)]
#[command(after_help = SEAL_HELP)]
pub(crate) struct SealArgs {
    /// File to seal (`-`: standard input)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Sealed file to make (`-`: standard output)
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Cipher: age for files of any size, aes-256-gcm for plugins of up to 64 MiB, aes-256-cbc for printers with
    /// LMNT's plugin
    #[arg(long)]
    cipher: SealCipher,
    /// Content key to seal with (`-`: standard input) [default: a fresh one]
    #[arg(long, value_name = "FILE")]
    dek_file: Option<PathBuf>,
    /// Write the key to this new file instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    key_out: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args, Debug)]
#[command(after_help = OPEN_HELP)]
pub(crate) struct OpenArgs {
    /// File to open (`-`: standard input)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Plain file to make (`-`: standard output)
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Cipher it was sealed with
    #[arg(long)]
    cipher: OpenCipher,
    /// Content key (`-`: standard input)
    #[arg(long, value_name = "FILE")]
    dek_file: PathBuf,
    /// IV of an aes-256-cbc file [default: what `seal` wrote into the key file]
    #[arg(long, value_name = "HEX", value_parser = hex_option::<16>)]
    iv: Option<[u8; 16]>,
    /// SHA-256 the plain file must have
    #[arg(long, value_name = "HEX", value_parser = hex_option::<32>)]
    sha256: Option<[u8; 32]>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SealCipher {
    #[value(name = "age")]
    Age,
    #[value(name = "aes-256-gcm")]
    Aes256Gcm,
    #[value(name = "aes-256-cbc")]
    Aes256Cbc,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OpenCipher {
    #[value(name = "age")]
    Age,
    #[value(name = "aes-256-gcm")]
    Aes256Gcm,
    #[value(name = "aes-256-cbc")]
    Aes256Cbc,
    #[value(name = "fernet")]
    Fernet,
}

/// What a command found out about a file; each of the keys is a secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    cipher: ContentCipher,
    #[serde(skip_serializing_if = "Option::is_none")]
    dek: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iv: Option<&'a str>,
    blob_sha256: String,
    blob_size: u64,
    plain_sha256: String,
    plain_size: u64,
}

impl Answer<'_> {
    fn new(cipher: ContentCipher, blob: &Digest, plain: &Digest) -> Self {
        Self {
            cipher,
            dek: None,
            identity: None,
            recipient: None,
            iv: None,
            blob_sha256: blob.hex(),
            blob_size: blob.size,
            plain_sha256: plain.hex(),
            plain_size: plain.size,
        }
    }
}

pub(crate) fn seal(args: &SealArgs) -> Result<()> {
    let cipher = match args.cipher {
        SealCipher::Age => ContentCipher::Age,
        SealCipher::Aes256Gcm => ContentCipher::Aes256Gcm,
        SealCipher::Aes256Cbc => ContentCipher::Aes256Cbc,
    };
    one_reader_of_stdin(&[("IN", Some(&args.input)), ("--dek-file", args.dek_file.as_deref())])?;
    let key_to_stdout = args.key_out.as_deref().is_none_or(is_dash);
    if is_dash(&args.output) && key_to_stdout && (args.dek_file.is_none() || args.shown.json) {
        return Err(Failure::usage(
            "stdout_taken",
            "the key and the sealed file cannot both go to standard output",
        )
        .hint("write the key to a file with --key-out FILE, or bring your own with --dek-file FILE"));
    }
    if !key_to_stdout && args.key_out.as_ref() == Some(&args.output) {
        return Err(Failure::usage("same_file", "the key and the sealed file cannot be one file")
            .hint("name another file with --key-out"));
    }

    let mut rng = UnwrapErr(SysRng);
    let given = args.dek_file.as_deref().map(key_file::content_key).transpose()?.map(|key| key.dek);
    let fresh = given.is_none();
    let dek = given.unwrap_or_else(|| Dek::generate(&mut rng));
    let input = within_limit(Input::open(&args.input)?, cipher, GCM_EXTRA)?;
    let from = input.name().to_owned();
    let output = OutFile::create(&args.output, Access::Ordinary, args.replace.force)?
        .not_on_a_terminal("name a file, or pipe them on")?;
    let key_out = args.key_out.as_deref().filter(|_| !key_to_stdout);
    let key_out = key_out.map(|path| OutFile::create(path, Access::Owner, args.replace.force)).transpose()?;
    let to = output.name();
    let writing = |error: io::Error| failure(error.into(), "write", &to);

    let mut input = Sha256Reader::new(input);
    // Collected first, so that a header which cannot be written is no error of the cipher.
    let mut sealer = Sealer::new(cipher, &dek, &mut rng, Sha256Writer::new(BufWriter::new(output)))
        .map_err(|error| failure(error, "write", &to))?;
    let iv = sealer.iv().map(hex::encode);
    pump(&mut input, |error| failure(error.into(), "read", &from), &mut sealer, writing)?;
    let sealed = sealer.finish().map_err(|error| failure(error, "write", &to))?;
    let ((output, blob), (_, plain)) = (sealed.finish(), input.finish());
    let output = output.into_inner().map_err(|error| unwritten(&to, error.error()))?;

    let hex = fresh.then(|| Zeroizing::new(hex::encode(dek.expose())));
    let identity = (cipher == ContentCipher::Age).then(|| age_key::identity(&dek)).transpose()?;
    let recipient = (cipher == ContentCipher::Age).then(|| age_key::recipient(&dek)).transpose()?;
    let mut answer = Answer::new(cipher, &blob, &plain);
    answer.dek = hex.as_ref().map(|hex| hex.as_str());
    answer.identity = identity.as_ref().map(|identity| identity.as_str());
    answer.recipient = recipient.as_deref();
    answer.iv = iv.as_deref();
    // A blob whose key was lost is worth nothing: it gets its name after the key arrived.
    tell(args, &answer, key_out)?;
    output.commit()
}

pub(crate) fn open(args: &OpenArgs) -> Result<()> {
    let cipher = match args.cipher {
        OpenCipher::Age => ContentCipher::Age,
        OpenCipher::Aes256Gcm => ContentCipher::Aes256Gcm,
        OpenCipher::Aes256Cbc => ContentCipher::Aes256Cbc,
        OpenCipher::Fernet => ContentCipher::Fernet,
    };
    one_reader_of_stdin(&[("IN", Some(&args.input)), ("--dek-file", Some(&args.dek_file))])?;
    if is_dash(&args.output) && args.shown.json {
        return Err(Failure::usage(
            "stdout_taken",
            "the plain file and JSON cannot both go to standard output",
        )
        .hint("name a file for OUT, or leave out --json"));
    }

    let key = key_file::content_key(&args.dek_file)?;
    let iv = match (args.iv, &key.iv) {
        (None, Some(iv)) if cipher.has_outer_iv() => Some(hex_option::<16>(iv).map_err(|why| {
            Failure::new("key_file", format!("the IV in {} is none: {why}", args.dek_file.display()))
        })?),
        (iv, _) => iv,
    };
    let input = within_limit(Input::open(&args.input)?, cipher, 0)?;
    let from = input.name().to_owned();
    let mut input = Sha256Reader::new(input);
    let mut opener =
        Opener::new(cipher, &key.dek, iv, &mut input).map_err(|error| failure(error, "read", &from))?;
    let output = OutFile::create(&args.output, Access::Owner, args.replace.force)?;
    let to = output.name();
    let mut output = Sha256Writer::new(output);
    pump(
        &mut opener,
        |error| failure(error.into(), "read", &from),
        &mut output,
        |error| failure(error.into(), "write", &to),
    )?;
    drop(opener);
    let ((output, plain), (_, blob)) = (output.finish(), input.finish());

    match args.sha256 {
        Some(expected) if expected != plain.sha256 => {
            return Err(Failure::new(
                "plain_hash",
                format!("the opened file has the SHA-256 {}", plain.hex()),
            )
            .hint("this is another file than you expect, or another key or IV than it was sealed with"));
        }
        None if cipher == ContentCipher::Aes256Cbc => say!(
            "sealpost: warning: aes-256-cbc cannot show whether a file was changed; give its SHA-256 with --sha256"
        ),
        _ => {}
    }
    output.commit()?;
    if args.shown.json {
        hand_over(json_text(&Answer::new(cipher, &blob, &plain))?.as_bytes())?;
    }
    Ok(())
}

/// Whole-file ciphers have a limit, which is told before the file is read where its size is known.
fn within_limit(input: Input, cipher: ContentCipher, extra: usize) -> Result<Input> {
    let whole = matches!(cipher, ContentCipher::Aes256Gcm | ContentCipher::Fernet);
    let limit = (WHOLE_LIMIT - extra) as u64;
    match input.size() {
        Some(size) if whole && size > limit => Err(failure(ContentError::TooLarge, "read", input.name())),
        _ => Ok(input),
    }
}

/// Moves everything on, in steps.
fn pump(
    from: &mut impl Read,
    reading: impl Fn(io::Error) -> Failure,
    to: &mut impl Write,
    writing: impl Fn(io::Error) -> Failure,
) -> Result<()> {
    let mut step = Zeroizing::new(vec![0; STEP]);
    loop {
        match from.read(&mut step) {
            Ok(0) => return Ok(()),
            Ok(read) => to.write_all(&step[..read]).map_err(&writing)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(reading(error)),
        }
    }
}

/// The library's sentence with a hint for somebody who typed a command.
fn failure(error: ContentError, doing: &str, name: &str) -> Failure {
    let hint = match &error {
        ContentError::Io(error) => {
            return match doing {
                "read" => Failure::new("file", format!("could not read {name}: {error}"))
                    .hint("check the file, and that you may read it"),
                _ => unwritten(name, error),
            };
        }
        ContentError::Corrupt => {
            "check that key, IV and cipher belong to this file, and fetch it again if they do"
        }
        ContentError::Format { cipher: ContentCipher::Age } => {
            "name the cipher it was sealed with; of age files those for one X25519 key are opened, not armored: \
             `age -d -i KEY` opens others"
        }
        ContentError::Format { .. } => "name the cipher it was sealed with",
        ContentError::MissingIv => "give it with --iv HEX, or use the key file that `sealpost seal` printed",
        ContentError::UnexpectedIv { .. } => "leave out --iv",
        other => other.hint(),
    };
    Failure::new(error.code(), error.to_string()).hint(hint)
}

/// Writes the answer of `seal` to where it is to go.
fn tell(args: &SealArgs, answer: &Answer<'_>, key_out: Option<OutFile>) -> Result<()> {
    let text = if args.shown.json { json_text(answer)? } else { key_text(answer) };
    match key_out {
        Some(file) => file.finish_with(text.as_bytes())?,
        None if !is_dash(&args.output) => hand_over(text.as_bytes())?,
        None => {
            if let Some(iv) = answer.iv {
                say!("iv: {iv}");
            }
        }
    }
    if answer.dek.is_some() && !args.shown.json {
        say!(
            "The key opens the sealed file ({}): keep both, and the key secret.",
            short_size(answer.blob_size)
        );
    }
    Ok(())
}

/// A key file of what is new.
fn key_text(answer: &Answer<'_>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    for line in match (answer.identity, answer.recipient, answer.dek, answer.iv) {
        (Some(identity), Some(recipient), ..) => ["# public key: ", recipient, "\n", identity, "\n"],
        (_, _, Some(dek), Some(iv)) => ["# iv: ", iv, "\n", dek, "\n"],
        (_, _, Some(key), None) | (_, _, None, Some(key)) => [key, "\n", "", "", ""],
        _ => [""; 5],
    } {
        text.push_str(line);
    }
    text
}
