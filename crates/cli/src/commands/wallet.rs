//! `wallet new`, `show`, `find`, `import` and `export`.

use std::path::{Path, PathBuf};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealpost_envelope::{
    SecretText,
    ecdh::{Curve, Envelope},
};
use sealpost_wallet::{GAP, Language, Mnemonic, Wallet, WordCount, path};
use serde::Serialize;

use crate::{
    failure::{Failure, Result},
    input::{document, one_reader_of_stdin},
    offline::{curve_option, failed, hand_over, json_text},
    output::{print_json, say},
    secret,
};

mod keep;
mod source;

use keep::{Keep, KeepKeystore};
pub(crate) use source::Source;

const NEW_HELP: &str = "\
The words go to a keystore under a passphrase, unless --mnemonic-file or --reveal says otherwise.
Files that are there already are never replaced.

Standard output gets {path, curve, publicKey}, with --reveal privateKey and mnemonic too.

Examples:
  sealpost wallet new                            asks for a passphrase and keeps the words under it
  sealpost wallet new --mnemonic-file words.txt  writes the words in the clear, for you alone
  sealpost wallet new --reveal                   keeps nothing: write the words down";

const SHOW_HELP: &str = "Standard output gets {path, curve, publicKey}, with --reveal privateKey too.";

const FIND_HELP: &str = "\
Standard output gets {path, index, curve, publicKey}; for an array of envelopes an array, with null
for those that are not this wallet's. Envelopes are told by their salt: one whose writer chose
another salt than the hash of the recipient's key is not found.";

const IMPORT_HELP: &str = "\
A keystore that is there already is never replaced. Standard output gets {path, curve, publicKey}.";

const EXPORT_HELP: &str = "\
Standard output gets {mnemonic, words, language, bip39Passphrase}; the last says whether one belongs
to the words. Whoever reads them has every key of the wallet. `age -d KEYSTORE` shows them too.";

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Make a new wallet and show its first key
    New(NewArgs),
    /// Show a key of a wallet
    Show(ShowArgs),
    /// Find the key an envelope was made for: envelope JSON on standard input
    Find(FindArgs),
    /// Keep words you already have in a keystore
    Import(ImportArgs),
    /// Show the words of a wallet
    Export(ExportArgs),
}

impl WalletCommand {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::New(args) => args.shown.json,
            Self::Show(args) => args.shown.json,
            Self::Find(args) => args.shown.json,
            Self::Import(args) => args.shown.json,
            Self::Export(args) => args.shown.json,
        }
    }
}

#[derive(Args, Debug)]
#[command(after_help = NEW_HELP)]
pub(crate) struct NewArgs {
    /// How many words
    #[arg(long, value_name = "N", value_parser = word_count_option(), default_value = "24")]
    words: WordCount,
    /// Language of the words
    #[arg(long, value_name = "NAME", value_parser = language_option(), default_value = "english")]
    language: Language,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    keep: Keep,
    /// Show the private key and the words too
    #[arg(long, help_heading = "Output")]
    reveal: bool,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
#[command(after_help = SHOW_HELP)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    source: Source,
    /// Show the private key too
    #[arg(long, help_heading = "Output")]
    reveal: bool,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
#[command(after_help = FIND_HELP)]
pub(crate) struct FindArgs {
    /// Keys in a row that fit no envelope, after which the search ends
    #[arg(long, value_name = "N", default_value_t = GAP)]
    gap: u32,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
#[command(after_help = IMPORT_HELP)]
pub(crate) struct ImportArgs {
    /// File whose first line is the words (`-`: standard input) instead of asking
    #[arg(long, value_name = "FILE")]
    mnemonic_file: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    keep: KeepKeystore,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
#[command(after_help = EXPORT_HELP)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    shown: Shown,
}

/// How failures are shown: answers are JSON anyway.
#[derive(Args, Clone, Copy, Debug)]
struct Shown {
    /// Print failures as JSON too
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Which key of the wallet.
#[derive(Args, Clone, Copy, Debug)]
struct KeyArgs {
    /// Curve of the key to show
    #[arg(long, value_parser = curve_option(), default_value = "secp256k1")]
    curve: Curve,
    /// Index of the key to show
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(..=0x7fff_ffff),
        default_value = "0"
    )]
    index: u32,
}

/// One key, and what else is to be seen of its wallet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyShown {
    path: String,
    curve: Curve,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mnemonic: Option<SecretText>,
}

/// The key of an envelope.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyFound {
    path: String,
    index: u32,
    curve: Curve,
    public_key: String,
}

/// The words of a wallet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WordsShown {
    mnemonic: SecretText,
    words: usize,
    language: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bip39_passphrase: Option<bool>,
}

pub(crate) fn wallet(command: &WalletCommand) -> Result<()> {
    match command {
        WalletCommand::New(args) => new(args),
        WalletCommand::Show(args) => show(args),
        WalletCommand::Find(args) => find(args),
        WalletCommand::Import(args) => import(args),
        WalletCommand::Export(args) => export(args),
    }
}

fn new(args: &NewArgs) -> Result<()> {
    let kept = args.keep.prepare(args.reveal)?;
    let passphrase = args.keep.keystore.bip39_passphrase()?;
    let mnemonic = Mnemonic::generate(args.words, args.language, &mut UnwrapErr(SysRng));
    let wallet = Wallet::new(&mnemonic, &passphrase).map_err(failed)?;
    let mut key = key_shown(&wallet, args.key, args.reveal)?;
    key.mnemonic = args.reveal.then(|| words(&mnemonic));

    let files = kept.write(&mnemonic, &passphrase)?;
    hand_over(json_text(&key)?.as_bytes())?;
    match files.as_slice() {
        [] => say!("sealpost: the words are kept nowhere: write them down, without them every key is lost"),
        files => say!(
            "sealpost: the words are in {}; keep a copy elsewhere, without them every key is lost",
            files.join(" and ")
        ),
    }
    Ok(())
}

fn show(args: &ShowArgs) -> Result<()> {
    let key = key_shown(&args.source.wallet()?, args.key, args.reveal)?;
    hand_over(json_text(&key)?.as_bytes())
}

fn find(args: &FindArgs) -> Result<()> {
    let mut readers = vec![("the envelope", Some(Path::new("-")))];
    readers.extend(args.source.readers());
    one_reader_of_stdin(&readers)?;
    let text = document("an envelope")?;
    let many = text.trim_ascii_start().starts_with(b"[");
    let envelopes: Vec<Envelope> = match many {
        true => serde_json::from_slice(&text).map_err(|error| no_envelope(&error))?,
        false => vec![serde_json::from_slice(&text).map_err(|error| no_envelope(&error))?],
    };

    let wallet = args.source.wallet()?;
    let indexes = wallet.scan(&envelopes, args.gap);
    let found = envelopes.iter().zip(indexes).map(|(envelope, index)| {
        let key = |index| key_found(&wallet, envelope.curve, index);
        index.map(key).transpose()
    });
    let found = found.collect::<Result<Vec<_>>>()?;
    match (many, found.as_slice()) {
        (false, [Some(key)]) => print_json(key),
        (true, all) => print_json(&all),
        _ => {
            return Err(Failure::new(
                "envelope_not_for_us",
                format!("none of the first {} keys of the wallet is meant", args.gap),
            )
            .hint("check wallet and BIP-39 passphrase, or look further with --gap N"));
        }
    }
    Ok(())
}

fn import(args: &ImportArgs) -> Result<()> {
    let kept = args.keep.prepare()?;
    let text = secret::read("words", args.mnemonic_file.as_deref(), "--mnemonic-file")?;
    let mnemonic = Mnemonic::parse(&text).map_err(failed)?;
    let passphrase = args.keep.bip39_passphrase()?;
    let wallet = Wallet::new(&mnemonic, &passphrase).map_err(failed)?;
    let key = key_shown(&wallet, args.key, false)?;
    let file = kept.write(&mnemonic, &passphrase)?;
    print_json(&key);
    say!("sealpost: the words are in {file}");
    Ok(())
}

fn export(args: &ExportArgs) -> Result<()> {
    let (mnemonic, bip39_passphrase) = args.source.mnemonic()?;
    let shown = WordsShown {
        mnemonic: words(&mnemonic),
        words: mnemonic.word_count(),
        language: mnemonic.language().as_str(),
        bip39_passphrase,
    };
    hand_over(json_text(&shown)?.as_bytes())
}

fn key_shown(wallet: &Wallet, KeyArgs { curve, index }: KeyArgs, reveal: bool) -> Result<KeyShown> {
    let key = wallet.key(curve, index).map_err(failed)?;
    Ok(KeyShown {
        path: path(index).map_err(failed)?,
        curve,
        public_key: key.recipient().to_hex(),
        private_key: reveal.then(|| SecretText::new(hex::encode(key.expose()))),
        mnemonic: None,
    })
}

fn key_found(wallet: &Wallet, curve: Curve, index: u32) -> Result<KeyFound> {
    let KeyShown { path, curve, public_key, .. } = key_shown(wallet, KeyArgs { curve, index }, false)?;
    Ok(KeyFound { path, index, curve, public_key })
}

fn words(mnemonic: &Mnemonic) -> SecretText {
    SecretText::new(mnemonic.expose().as_str().to_owned())
}

fn no_envelope(error: &serde_json::Error) -> Failure {
    Failure::new("envelope_malformed", format!("standard input is no envelope: {error}"))
        .hint("give an envelope as `sealpost envelope wrap` prints it, or an array of them")
}

fn word_count_option() -> impl TypedValueParser<Value = WordCount> {
    PossibleValuesParser::new(["12", "15", "18", "21", "24"]).try_map(|number| {
        let chosen = WordCount::ALL.into_iter().find(|count| count.words().to_string() == number);
        chosen.ok_or("a wallet has 12, 15, 18, 21 or 24 words")
    })
}

fn language_option() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::ALL.map(Language::as_str)).try_map(|name| name.parse::<Language>())
}
