//! A place in a folder that is held open: what is done there cannot be led elsewhere by swapping what its path names.
//!
//! Files are replaced whole or not at all. [`Tree::hold`](super::Tree) gives places.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{MetadataExt, PermissionsExt, fchown},
        io::AsRawFd,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, Dir, Mode, OFlags, mkdirat, openat, readlinkat, renameat, symlinkat, unlinkat},
    process::geteuid,
};
use sealpost_envelope::digest::sha256_hex;

/// More than any configuration file has.
pub(super) const TEXT_LIMIT: u64 = 16 << 20;
/// How deep folders are followed with each of them open; what lies deeper is lifted out first.
const DEPTH: usize = 16;
/// How often that is done at most: longer chains of folders are nobody's.
const LIFTS: usize = 4096;
/// More than this program has.
const FILE_LIMIT: u64 = 1 << 30;

/// User, group and bits by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

impl Numbers {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        Self { uid: metadata.uid(), gid: metadata.gid(), mode: metadata.permissions().mode() & 0o7777 }
    }
}

/// A name in a folder. The folder stays the one it was, whatever is renamed meanwhile.
#[derive(Debug)]
pub(super) struct Place {
    /// Shared by all places of a folder: there may be more of them than a process may have files open.
    folder: Arc<File>,
    name: OsString,
}

impl Place {
    pub(super) fn new(folder: impl Into<Arc<File>>, name: &OsStr) -> Self {
        Self { folder: folder.into(), name: name.to_owned() }
    }

    /// What is there, links not followed.
    pub(super) fn metadata(&self) -> io::Result<Option<fs::Metadata>> {
        found(look(&self.folder, &self.name))?.map(|found| found.metadata()).transpose()
    }

    /// Where the link that is there points; `None` where nothing is.
    pub(super) fn target(&self) -> io::Result<Option<PathBuf>> {
        let target = found(readlinkat(&self.folder, &self.name, Vec::new()).map_err(Into::into))?;
        Ok(target.map(|target| PathBuf::from(OsString::from_vec(target.into_bytes()))))
    }

    /// The regular file that is there with its rights; an error where something else is, or more than `limit` bytes.
    pub(super) fn read(&self, limit: u64) -> io::Result<Option<(Vec<u8>, fs::Metadata)>> {
        let Some(file) = found(look(&self.folder, &self.name))? else { return Ok(None) };
        read_regular(&file, limit).map(Some)
    }

    /// SHA-256 of the file; `None` where no file is.
    pub(super) fn hash(&self) -> io::Result<Option<String>> {
        let Some(metadata) = self.metadata()?.filter(fs::Metadata::is_file) else { return Ok(None) };
        // The program is root's; in folders of others there are texts.
        let limit = if metadata.uid() == geteuid().as_raw() { FILE_LIMIT } else { TEXT_LIMIT };
        match self.read(limit) {
            // It is nothing that we wrote.
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Some(String::new())),
            read => Ok(read?.map(|(bytes, _)| sha256_hex(&bytes))),
        }
    }

    /// Writes a file beside and puts it in its place; `written` is called in between.
    pub(super) fn replace<E: From<io::Error>>(
        &self,
        bytes: &[u8],
        numbers: Numbers,
        written: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let new = self.beside();
        self.sweep()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = openat(&self.folder, &new, flags, Mode::from_raw_mode(0o600))
            .map(File::from)
            .map_err(io::Error::from)?;
        file.write_all(bytes)?;
        own(&file, numbers)?;
        file.sync_all()?;
        written()?;
        renameat(&self.folder, &new, &self.folder, &self.name).map_err(io::Error::from)?;
        self.sync()?;
        Ok(())
    }

    /// Makes a link, or lets it point elsewhere.
    pub(super) fn relink(&self, target: &Path) -> io::Result<()> {
        let new = self.beside();
        self.sweep()?;
        symlinkat(target, &self.folder, &new)?;
        renameat(&self.folder, &new, &self.folder, &self.name)?;
        self.sync()
    }

    /// Makes a folder, or gives the one that is there these rights.
    pub(super) fn make_folder(&self, numbers: Numbers) -> io::Result<()> {
        self.make(numbers, true)
    }

    /// Makes a folder, and takes none that came meanwhile with what is in it.
    pub(super) fn make_new_folder(&self, numbers: Numbers) -> io::Result<()> {
        self.make(numbers, false)
    }

    fn make(&self, numbers: Numbers, takes_over: bool) -> io::Result<()> {
        let made = match mkdirat(&self.folder, &self.name, Mode::from_raw_mode(0o700)) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) if takes_over => false,
            Err(error) => return Err(error.into()),
        };
        let folder = self.open_folder()?;
        // Who may write here can put another folder in its place at once, but none that is worth having.
        if made && names(&folder)?.next().is_some() {
            return Err(io::Error::other("another folder came in its place"));
        }
        own(&folder, numbers)?;
        folder.sync_all()?;
        self.sync()
    }

    /// The folder that is there, never through a link.
    pub(super) fn open_folder(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.folder, &self.name, flags, Mode::empty())?))
    }

    /// Removes the file or link, where one is.
    pub(super) fn remove_file(&self) -> io::Result<()> {
        found(unlinkat(&self.folder, &self.name, AtFlags::empty()).map_err(Into::into)).map(drop)
    }

    /// Removes the folder, where one is and is empty.
    pub(super) fn remove_folder(&self) -> io::Result<()> {
        found(unlinkat(&self.folder, &self.name, AtFlags::REMOVEDIR).map_err(Into::into)).map(drop)
    }

    /// Removes the folder with everything in it, where one is. Links are removed and never followed.
    pub(super) fn remove_all(&self) -> io::Result<()> {
        let Some(folder) = found(self.open_folder())? else { return Ok(()) };
        let folder = Arc::new(folder);
        let mut lifted = 0;
        while empty(&folder, &folder, 0, &mut lifted)? {
            if lifted > LIFTS {
                return Err(io::Error::other("its folders lie too deep in each other"));
            }
        }
        self.remove_folder()
    }

    /// Removes what a killed run left beside.
    pub(super) fn sweep(&self) -> io::Result<()> {
        found(unlinkat(&self.folder, self.beside(), AtFlags::empty()).map_err(Into::into)).map(drop)
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    fn sync(&self) -> io::Result<()> {
        // The folder may be held by its path alone, which cannot be synced.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        File::from(openat(&self.folder, ".", flags, Mode::empty())?).sync_all()
    }

    fn beside(&self) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".sealpost-new");
        name
    }
}

/// All that lies in a folder.
pub(super) fn places(folder: &File) -> io::Result<Vec<Place>> {
    all(&Arc::new(folder.try_clone()?))
}

fn all(folder: &Arc<File>) -> io::Result<Vec<Place>> {
    names(folder)?.map(|name| Ok(Place::new(folder.clone(), &name?))).collect()
}

/// Removes what lies in a folder; true where something of it was lifted into `top` and is still there.
fn empty(folder: &Arc<File>, top: &Arc<File>, depth: usize, lifted: &mut usize) -> io::Result<bool> {
    let mut is_left = false;
    for place in all(folder)? {
        if !place.metadata()?.is_some_and(|metadata| metadata.is_dir()) {
            place.remove_file()?;
        } else if depth < DEPTH {
            let inside = Arc::new(place.open_folder()?);
            is_left |= empty(&inside, top, depth + 1, lifted)?;
            place.remove_folder()?;
        } else {
            *lifted += 1;
            renameat(folder, &place.name, top, format!(".sealpost-lifted-{lifted}"))?;
            is_left = true;
        }
    }
    Ok(is_left)
}

/// Opens by path what is there, links not followed, to look at it and to go on from there.
pub(super) fn look(folder: &File, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(folder, name, flags, Mode::empty())?))
}

/// What `place`, which was opened by path alone, is, if it is a regular file of at most `limit` bytes. A pipe keeps nobody waiting,
/// and a device is never opened: a watchdog starts by that, and a board on a serial port is reset.
pub(super) fn read_regular(place: &File, limit: u64) -> io::Result<(Vec<u8>, fs::Metadata)> {
    let metadata = place.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let file = File::open(format!("/proc/self/fd/{}", place.as_raw_fd()))?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes")));
    }
    Ok((bytes, metadata))
}

/// What is not there is `None`.
pub(super) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn names(folder: &File) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
    let entries = Dir::read_from(folder)?.map(|entry| {
        let entry = entry.map_err(io::Error::from)?;
        Ok(OsStr::from_bytes(entry.file_name().to_bytes()).to_owned())
    });
    Ok(entries.filter(|name| !name.as_ref().is_ok_and(|name| name == "." || name == "..")))
}

/// In this order: a change of owner takes the set-group-id bit away.
fn own(file: &File, numbers: Numbers) -> io::Result<()> {
    let now = Numbers::of(&file.metadata()?);
    if (now.uid, now.gid) != (numbers.uid, numbers.gid) {
        fchown(file, Some(numbers.uid), Some(numbers.gid))?;
    }
    file.set_permissions(fs::Permissions::from_mode(numbers.mode))
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command};

    use super::*;

    #[test]
    fn a_folder_that_came_meanwhile_is_not_taken_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| Place::new(File::open(folder.path()).unwrap(), OsStr::new(name));
        let numbers = Numbers { mode: 0o700, ..Numbers::of(&fs::metadata(folder.path()).unwrap()) };
        fs::create_dir_all(folder.path().join("there/with")).unwrap();
        assert_eq!(place("there").make_new_folder(numbers).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        place("there").make_folder(numbers).unwrap();
        place("new").make_new_folder(numbers).unwrap();
    }

    /// With few files open at once, as `sudo` gives them; the limit is a process's, so it is another one's.
    #[test]
    fn however_many_and_deep_files_are_their_folder_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let crowd = folder.path().join("crowd");
        for place in ["", "a", "a/b"] {
            fs::create_dir_all(crowd.join(place)).unwrap();
            (0..700).for_each(|n| fs::write(crowd.join(place).join(n.to_string()), "").unwrap());
        }
        // Deeper than a path may be long.
        let mut deep = File::open(folder.path()).unwrap();
        for name in std::iter::once("deep").chain(std::iter::repeat_n("a-folder-with-a-name", 700)) {
            mkdirat(&deep, name, Mode::from_raw_mode(0o700)).unwrap();
            deep = look(&deep, OsStr::new(name)).unwrap();
        }
        let test = "install::files::tests::removes_what_it_is_told";
        let mut child = Command::new("sh");
        child.args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\" --ignored"]);
        child.arg(env::current_exe().unwrap()).arg(test).env("SEALPOST_TEST_FOLDER", folder.path());
        let output = child.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    #[ignore = "it is the other half of the test before it"]
    fn removes_what_it_is_told() {
        let folder = File::open(env::var_os("SEALPOST_TEST_FOLDER").unwrap()).unwrap();
        for place in places(&folder).unwrap() {
            place.remove_all().unwrap();
        }
    }
}
