//! Takes back what the record says, from the last to the first; what others changed meanwhile stays.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sealpost_api::Problem;
use sealpost_gcode::stub_job;

use super::{
    accounts::Accounts,
    apply::replace,
    files::{self, Numbers},
    record::{Entry, Ledger, Made},
    step::Contents,
    text,
    tree::{Tree, unusable},
};

/// What became of it.
#[derive(Clone, Debug, Default)]
pub struct Undone {
    /// What was removed or put back.
    pub done: Vec<String>,
    /// What stays, and why.
    pub left: Vec<String>,
}

/// Told of each entry before and after it is undone; an error ends the work there.
pub type UndoWatch<'a> = dyn FnMut(&Entry) -> Result<(), Problem> + 'a;

/// Undoes an installation. `keep_keys`: identity and state stay, and the user whose they are.
pub fn undo(
    tree: &Tree,
    accounts: &dyn Accounts,
    ledger: Ledger,
    keep_keys: bool,
    watch: &mut UndoWatch<'_>,
) -> Result<Undone, Problem> {
    let mut record = ledger.record()?;
    let mut undone = Undone::default();
    for entry in record.entries.clone().iter().rev() {
        if keep_keys && stays_with_keys(&entry.made) {
            continue;
        }
        watch(entry)?;
        match one(tree, accounts, entry)? {
            Outcome::Done(what) => undone.done.push(what),
            Outcome::Left(why) => undone.left.push(why),
        }
        watch(entry)?;
        record.entries.retain(|other| other.path != entry.path);
        ledger.save(&record)?;
    }
    let keys: Vec<_> =
        record.entries.iter().filter(|entry| matches!(entry.made, Made::Folder { .. })).collect();
    if let Some(keys) = keys.first() {
        undone.left.push(format!("{}: the printer's identity and state were kept", keys.path.display()));
    }
    if record.entries.is_empty() && undone.left.is_empty() {
        ledger.remove()?;
    } else {
        undone.left.push(format!("{}: copies of changed files, with the date", ledger.path().display()));
    }
    Ok(undone)
}

enum Outcome {
    Done(String),
    Left(String),
}

fn stays_with_keys(made: &Made) -> bool {
    matches!(made, Made::User { .. } | Made::Folder { contents: Contents::Keys })
}

fn one(tree: &Tree, accounts: &dyn Accounts, entry: &Entry) -> Result<Outcome, Problem> {
    let path = &entry.path;
    let outside = tree.at(path);
    let failed = |error: io::Error| unusable(path, &error);
    let removed = Ok(Outcome::Done(format!("removed {}", path.display())));
    let changed = |why: &str| Ok(Outcome::Left(format!("{}: {why}", path.display())));
    match &entry.made {
        Made::User { name } => {
            accounts.remove(tree, name)?;
            Ok(Outcome::Done(format!("removed the user {name}")))
        }
        Made::Folder { contents: Contents::Others } => match fs::remove_dir(&outside) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                changed("there are files of others in it")
            }
            other => files::gone(other).map_err(failed).and(removed),
        },
        Made::Folder { contents: Contents::Stubs } => {
            remove_stubs(&outside).map_err(failed)?;
            match fs::remove_dir(&outside) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    changed("there are files of others in it")
                }
                other => files::gone(other).map_err(failed).and(removed),
            }
        }
        Made::Folder { .. } => files::gone(fs::remove_dir_all(&outside)).map_err(failed).and(removed),
        Made::File { sha256 } => {
            sweep(&outside).map_err(failed)?;
            match files::hash(&outside).map_err(failed)? {
                Some(found) if !sha256.contains(&found) => changed("it was changed since"),
                _ => files::gone(fs::remove_file(&outside)).map_err(failed).and(removed),
            }
        }
        Made::Link { targets } => {
            sweep(&outside).map_err(failed)?;
            match fs::read_link(&outside) {
                Ok(found) if targets.contains(&found) => {
                    fs::remove_file(&outside).map_err(failed).and(removed)
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => removed,
                _ => changed("it is not the link that was made"),
            }
        }
        Made::Block { texts, backup } => unblock(tree, path, texts, backup),
    }
}

/// Stubs, and the pictures that Moonraker took from them.
fn remove_stubs(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let is_file = entry.file_type()?.is_file();
        if entry.file_name() == ".thumbs" && !is_file {
            fs::remove_dir_all(entry.path())?;
        } else if is_file && stub_job(&fs::read(entry.path())?).is_some() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn unblock(tree: &Tree, path: &Path, texts: &[String], backup: &Path) -> Result<Outcome, Problem> {
    let done = Ok(Outcome::Done(format!("took the lines out of {}", path.display())));
    let edited: PathBuf = tree.at(&tree.resolve(path));
    sweep(&edited).map_err(|error| unusable(path, &error))?;
    let Some(found) = tree.text(path)? else { return done };
    let original = fs::read_to_string(tree.at(backup)).ok();
    let without = texts.iter().rev().find_map(|block| text::remove(&found, block));
    let untouched = |original: &String| texts.iter().any(|block| text::insert(original, block) == found);
    let restored = match (original, without) {
        // As it was left: to the byte as it was found, a missing end of the last line too.
        (Some(original), _) if untouched(&original) => original,
        (_, Some(without)) => without,
        (_, None) if texts.iter().any(|block| text::contains_part(&found, block)) => {
            return Ok(Outcome::Left(format!(
                "{}: the lines of Sealpost were changed since",
                path.display()
            )));
        }
        (_, None) => return done,
    };
    let metadata = fs::metadata(&edited).map_err(|error| unusable(path, &error))?;
    replace(path, &edited, restored.as_bytes(), Numbers::of(&metadata), || Ok(()))?;
    done
}

fn sweep(outside: &Path) -> io::Result<()> {
    if outside.parent().is_some_and(Path::exists) { files::sweep(outside) } else { Ok(()) }
}
