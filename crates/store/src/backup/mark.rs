//! What a restore leaves beside the files that it writes: only files under its own mark are taken away when it is begun again. Their
//! places alone say nothing: after a restore that was given up, another store may have been made there.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::BackupError;
use crate::open::make_folder;
use crate::{Config, Error};

/// Among the sealed files; behind the name of the key file.
const MARK: &str = ".restoring";

/// Marks where sealed files and keys are going to lie.
pub(super) fn put(config: &Config, mark: &str) -> Result<(), BackupError> {
    for path in paths(config) {
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        write(&path, mark).map_err(|error| Error::io(&path, error))?;
    }
    Ok(())
}

/// Whether all that is there carries this mark.
pub(super) fn is_on_all(config: &Config, mark: &str) -> Result<bool, BackupError> {
    let [in_blobs, beside_keys] = paths(config);
    let carries = |path: &Path| std::fs::read_to_string(path).is_ok_and(|found| found.trim() == mark);
    let blobs = match std::fs::read_dir(config.blob_path()) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io(&config.blob_path(), error).into()),
    };
    let keys = config.kek_path().symlink_metadata().is_ok();
    Ok(!mark.is_empty() && (!blobs || carries(&in_blobs)) && (!keys || carries(&beside_keys)))
}

/// Takes away all that is in the folder but its mark.
pub(super) fn clear_folder(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == MARK {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Takes the marks away from a store that is finished.
pub(crate) fn remove(config: &Config) {
    for path in paths(config) {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "the mark of a restore that is over stays");
            }
            _ => {}
        }
    }
}

fn paths(config: &Config) -> [PathBuf; 2] {
    let mut keys: OsString = config.kek_path().into();
    keys.push(MARK);
    [config.blob_path().join(MARK), keys.into()]
}

fn write(path: &Path, mark: &str) -> io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    io::Write::write_all(&mut file, mark.as_bytes())?;
    file.sync_all()
}
