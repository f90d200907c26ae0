//! One change to the machine.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::system::ApiKey;

/// A change, as it is shown, carried out and undone.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// A system user with a group of the same name.
    User {
        /// Both names.
        name: String,
        /// Its folder, which is not made here.
        home: PathBuf,
    },
    /// A folder.
    Folder {
        /// Where.
        path: PathBuf,
        /// Whose.
        #[serde(flatten)]
        rights: Rights,
        /// What becomes of what lies in it when it is undone.
        contents: Contents,
    },
    /// A file of our own.
    File {
        /// Where.
        path: PathBuf,
        /// Whose.
        #[serde(flatten)]
        rights: Rights,
        /// All of it.
        text: String,
    },
    /// This program, copied.
    Program {
        /// To where.
        path: PathBuf,
        /// From where.
        from: PathBuf,
    },
    /// Moonraker's API key for the agent; never shown.
    Key {
        /// Where.
        path: PathBuf,
        /// Whose.
        #[serde(flatten)]
        rights: Rights,
        /// The key.
        #[serde(skip)]
        key: ApiKey,
    },
    /// A symbolic link.
    Link {
        /// Where.
        path: PathBuf,
        /// To what.
        target: PathBuf,
    },
    /// Lines in a file that is its owner's.
    Block {
        /// Where.
        path: PathBuf,
        /// The lines.
        text: String,
    },
}

/// Whose something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// User.
    pub user: String,
    /// Group.
    pub group: String,
    /// Bits, as `chmod` takes them.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
}

/// What becomes of what others put into a folder of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// It goes with the folder.
    Ours,
    /// Keys and state of the printer: the person is asked.
    Keys,
    /// Entries of purchased files, which say nothing without the agent.
    Stubs,
    /// It stays, and the folder with it.
    Others,
}

impl Step {
    /// Where the change is; of a user the file that names all of them.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::User { .. } => "/etc/passwd".into(),
            Self::Folder { path, .. }
            | Self::File { path, .. }
            | Self::Program { path, .. }
            | Self::Key { path, .. }
            | Self::Link { path, .. }
            | Self::Block { path, .. } => path.clone(),
        }
    }

    /// The lines it writes, for people.
    pub fn lines(&self) -> Option<&str> {
        match self {
            Self::File { text, .. } | Self::Block { text, .. } => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { name, .. } => {
                write!(f, "user     {name}, a system user without a sign-in, and its group")
            }
            Self::Folder { path, rights, .. } => write!(f, "folder   {}  {rights}", path.display()),
            Self::File { path, rights, .. } => write!(f, "file     {}  {rights}", path.display()),
            Self::Program { path, from } => write!(f, "program  {}  from {}", path.display(), from.display()),
            Self::Key { path, rights, .. } => {
                write!(f, "file     {}  {rights}, Moonraker's API key", path.display())
            }
            Self::Link { path, target } => write!(f, "link     {} -> {}", path.display(), target.display()),
            Self::Block { path, .. } => {
                write!(f, "lines in {}  (a copy of the file is kept)", path.display())
            }
        }
    }
}

impl Rights {
    /// Bits, user and group by name.
    pub fn new(mode: u32, user: &str, group: &str) -> Self {
        Self { user: user.to_owned(), group: group.to_owned(), mode }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o} {}:{}", self.mode, self.user, self.group)
    }
}

fn octal<S: serde::Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}
