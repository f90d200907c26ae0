//! Files that appear whole or not at all.
//!
//! The bytes go to a file without a name in the same folder, which gets its name when it is complete: whatever ends
//! the command before, no part of a plaintext stays behind. Where a file system has no such files, one with a name is
//! used and removed again.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, IsTerminal as _, Write},
    os::fd::{AsFd as _, AsRawFd as _},
    path::{Path, PathBuf},
};

use getrandom::SysRng;
use rand_core::TryRng as _;
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, open, renameat_with},
    io::Errno,
};

use crate::{
    failure::{Failure, Result, STDOUT_HINT},
    input::is_dash,
    offline::nobody_reads,
};

/// What standard output is called.
const STDOUT: &str = "standard output";

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner alone: plaintext and keys.
    Owner,
    /// Whoever the umask lets.
    Ordinary,
}

/// A file to be, or standard output.
pub(crate) struct OutFile {
    path: PathBuf,
    force: bool,
    file: File,
    kind: Kind,
}

enum Kind {
    /// Standard output, a pipe or a device: bytes are gone once written.
    Stream,
    Unnamed,
    Named(Scrap),
}

impl OutFile {
    /// Prepares `path` (`-`: standard output). A file that is there is refused, but for `force`.
    pub(crate) fn create(path: &Path, access: Access, force: bool) -> Result<Self> {
        let create = || -> io::Result<(File, Kind)> {
            if is_dash(path) {
                // Past the line buffer of the standard library: these are not lines.
                return Ok((File::from(io::stdout().as_fd().try_clone_to_owned()?), Kind::Stream));
            }
            match fs::metadata(path) {
                Ok(about) if about.is_dir() => Err(ErrorKind::IsADirectory.into()),
                Ok(about) if about.is_file() && !force => Err(ErrorKind::AlreadyExists.into()),
                Ok(about) if !about.is_file() => {
                    Ok((fs::OpenOptions::new().write(true).open(path)?, Kind::Stream))
                }
                _ => nameless(path, access),
            }
        };
        let (file, kind) = create().map_err(|error| refusal(path, &error))?;
        Ok(Self { path: path.to_owned(), force, file, kind })
    }

    /// Refuses bytes that are no text on a terminal.
    pub(crate) fn not_on_a_terminal(self, instead: &str) -> Result<Self> {
        if matches!(self.kind, Kind::Stream) && self.file.is_terminal() {
            return Err(Failure::usage("terminal", "these bytes are no text for a terminal").hint(instead));
        }
        Ok(self)
    }

    /// How it is called in a sentence.
    pub(crate) fn name(&self) -> String {
        name(&self.path)
    }

    /// Writes what is left and gives the complete file its name.
    pub(crate) fn finish_with(mut self, rest: &[u8]) -> Result<()> {
        self.write_all(rest).map_err(|error| unwritten(&self.name(), &error))?;
        self.commit()
    }

    /// Gives the complete file its name.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.finish().map_err(|error| refusal(&self.path, &error))
    }

    fn finish(&mut self) -> io::Result<()> {
        let folder = folder_of(&self.path);
        match &mut self.kind {
            Kind::Stream => self.file.flush(),
            Kind::Unnamed => {
                self.file.sync_all()?;
                let open_file = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                let name_it = |path: &Path| linkat(CWD, &open_file, CWD, path, AtFlags::SYMLINK_FOLLOW);
                if !self.force {
                    return Ok(name_it(&self.path)?);
                }
                let scrap = Scrap::new(folder)?;
                name_it(&scrap.0)?;
                scrap.rename(&self.path, true)
            }
            Kind::Named(scrap) => {
                self.file.sync_all()?;
                scrap.rename(&self.path, self.force)
            }
        }
    }
}

impl Write for OutFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn nameless(path: &Path, access: Access) -> io::Result<(File, Kind)> {
    let folder = folder_of(path);
    let mode = match access {
        Access::Owner => Mode::from_raw_mode(0o600),
        Access::Ordinary => Mode::from_raw_mode(0o666),
    };
    if let Some(file) = unnamed(folder, mode)? {
        return Ok((file, Kind::Unnamed));
    }
    named(folder, mode)
}

fn named(folder: &Path, mode: Mode) -> io::Result<(File, Kind)> {
    let scrap = Scrap::new(folder)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    Ok((File::from(open(&scrap.0, flags, mode)?), Kind::Named(scrap)))
}

/// A file without a name; none where there is no such thing, or no `/proc` to name it by.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path, mode: Mode) -> io::Result<Option<File>> {
    if !Path::new("/proc/self/fd").exists() {
        return Ok(None);
    }
    match open(folder, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode) {
        Ok(file) => Ok(Some(File::from(file))),
        // What kernels and file systems without it answer.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path, _: Mode) -> io::Result<Option<File>> {
    Ok(None)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn name(path: &Path) -> String {
    if is_dash(path) { STDOUT.to_owned() } else { path.display().to_string() }
}

fn refusal(path: &Path, error: &io::Error) -> Failure {
    unwritten(&name(path), error)
}

/// A failure to write what is called `name`.
pub(crate) fn unwritten(name: &str, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::AlreadyExists => Failure::new("file_exists", format!("{name} is there already"))
            .hint("choose another name, or replace it with --force"),
        ErrorKind::IsADirectory => {
            Failure::new("output_file", format!("{name} is a folder")).hint("name the file to write in it")
        }
        ErrorKind::BrokenPipe => nobody_reads(),
        _ => Failure::new("output_file", format!("could not write {name}: {error}")).hint(match name {
            STDOUT => STDOUT_HINT,
            _ => "check the folder, that you may write there, and that there is room",
        }),
    }
}

/// A passing name, removed when dropped.
struct Scrap(PathBuf);

impl Scrap {
    fn new(folder: &Path) -> io::Result<Self> {
        let number = SysRng.try_next_u64().map_err(io::Error::other)?;
        Ok(Self(folder.join(format!(".sealpost-{number:016x}"))))
    }

    fn rename(&self, path: &Path, force: bool) -> io::Result<()> {
        if force {
            return fs::rename(&self.0, path);
        }
        match renameat_with(CWD, &self.0, CWD, path, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) if !path.exists() => fs::rename(&self.0, path),
            Err(Errno::INVAL | Errno::NOSYS) => Err(ErrorKind::AlreadyExists.into()),
            renamed => Ok(renamed?),
        }
    }
}

impl Drop for Scrap {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write_private(path: &Path, content: &[u8], force: bool) -> Result<()> {
        OutFile::create(path, Access::Owner, force)?.finish_with(content)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_no_name_before_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.gcode");
        let mut file = OutFile::create(&path, Access::Owner, false).unwrap();
        file.write_all(b"G28\n").unwrap();
        drop(file);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_complete_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.gcode");
        write_private(&path, b"G28\n", false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"G28\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["part.gcode"]);
    }

    #[test]
    fn only_force_replaces_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "old").unwrap();
        assert_eq!(write_private(&path, b"new", false).unwrap_err().code(), "file_exists");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write_private(&path, b"new", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["key"]);
    }

    #[test]
    fn a_file_that_came_in_between_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let file = OutFile::create(&path, Access::Owner, false).unwrap();
        fs::write(&path, "somebody else's").unwrap();
        assert_eq!(file.commit().unwrap_err().code(), "file_exists");
        assert_eq!(fs::read(&path).unwrap(), b"somebody else's");
    }

    #[test]
    fn without_nameless_files_a_passing_name_does_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let out = |force| {
            let (file, kind) = named(folder.path(), Mode::from_raw_mode(0o600)).unwrap();
            OutFile { path: path.clone(), force, file, kind }
        };
        drop(out(false));
        assert!(names(folder.path()).is_empty());
        out(false).finish_with(b"old").unwrap();
        assert_eq!(out(false).finish_with(b"new").unwrap_err().code(), "file_exists");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        out(true).finish_with(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["key"]);
    }

    #[test]
    fn devices_are_written_to_and_stay() {
        let mut null = OutFile::create(Path::new("/dev/null"), Access::Owner, true).unwrap();
        null.write_all(b"x").unwrap();
        null.commit().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
