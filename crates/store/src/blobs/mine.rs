//! Whether a folder of blobs belongs to this store: a database that was put beside another store's files must not clean them up.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::{Error, random};

/// Says in the folder whose it is.
const FILE: &str = ".store";

/// Whether the folder is of the store with this public key; a folder of nobody becomes it.
pub(crate) fn is_mine(folder: &Path, store: &str) -> Result<bool, Error> {
    let path = folder.join(FILE);
    let found = match std::fs::read_to_string(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io(&path, error)),
    };
    match found.trim() {
        // Also one that a power cut left without its bytes.
        "" => {
            become_mine(folder, &path, store).map_err(|error| Error::io(&path, error))?;
            Ok(true)
        }
        found if found == store => Ok(true),
        _ => {
            tracing::warn!(
                folder = %folder.display(),
                "the sealed files belong to another store: none of them is cleaned up. If this database was moved here on purpose, delete `.store` there"
            );
            Ok(false)
        }
    }
}

fn become_mine(folder: &Path, path: &Path, store: &str) -> io::Result<()> {
    let unique = random::bytes::<8>().map_err(|_| io::Error::other("the system has no randomness"))?;
    // Another process may do the same just now, and must not read half of it.
    let aside = folder.join(format!("{FILE}-{}", hex::encode(unique)));
    let mut file = File::create(&aside)?;
    file.write_all(format!("{store}\n").as_bytes())?;
    file.sync_all()?;
    std::fs::rename(aside, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_of_the_first_store_that_took_it_and_an_empty_note_is_of_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "").unwrap();
        assert!(is_mine(folder.path(), "ann").unwrap());
        assert!(is_mine(folder.path(), "ann").unwrap());
        assert!(!is_mine(folder.path(), "ben").unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
    }
}
