//! What would still read our pieces when they are gone: Klipper does not start with a file or a section that it cannot find.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use sealpost_api::Problem;

use super::{
    record::{Made, Record},
    text,
    tree::{Tree, unusable},
    walk::{Last, Trust},
};

/// Files that are read along at most.
const FILES: usize = 200;
/// A configuration and the file of ours that it reads along, by name.
const PAIRS: [(&str, [&str; 2]); 2] = [
    ("printer.cfg", ["sealpost.cfg", "klipper.cfg"]),
    ("moonraker.conf", ["sealpost.conf", "sealpost.conf"]),
];

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

/// What a person has to take out first.
fn lines(tree: &Tree, record: &Record) -> Result<Vec<String>, Problem> {
    let trust = Trust::new(tree, record.owner);
    let mut told = Vec::new();
    for entry in &record.entries {
        let Made::File { sha256 } = &entry.made else { continue };
        let named = |names: &[&str; 2]| names.iter().any(|name| entry.path.ends_with(name));
        let Some((main, _)) = PAIRS.iter().find(|(_, names)| named(names)) else { continue };
        let is_its = |path: &Path, made: &Made| matches!(made, Made::Block { .. }) && path.ends_with(main);
        let block = record.entries.iter().find(|entry| is_its(&entry.path, &entry.made));
        let main = block.map_or_else(|| entry.path.with_file_name(main), |block| block.path.clone());
        let blocks = match block.map(|block| &block.made) {
            Some(Made::Block { texts, .. }) => texts.as_slice(),
            _ => &[],
        };
        let failed = |error: io::Error| unusable(&entry.path, &error);
        let hash = match tree.hold(&entry.path, &trust, Last::Itself)? {
            Some(place) => place.hash().map_err(failed)?,
            None => None,
        };
        let stays = hash.is_some_and(|hash| !sha256.contains(&hash));
        for (path, text) in read_along(tree, &main, &entry.path, blocks) {
            for line in text::includes_of(&text, &path, &entry.path) {
                match (line.by_name, stays) {
                    (true, _) => told.push(format!("{}: `{}`", path.display(), line.line)),
                    (false, true) => told.push(format!(
                        "{}: `{}` reads {}, which was changed and stays: delete it or give it another ending",
                        path.display(),
                        line.line,
                        entry.path.display()
                    )),
                    (false, false) => {}
                }
            }
            if text::has_section(&text, "sealpost") {
                told.push(format!("{}: the section `[sealpost]`", path.display()));
            }
        }
    }
    Ok(told)
}

/// A configuration without our lines, and everything that it reads along but our own file.
fn read_along(tree: &Tree, main: &Path, ours: &Path, blocks: &[String]) -> Vec<(PathBuf, String)> {
    let mut seen = BTreeSet::from([ours.to_owned()]);
    let mut open = vec![main.to_owned()];
    let mut texts = Vec::new();
    while let Some(path) = open.pop().filter(|_| texts.len() < FILES) {
        if !seen.insert(path.clone()) {
            continue;
        }
        // What cannot be read says nothing; Klipper would not start with it anyway.
        let Ok(Some(mut text)) = tree.text(&path) else { continue };
        for block in blocks.iter().filter(|_| path == main) {
            text = text::take_out(&text, block).unwrap_or(text);
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let beside = tree.names(folder).into_iter().map(|name| folder.join(name));
        open.extend(beside.filter(|other| !text::includes_of(&text, &path, other).is_empty()));
        texts.push((path, text));
    }
    texts
}
