//! What would still read our pieces when they are gone: Klipper does not start with a file or a section that it cannot find.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use sealpost_api::Problem;

use super::{
    included::{by_name, found},
    record::{Made, Record},
    text,
    tree::{Tree, unusable},
    walk::{Last, Trust},
};

/// Files that are read along at most.
const FILES: usize = 500;
/// A configuration and the file of ours that it reads along, by name.
const PAIRS: [(&str, [&str; 2]); 2] =
    [(PRINTER, ["sealpost.cfg", "klipper.cfg"]), ("moonraker.conf", ["sealpost.conf", "sealpost.conf"])];
const PRINTER: &str = "printer.cfg";

/// Refuses an undoing after which Klipper or Moonraker would not start.
pub fn refuse_while_read(tree: &Tree, record: &Record) -> Result<(), Problem> {
    let lines = lines(tree, record)?;
    if lines.is_empty() {
        return Ok(());
    }
    Err(Problem::new(409, "still_included", "Klipper or Moonraker would not start without Sealpost's files")
        .detail(lines.join("; "))
        .hint("Nothing was taken back. Take those lines out, then run the command again."))
}

/// A file of ours, and what reads it.
struct Read<'a> {
    ours: &'a Path,
    /// The configuration that everything begins with.
    main: PathBuf,
    /// Our lines in it, which will be gone.
    blocks: &'a [String],
    /// Its owner changed ours: it stays.
    stays: bool,
}

/// What a person has to take out first.
fn lines(tree: &Tree, record: &Record) -> Result<Vec<String>, Problem> {
    let trust = Trust::new(tree, record.owner);
    let mut told = Vec::new();
    for entry in &record.entries {
        let Made::File { sha256 } = &entry.made else { continue };
        let named = |names: &[&str; 2]| names.iter().any(|name| entry.path.ends_with(name));
        let Some((main, _)) = PAIRS.iter().find(|(_, names)| named(names)) else { continue };
        let failed = |error: io::Error| unusable(&entry.path, &error);
        let hash = match tree.hold(&entry.path, &trust, Last::Itself)? {
            Some(place) => place.hash().map_err(failed)?,
            None => None,
        };
        let stays = hash.is_some_and(|hash| !sha256.contains(&hash));
        let main = main_of(record, &entry.path, main);
        let blocks = match record.entry(&main).map(|entry| &entry.made) {
            Some(Made::Block { texts, .. }) => texts.as_slice(),
            _ => &[],
        };
        let read = Read { ours: &entry.path, main, blocks, stays };
        told.extend(read.told(tree));
    }
    told.dedup();
    Ok(told)
}

/// The configuration of that name of the same printer.
fn main_of(record: &Record, ours: &Path, name: &str) -> PathBuf {
    let beside = ours.with_file_name(name);
    if !ours.ends_with("klipper.cfg") {
        return beside;
    }
    // On a system that forgets ours lies elsewhere; Moonraker's lies beside its configuration there too.
    let of_printer = |path: &&PathBuf| path.ends_with(name) || path.ends_with("sealpost.conf");
    let known = record.entries.iter().map(|entry| &entry.path).find(of_printer);
    known.map_or(beside, |path| path.with_file_name(name))
}

impl Read<'_> {
    /// Reads as Klipper does: every file that a line names or a pattern finds, and what those name.
    fn told(&self, tree: &Tree) -> Vec<String> {
        let ours = tree.resolve(self.ours);
        let mut told = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![self.main.clone()];
        while let Some(path) = open.pop() {
            let resolved = tree.resolve(&path);
            if resolved == ours || !seen.insert(resolved) {
                continue;
            }
            if seen.len() > FILES {
                told.push(format!("{}: it reads too many files to look through", self.main.display()));
                break;
            }
            // What cannot be read says nothing; Klipper would not start with it anyway.
            let Ok(Some(mut text)) = tree.text(&path) else { continue };
            for block in self.blocks.iter().filter(|_| path == self.main) {
                text = text::take_out(&text, block).unwrap_or(text);
            }
            for said in text::includes(&text) {
                let files = found(tree, &path, said, FILES);
                if files.iter().any(|file| tree.resolve(file) == ours) {
                    told.extend(self.line(&path, said));
                }
                open.extend(files);
            }
            if text::has_section(&text, "sealpost") {
                told.push(format!("{}: the section `[sealpost]`", path.display()));
            }
        }
        told
    }

    fn line(&self, path: &Path, said: &str) -> Option<String> {
        let line = format!("{}: `[include {said}]`", path.display());
        match (by_name(said), self.stays) {
            (true, _) => Some(line),
            (false, true) => Some(format!(
                "{line} reads {}, which was changed and stays: delete it or give it another ending",
                self.ours.display()
            )),
            (false, false) => None,
        }
    }
}
