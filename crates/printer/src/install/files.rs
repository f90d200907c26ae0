//! Files that are replaced whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown, symlink},
    path::{Path, PathBuf},
};

use sealpost_envelope::digest::sha256_hex;

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

/// Writes a file beside and puts it in its place; `written` is called in between.
pub(super) fn replace<E: From<io::Error>>(
    path: &Path,
    bytes: &[u8],
    numbers: Numbers,
    written: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    let new = beside(path);
    sweep(path)?;
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    own(&file, numbers)?;
    file.set_permissions(fs::Permissions::from_mode(numbers.mode))?;
    file.sync_all()?;
    written()?;
    fs::rename(&new, path)?;
    sync_folder(path)?;
    Ok(())
}

/// Makes a link, or lets it point elsewhere.
pub(super) fn relink(path: &Path, target: &Path) -> io::Result<()> {
    let new = beside(path);
    sweep(path)?;
    symlink(target, &new)?;
    fs::rename(&new, path)?;
    sync_folder(path)
}

/// Makes a folder, or gives the one that is there these rights.
pub(super) fn folder(path: &Path, numbers: Numbers) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error)
            if error.kind() == io::ErrorKind::AlreadyExists && fs::symlink_metadata(path)?.is_dir() => {}
        made => made?,
    }
    // In this order: a change of owner takes the set-group-id bit away.
    chown(path, Some(numbers.uid), Some(numbers.gid))?;
    fs::set_permissions(path, fs::Permissions::from_mode(numbers.mode))?;
    sync_folder(path)
}

/// Removes what a killed run left beside a file.
pub(super) fn sweep(path: &Path) -> io::Result<()> {
    gone(fs::remove_file(beside(path)))
}

/// Removing what is not there has been done.
pub(super) fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// SHA-256 of a file; `None` where no file is, not even through a link.
pub(super) fn hash(path: &Path) -> io::Result<Option<String>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(sha256_hex(&fs::read(path)?))),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.sealpost-new"))
}

fn own(file: &File, numbers: Numbers) -> io::Result<()> {
    let now = Numbers::of(&file.metadata()?);
    if (now.uid, now.gid) == (numbers.uid, numbers.gid) {
        return Ok(());
    }
    fchown(file, Some(numbers.uid), Some(numbers.gid))
}
