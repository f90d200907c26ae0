//! Everything in a tree: paths, kinds, rights, owners, contents, targets.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use sealpost_envelope::digest::sha256_hex;

/// What every change of a user leaves beside the files: the state before the last change.
const OF_USERADD: [&str; 6] =
    ["etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-"];

/// Path and what is there.
pub(crate) type Picture = BTreeMap<PathBuf, String>;

/// Takes one, without what lies in the folders or files of `besides`.
pub(crate) fn picture(root: &Path, besides: &[&str]) -> Result<Picture> {
    let mut picture = Picture::new();
    look(root, root, besides, &mut picture)?;
    Ok(picture)
}

/// What is different, for people; empty where nothing is.
pub(crate) fn difference(before: &Picture, after: &Picture) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, what) in before {
        match after.get(path) {
            None => lines.push(format!("gone: {}", path.display())),
            Some(now) if now != what => {
                lines.push(format!("changed: {}: {what} is now {now}", path.display()))
            }
            Some(_) => {}
        }
    }
    lines.extend(
        after
            .keys()
            .filter(|path| !before.contains_key(*path))
            .map(|path| format!("new: {}", path.display())),
    );
    lines
}

fn look(root: &Path, folder: &Path, besides: &[&str], picture: &mut Picture) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let inside = path.strip_prefix(root)?.to_owned();
        let skipped = OF_USERADD.iter().chain(besides).any(|beside| inside.starts_with(beside));
        if skipped || inside.ends_with("__pycache__") {
            continue;
        }
        let metadata = fs::symlink_metadata(&path)?;
        let rights = format!("{:o} {}:{}", metadata.mode(), metadata.uid(), metadata.gid());
        let what = if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&path)?.display())
        } else if metadata.is_dir() {
            look(root, &path, besides, picture)?;
            rights
        } else if metadata.is_file() {
            format!("{rights} {}", sha256_hex(&fs::read(&path)?))
        } else {
            format!("{rights} device or socket")
        };
        picture.insert(inside, what);
    }
    Ok(())
}
