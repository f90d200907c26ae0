//! `backup`: a whole store in one sealed file, made while it is served.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use clap::Args;
use sealpost_envelope::ErrorCode as _;
use sealpost_store::{
    Clock, Config,
    backup::{Backup, BackupError, Contents, Lies, Manifest, Opened, Progress},
};
use sealpost_wallet::WorkFactor;
use serde::Serialize;

use super::serve;
use crate::{
    failure::{Failure, Result},
    input::{Input, is_dash},
    offline::{Replace, Shown},
    outfile::{Access, OutFile, unwritten},
    output::{answer, clean, person_watches, say, short_size},
    passphrase::{self, Passphrase},
};

const AFTER_HELP: &str = "\
The store may be in use: what the backup holds is one state of it. FILE gets its name when it is
whole, readable by you alone. It holds everything: accounts, licences, jobs, the sealed files of
releases, and the keys that open them. The passphrase is all that keeps others from it, and without
it nobody opens the backup, you neither.

FILE is an age file around a tar archive: `age -d FILE | tar t` lists what is in it.

--json prints {file, format, program, madeAt, database, origin, rows, blobs, blobBytes, missing}.

Examples:
  sealpost backup --config /etc/sealpost/store.toml /backup/store.sealpost
  sealpost restore --check /backup/store.sealpost";

#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct BackupArgs {
    /// Backup to make (`-`: standard output)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Work of each try at the passphrase: scrypt with 2^N, N from 10 to 20
    #[arg(long, value_name = "N", default_value_t)]
    work_factor: WorkFactor,
    /// Read the backup back from FILE when it is written, open it and compare every hash
    #[arg(long)]
    verify: bool,
    /// Leave out sealed files that are gone or damaged in the store, and say which
    #[arg(long)]
    allow_missing_blobs: bool,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// Which store.
#[derive(Args, Debug)]
pub(super) struct Place {
    /// Settings of the store (TOML), the same that `serve` is given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of database, sealed files and keys [default: ./sealpost-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
    pub(super) fn config(&self) -> Result<Config> {
        Ok(serve::settings_of(self.config.as_deref(), self.data.as_deref())?.store)
    }
}

/// What a backup holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shape<'a> {
    file: &'a Path,
    format: u32,
    program: &'a str,
    made_at: &'a str,
    database: &'a str,
    origin: &'a str,
    rows: u64,
    blobs: u64,
    blob_bytes: u64,
    missing: &'a [String],
}

impl<'a> Shape<'a> {
    pub(super) fn new(file: &'a Path, manifest: &'a Manifest, contents: &'a Contents) -> Self {
        Self {
            file,
            format: manifest.format,
            program: &manifest.program,
            made_at: &manifest.made_at,
            database: &manifest.database,
            origin: &manifest.origin,
            rows: contents.rows.values().sum(),
            blobs: contents.blobs,
            blob_bytes: contents.blob_bytes,
            missing: &contents.missing,
        }
    }

    pub(super) fn sentence(&self) -> String {
        format!(
            "{} rows, {} sealed files ({}), and the keys of {}, as they were at {}.",
            self.rows,
            self.blobs,
            short_size(self.blob_bytes),
            clean(self.origin),
            clean(self.made_at)
        )
    }
}

/// Makes a backup.
pub(crate) async fn backup(args: BackupArgs) -> Result<()> {
    if is_dash(&args.file) && args.shown.json {
        return Err(Failure::usage("stdout_taken", "standard output gets the backup, not JSON")
            .hint("name a file for the backup, or leave out --json"));
    }
    if is_dash(&args.file) && args.verify {
        return Err(Failure::usage(
            "nothing_to_read_back",
            "what went to standard output cannot be read back",
        )
        .hint("check it where it lies: sealpost restore --check FILE"));
    }
    let config = args.place.config()?;
    let out = OutFile::create(&args.file, Access::Owner, args.replace.force)?
        .not_on_a_terminal("name a file, or send it on: sealpost backup - | ssh ...")?;
    let name = out.name();
    let store = Backup::open(config, Clock::system()).await.map_err(failed)?;
    let passphrase = args.passphrase.choose()?;
    let mut sealed = passphrase::seal(out, &passphrase, args.work_factor)?;
    let mut watch = Watch::new();
    let written = store.write(&mut sealed, args.allow_missing_blobs, &mut |step| watch.see(step)).await;
    drop(watch);
    let (manifest, contents) = written.map_err(|error| match error {
        BackupError::Write(error) => unwritten(&name, &error),
        error => failed(error),
    })?;
    let out = sealed.finish().map_err(|error| unwritten(&name, &error))?;
    out.commit()?;
    if !is_dash(&args.file) {
        keep_name(&args.file).map_err(|error| unwritten(&name, &error))?;
    }
    let lies = if is_dash(&args.file) { Lies::default() } else { lies(&args, &passphrase).await? };
    if let Err(error) = store.made(&contents, &lies).await {
        say!("warning: the backup is whole, and the store could not take note of it: {}", failed(error));
    }
    for blob in &contents.missing {
        say!("warning: {} is missing or damaged, and not in the backup", clean(blob));
    }
    let shape = Shape::new(&args.file, &manifest, &contents);
    if is_dash(&args.file) {
        say!("backed up: {}", shape.sentence());
    } else {
        answer(args.shown.json, &shape, |shape| format!("{name}: {}", shape.sentence()));
    }
    Ok(())
}

/// Where it lies, and whether it is whole there.
async fn lies(args: &BackupArgs, passphrase: &str) -> Result<Lies> {
    let path = std::fs::canonicalize(&args.file).unwrap_or_else(|_| args.file.clone());
    let about = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file);
    if args.verify {
        let input = BufReader::with_capacity(1 << 20, Input::open(&args.file)?);
        let opened = Opened::new(passphrase::open(input, passphrase)?).map_err(failed)?;
        let mut watch = Watch::new();
        opened.check(&mut |step| watch.see(step)).await.map_err(failed)?;
    }
    Ok(Lies {
        target: Some(path.display().to_string()),
        bytes: about.map(|about| about.len()),
        verified: args.verify,
    })
}

/// A failure of a backup or restore.
pub(super) fn failed(error: BackupError) -> Failure {
    match error {
        BackupError::Store(error) => serve::failed(error),
        error => Failure::new(error.code(), error.to_string()).hint(error.hint()),
    }
}

/// A name outlives a power cut once its folder is written.
fn keep_name(path: &Path) -> std::io::Result<()> {
    match std::fs::metadata(path) {
        Ok(about) if about.is_file() => {}
        _ => return Ok(()),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Shows a person how far it is.
pub(super) struct Watch(Option<indicatif::ProgressBar>);

impl Watch {
    pub(super) fn new() -> Self {
        Self(person_watches().then(indicatif::ProgressBar::new_spinner))
    }

    pub(super) fn see(&mut self, step: Progress<'_>) {
        let Some(bar) = &self.0 else { return };
        match step {
            Progress::Table(name) => bar.set_message(format!("table {name}")),
            Progress::Blobs { bytes, of } if of > 0 => {
                bar.set_message(format!("sealed files: {} of {}", short_size(bytes), short_size(of)));
            }
            Progress::Blobs { bytes, .. } => bar.set_message(format!("sealed files: {}", short_size(bytes))),
            _ => {}
        }
        bar.tick();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
