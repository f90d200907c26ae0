//! Whether a folder of blobs belongs to this store: a database that was put beside another store's files must not clean them up.

use std::path::Path;

use crate::Error;

/// Says in the folder whose it is.
const FILE: &str = ".store";

/// Whether the folder is of the store with this public key; a folder of nobody becomes it.
pub(crate) fn is_mine(folder: &Path, store: &str) -> Result<bool, Error> {
    let path = folder.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(found) if found.trim() == store => Ok(true),
        Ok(_) => {
            tracing::warn!(
                folder = %folder.display(),
                "the sealed files belong to another store: none of them is cleaned up. If this database was moved here on purpose, delete `.store` there"
            );
            Ok(false)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Another process may do the same just now, and must not read half of it.
            let aside = folder.join(format!("{FILE}-{}", std::process::id()));
            std::fs::write(&aside, format!("{store}\n"))
                .and_then(|()| std::fs::rename(&aside, &path))
                .map_err(|error| Error::io(&path, error))?;
            Ok(true)
        }
        Err(error) => Err(Error::io(&path, error)),
    }
}
