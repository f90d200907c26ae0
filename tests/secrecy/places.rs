//! Everywhere a secret could lie about, and the few places that are meant to hold one.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::canary::{Finder, Secret};
use crate::tap::{Talk, Tap};
use crate::users::{AGENT, KLIPPER, STORE};
use crate::world::World;

/// Folders where programs leave what they think nobody sees.
const SHARED: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run"];

/// What holds a secret by design: the end of a place's name, the secret, and why.
const HOLDERS: [(&str, &str, &str); 4] = [
    ("agent/state/identity.key", "printer key", "the printer's identity, 0600 in a 0700 folder"),
    ("agent/state/token.json", "printer token", "what the agent signs in with, 0600 in a 0700 folder"),
    ("agent/state/token.json", "token's signature", "part of it"),
    (
        "said at Moonraker's line",
        "coordinate",
        "where the head is: Klipper tells everybody whom Moonraker lets in",
    ),
];

/// A secret where none should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Find {
    /// Where.
    pub(crate) place: String,
    /// What.
    pub(crate) secret: &'static str,
    /// In which form.
    pub(crate) form: &'static str,
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.place, self.secret, self.form)
    }
}

/// Looks for `secrets` everywhere; `said` is what people and programs were told. What is held by design is left out.
pub(crate) fn search(world: &World, secrets: &[Secret], said: &[String]) -> Result<Vec<Find>> {
    let mut search = Search { finder: Finder::new(secrets), finds: Vec::new() };
    search.folder(world.folder())?;
    for folder in SHARED {
        search.strays(Path::new(folder));
    }
    search.processes()?;
    search.line("said at the store's line", &world.store_tap)?;
    search.line("said at Moonraker's line", &world.moonraker_tap)?;
    for text in said {
        search.look("said to people", text.as_bytes());
    }
    let by_design = |find: &Find| {
        HOLDERS.iter().any(|(place, secret, _)| find.place.ends_with(place) && find.secret == *secret)
    };
    let mut finds = search.finds;
    finds.retain(|find| !by_design(find));
    finds.sort();
    Ok(finds)
}

/// Whether the places that are meant to hold a secret do: a search that does not find these finds nothing.
pub(crate) fn holders_are_found(world: &World, secrets: &[Secret]) -> Result<()> {
    let finder = Finder::new(secrets);
    for (place, secret, _) in HOLDERS.iter().filter(|(place, ..)| place.contains('/')) {
        let found = finder.find(&fs::read(world.folder().join(place))?);
        ensure!(found.iter().any(|(name, _)| name == secret), "{secret} was not found in {place}");
    }
    Ok(())
}

struct Search<'a> {
    finder: Finder<'a>,
    finds: Vec<Find>,
}

impl Search<'_> {
    fn look(&mut self, place: &str, bytes: &[u8]) {
        for (secret, form) in self.finder.find(bytes) {
            self.finds.push(Find { place: place.to_owned(), secret, form });
        }
    }

    /// Names and contents of all files below `folder`, links not followed.
    fn folder(&mut self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            self.entry(&path)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        self.look(&format!("name of {name}"), name.as_bytes());
        // Files come and go while the programs run.
        let Ok(kind) = fs::symlink_metadata(path) else { return Ok(()) };
        if kind.is_dir() {
            return self.folder(path);
        }
        if kind.is_file()
            && let Ok(bytes) = fs::read(path)
        {
            self.look(&name, &bytes);
        }
        Ok(())
    }

    /// What our users own elsewhere.
    fn strays(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let Ok(data) = fs::symlink_metadata(&path) else { continue };
            if [KLIPPER, AGENT, STORE].iter().any(|user| user.0 == data.uid()) {
                let _ = self.entry(&path);
            } else if data.is_dir() {
                self.strays(&path);
            }
        }
    }

    /// Command lines and environments of all programs; of ours also every file they hold open, with a name or without.
    fn processes(&mut self) -> Result<()> {
        for process in fs::read_dir("/proc")?.flatten().map(|entry| entry.path()) {
            if !process.join("cmdline").exists() {
                continue;
            }
            for part in ["cmdline", "environ", "comm"] {
                if let Ok(bytes) = fs::read(process.join(part)) {
                    self.look(&format!("{} of {}", part, about(&process)), &bytes);
                }
            }
            let owner = fs::read_to_string(process.join("status")).ok().and_then(|status| uid(&status));
            if owner.is_some_and(|owner| [KLIPPER, AGENT, STORE].iter().any(|user| user.0 == owner)) {
                self.open_files(&process);
            }
        }
        Ok(())
    }

    fn open_files(&mut self, process: &Path) {
        let Ok(open) = fs::read_dir(process.join("fd")) else { return };
        for path in open.flatten().map(|entry| entry.path()) {
            let target = fs::read_link(&path).unwrap_or_default().display().to_string();
            // The file that is printed is where it belongs, and nowhere else: see the tests of those who look.
            if target.starts_with("/memfd:sealpost") || !fs::metadata(&path).is_ok_and(|data| data.is_file())
            {
                continue;
            }
            if let Ok(bytes) = fs::read(&path) {
                let known = HOLDERS.iter().any(|(place, ..)| target.ends_with(place));
                let place = if known { target } else { format!("{target}, open in {}", about(process)) };
                self.look(&place, &bytes);
            }
        }
    }

    fn line(&mut self, place: &str, tap: &Tap) -> Result<()> {
        for talk in tap.heard() {
            let Talk { answered, .. } = &talk;
            let packed = answered.to_ascii_lowercase();
            ensure!(
                memchr::memmem::find(&packed, b"content-encoding:").is_none(),
                "{place}: an answer is packed and cannot be searched"
            );
            self.look(place, &carried(&talk.asked_in_clear()));
            self.look(place, &carried(answered));
        }
        Ok(())
    }
}

/// What was said without what the saying is for: the token of who asks, password and token of a sign-in, and a token renewed.
fn carried(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes.to_vec();
    for (before, end) in [
        (b"authorization: bearer ".as_slice(), b'\r'),
        (b"\"password\":\"".as_slice(), b'"'),
        (b"\"printer_token\":\"".as_slice(), b'"'),
        (b"\"token\":\"".as_slice(), b'"'),
        (b"\"token\": \"".as_slice(), b'"'),
    ] {
        let lower = rest.to_ascii_lowercase();
        let mut kept = Vec::with_capacity(rest.len());
        let mut from = 0;
        for at in memchr::memmem::find_iter(&lower, before) {
            let begin = at + before.len();
            if begin < from {
                continue;
            }
            let length = rest[begin..].iter().position(|byte| *byte == end).unwrap_or(0);
            kept.extend_from_slice(&rest[from..begin]);
            from = begin + length;
        }
        kept.extend_from_slice(&rest[from..]);
        rest = kept;
    }
    rest
}

fn about(process: &Path) -> String {
    let command = fs::read(process.join("cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    format!("{} ({})", process.display(), command.chars().take(120).collect::<String>().trim_end())
}

fn uid(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse().ok())
}
