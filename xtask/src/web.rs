//! `cargo xtask web`: the shop's pages, which the `sealpost` program embeds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::plugin;
use crate::provision;
use crate::run::{check, root, say, target_folder};

/// Builds the pages; `web/dist` changes only where they did, so that the program is not built again for nothing.
pub(crate) fn build() -> Result<()> {
    provision::npm("sdk", "what the JavaScript packages stand on")?;
    provision::npm("web", "what builds the shop")?;
    plugin::module(
        &root().join("web/reader"),
        "sealpost-reader",
        &root().join("web/app/seller/publish/reader.wasm"),
    )?;
    let fresh = target_folder().join("shop");
    let mut command = Command::new("npm");
    command
        .args(["run", "--silent", "build", "--", "--logLevel", "warn", "--emptyOutDir", "--outDir"])
        .arg(&fresh);
    check(command.current_dir(root().join("web")))?;
    mirror(&fresh, &root().join("web/dist/shop"))
}

/// `cargo xtask web`
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments.first() {
        bail!("`cargo xtask web` takes no `{unknown}`");
    }
    build()?;
    say("built into web/dist/shop: build `sealpost` to embed it");
    Ok(())
}

fn mirror(from: &Path, to: &Path) -> Result<()> {
    let fresh = files(from)?;
    if fresh.is_empty() {
        bail!("{} is empty: the shop's build made nothing", from.display());
    }
    if to.exists() && files(to)? == fresh {
        return Ok(());
    }
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("{} could not be emptied", to.display()))?;
    }
    for (name, bytes) in fresh {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap_or(to))?;
        fs::write(&path, bytes).with_context(|| format!("{} could not be written", path.display()))?;
    }
    Ok(())
}

/// What lies in a folder and those below it, by relative path.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("{} is missing", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder)?.to_path_buf(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}
