//! `restore`: a store made of a backup, or a backup looked through.

use std::{io::BufReader, path::PathBuf};

use clap::Args;
use sealpost_store::{
    Clock,
    backup::{self as store, Opened},
};
use serde::Serialize;

use super::{
    backup::{Place, Shape, Watch, failed},
    serve,
};
use crate::{
    failure::Result,
    input::{Input, one_reader_of_stdin},
    offline::Shown,
    output::{answer, clean, say},
    passphrase::{self, Passphrase},
};

const AFTER_HELP: &str = "\
The place must be empty: no database, or an empty one, no sealed files, no keys. The settings say
where; a backup of SQLite goes into PostgreSQL and the other way round. Until everything is there
and compared, no store opens it, and the same command can be given again.

A backup is older than the world. In the restored store nothing that waited or printed is believed:
those jobs keep their prints reserved until their printers say what became of them; those of LMNT
printers, which cannot, wait for `sealpost resolve`. People sign in again. The operator guide says
what else to look at.

--json prints {file, format, program, madeAt, database, origin, rows, blobs, blobBytes, missing},
and heldJobs where it restored.

Example:
  sealpost restore --config /etc/sealpost/store.toml /backup/store.sealpost";

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RestoreArgs {
    /// Backup to restore (`-`: standard input)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Read it all, compare every hash, say what is in it, and write nothing
    #[arg(long, conflicts_with_all = ["config", "data"])]
    check: bool,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// What a restore made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(flatten)]
    shape: Shape<'a>,
    held_jobs: u64,
}

/// Restores a backup, or looks through it.
pub(crate) async fn restore(args: RestoreArgs) -> Result<()> {
    one_reader_of_stdin(&[("the backup", Some(&args.file)), ("--passphrase-file", args.passphrase.file())])?;
    let config = if args.check { None } else { Some(args.place.config()?) };
    let input = Input::open(&args.file)?;
    let passphrase = args.passphrase.ask()?;
    let opened = passphrase::open(BufReader::with_capacity(1 << 20, input), &passphrase)?;
    let backup = Opened::new(opened).map_err(failed)?;
    let mut watch = Watch::new();
    let mut progress = |step: store::Progress<'_>| watch.see(step);
    let Some(config) = config else {
        let (manifest, contents) = backup.check(&mut progress).await.map_err(failed)?;
        drop(watch);
        let shape = Shape::new(&args.file, &manifest, &contents);
        warn(&contents.missing);
        answer(args.shown.json, &shape, |shape| format!("It is whole: {}", shape.sentence()));
        return Ok(());
    };
    let origin = config.origin();
    let _alone = serve::lock(&config)?;
    let restored = store::restore(config, Clock::system(), backup, &mut progress).await.map_err(failed)?;
    drop(watch);
    let store::Restored { manifest, contents, held_jobs, .. } = restored;
    warn(&contents.missing);
    if manifest.origin != origin {
        say!(
            "warning: people and printers know this store as {}, and here its address is {origin}: printers must be \
             paired again unless `public_url` is what it was",
            clean(&manifest.origin)
        );
    }
    let shape = Shape::new(&args.file, &manifest, &contents);
    answer(args.shown.json, &Answer { shape, held_jobs }, |answer| {
        let held = match answer.held_jobs {
            0 => String::new(),
            jobs => format!(" Jobs that wait for their printers' word: {jobs}."),
        };
        format!("Restored: {}{held} `sealpost serve` opens it.", answer.shape.sentence())
    });
    Ok(())
}

fn warn(missing: &[String]) {
    for blob in missing {
        say!("warning: {} is not in the backup: it was missing or damaged when it was made", clean(blob));
    }
}
