//! `chain key`: the key of an address, in a keystore that other Ethereum programs open too.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sealpost_chain::{KeyError, KeyFile as File, Signer};
use sealpost_envelope::ErrorCode as _;
use sealpost_market::chain::Address;
use sealpost_wallet::keystore::MIN_PASSPHRASE_CHARS;
use serde_json::json;

use super::options::KeyFile;
use crate::{
    failure::{Doing as _, Failure, Result},
    input::{Input, is_dash, one_reader_of_stdin},
    offline::{Shown, failed},
    outfile::{Access, OutFile},
    output::{answer, facts, say},
    secret::{self, as_argument},
    session,
};

/// Longest key file; more is a file given by mistake.
const LIMIT: u64 = 64 << 10;

const NEW_HELP: &str = "\
The file is an Ethereum keystore (version 3): wallets and tools of others import it with the
passphrase. Keep a copy apart from this machine, and the passphrase elsewhere: nobody can make the
key again, and what its address has or is paid is lost with it.

To send anything, the address needs some of the chain's coin for the network's fees.

Examples:
  sealpost chain key new
  sealpost chain key new --out operator.json --passphrase-file passphrase.txt";

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and show its address
    New(NewArgs),
    /// Show the address of a key
    Show(ShowArgs),
}

#[derive(Args, Debug)]
#[command(after_help = NEW_HELP)]
pub(crate) struct NewArgs {
    /// Keystore to write; one that is there is never replaced [default: chain-key.json beside the saved sign-ins]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// File whose first line is the passphrase of the keystore (`-`: standard input) instead of asking
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    key: KeyFile,
    #[command(flatten)]
    shown: Shown,
}

impl KeyCommand {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::New(args) => args.shown.json,
            Self::Show(args) => args.shown.json,
        }
    }
}

pub(crate) fn key(command: &KeyCommand) -> Result<()> {
    match command {
        KeyCommand::New(args) => new(args),
        KeyCommand::Show(args) => {
            one_reader_of_stdin(&args.key.readers())?;
            show(args.key.address()?, None, args.shown);
            Ok(())
        }
    }
}

/// Opens the key of a file, else the one beside the saved sign-ins.
pub(super) fn open(file: Option<&Path>, passphrase_file: Option<&Path>) -> Result<Signer> {
    match read(file)? {
        File::Plain(signer) => Ok(signer),
        File::Sealed(keystore) => {
            let passphrase = secret::read("passphrase of the key", passphrase_file, "--key-passphrase-file")?;
            keystore.open(&passphrase).map_err(failed)
        }
    }
}

/// Address of the key of a file, which a keystore may tell without its passphrase.
pub(super) fn address(file: Option<&Path>, passphrase_file: Option<&Path>) -> Result<Address> {
    match read(file)?.address() {
        Some(address) => Ok(address),
        None => Ok(open(file, passphrase_file)?.address()),
    }
}

fn read(file: Option<&Path>) -> Result<File> {
    let path = match file {
        Some(path) if is_dash(path) => {
            let content = Input::stdin().read_up_to(LIMIT)?;
            let text = str::from_utf8(&content).map_err(|_| failed(KeyError::Format))?;
            return File::parse(text).map_err(failed);
        }
        Some(path) => path.to_owned(),
        None => {
            let path = default_key()?;
            if !path.exists() {
                return Err(Failure::new("no_key", format!("there is no key in {}", path.display()))
                    .hint("make one with `sealpost chain key new`, or name a file with --key FILE"));
            }
            path
        }
    };
    File::read(&path).map_err(|error| {
        as_argument(&path).unwrap_or_else(|| {
            Failure::new(error.code(), format!("{}: {error}", path.display())).hint(error.hint())
        })
    })
}

fn new(args: &NewArgs) -> Result<()> {
    let path = match &args.out {
        Some(path) if is_dash(path) => {
            return Err(Failure::usage("stdout_taken", "a key does not go to standard output")
                .hint("name a file, such as --out operator.json"));
        }
        Some(path) => path.clone(),
        None => {
            let path = default_key()?;
            if let Some(folder) = path.parent() {
                let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
                made.doing("output_file", format_args!("make {}", folder.display()))?;
            }
            path
        }
    };
    let file = OutFile::create(&path, Access::Owner, false)
        .map_err(|failure| failure.hint("name a new file: a key that was lost cannot be made again"))?;
    let passphrase = secret::read_new("passphrase", args.passphrase_file.as_deref(), "--passphrase-file")?;
    if passphrase.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err(failed(sealpost_wallet::KeystoreError::ShortPassphrase));
    }
    let signer = Signer::generate(&mut UnwrapErr(SysRng));
    let keystore = signer.seal(&passphrase, &mut UnwrapErr(SysRng)).map_err(failed)?;
    file.finish_with(keystore.as_bytes())?;
    show(signer.address(), Some(&path), args.shown);
    say!("sealpost: keep a copy of {} apart from this machine, and its passphrase elsewhere", path.display());
    Ok(())
}

fn show(address: Address, file: Option<&Path>, shown: Shown) {
    let address = address.checksummed();
    let file = file.map(|file| file.display().to_string());
    answer(shown.json, &json!({ "address": address, "file": file }), |_| {
        facts([("Address", Some(address.clone())), ("File", file.clone())])
    });
}

/// `chain-key.json` in the folder of the saved sign-ins.
fn default_key() -> Result<PathBuf> {
    Ok(session::folder()?.join("chain-key.json"))
}
