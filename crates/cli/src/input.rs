//! Where the bytes of an offline command come from: a file, or standard input.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    failure::{Doing as _, Failure, Result},
    secret::as_argument,
};

/// Longest text an offline command reads at once, such as a bundle with its data inside.
const TEXT_LIMIT: u64 = 256 << 20;

/// Whether a path stands for standard input or output: `-`, or what the system calls them.
pub(crate) fn is_dash(path: &Path) -> bool {
    ["-", "/dev/stdin", "/dev/stdout", "/dev/fd/0", "/dev/fd/1", "/proc/self/fd/0", "/proc/self/fd/1"]
        .iter()
        .any(|name| path == Path::new(name))
}

/// Refuses two readers of the one standard input. Each is an option or argument with the path it was given.
pub(crate) fn one_reader_of_stdin(readers: &[(&str, Option<&Path>)]) -> Result<()> {
    let mut named = readers.iter().filter(|(_, path)| path.is_some_and(is_dash)).map(|(name, _)| *name);
    match (named.next(), named.next()) {
        (Some(first), Some(second)) => Err(Failure::usage(
            "stdin_taken",
            format!("{first} and {second} cannot both come from standard input"),
        )
        .hint("name a file for one of them")),
        _ => Ok(()),
    }
}

/// A file or standard input, opened.
pub(crate) struct Input {
    source: Box<dyn Read>,
    name: String,
    size: Option<u64>,
}

impl Input {
    /// Opens a file (`-`: standard input). A folder is refused; a pipe or device is not.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if is_dash(path) {
            return Ok(Self::stdin());
        }
        let name = path.display().to_string();
        let opened = File::open(path).doing("file", format_args!("read {name}"));
        let file = opened.map_err(|failure| as_argument(path).unwrap_or(failure))?;
        let about = file.metadata().doing("file", format_args!("read {name}"))?;
        if about.is_dir() {
            return Err(Failure::new("file", format!("{name} is a folder")).hint(
                "name a file; a folder to be sealed is packed into one first, such as with tar or zip",
            ));
        }
        Ok(Self { source: Box::new(file), name, size: about.is_file().then_some(about.len()) })
    }

    /// Standard input.
    pub(crate) fn stdin() -> Self {
        Self { source: Box::new(io::stdin()), name: "standard input".to_owned(), size: None }
    }

    /// How it is called in a sentence.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its size, where that is known beforehand.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// All of it. It may be secret.
    pub(crate) fn read_all(self) -> Result<Zeroizing<Vec<u8>>> {
        self.read_up_to(TEXT_LIMIT)
    }

    /// All of it, when that is no more than `limit` bytes.
    pub(crate) fn read_up_to(self, limit: u64) -> Result<Zeroizing<Vec<u8>>> {
        let Self { source, name, size } = self;
        // Room for all of it at once where the size is known: what grows leaves copies behind.
        let room = size.unwrap_or(64 << 10).min(limit) + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or(4096)));
        source.take(limit + 1).read_to_end(&mut bytes).doing("file", format_args!("read {name}"))?;
        if bytes.len() as u64 > limit {
            return Err(Failure::new("too_large", format!("{name} has more than {limit} bytes"))
                .hint("this is not what the command expects there"));
        }
        Ok(bytes)
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.read(buf)
    }
}

/// All of standard input, for a command that reads one document there; `what` names it to a person at a terminal.
pub(crate) fn document(what: &str) -> Result<Zeroizing<Vec<u8>>> {
    if io::stdin().is_terminal() {
        return Err(Failure::usage("no_input", format!("{what} is expected on standard input"))
            .hint("redirect a file into the command, such as `< FILE`"));
    }
    let content = Input::stdin().read_all()?;
    if content.trim_ascii().is_empty() {
        return Err(Failure::new("no_input", format!("standard input is empty, {what} is expected there"))
            .hint("redirect a file into the command, such as `< FILE`"));
    }
    Ok(content)
}
