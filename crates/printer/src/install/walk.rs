//! The way to a file, folder by folder, each held open: who owns a folder on the way may rename what is in it at any moment.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::{ffi::OsStringExt, fs::MetadataExt},
    path::{Component, Path, PathBuf},
};

use rustix::{fs::readlinkat, process::geteuid};
use sealpost_api::Problem;

use super::{
    files::{Place, look},
    tree::{LINKS, Tree, unusable},
};

/// Who may lead the way to what: everybody to what is their own.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    /// This process's user, root where something is done.
    own: u32,
    /// Klipper's user, the only one who may lead to a folder by a link.
    user: Option<u32>,
    /// The groups of Klipper's user.
    groups: Vec<u32>,
}

impl Trust {
    /// With Klipper's user, where that is known.
    pub(super) fn new(tree: &Tree, owner: Option<u32>) -> Self {
        // A machine where root runs Klipper has nobody whose links may lead to root's folders.
        let user = owner.filter(|uid| *uid != 0);
        let groups = owner.map(|uid| tree.groups_of(uid)).unwrap_or_default();
        Self { own: geteuid().as_raw(), user, groups }
    }

    /// Whether others than root can put something else into this folder.
    fn is_open_to_others(&self, folder: &fs::Metadata) -> bool {
        let (uid, gid, mode) = (folder.uid(), folder.gid(), folder.mode());
        uid != 0 && uid != self.own || mode & 0o002 != 0 || mode & 0o020 != 0 && self.groups.contains(&gid)
    }
}

/// Whether a link in the last place is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// To the file that is meant.
    Followed,
    /// It is what is meant.
    Itself,
}

impl Tree {
    /// Holds the folder of a path open; `None` where there is no such folder.
    ///
    /// A link that somebody else than root can have put on the way is followed only where Klipper's user leads to a folder of its own:
    /// otherwise it could let root write into `/etc`, or into the agent's folder, by a link in place of a folder.
    pub(super) fn hold(&self, path: &Path, trust: &Trust, last: Last) -> Result<Option<Place>, Problem> {
        let failed = |error: io::Error| unusable(path, &error);
        let root = File::open(self.root()).map_err(failed)?;
        let mut way = vec![(root.try_clone().map_err(failed)?, root.metadata().map_err(failed)?)];
        let mut open = parts(path);
        let (mut led, mut by_link, mut followed) = (false, false, 0);
        while let Some(part) = open.pop() {
            let name = match part.components().next() {
                Some(Component::RootDir) => {
                    way.truncate(1);
                    continue;
                }
                Some(Component::ParentDir) => {
                    way.truncate((way.len() - 1).max(1));
                    continue;
                }
                Some(Component::Normal(name)) => name,
                _ => continue,
            };
            let Some((folder, metadata)) = way.last() else { break };
            led |= trust.is_open_to_others(metadata);
            let is_last = open.is_empty();
            let place = || -> Result<Option<Place>, Problem> {
                if by_link && trust.user != Some(metadata.uid()) {
                    return Err(led_elsewhere(path));
                }
                Ok(Some(Place::new(folder.try_clone().map_err(failed)?, name)))
            };
            if is_last && last == Last::Itself {
                return place();
            }
            let next = match look(folder, name) {
                Ok(next) => next,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return if is_last { place() } else { Ok(None) };
                }
                Err(error) => return Err(failed(error)),
            };
            let found = next.metadata().map_err(failed)?;
            if found.is_symlink() {
                followed += 1;
                if followed > LINKS {
                    return Err(failed(io::Error::other("too many links")));
                }
                // Another user of a folder on the way does not lead to what is Klipper's user's either.
                if led && ![Some(0), Some(trust.own), trust.user].contains(&Some(metadata.uid())) {
                    return Err(led_elsewhere(path));
                }
                by_link |= led;
                let target = readlinkat(&next, "", Vec::new()).map_err(|error| failed(error.into()))?;
                open.extend(parts(Path::new(&OsString::from_vec(target.into_bytes()))));
            } else if is_last {
                return place();
            } else if found.is_dir() {
                way.push((next, found));
            } else {
                return Ok(None);
            }
        }
        Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it names no file")))
    }
}

fn parts(path: &Path) -> Vec<PathBuf> {
    path.components().rev().map(|part| PathBuf::from(part.as_os_str())).collect()
}

fn led_elsewhere(path: &Path) -> Problem {
    Problem::new(409, "led_elsewhere", "A link leads to somebody else's folder")
        .detail(format!("a link on the way to {} leads out of what its owner may write", path.display()))
        .hint("Take the link away, or name the folder itself: `--printer-data DIR`, `--klipper DIR`, `--moonraker DIR`; a folder of `--printer-data` has to belong to Klipper's user.")
}
