//! KEKs in a file: one line each, the current one first.
//!
//! `sealpost-kek-v1 <id> <64 lower-hex digits>`; empty lines and lines that start with `#` are comments.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{Kek, KekProvider};

const LINE: &str = "sealpost-kek-v1";
const MAX_FILE: u64 = 64 * 1024;
const HEADER: &str = "# Key-encryption keys of this Sealpost server, the current one first.\n\
    # Back this file up apart from the database: without it nothing that was sealed can be opened.\n";

/// KEKs read from a file. The file is not watched: a rotation takes effect at the next start.
#[derive(Debug)]
pub struct FileKeys {
    current: Kek,
    older: Vec<Kek>,
}

impl FileKeys {
    /// Reads the file; it must belong to its owner alone (no permission for group or others).
    ///
    /// # Errors
    /// Every way in which the file is not usable; it is never changed.
    pub fn open(path: &Path) -> Result<Self, FileKeysError> {
        Self::read(path, 0o077)
    }

    /// Reads the credential `name` from systemd's `$CREDENTIALS_DIRECTORY` (given as `directory`), written as the key
    /// file is. systemd grants the service's user access through an ACL, which shows as group read.
    ///
    /// # Errors
    /// As [`FileKeys::open`].
    pub fn open_credential(directory: &Path, name: &str) -> Result<Self, FileKeysError> {
        Self::read(&directory.join(name), 0o037)
    }

    /// Reads the file, or creates it with one fresh KEK when it is absent and `nothing_sealed_yet`.
    ///
    /// Missing parent folders are made with mode 0700. The new file is complete and durable before it has its name, and
    /// of two processes that create it at once both end up with the same one.
    ///
    /// # Errors
    /// [`FileKeysError::Missing`] when keys were sealed under a file that is gone: a new KEK would not open them.
    pub fn open_or_create(
        path: &Path,
        nothing_sealed_yet: bool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, FileKeysError> {
        match Self::open(path) {
            Err(FileKeysError::Missing { .. }) if nothing_sealed_yet => {
                let kek = Kek::generate(rng);
                create(path, &document([&kek]), rng).map_err(|source| FileKeysError::io(path, source))?;
                Self::open(path)
            }
            result => result,
        }
    }

    /// Puts a fresh KEK in front; the older ones stay and go on opening what they sealed. The file is replaced atomically.
    ///
    /// # Errors
    /// As [`FileKeys::open`]; nothing is changed then.
    pub fn rotate(path: &Path, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, FileKeysError> {
        let Self { current, older } = Self::open(path)?;
        let fresh = Kek::generate(rng);
        let all = [&fresh, &current].into_iter().chain(&older);
        replace(path, &document(all), rng).map_err(|source| FileKeysError::io(path, source))?;
        Self::open(path)
    }

    /// Puts the text of a key file that was backed up at `path`, as its owner's alone. What is there is not replaced, unless it
    /// holds the same.
    ///
    /// # Errors
    /// A text that is no key file, another file at `path`, and what the system refuses.
    pub fn put_back(
        path: &Path,
        text: &str,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, FileKeysError> {
        let wanted = Self::parse(path, text)?;
        create(path, &wanted.document(), rng).map_err(|source| FileKeysError::io(path, source))?;
        let there = Self::open(path)?;
        if there.ids().eq(wanted.ids()) {
            return Ok(there);
        }
        Err(FileKeysError::io(path, io::ErrorKind::AlreadyExists.into()))
    }

    /// Reads the text of such a file, as [`FileKeys::document`] gives it.
    ///
    /// # Errors
    /// A text that is no key file.
    pub fn of_document(text: &str) -> Result<Self, FileKeysError> {
        Self::parse(Path::new("the key file"), text)
    }

    /// The whole file again, for a backup that is sealed itself.
    pub fn document(&self) -> Zeroizing<String> {
        document(std::iter::once(&self.current).chain(&self.older))
    }

    /// Ids of all KEKs, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.current).chain(&self.older).map(Kek::id)
    }

    fn read(path: &Path, forbidden_mode: u32) -> Result<Self, FileKeysError> {
        let mut file = File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => FileKeysError::Missing { path: path.to_owned() },
            _ => FileKeysError::io(path, source),
        })?;
        let metadata = file.metadata().map_err(|source| FileKeysError::io(path, source))?;
        if !metadata.is_file() || metadata.len() > MAX_FILE {
            return Err(FileKeysError::malformed(path, 1));
        }
        let mode = metadata.mode() & 0o777;
        if mode & forbidden_mode != 0 {
            return Err(FileKeysError::TooOpen { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize));
        (&mut file)
            .take(MAX_FILE)
            .read_to_string(&mut text)
            .map_err(|source| FileKeysError::io(path, source))?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, FileKeysError> {
        let mut keks = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            keks.push(parse_line(line).ok_or_else(|| FileKeysError::malformed(path, index + 1))?);
        }
        let mut keks = keks.into_iter();
        let current = keks.next().ok_or_else(|| FileKeysError::malformed(path, 1))?;
        Ok(Self { current, older: keks.collect() })
    }
}

impl KekProvider for FileKeys {
    fn current(&self) -> &Kek {
        &self.current
    }

    fn by_id(&self, id: &str) -> Option<&Kek> {
        std::iter::once(&self.current).chain(&self.older).find(|kek| kek.id() == id)
    }
}

/// Why a key file is not usable. The file is left as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileKeysError {
    /// It does not exist.
    #[error(
        "the key file {} is missing, and keys in the database are sealed under it: put its backup back, or use a new \
         database; a new key would not open them", path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Group or others may use it.
    #[error(
        "the key file {} can be used by others (mode {mode:03o}): run `chmod 600 {}`, and rotate it if others could \
         have read it", path.display(), path.display()
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A line is not a KEK, or its id does not belong to its key.
    #[error("the key file {} is damaged at line {line}: put its backup back", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The system refused.
    #[error("the key file {} cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FileKeysError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    fn malformed(path: &Path, line: usize) -> Self {
        Self::Malformed { path: path.to_owned(), line }
    }
}

fn parse_line(line: &str) -> Option<Kek> {
    let mut words = line.split_whitespace();
    let (LINE, Some(id), Some(digits), None) = (words.next()?, words.next(), words.next(), words.next())
    else {
        return None;
    };
    let mut key = Zeroizing::new([0; Kek::LEN]);
    hex::decode_to_slice(digits, key.as_mut()).ok()?;
    let kek = Kek::new(key);
    (kek.id() == id).then_some(kek)
}

fn document<'a>(keks: impl IntoIterator<Item = &'a Kek>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize));
    text.push_str(HEADER);
    for kek in keks {
        let digits = Zeroizing::new(hex::encode(kek.expose()));
        for word in [LINE, " ", kek.id(), " ", &digits, "\n"] {
            text.push_str(word);
        }
    }
    text
}

/// Gives the complete file its name only if nobody has it yet.
fn create(path: &Path, text: &str, rng: &mut (impl CryptoRng + ?Sized)) -> io::Result<()> {
    let folder = folder_of(path);
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let temporary = write_temporary(path, text, rng)?;
    let linked = match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    };
    fs::remove_file(&temporary)?;
    linked?;
    File::open(folder)?.sync_all()
}

fn replace(path: &Path, text: &str, rng: &mut (impl CryptoRng + ?Sized)) -> io::Result<()> {
    let temporary = write_temporary(path, text, rng)?;
    fs::rename(&temporary, path)?;
    File::open(folder_of(path))?.sync_all()
}

/// Under a name nobody else has: two containers that share the folder may have the same process id.
fn write_temporary(path: &Path, text: &str, rng: &mut (impl CryptoRng + ?Sized)) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let temporary = folder_of(path).join(format!(".{name}.{:016x}.new", rng.next_u64()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(temporary)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use getrandom::{SysRng, rand_core::UnwrapErr};
    use tempfile::TempDir;

    use super::*;
    use crate::{open, seal};

    fn rng() -> UnwrapErr<SysRng> {
        UnwrapErr(SysRng)
    }

    fn new_file() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("kek");
        FileKeys::open_or_create(&path, true, &mut rng()).unwrap();
        (folder, path)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_file_belongs_to_its_owner_alone_and_is_read_back() {
        let (_folder, path) = new_file();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let first = FileKeys::open(&path).unwrap();
        let again = FileKeys::open_or_create(&path, true, &mut rng()).unwrap();
        assert_eq!(first.current().id(), again.current().id());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_file_is_not_replaced_when_keys_were_sealed_under_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        let refused = FileKeys::open_or_create(&path, false, &mut rng()).unwrap_err();
        assert!(matches!(refused, FileKeysError::Missing { .. }));
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_as_it_is() {
        let (_folder, path) = new_file();
        let whole = fs::read_to_string(&path).unwrap();
        let last = whole.trim_end().chars().last().unwrap();
        let other = if last == '0' { "1" } else { "0" };
        let flipped = format!("{}{other}\n", &whole[..whole.len() - 2]);
        for damaged in ["", "# nothing\n", "not a key\n", &flipped, &whole[..whole.len() - 10]] {
            fs::write(&path, damaged).unwrap();
            let refused = FileKeys::open_or_create(&path, true, &mut rng()).unwrap_err();
            assert!(matches!(refused, FileKeysError::Malformed { .. }), "{refused:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_what_to_do() {
        let (_folder, path) = new_file();
        for open_mode in [0o640, 0o604, 0o660, 0o602] {
            fs::set_permissions(&path, Permissions::from_mode(open_mode)).unwrap();
            let refused = FileKeys::open(&path).unwrap_err().to_string();
            assert!(refused.contains("chmod 600"), "{refused}");
        }
    }

    #[test]
    fn a_credential_may_be_group_readable_but_no_more() {
        let (_folder, path) = new_file();
        let read = || FileKeys::open_credential(path.parent().unwrap(), "kek");
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        read().unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(read().unwrap_err(), FileKeysError::TooOpen { mode: 0o444, .. }));
    }

    #[test]
    fn after_a_rotation_old_keys_still_open() {
        let (_folder, path) = new_file();
        let before = FileKeys::open(&path).unwrap();
        let sealed = seal(before.current(), "p", b"key", &mut rng()).unwrap();
        let after = FileKeys::rotate(&path, &mut rng()).unwrap();
        assert_ne!(after.current().id(), before.current().id());
        assert_eq!(after.ids().count(), 2);
        assert_eq!(open(&after, "p", &sealed).unwrap().as_slice(), b"key");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_file_that_was_backed_up_is_put_back_as_it_was_and_replaces_no_other() {
        let (folder, path) = new_file();
        let rotated = FileKeys::rotate(&path, &mut rng()).unwrap();
        let other = folder.path().join("elsewhere").join("kek");
        for _ in 0..2 {
            let back = FileKeys::put_back(&other, &rotated.document(), &mut rng()).unwrap();
            assert!(back.ids().eq(rotated.ids()));
            assert_eq!(mode(&other), 0o600);
        }
        let (_folder, stranger) = new_file();
        let stranger = FileKeys::open(&stranger).unwrap().document();
        assert!(FileKeys::put_back(&other, &stranger, &mut rng()).is_err());
        assert!(FileKeys::put_back(&folder.path().join("no"), "no key file", &mut rng()).is_err());
        assert!(FileKeys::open(&other).unwrap().ids().eq(rotated.ids()));
    }

    #[test]
    fn two_creators_end_up_with_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        create(&path, &document([&Kek::generate(&mut rng())]), &mut rng()).unwrap();
        let first = FileKeys::open(&path).unwrap();
        create(&path, &document([&Kek::generate(&mut rng())]), &mut rng()).unwrap();
        assert_eq!(FileKeys::open(&path).unwrap().current().id(), first.current().id());
    }
}
