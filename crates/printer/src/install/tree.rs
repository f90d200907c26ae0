//! A tree of files: the machine's own, or one below a folder that will be a machine's.

use std::{
    fs::{self, File},
    io,
    path::{Component, Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, open};
use sealpost_api::Problem;

use super::files::{TEXT_LIMIT, read_regular};

/// Links that are followed at most.
pub(super) const LINKS: usize = 40;

/// The machine's files, below `/` or another folder. All paths given to it begin with `/` and stay inside.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
}

/// A user of the tree.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Account {
    /// Name.
    pub name: String,
    /// Number.
    pub uid: u32,
    /// Number of the group of its own.
    pub gid: u32,
    /// Name of that group.
    pub group: String,
    /// Its folder.
    pub home: PathBuf,
}

impl Tree {
    /// The tree below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether this is the machine that runs this program.
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where its files are.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path as this program has to open it, with all links but the last component followed inside the tree.
    pub fn at(&self, path: &Path) -> PathBuf {
        let folder = self.resolve(path.parent().unwrap_or(Path::new("/")));
        match path.file_name() {
            Some(name) => self.outside(&folder.join(name)),
            None => self.outside(&folder),
        }
    }

    /// The path without links in it; what is not there stays as it was said.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        let mut followed = 0;
        let mut done = PathBuf::from("/");
        let mut open: Vec<PathBuf> =
            path.components().rev().map(|part| PathBuf::from(part.as_os_str())).collect();
        while let Some(part) = open.pop() {
            match part.components().next() {
                Some(Component::RootDir) => done = PathBuf::from("/"),
                Some(Component::ParentDir) => {
                    done.pop();
                }
                Some(Component::Normal(name)) => {
                    let next = done.join(name);
                    match fs::read_link(self.outside(&next)) {
                        Ok(target) if followed < LINKS => {
                            followed += 1;
                            open.extend(
                                target.components().rev().map(|part| PathBuf::from(part.as_os_str())),
                            );
                        }
                        _ => done = next,
                    }
                }
                _ => {}
            }
        }
        done
    }

    /// Whether something is there, links followed.
    pub fn exists(&self, path: &Path) -> bool {
        self.outside(&self.resolve(path)).exists()
    }

    /// Whether a folder is there, links followed.
    pub fn is_dir(&self, path: &Path) -> bool {
        self.outside(&self.resolve(path)).is_dir()
    }

    /// Names in a folder, sorted; none where it cannot be read.
    pub fn names(&self, folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(self.outside(&self.resolve(folder))).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// The text of a file; `None` where there is none.
    pub fn text(&self, path: &Path) -> Result<Option<String>, Problem> {
        let opened = open(self.outside(&self.resolve(path)), OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let opened = opened.map(File::from).map_err(io::Error::from);
        match opened.and_then(|file| read_regular(&file, TEXT_LIMIT)) {
            Ok((bytes, _)) => text(path, bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(path, &error)),
        }
    }

    /// All users.
    pub fn accounts(&self) -> Vec<Account> {
        let groups = self.lines("/etc/group");
        let name_of = |gid: u32| {
            let found = groups.iter().find(|fields| fields.get(2).is_some_and(|id| *id == gid.to_string()));
            found.and_then(|fields| fields.first()).cloned().unwrap_or_else(|| gid.to_string())
        };
        let read = |fields: &Vec<String>| {
            let gid = fields.get(3)?.parse().ok()?;
            Some(Account {
                name: fields.first()?.clone(),
                uid: fields.get(2)?.parse().ok()?,
                gid,
                group: name_of(gid),
                home: PathBuf::from(fields.get(5)?),
            })
        };
        self.lines("/etc/passwd").iter().filter_map(read).collect()
    }

    /// One user.
    pub fn account(&self, name: &str) -> Option<Account> {
        self.accounts().into_iter().find(|account| account.name == name)
    }

    /// The number of a group.
    pub fn group(&self, name: &str) -> Option<u32> {
        let groups = self.lines("/etc/group");
        let found = groups.iter().find(|fields| fields.first().is_some_and(|found| found == name));
        found.and_then(|fields| fields.get(2)?.parse().ok()).or_else(|| name.parse().ok())
    }

    /// The numbers of all groups that a user is in.
    pub(super) fn groups_of(&self, uid: u32) -> Vec<u32> {
        let Some(account) = self.accounts().into_iter().find(|account| account.uid == uid) else {
            return Vec::new();
        };
        let in_it = |fields: &Vec<String>| {
            let members = fields.get(3).map(String::as_str).unwrap_or_default();
            members.split(',').any(|name| name == account.name).then(|| fields.get(2)?.parse().ok()).flatten()
        };
        let mut groups: Vec<u32> = self.lines("/etc/group").iter().filter_map(in_it).collect();
        groups.push(account.gid);
        groups
    }

    /// Others than `account` that are in its group.
    pub fn others_in_group(&self, account: &Account) -> Vec<String> {
        let mut others: Vec<String> = self
            .accounts()
            .into_iter()
            .filter(|other| other.gid == account.gid && other.name != account.name)
            .map(|other| other.name)
            .collect();
        for fields in self.lines("/etc/group") {
            if fields.first().is_some_and(|name| *name == account.group) {
                let members = fields.get(3).map(String::as_str).unwrap_or_default();
                others.extend(
                    members
                        .split(',')
                        .filter(|name| !name.is_empty() && *name != account.name)
                        .map(str::to_owned),
                );
            }
        }
        others.sort();
        others.dedup();
        others
    }

    fn lines(&self, path: &str) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.outside(&self.resolve(Path::new(path)))).unwrap_or_default();
        text.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
    }

    fn outside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

/// What is in a configuration file.
pub(super) fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|_| {
        Problem::new(400, "not_text", "A configuration file is not text")
            .detail(format!("{} holds bytes that are not UTF-8", path.display()))
            .hint("Mend that file, then run the command again.")
    })
}

/// A file that cannot be read or written.
pub(super) fn unusable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(500, "file_error", "A file could not be read or written")
        .detail(format!("{}: {error}", path.display()))
        .hint("Run the command as root, and look whether the disk is full or read-only.")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_inside_the_tree_and_never_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::new(folder.path());
        fs::create_dir_all(folder.path().join("oem/data/config")).unwrap();
        fs::create_dir_all(folder.path().join("home")).unwrap();
        symlink("/oem/data", folder.path().join("home/printer_data")).unwrap();
        symlink("../../../../../../etc", folder.path().join("oem/up")).unwrap();
        symlink("/loop", folder.path().join("loop")).unwrap();

        assert_eq!(tree.resolve(Path::new("/home/printer_data/config/x")), Path::new("/oem/data/config/x"));
        assert_eq!(tree.resolve(Path::new("/oem/up/shadow")), Path::new("/etc/shadow"));
        assert_eq!(tree.at(Path::new("/oem/up/shadow")), folder.path().join("etc/shadow"));
        assert_eq!(tree.resolve(Path::new("/loop")), Path::new("/loop"));
        assert_eq!(tree.at(Path::new("/home/printer_data")), folder.path().join("home/printer_data"));
    }
}
