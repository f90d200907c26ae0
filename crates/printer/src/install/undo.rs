//! Takes back what the record says, from the last to the first; what others changed meanwhile stays.

use std::{io, path::Path};

use sealpost_api::Problem;
use sealpost_gcode::stub_job;

use super::{
    accounts::Accounts,
    apply::{Edited, edited, replace},
    files::{self, Place, TEXT_LIMIT},
    record::{Entry, Ledger, Made},
    step::Contents,
    still, text,
    tree::{Tree, unusable},
    walk::{Last, Trust},
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
    still::refuse_while_read(tree, &record)?;
    let mut undone = Undone::default();
    for entry in record.entries.clone().iter().rev() {
        if keep_keys && stays_with_keys(&entry.made) {
            continue;
        }
        watch(entry)?;
        match one(tree, accounts, &ledger, record.owner, entry)? {
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

fn one(
    tree: &Tree,
    accounts: &dyn Accounts,
    ledger: &Ledger,
    owner: Option<u32>,
    entry: &Entry,
) -> Result<Outcome, Problem> {
    let path = &entry.path;
    let failed = |error: io::Error| unusable(path, &error);
    let removed = Ok(Outcome::Done(format!("removed {}", path.display())));
    let changed = |why: &str| Ok(Outcome::Left(format!("{}: {why}", path.display())));
    match &entry.made {
        Made::User { name } => {
            accounts.remove(tree, name)?;
            return Ok(Outcome::Done(format!("removed the user {name}")));
        }
        Made::Block { texts, backup } => return unblock(tree, ledger, owner, path, (texts, backup)),
        _ => {}
    }
    let Some(place) = tree.hold(path, &Trust::new(tree, owner), Last::Itself)? else { return removed };
    place.sweep().map_err(failed)?;
    let Some(found) = place.metadata().map_err(failed)? else { return removed };
    match &entry.made {
        Made::Folder { .. } if !found.is_dir() => changed("it is no folder any more"),
        Made::Folder { contents: contents @ (Contents::Ours | Contents::Keys) } => match place.remove_all() {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                changed("something is mounted there; the folder stays")
            }
            // Whose folder it is can put anything there; it must not keep the rest. Keys are never left without an error.
            Err(error) if *contents == Contents::Ours => changed(&error.to_string()),
            other => other.map_err(failed).and(removed),
        },
        Made::Folder { contents } => {
            // It is in somebody else's home: what cannot be removed there must not keep the rest.
            let stubs = if *contents == Contents::Stubs { remove_stubs(&place) } else { Ok(()) };
            if let Err(error) = stubs {
                return changed(&error.to_string());
            }
            match place.remove_folder() {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    changed("there are files of others in it")
                }
                other => other.map_err(failed).and(removed),
            }
        }
        Made::File { sha256 } => match place.hash().map_err(failed)? {
            Some(found) if sha256.contains(&found) => place.remove_file().map_err(failed).and(removed),
            _ => changed("it was changed since"),
        },
        Made::Link { targets } => {
            let is_ours = found.is_symlink()
                && place.target().map_err(failed)?.is_some_and(|target| targets.contains(&target));
            if is_ours {
                return place.remove_file().map_err(failed).and(removed);
            }
            changed("it is not the link that was made")
        }
        Made::User { .. } | Made::Block { .. } => removed,
    }
}

/// Stubs, and the pictures that Moonraker took from them.
fn remove_stubs(folder: &Place) -> io::Result<()> {
    for place in files::places(&folder.open_folder()?)? {
        let Some(found) = place.metadata()? else { continue };
        if found.is_dir() && place.name() == ".thumbs" {
            place.remove_all()?;
        } else if found.is_file() && found.len() <= TEXT_LIMIT {
            let read = place.read(TEXT_LIMIT)?;
            if read.is_some_and(|(bytes, _)| stub_job(&bytes).is_some()) {
                place.remove_file()?;
            }
        }
    }
    Ok(())
}

fn unblock(
    tree: &Tree,
    ledger: &Ledger,
    owner: Option<u32>,
    path: &Path,
    (texts, backup): (&[String], &Path),
) -> Result<Outcome, Problem> {
    let failed = |error: io::Error| unusable(path, &error);
    let done = Ok(Outcome::Done(format!("took the lines out of {}", path.display())));
    let Some(Edited { place, text: found, numbers, strange }) = edited(tree, owner, path, Last::Followed)?
    else {
        return done;
    };
    if let Some(why) = strange {
        return Ok(Outcome::Left(format!("{}: {why}", path.display())));
    }
    place.sweep().map_err(failed)?;
    let original = ledger.copy(backup).map_err(failed)?.and_then(|bytes| String::from_utf8(bytes).ok());
    // The newest lines are those that were put in last.
    let mut without = None;
    for block in texts.iter().rev() {
        without = text::take_out(without.as_deref().unwrap_or(&found), block).or(without);
    }
    let untouched = |original: &String| {
        let each = |with: String, block: &String| text::put_in(path, &with, block);
        texts.iter().any(|block| text::put_in(path, original, block) == found)
            || texts.iter().fold(original.clone(), each) == found
    };
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
    replace(path, &place, restored.as_bytes(), numbers, || Ok(()))?;
    done
}
