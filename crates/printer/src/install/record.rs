//! What an installation has done, on disk before it is done: what undoing and repairing go by.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use sealpost_api::Problem;
use serde::{Deserialize, Serialize};

use super::{
    services::Services,
    step::Contents,
    tree::{Tree, unusable},
};

/// The folder on most systems.
const FOLDER: &str = "/var/lib/sealpost-install";
/// The folder where the system forgets that one.
const KEPT_FOLDER: &str = "/oem/printer_data/sealpost-install";
const NAME: &str = "record.json";
const FORMAT: u32 = 1;

/// All that was done, in order.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    format: u32,
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
        Self { format: FORMAT, services: None, entries: Vec::new() }
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
    folder: PathBuf,
    inside: PathBuf,
    _lock: File,
}

impl Ledger {
    /// Opens it, or makes it. `kept`: on a system that forgets.
    pub fn open(tree: &Tree, kept: bool) -> Result<Self, Problem> {
        Self::open_at(tree, Path::new(if kept { KEPT_FOLDER } else { FOLDER }))
    }

    /// Opens the one that is there.
    pub fn find(tree: &Tree) -> Result<Option<Self>, Problem> {
        let places = [FOLDER, KEPT_FOLDER].map(Path::new);
        places
            .into_iter()
            .find(|place| tree.exists(&place.join(NAME)))
            .map(|place| Self::open_at(tree, place))
            .transpose()
    }

    /// Reads the record of the one that is there, without holding it.
    pub fn look(tree: &Tree) -> Result<Option<Record>, Problem> {
        for place in [FOLDER, KEPT_FOLDER] {
            let path = tree.at(Path::new(place)).join(NAME);
            if path.exists() {
                return read(&path).map(Some);
            }
        }
        Ok(None)
    }

    fn open_at(tree: &Tree, place: &Path) -> Result<Self, Problem> {
        let folder = tree.at(place);
        let failed = |error: io::Error| unusable(&folder, &error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let lock = File::open(&folder).map_err(failed)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Problem::new(409, "install_running", "Another installation is under way")
                .detail(format!("it holds {}", folder.display()))
                .hint("Wait until it has ended.")
        })?;
        Ok(Self { folder, inside: place.to_owned(), _lock: lock })
    }

    /// What was done so far.
    pub fn record(&self) -> Result<Record, Problem> {
        let path = self.folder.join(NAME);
        if !path.exists() {
            return Ok(Record::empty());
        }
        read(&path)
    }

    /// Makes a record durable.
    pub fn save(&self, record: &Record) -> Result<(), Problem> {
        let failed = |error: io::Error| unusable(&self.folder.join(NAME), &error);
        let text = serde_json::to_vec_pretty(record).map_err(|error| failed(error.into()))?;
        let new = self.folder.join("record.new");
        write_synced(&new, &text).and_then(|()| fs::rename(&new, self.folder.join(NAME))).map_err(failed)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    /// Copies a file of the tree as it is, once; gives the copy's path in the tree.
    pub fn back_up(&self, path: &Path, bytes: &[u8], date: &str) -> Result<PathBuf, Problem> {
        let inside = Path::new("backup").join(date).join(path.strip_prefix("/").unwrap_or(path));
        let copy = self.folder.join(&inside);
        let failed = |error: io::Error| unusable(&copy, &error);
        let parent = copy.parent().unwrap_or(&self.folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
        write_synced(&copy, bytes).map_err(failed)?;
        Ok(self.inside.join(inside))
    }

    /// Removes it with all copies.
    pub fn remove(self) -> Result<(), Problem> {
        fs::remove_dir_all(&self.folder).map_err(|error| unusable(&self.folder, &error))
    }

    /// Where it is, in the tree.
    pub fn path(&self) -> &Path {
        &self.inside
    }
}

fn read(path: &Path) -> Result<Record, Problem> {
    let damaged = |detail: String| {
        Problem::new(500, "record_damaged", "The record of the installation cannot be read")
            .detail(format!("{}: {detail}", path.display()))
            .hint("It says what was changed and where the copies are: undo that by hand, then remove the folder.")
    };
    let bytes = fs::read(path).map_err(|error| unusable(path, &error))?;
    let record: Record = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if record.format != FORMAT {
        return Err(damaged(format!("it has format {}", record.format)));
    }
    Ok(record)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
