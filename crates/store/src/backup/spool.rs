//! Rows on their way into a backup. They are read in one state of the database, which must not wait for whoever takes the backup: a
//! hung line would keep SQLite's log growing until the disk is full. So they lie in a file without a name until the database is let go.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::BackupError;
use super::archive::Writer;
use crate::random;

/// Members that wait, each of some megabytes.
pub(super) struct Spool {
    file: File,
    members: Vec<(String, usize)>,
}

impl Spool {
    /// An empty one, beside the store's data, or where the system keeps what is short-lived.
    pub(super) fn new(folder: &Path) -> Result<Self, BackupError> {
        let file = nameless(folder).or_else(|_| nameless(&std::env::temp_dir()));
        Ok(Self { file: file.map_err(|error| crate::Error::io(folder, error))?, members: Vec::new() })
    }

    /// Adds a member.
    pub(super) fn put(&mut self, name: String, content: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(content).map_err(BackupError::Spool)?;
        self.members.push((name, content.len()));
        Ok(())
    }

    /// Writes them all, in the order in which they came.
    pub(super) fn pour(mut self, writer: &mut Writer<'_>) -> Result<(), BackupError> {
        self.file.rewind().map_err(BackupError::Spool)?;
        let mut content = Zeroizing::new(Vec::new());
        for (name, length) in self.members {
            content.resize(length, 0);
            self.file.read_exact(&mut content).map_err(BackupError::Spool)?;
            writer.member(&name, &content)?;
        }
        Ok(())
    }
}

/// A file that nobody else opens, and that is gone with the process.
fn nameless(folder: &Path) -> std::io::Result<File> {
    let unique = random::bytes::<8>().map_err(|_| std::io::Error::other("the system has no randomness"))?;
    let path = folder.join(format!(".backup-{}", hex::encode(unique)));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
