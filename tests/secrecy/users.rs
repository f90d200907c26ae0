//! Who runs what: users by number, so that nothing is written into the machine's list of users.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};
use sealpost_tests::programs::{python, root};

/// Variable that lets a run without root leave this suite out.
const WITHOUT_ROOT: &str = "SEALPOST_TEST_WITHOUT_ROOT";

/// A user with a group of the same number and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User(pub(crate) u32);

/// Runs Klipper and Moonraker.
pub(crate) const KLIPPER: User = User(61_101);
/// Runs the agent.
pub(crate) const AGENT: User = User(61_102);
/// Runs the store.
pub(crate) const STORE: User = User(61_103);
/// Runs nothing of ours.
pub(crate) const STRANGER: User = User(61_104);

impl User {
    /// What is put before a program to run it as this user, in `folder`, free to leave core files there.
    pub(crate) fn prefix(self, folder: &Path) -> Vec<String> {
        let id = self.0;
        let own = |word: &str| word.to_owned();
        let mut prefix = vec![
            own("prlimit"),
            own("--core=unlimited"),
            own("setpriv"),
            format!("--reuid={id}"),
            format!("--regid={id}"),
            own("--clear-groups"),
            own("env"),
            // A shell that starts a program beside itself lets it ignore this one.
            own("--default-signal=QUIT"),
            own("-C"),
            folder.display().to_string(),
            format!("TMPDIR={}", folder.display()),
            format!("HOME={}", folder.display()),
        ];
        if let Some(path) = modules() {
            prefix.push(format!("PYTHONPATH={path}"));
        }
        prefix
    }

    /// A command of this user in `folder`.
    pub(crate) fn command(self, folder: &Path, program: &Path) -> Command {
        let prefix = self.prefix(folder);
        sealpost_tests::programs::behind(&prefix, program)
    }
}

/// Whether the suite can run. An error where it cannot and nobody allowed that.
pub(crate) fn can_switch() -> Result<bool> {
    if rustix::process::geteuid().is_root() {
        return Ok(true);
    }
    ensure!(
        std::env::var_os(WITHOUT_ROOT).is_some_and(|allowed| allowed == "1"),
        "secrecy between users can only be tried by root: `sudo -E cargo xtask test secrecy`, or leave it out by {WITHOUT_ROOT}=1"
    );
    eprintln!("left out: this is not root, and {WITHOUT_ROOT}=1 allows that");
    Ok(false)
}

/// A Python with Moonraker in it that every user can run.
pub(crate) fn shared_python() -> Result<PathBuf> {
    let system = PathBuf::from("/usr/bin/python3");
    for python in [python()?, system] {
        let mut command = STRANGER.command(Path::new("/"), &python);
        let output =
            command.args(["-c", "import moonraker, sys; sys.exit(sys.version_info < (3, 9))"]).output()?;
        if output.status.success() {
            return Ok(python);
        }
    }
    bail!(
        "no Python with Moonraker's packages can be run by other users: let them into {} and its interpreter",
        python()?.display()
    )
}

/// The packages of the tests' own Python, for one that does not know them, and the stand-in.
fn modules() -> Option<String> {
    let library = python().ok()?.parent()?.parent()?.join("lib");
    let packages = std::fs::read_dir(library).ok()?.flatten().map(|entry| entry.path().join("site-packages"));
    let packages = packages.filter(|path| path.is_dir()).map(|path| path.display().to_string());
    let all: Vec<String> =
        std::iter::once(root().join("tests").display().to_string()).chain(packages).collect();
    Some(all.join(":"))
}
