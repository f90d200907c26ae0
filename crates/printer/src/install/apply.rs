//! Carries a plan out: what is there already is left, what is noted first is done then.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;
use sealpost_api::Problem;
use sealpost_envelope::digest::sha256_hex;

use super::{
    accounts::Accounts,
    files::{Numbers, Place, TEXT_LIMIT},
    record::{Entry, Ledger, Made, Record},
    services::Services,
    step::{Contents, Rights, Step},
    text,
    tree::{self, Tree, unusable},
    walk::{Last, Trust},
};

const SOMETHING_THERE: &str = "something_there";

/// How a step stands against what is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It is as it shall be.
    Done,
    /// It is to be done.
    Open,
    /// Its owner changed what an earlier run made, and keeps that.
    Kept(String),
    /// Something else is in its place.
    Blocked(Problem),
}

/// When somebody is told how far it is.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    /// It is noted and will be done.
    Noted(&'a Step),
    /// The new file lies beside the old one.
    Written(&'a Step),
    /// It is done.
    Done(&'a Step),
}

/// Carries out and looks.
pub struct Installer<'a> {
    /// The files.
    pub tree: &'a Tree,
    /// Who makes users.
    pub accounts: &'a dyn Accounts,
    /// Who runs Klipper: the only one besides root whose files are edited.
    pub owner: u32,
    /// What has to be stopped and restarted when it is undone.
    pub services: Services,
    /// The folder of the printer's configuration.
    pub config: PathBuf,
    /// Names the copies.
    pub date: String,
}

/// Told of each moment; an error ends the work there.
pub type Watch<'a> = dyn FnMut(Moment<'_>) -> Result<(), Problem> + 'a;

impl Installer<'_> {
    /// How the steps stand; an error where the record is another printer's.
    pub fn standings(&self, steps: &[Step], record: &Record) -> Result<Vec<Standing>, Problem> {
        self.refuse_other_printer(record)?;
        steps.iter().map(|step| self.standing(step, record)).collect()
    }

    /// Does what is open. Nothing is done while a step is blocked.
    pub fn apply(&self, steps: &[Step], ledger: &Ledger, watch: &mut Watch<'_>) -> Result<(), Problem> {
        let mut record = ledger.record()?;
        record.services = Some(self.services.clone());
        record.owner = Some(self.owner);
        for standing in self.standings(steps, &record)? {
            if let Standing::Blocked(problem) = standing {
                return Err(problem);
            }
        }
        for step in steps {
            if self.standing(step, &record)? != Standing::Open {
                continue;
            }
            self.make_parents(step, ledger, &mut record)?;
            let made = self.made(step, ledger, &record)?;
            if let Some(made) = made {
                record.note(&step.path(), made);
                ledger.save(&record)?;
            }
            watch(Moment::Noted(step))?;
            self.carry_out(step, &record, watch)?;
            watch(Moment::Done(step))?;
        }
        ledger.keep_settings(self.tree)
    }

    /// One agent serves one printer: what was wired before would be lost from sight, and its Klipper would share the socket.
    fn refuse_other_printer(&self, record: &Record) -> Result<(), Problem> {
        let wired = |entry: &&Entry| {
            let names: &[&str] = match &entry.made {
                Made::Block { .. } => &["printer.cfg", "moonraker.conf"],
                Made::File { .. } => &["sealpost.cfg", "sealpost.conf"],
                _ => &[],
            };
            names.iter().any(|name| entry.path.ends_with(name))
        };
        let config = self.tree.resolve(&self.config);
        let mut folders = record.entries.iter().filter(wired).filter_map(|entry| entry.path.parent());
        let other = folders.find(|folder| self.tree.exists(folder) && self.tree.resolve(folder) != config);
        other.map_or(Ok(()), |other| {
            Err(Problem::new(409, "other_printer", "The agent serves another printer of this machine")
                .detail(format!("it is wired to {}; one agent serves one printer", other.display()))
                .hint("Keep it there; or run `sealpost-printer uninstall` first, then `install` for this printer."))
        })
    }

    fn standing(&self, step: &Step, record: &Record) -> Result<Standing, Problem> {
        let path = step.path();
        let failed = |error: io::Error| unusable(&path, &error);
        let entry = record.entry(&path);
        match step {
            Step::User { name, .. } => {
                let there = self.tree.account(name).is_some();
                Ok(if there { Standing::Done } else { Standing::Open })
            }
            Step::Folder { rights, contents, .. } => self.folder_standing(&path, rights, *contents, entry),
            Step::File { rights, text, .. } => {
                self.file_standing(&path, rights, &sha256_hex(text.as_bytes()), entry)
            }
            Step::Key { rights, key, .. } => {
                self.file_standing(&path, rights, &sha256_hex(key.0.as_bytes()), entry)
            }
            Step::Program { from, .. } => {
                let (_, ours) = program(from)?;
                self.file_standing(&path, &root(0o755), &ours, entry)
            }
            Step::Link { target, .. } => {
                let Some(place) = self.place(&path)? else { return Ok(Standing::Open) };
                match place.metadata().map_err(failed)? {
                    None => return Ok(Standing::Open),
                    Some(found) if !found.is_symlink() => {
                        return Ok(Standing::Blocked(blocked(&path, "it is no link")));
                    }
                    Some(_) => {}
                }
                let found = place.target().map_err(failed)?.unwrap_or_default();
                Ok(match entry.map(|entry| &entry.made) {
                    _ if found == *target => Standing::Done,
                    Some(Made::Link { targets }) if targets.contains(&found) => Standing::Open,
                    _ => Standing::Blocked(blocked(&path, &format!("it is a link to {}", found.display()))),
                })
            }
            Step::Block { text, .. } => {
                let found = match self.edited(&path) {
                    Err(problem) if problem.code == SOMETHING_THERE => return Ok(Standing::Blocked(problem)),
                    found => found?.text,
                };
                if text::says(&path, &found, text) {
                    return Ok(Standing::Done);
                }
                Ok(with_block(&path, &found, text, entry).map_or_else(Standing::Blocked, |_| Standing::Open))
            }
        }
    }

    fn folder_standing(
        &self,
        path: &Path,
        rights: &Rights,
        contents: Contents,
        entry: Option<&Entry>,
    ) -> Result<Standing, Problem> {
        let Some(place) = self.place(path)? else { return Ok(Standing::Open) };
        let Some(found) = place.metadata().map_err(|error| unusable(path, &error))? else {
            return Ok(Standing::Open);
        };
        // The system's own may be links, such as /etc/default on some.
        if found.is_symlink() && contents == Contents::Others && self.tree.is_dir(path) {
            return Ok(Standing::Done);
        }
        if !found.is_dir() {
            return Ok(Standing::Blocked(blocked(path, "it is no folder")));
        }
        if matches!(contents, Contents::Others | Contents::Stubs) {
            return Ok(Standing::Done);
        }
        match self.numbers(rights) {
            Ok(wanted) if wanted == Numbers::of(&found) => Ok(Standing::Done),
            _ if entry.is_some() || self.is_nobodys(&found) => Ok(Standing::Open),
            Ok(_) => Ok(Standing::Blocked(blocked(path, &format!("it has other rights than {rights}")))),
            // The user is made first; nobody else's folder can be its.
            Err(_) => Ok(Standing::Blocked(blocked(path, "it belongs to somebody else"))),
        }
    }

    fn file_standing(
        &self,
        path: &Path,
        rights: &Rights,
        sha256: &str,
        entry: Option<&Entry>,
    ) -> Result<Standing, Problem> {
        let failed = |error: io::Error| unusable(path, &error);
        let Some(place) = self.place(path)? else { return Ok(Standing::Open) };
        let Some(metadata) = place.metadata().map_err(failed)? else { return Ok(Standing::Open) };
        let Some(found) = place.hash().map_err(failed)? else {
            return Ok(Standing::Blocked(blocked(path, "it is no file")));
        };
        if found == sha256 {
            let right = self.numbers(rights).is_ok_and(|wanted| wanted == Numbers::of(&metadata));
            return Ok(if right || entry.is_none() { Standing::Done } else { Standing::Open });
        }
        match entry.map(|entry| &entry.made) {
            Some(Made::File { sha256: ours }) if ours.contains(&found) => Ok(Standing::Open),
            Some(_) => {
                Ok(Standing::Kept(format!("{} was changed since and is left as it is", path.display())))
            }
            None => Ok(Standing::Blocked(blocked(path, "there is another file of this name"))),
        }
    }

    /// Left behind by a user that is no more.
    fn is_nobodys(&self, found: &fs::Metadata) -> bool {
        let uid = Numbers::of(found).uid;
        !self.tree.accounts().iter().any(|account| account.uid == uid)
    }

    /// What is noted; `None` where an earlier run noted all there is to say.
    fn made(&self, step: &Step, ledger: &Ledger, record: &Record) -> Result<Option<Made>, Problem> {
        let path = step.path();
        Ok(Some(match step {
            Step::User { name, .. } => Made::User { name: name.clone() },
            // It was there: it is put right, and stays when all of ours is undone.
            Step::Folder { .. } if record.entry(&path).is_none() && self.tree.exists(&path) => {
                return Ok(None);
            }
            Step::Folder { contents, .. } => Made::Folder { contents: *contents },
            Step::File { text, .. } => Made::File { sha256: vec![sha256_hex(text.as_bytes())] },
            Step::Key { key, .. } => Made::File { sha256: vec![sha256_hex(key.0.as_bytes())] },
            Step::Program { from, .. } => Made::File { sha256: vec![program(from)?.1] },
            Step::Link { target, .. } => Made::Link { targets: vec![target.clone()] },
            Step::Block { text, .. } => {
                let before = self.edited(&path)?.text;
                let entry = record.entry(&path);
                let backup = match entry.map(|entry| &entry.made) {
                    // Our own file with further lines is our own file; what its owner made of it is theirs.
                    Some(Made::File { sha256 }) if sha256.contains(&sha256_hex(before.as_bytes())) => {
                        let after = with_block(&path, &before, text, entry)?;
                        return Ok(Some(Made::File { sha256: vec![sha256_hex(after.as_bytes())] }));
                    }
                    Some(Made::File { .. }) => {
                        ledger.back_up(&path, before.as_bytes(), &self.date)?;
                        return Ok(None);
                    }
                    Some(Made::Block { backup, .. }) => backup.clone(),
                    _ => ledger.back_up(&path, before.as_bytes(), &self.date)?,
                };
                Made::Block { texts: vec![text.clone()], backup }
            }
        }))
    }

    fn carry_out(&self, step: &Step, record: &Record, watch: &mut Watch<'_>) -> Result<(), Problem> {
        let path = step.path();
        let failed = |error: io::Error| unusable(&path, &error);
        let place = || self.place(&path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()));
        let write = |bytes: &[u8], rights: &Rights, watch: &mut Watch<'_>| {
            replace(&path, &place()?, bytes, self.numbers(rights)?, || watch(Moment::Written(step)))
        };
        match step {
            Step::User { name, home } => self.accounts.add(self.tree, name, home),
            Step::Folder { rights, .. } => place()?.make_folder(self.numbers(rights)?).map_err(failed),
            Step::File { rights, text, .. } => write(text.as_bytes(), rights, watch),
            Step::Key { rights, key, .. } => write(key.0.as_bytes(), rights, watch),
            Step::Program { from, .. } => write(&program(from)?.0, &root(0o755), watch),
            Step::Link { target, .. } => place()?.relink(target).map_err(failed),
            Step::Block { text, .. } => {
                let before = self.edited(&path)?;
                let after = with_block(&path, &before.text, text, record.entry(&path))?;
                let written = || watch(Moment::Written(step));
                replace(&path, &before.place, after.as_bytes(), before.numbers, written)
            }
        }
    }

    /// Folders that a small system lacks.
    fn make_parents(&self, step: &Step, ledger: &Ledger, record: &mut Record) -> Result<(), Problem> {
        let path = step.path();
        let missing: Vec<&Path> =
            path.ancestors().skip(1).take_while(|folder| !self.tree.exists(folder)).collect();
        for folder in missing.into_iter().rev() {
            record.note(folder, Made::Folder { contents: Contents::Others });
            ledger.save(record)?;
            let failed = |error: io::Error| unusable(folder, &error);
            let place = self.place(folder)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
            place.make_folder(self.numbers(&root(0o755))?).map_err(failed)?;
        }
        Ok(())
    }

    fn numbers(&self, rights: &Rights) -> Result<Numbers, Problem> {
        let missing = |what: &str| {
            Problem::new(500, "user_missing", "A user is not there")
                .detail(format!("there is no {what}"))
                .hint("Run the command again; if it stays, make that user by hand as the printer guide says.")
        };
        let account =
            self.tree.account(&rights.user).ok_or_else(|| missing(&format!("user {}", rights.user)))?;
        let gid =
            self.tree.group(&rights.group).ok_or_else(|| missing(&format!("group {}", rights.group)))?;
        Ok(Numbers { uid: account.uid, gid, mode: rights.mode })
    }

    fn place(&self, path: &Path) -> Result<Option<Place>, Problem> {
        self.tree.hold(path, &Trust::new(self.tree, Some(self.owner)), Last::Itself)
    }

    /// A file that gets lines.
    fn edited(&self, path: &Path) -> Result<Edited, Problem> {
        let missing = || unusable(path, &io::ErrorKind::NotFound.into());
        let found = edited(self.tree, Some(self.owner), path, Last::Followed)?.ok_or_else(missing)?;
        found.strange.map_or(Ok(()), |why| Err(blocked(path, why)))?;
        Ok(found)
    }
}

/// A configuration of the owner's as it is now, which may be a link to another file of theirs.
pub(super) struct Edited {
    pub(super) place: Place,
    pub(super) text: String,
    pub(super) numbers: Numbers,
    /// Why root neither copies nor changes it.
    pub(super) strange: Option<&'static str>,
}

/// Reads one, and judges what was read: between two looks its owner can have put anything there. `None` where there is none.
pub(super) fn edited(
    tree: &Tree,
    owner: Option<u32>,
    path: &Path,
    last: Last,
) -> Result<Option<Edited>, Problem> {
    let failed = |error: io::Error| unusable(path, &error);
    let Some(place) = tree.hold(path, &Trust::new(tree, owner), last)? else { return Ok(None) };
    let Some((bytes, metadata)) = place.read(TEXT_LIMIT).map_err(failed)? else { return Ok(None) };
    let numbers = Numbers::of(&metadata);
    let is_owners = Some(numbers.uid) == owner;
    let strange = match () {
        () if !is_owners && numbers.uid != 0 && numbers.uid != geteuid().as_raw() => {
            Some("it belongs to neither Klipper's user nor root")
        }
        () if !is_owners && metadata.nlink() > 1 => {
            Some("it is a file of root's that has another name elsewhere")
        }
        () if numbers.mode & 0o6000 != 0 => Some("it gives its rights to who runs it"),
        () => None,
    };
    // Nothing of what somebody else keeps is looked at further.
    let text = if strange.is_none() { tree::text(path, bytes)? } else { String::new() };
    Ok(Some(Edited { place, text, numbers, strange }))
}

pub(super) fn replace(
    path: &Path,
    place: &Place,
    bytes: &[u8],
    numbers: Numbers,
    written: impl FnOnce() -> Result<(), Problem>,
) -> Result<(), Problem> {
    /// A file's error on its way through what calls back.
    enum Either {
        Io(io::Error),
        Problem(Problem),
    }
    impl From<io::Error> for Either {
        fn from(error: io::Error) -> Self {
            Self::Io(error)
        }
    }
    place.replace(bytes, numbers, || written().map_err(Either::Problem)).map_err(|error| match error {
        Either::Io(error) => unusable(path, &error),
        Either::Problem(problem) => problem,
    })
}

/// This program and its SHA-256.
fn program(from: &Path) -> Result<(Vec<u8>, String), Problem> {
    let bytes = fs::read(from).map_err(|error| unusable(from, &error))?;
    let hash = sha256_hex(&bytes);
    Ok((bytes, hash))
}

/// The text with these lines, and without those of an earlier version.
fn with_block(path: &Path, before: &str, block: &str, entry: Option<&Entry>) -> Result<String, Problem> {
    let mut text = before.to_owned();
    if let Some(Made::Block { texts, .. }) = entry.map(|entry| &entry.made) {
        // Lines of settings are added to those of earlier runs.
        for old in texts.iter().filter(|old| !text::is_settings(path) || *old == block) {
            text = text::remove(&text, old).unwrap_or(text);
        }
    }
    let after = text::put_in(path, &text, block);
    if text::says(path, &after, block) && text::keeps(path, &text, &after) {
        return Ok(after);
    }
    Err(blocked(path, "lines cannot be added to it without changing what it says"))
}

fn root(mode: u32) -> Rights {
    Rights::new(mode, "root", "root")
}

fn blocked(path: &Path, why: &str) -> Problem {
    Problem::new(409, SOMETHING_THERE, "Something else is where Sealpost has to put its own")
        .detail(format!("{}: {why}", path.display()))
        .hint("Look what it is; move it away if it is not needed, then run the command again.")
}
