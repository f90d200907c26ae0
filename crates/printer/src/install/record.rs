//! What an installation has done, on disk before it is done: what undoing and repairing go by.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    process::{getegid, geteuid},
};
use sealpost_api::Problem;
use serde::{Deserialize, Serialize};

use super::{
    files::{Numbers, Place, TEXT_LIMIT},
    plausible,
    services::Services,
    step::Contents,
    tree::{Tree, unusable},
    walk::{Last, Trust},
};

/// The folder on most systems.
const FOLDER: &str = "/var/lib/sealpost-install";
/// The folder where the system forgets that one.
const KEPT_FOLDER: &str = "/oem/printer_data/sealpost-install";
const NAME: &str = "record.json";
/// The agent's settings as they were when the last run ended.
const SETTINGS: &str = "printer.toml";
const FORMAT: u32 = 1;

/// All that was done, in order.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    format: u32,
    /// Who runs Klipper, by number.
    pub owner: Option<u32>,
    /// What has to be stopped and restarted.
    pub services: Option<Services>,
    /// One for each path, in the order in which they were made.
    pub entries: Vec<Entry>,
}

/// One thing that was made, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Entry {
    /// Where.
    pub path: PathBuf,
    /// What.
    #[serde(flatten)]
    pub made: Made,
}

/// What was made. Where it was made again by a later run there are several versions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "made", rename_all = "snake_case")]
pub enum Made {
    /// A user and its group.
    User {
        /// Name of both.
        name: String,
    },
    /// A folder.
    Folder {
        /// What becomes of what lies in it.
        contents: Contents,
    },
    /// A file.
    File {
        /// SHA-256 of what was written.
        sha256: Vec<String>,
    },
    /// A link.
    Link {
        /// To where.
        targets: Vec<PathBuf>,
    },
    /// Lines in a file.
    Block {
        /// The lines.
        texts: Vec<String>,
        /// The copy of the file as it was.
        backup: PathBuf,
    },
}

impl Record {
    /// One of nothing.
    pub fn empty() -> Self {
        Self { format: FORMAT, owner: None, services: None, entries: Vec::new() }
    }

    /// What is known of a path.
    pub fn entry(&self, path: &Path) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// Adds an entry, or its versions to the one that is there.
    pub fn note(&mut self, path: &Path, made: Made) {
        let Some(known) = self.entries.iter_mut().find(|entry| entry.path == path) else {
            self.entries.push(Entry { path: path.to_owned(), made });
            return;
        };
        match (&mut known.made, made) {
            (Made::File { sha256 }, Made::File { sha256: new }) => add(sha256, new),
            (Made::Link { targets }, Made::Link { targets: new }) => add(targets, new),
            (Made::Block { texts, .. }, Made::Block { texts: new, .. }) => add(texts, new),
            (known, new) => *known = new,
        }
    }
}

fn add<T: PartialEq>(known: &mut Vec<T>, new: Vec<T>) {
    for version in new {
        known.retain(|other| *other != version);
        known.push(version);
    }
}

/// The folder with the record and the copies, held by one process at a time.
#[derive(Debug)]
pub struct Ledger {
    place: Place,
    folder: File,
    inside: PathBuf,
}

impl Ledger {
    /// Opens it, or makes it. `kept`: on a system that forgets.
    pub fn open(tree: &Tree, kept: bool) -> Result<Self, Problem> {
        let inside = Path::new(if kept { KEPT_FOLDER } else { FOLDER });
        let failed = |error: io::Error| unusable(inside, &error);
        let missing: Vec<&Path> =
            inside.ancestors().skip(1).take_while(|folder| !tree.exists(folder)).collect();
        for folder in missing.into_iter().rev() {
            place(tree, folder)?.make_folder(own(0o755)).map_err(failed)?;
        }
        let place = place(tree, inside)?;
        if place.metadata().map_err(failed)?.is_none() {
            place.make_new_folder(own(0o700)).map_err(failed)?;
        }
        Self::open_at(place, inside)
    }

    /// Opens the one that is there.
    pub fn find(tree: &Tree) -> Result<Option<Self>, Problem> {
        let places = [FOLDER, KEPT_FOLDER].map(Path::new);
        let found = places.into_iter().find(|folder| tree.exists(&folder.join(NAME)));
        found.map(|inside| Self::open_at(place(tree, inside)?, inside)).transpose()
    }

    /// Reads the record of the one that is there, without holding it; `None` where this user may not.
    pub fn look(tree: &Tree) -> Result<Option<Record>, Problem> {
        for inside in [FOLDER, KEPT_FOLDER].map(Path::new) {
            if tree.exists(&inside.join(NAME)) {
                return read(&folder(&place(tree, inside)?, inside)?, inside).map(Some);
            }
        }
        Ok(None)
    }

    fn open_at(place: Place, inside: &Path) -> Result<Self, Problem> {
        let folder = folder(&place, inside)?;
        if !hold(&folder) {
            return Err(Problem::new(409, "install_running", "Another installation is under way")
                .detail(format!("it holds {}", inside.display()))
                .hint("Wait until it has ended."));
        }
        Ok(Self { place, folder, inside: inside.to_owned() })
    }

    /// What was done so far.
    pub fn record(&self) -> Result<Record, Problem> {
        let failed = |error: io::Error| unusable(&self.inside, &error);
        let there = self.at(OsStr::new(NAME)).and_then(|place| place.metadata()).map_err(failed)?;
        if there.is_none() {
            return Ok(Record::empty());
        }
        read(&self.folder, &self.inside)
    }

    /// Makes a record durable.
    pub fn save(&self, record: &Record) -> Result<(), Problem> {
        let failed = |error: io::Error| unusable(&self.inside.join(NAME), &error);
        let text = serde_json::to_vec_pretty(record).map_err(|error| failed(error.into()))?;
        let place = self.at(OsStr::new(NAME)).map_err(failed)?;
        place.replace(&text, own(0o600), || Ok::<(), io::Error>(())).map_err(failed)
    }

    /// Copies a file of the tree as it is, once; gives the copy's path in the tree.
    pub fn back_up(&self, path: &Path, bytes: &[u8], date: &str) -> Result<PathBuf, Problem> {
        let inside = Path::new("backup").join(date).join(path.strip_prefix("/").unwrap_or(path));
        let failed = |error: io::Error| unusable(&self.inside.join(&inside), &error);
        let place = self.below(&inside, true).map_err(failed)?;
        let place = place.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        place.replace(bytes, own(0o600), || Ok::<(), io::Error>(())).map_err(failed)?;
        Ok(self.inside.join(inside))
    }

    /// A copy that was made; `None` where it is gone or was never one of ours.
    pub(super) fn copy(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let Ok(inside) = path.strip_prefix(&self.inside) else { return Ok(None) };
        let Some(place) = self.below(inside, false)? else { return Ok(None) };
        Ok(place.read(TEXT_LIMIT)?.map(|(bytes, _)| bytes))
    }

    /// Keeps the agent's settings where the system does not forget them.
    pub fn keep_settings(&self, tree: &Tree) -> Result<(), Problem> {
        let failed = |error: io::Error| unusable(&self.inside.join(SETTINGS), &error);
        let text = tree.text(Path::new(crate::settings::DEFAULT_PATH))?;
        let Some(text) = text.filter(|_| self.inside == Path::new(KEPT_FOLDER)) else { return Ok(()) };
        let place = self.at(OsStr::new(SETTINGS)).map_err(failed)?;
        if place.read(TEXT_LIMIT).map_err(failed)?.is_some_and(|(known, _)| known == text.as_bytes()) {
            return Ok(());
        }
        place.replace(text.as_bytes(), own(0o600), || Ok::<(), io::Error>(())).map_err(failed)
    }

    /// What was kept of them, as far as this user may look.
    pub(super) fn kept_settings(tree: &Tree) -> Option<String> {
        let inside = Path::new(KEPT_FOLDER);
        let folder = folder(&place(tree, inside).ok()?, inside).ok()?;
        let (bytes, metadata) = Place::new(folder, OsStr::new(SETTINGS)).read(TEXT_LIMIT).ok()??;
        String::from_utf8(bytes).ok().filter(|_| is_roots(&metadata))
    }

    /// Removes it with all copies.
    pub fn remove(self) -> Result<(), Problem> {
        self.place.remove_all().map_err(|error| unusable(&self.inside, &error))
    }

    /// Where it is, in the tree.
    pub fn path(&self) -> &Path {
        &self.inside
    }

    fn at(&self, name: &OsStr) -> io::Result<Place> {
        Ok(Place::new(self.folder.try_clone()?, name))
    }

    /// A place below the folder, whose folders are made where `make` says so.
    fn below(&self, inside: &Path, make: bool) -> io::Result<Option<Place>> {
        let mut folder = self.folder.try_clone()?;
        let mut parts = inside.components().peekable();
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else { return Ok(None) };
            let place = Place::new(folder, name);
            if parts.peek().is_none() {
                return Ok(Some(place));
            }
            match (place.metadata()?, make) {
                (None, false) => return Ok(None),
                (None, true) => place.make_folder(own(0o700))?,
                (Some(_), _) => {}
            }
            folder = place.open_folder()?;
        }
        Ok(None)
    }
}

fn own(mode: u32) -> Numbers {
    Numbers { uid: geteuid().as_raw(), gid: getegid().as_raw(), mode }
}

/// Takes the lock, unless another installation has it.
fn hold(folder: &File) -> bool {
    // A program that another thread is about to start has a copy of each open file, and of its lock, until it has become that program.
    let patience = Instant::now() + Duration::from_millis(500);
    while flock(folder, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() > patience {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

fn place(tree: &Tree, inside: &Path) -> Result<Place, Problem> {
    let place = tree.hold(inside, &Trust::new(tree, None), Last::Itself)?;
    place.ok_or_else(|| unusable(inside, &io::ErrorKind::NotFound.into()))
}

/// The folder, if nobody but root can have written into it: what the record says is done as root.
fn folder(place: &Place, inside: &Path) -> Result<File, Problem> {
    let failed = |error: io::Error| unusable(inside, &error);
    let folder = place.open_folder().map_err(failed)?;
    let metadata = folder.metadata().map_err(failed)?;
    if !is_roots(&metadata) || metadata.mode() & 0o077 != 0 {
        return Err(foreign(inside));
    }
    Ok(folder)
}

fn is_roots(metadata: &fs::Metadata) -> bool {
    metadata.uid() == 0 || metadata.uid() == geteuid().as_raw()
}

fn foreign(path: &Path) -> Problem {
    Problem::new(409, "record_foreign", "The record of the installation is not root's")
        .detail(format!("others can have written {}", path.display()))
        .hint("Look who did. Nothing is undone by it: take that folder away, and the pieces by hand, as the printer guide lists them.")
}

fn read(folder: &File, inside: &Path) -> Result<Record, Problem> {
    let path = inside.join(NAME);
    let damaged = |detail: String| {
        Problem::new(500, "record_damaged", "The record of the installation cannot be read")
            .detail(format!("{}: {detail}", path.display()))
            .hint("It says what was changed and where the copies are: undo that by hand, then remove the folder.")
    };
    let failed = |error: io::Error| unusable(&path, &error);
    let place = Place::new(folder.try_clone().map_err(failed)?, OsStr::new(NAME));
    let read = place.read(TEXT_LIMIT).map_err(failed)?;
    let (bytes, metadata) = read.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    if !is_roots(&metadata) || metadata.mode() & 0o022 != 0 {
        return Err(foreign(&path));
    }
    let record: Record = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if record.format != FORMAT {
        return Err(damaged(format!("it has format {}", record.format)));
    }
    if let Some(strange) = plausible::strange(&record) {
        return Err(damaged(format!("no installation makes what it says: {strange}")));
    }
    Ok(record)
}
