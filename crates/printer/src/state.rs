//! What the agent keeps on disk: one state document, the identity key, the token.
//!
//! The folder is 0700, its files 0600; every change is written beside, synced, renamed, and the folder synced.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use atomic_write_file::{AtomicWriteFile, unix::OpenOptionsExt as _};
use rand_core::CryptoRng;
use rustix::fs::{FlockOperation, flock};
use sealpost_api::Problem;
use sealpost_envelope::{PrinterSecret, SecretText};
use sealpost_faults::{pass, point};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    core::{Document, TokenLife},
    points,
    problem::file as file_problem,
};

const DOCUMENT: &str = "state.json";
const IDENTITY: &str = "identity.key";
const TOKEN: &str = "token.json";
const LOCK: &str = "lock";

/// The agent's folder. Held by one process at a time.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

/// The printer's token and its life, Unix seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StoredToken {
    /// EdDSA JWT.
    pub token: SecretText,
    /// When it was received.
    pub issued: u64,
    /// When it ends.
    pub expires: u64,
}

impl StoredToken {
    /// Its life.
    pub fn life(&self) -> TokenLife {
        TokenLife { issued: self.issued, expires: self.expires }
    }
}

impl Folder {
    /// Opens or makes the folder and takes its lock.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| file_problem(path, &error))?;
        let metadata = fs::metadata(path).map_err(|error| file_problem(path, &error))?;
        check_owner(path, metadata.uid(), rustix::process::geteuid().as_raw())?;
        let lock_path = path.join(LOCK);
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|error| file_problem(&lock_path, &error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Problem::new(409, "state_in_use", "Another agent uses this state folder")
                .detail(path.display().to_string())
                .hint("Stop the other `sealpost-printer`, or talk to it through its socket.")
        })?;
        let mode = metadata.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
                .map_err(|error| file_problem(path, &error))?;
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        folder.sweep();
        Ok(folder)
    }

    /// The state document; a fresh one where there is none. One that cannot be read is an error, never replaced.
    pub fn document(&self) -> Result<Document, Problem> {
        let path = self.path.join(DOCUMENT);
        let Some(bytes) = read(&path)? else { return Ok(Document::default()) };
        let damaged = |detail: String| {
            Problem::new(500, "state_damaged", "The agent's state document cannot be read")
                .detail(format!("{}: {detail}", path.display()))
                .hint("Restore it from a backup, or move it away and pair the printer again.")
        };
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if document.format != Document::FORMAT {
            return Err(damaged(format!("it has format {}", document.format)).hint("Update the agent."));
        }
        Ok(document)
    }

    /// Makes the document durable.
    pub fn save_document(&self, document: &Document) -> Result<(), Problem> {
        let path = self.path.join(DOCUMENT);
        let bytes = serde_json::to_vec(document).map_err(|error| {
            Problem::new(500, "state_unwritable", "The state cannot be written")
                .detail(error.to_string())
                .hint("Restart the agent; if it stays, report it.")
        })?;
        pass(points::SAVE).map_err(|error| file_problem(&path, &error.into()))?;
        self.replace(&path, &bytes)?;
        point(points::SAVE_DONE);
        Ok(())
    }

    /// The identity key, from a systemd credential where there is one.
    pub fn identity(&self) -> Result<Option<PrinterSecret>, Problem> {
        let path =
            match std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| PathBuf::from(dir).join(IDENTITY)) {
                Some(credential) if credential.exists() => credential,
                _ => self.path.join(IDENTITY),
            };
        let Some(text) = read(&path)? else { return Ok(None) };
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_ascii_end(), bytes.as_mut_slice()).map_err(|_| {
            Problem::new(500, "identity_damaged", "The printer's identity key cannot be read")
                .detail(path.display().to_string())
                .hint("Restore the file from a backup. It is never replaced by itself: jobs sealed to it would be lost.")
        })?;
        Ok(Some(PrinterSecret::from_bytes(*bytes)))
    }

    /// The identity key, made where there is none.
    pub fn identity_or_new(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Result<PrinterSecret, Problem> {
        if let Some(secret) = self.identity()? {
            return Ok(secret);
        }
        let secret = PrinterSecret::generate(rng);
        let path = self.path.join(IDENTITY);
        let text = Zeroizing::new(format!("{}\n", Zeroizing::new(hex::encode(secret.expose())).as_str()));
        let beside = self.path.join(format!(".{IDENTITY}.new"));
        // Written whole before it is there at all: half a key would be somebody's damaged one. A link replaces nothing, and
        // whatever lies there by now is somebody's key.
        let write = || -> io::Result<()> {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            pass(points::IDENTITY)?;
            fs::hard_link(&beside, &path)?;
            fs::remove_file(&beside)?;
            File::open(&self.path)?.sync_all()?;
            Ok(())
        };
        write().map_err(|error| file_problem(&path, &error))?;
        Ok(secret)
    }

    /// The token.
    pub fn token(&self) -> Result<Option<StoredToken>, Problem> {
        let path = self.path.join(TOKEN);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        match serde_json::from_slice(&bytes) {
            Ok(token) => Ok(Some(token)),
            Err(error) => {
                // Not fatal: the identity key gets a new one.
                tracing::warn!(path = %path.display(), line = error.line(), "the token file cannot be read");
                Ok(None)
            }
        }
    }

    /// Replaces the token.
    pub fn save_token(&self, token: &StoredToken) -> Result<(), Problem> {
        let path = self.path.join(TOKEN);
        let bytes = Zeroizing::new(serde_json::to_vec(token).unwrap_or_default());
        pass(points::TOKEN).map_err(|error| file_problem(&path, &error.into()))?;
        self.replace(&path, &bytes)?;
        point(points::TOKEN_DONE);
        Ok(())
    }

    /// Forgets the token. The identity key stays.
    pub fn remove_token(&self) -> Result<(), Problem> {
        let path = self.path.join(TOKEN);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_problem(&path, &error)),
            _ => Ok(()),
        }
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), Problem> {
        let write = || -> io::Result<()> {
            let mut file = AtomicWriteFile::options();
            // They are the agent's and nobody else's, whatever lay there; its service may not give files away.
            let mut file = file.preserve_mode(false).preserve_owner(false).mode(0o600).open(path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            pass(points::SAVE_WRITTEN)?;
            file.commit()?;
            File::open(&self.path)?.sync_all()?;
            Ok(())
        };
        write().map_err(|error| file_problem(path, &error))
    }

    /// What a crash left beside the files; called by whoever holds the lock.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let beside =
                |known: &str| name.to_str().is_some_and(|name| name.starts_with(&format!(".{known}.")));
            if [DOCUMENT, IDENTITY, TOKEN].into_iter().any(beside) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Root could write here, and the agent could not read it afterwards.
fn check_owner(path: &Path, owner: u32, user: u32) -> Result<(), Problem> {
    if owner == user {
        return Ok(());
    }
    Err(Problem::new(403, "wrong_user", "The state folder belongs to another user")
        .detail(format!("{} belongs to user {owner}, this is user {user}.", path.display()))
        .hint("Start the agent and run the command again, or run it as that user: `sudo -u '#ID' sealpost-printer ...`."))
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
    let mut bytes = Zeroizing::new(Vec::new());
    match File::open(path).and_then(|file| file.take(16 << 20).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_problem(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng() -> impl CryptoRng {
        rand_core::UnwrapErr(getrandom::SysRng)
    }

    #[test]
    fn a_damaged_identity_is_an_error_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        fs::write(dir.path().join(IDENTITY), "not a key").unwrap();

        let refused = folder.identity_or_new(&mut rng()).unwrap_err();

        assert_eq!(refused.code, "identity_damaged");
        assert_eq!(fs::read_to_string(dir.path().join(IDENTITY)).unwrap(), "not a key");
    }

    #[test]
    fn identity_and_document_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("state")).unwrap();
        let secret = folder.identity_or_new(&mut rng()).unwrap();
        let document = Document { time_floor: 7, ..Document::default() };
        folder.save_document(&document).unwrap();

        assert_eq!(folder.identity().unwrap().unwrap().public(), secret.public());
        assert_eq!(folder.document().unwrap(), document);
        for name in [DOCUMENT, IDENTITY] {
            let mode = fs::metadata(dir.path().join("state").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_half_written_document_beside_the_real_one_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let document = Document { time_floor: 7, ..Document::default() };
        folder.save_document(&document).unwrap();

        // What a crash before the rename leaves behind.
        let mut torn = AtomicWriteFile::options().open(dir.path().join(DOCUMENT)).unwrap();
        torn.write_all(b"{\"format\":").unwrap();
        std::mem::forget(torn);

        assert_eq!(folder.document().unwrap(), document);
        drop(folder);
        let names = |_: &Folder| -> Vec<_> {
            let entries = fs::read_dir(dir.path()).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let folder = Folder::open(dir.path()).unwrap();
        assert!(names(&folder).iter().all(|name| !name.starts_with('.')), "{:?}", names(&folder));
    }

    #[test]
    fn a_folder_of_another_user_is_left_alone() {
        assert_eq!(check_owner(Path::new("/x"), 998, 0).unwrap_err().code, "wrong_user");
        check_owner(Path::new("/x"), 998, 998).unwrap();
    }

    #[test]
    fn a_second_agent_is_kept_out() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Folder::open(dir.path()).unwrap();
        assert_eq!(Folder::open(dir.path()).unwrap_err().code, "state_in_use");
    }

    #[test]
    fn a_damaged_document_is_an_error_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        fs::write(dir.path().join(DOCUMENT), b"{").unwrap();
        assert_eq!(folder.document().unwrap_err().code, "state_damaged");
    }
}
