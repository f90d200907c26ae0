//! `publisher-key`: the key that signs a publisher's plugins.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use getrandom::SysRng;
use rand_core::TryRng as _;
use sealpost_api::catalogue::{Listing, ListingChanges};
use sealpost_envelope::SigningKey;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    client::Client,
    connection::{Connection, listing_name},
    failure::{Doing as _, Failure, Result},
    input::is_dash,
    key_file,
    offline::Shown,
    outfile::{Access, OutFile},
    output::{answer, facts, say},
};

const NEW_HELP: &str = "\
The file holds an Ed25519 seed as hex and is readable by you alone (mode 0600). Keep a copy apart
from this machine: buyers trust the versions that this key signed, and nobody can make it again.

Example:
  sealpost publisher-key new --out publisher.key";

#[derive(Debug, Subcommand)]
pub(crate) enum PublisherKeyCommand {
    /// Make a key to sign plugins with
    New(NewArgs),
    /// Show the public half of a key
    Show(ShowArgs),
    /// Let a plugin's later versions be signed by a key
    Set(SetArgs),
}

#[derive(Args, Debug)]
#[command(after_help = NEW_HELP)]
pub(crate) struct NewArgs {
    /// File to write; one that is there is never replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Key, as `publisher-key new` wrote it (`-`: standard input)
    #[arg(value_name = "FILE")]
    key_file: PathBuf,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    /// Plugin of yours
    #[arg(value_parser = listing_name)]
    plugin: String,
    /// Key that signs from now on (`-`: standard input)
    #[arg(long, value_name = "FILE")]
    signing_key_file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

impl PublisherKeyCommand {
    /// Whether failures are to be told as JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::New(args) => args.shown.json,
            Self::Show(args) => args.shown.json,
            Self::Set(args) => args.connection.json,
        }
    }
}

pub(crate) async fn publisher_key(command: PublisherKeyCommand) -> Result<()> {
    match command {
        PublisherKeyCommand::New(args) => new(&args),
        PublisherKeyCommand::Show(args) => {
            show(&key_file::signing_key(&args.key_file)?, args.shown);
            Ok(())
        }
        PublisherKeyCommand::Set(args) => set(args).await,
    }
}

fn new(args: &NewArgs) -> Result<()> {
    if is_dash(&args.out) {
        return Err(Failure::usage("stdout_taken", "a key does not go to standard output")
            .hint("name a file, such as --out publisher.key"));
    }
    let file = OutFile::create(&args.out, Access::Owner, false)
        .map_err(|failure| failure.hint("name a new file: a key that was lost cannot be made again"))?;
    let mut seed = Zeroizing::new([0; 32]);
    SysRng.try_fill_bytes(&mut *seed).doing("random", "draw a key")?;
    let key = SigningKey::from_bytes(&seed);
    let hex = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(*seed))));
    file.finish_with(hex.as_bytes())?;
    show(&key, args.shown);
    say!("sealpost: keep a copy of {} apart from this machine", args.out.display());
    Ok(())
}

fn show(key: &SigningKey, shown: Shown) {
    let public = public(key);
    answer(shown.json, &json!({ "publisher_key": public }), |_| {
        facts([("Publisher key", Some(public.clone()))])
    });
}

async fn set(args: SetArgs) -> Result<()> {
    let key = public(&key_file::signing_key(&args.signing_key_file)?);
    let client = Client::signed_in(&args.connection)?;
    let changes = ListingChanges { publisher_key: Some(key.clone()), ..ListingChanges::default() };
    let listing: Listing = client.patch(&["api", "v1", "listings", &args.plugin], &changes).await?;
    answer(args.connection.json, &listing, |_| {
        format!(
            "Later versions of {} are signed by {key}. Those who bought it before keep the key of then.",
            args.plugin
        )
    });
    Ok(())
}

fn public(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().to_bytes())
}
