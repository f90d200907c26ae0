//! Programs as their units run them, as far as that can be had without systemd: what is read-only, hidden, forbidden and limited.
//!
//! Mounts, locked memory, core files, `NoNewPrivileges` and `MemoryDenyWriteExecute` are made as the unit says and hold while the program
//! runs. Its filter of system calls and its address families are compared with a trace of everything it asked the kernel for.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sealpost_tests::programs::root;

use crate::debian::{Debian, PATH, run};

/// A set of names of system calls.
pub(crate) type Calls = BTreeSet<String>;

/// Mounts as a unit has them, in the mounts of this program alone. Arguments: tree, user, options of /proc, folders that may be
/// written, KiB of locked memory; then the command.
const SANDBOX: &str = r#"
set -e
tree=$1 user=$2 proc=$3 written=$4 locked=$5
shift 5
mount --bind "$tree" "$tree"
cd "$tree"
tree=$PWD
for folder in $written; do
    [ -d "$tree$folder" ] || continue
    mount --bind "$tree$folder" "$tree$folder"
done
mount -o remount,bind,ro "$tree"
for folder in home root; do mount -t tmpfs -o mode=0,ro tmpfs "$tree/$folder"; done
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
mount -t proc -o "$proc" proc "$tree/proc"
ulimit -c 0
# Where this machine allows less, it is less.
allowed=$(ulimit -H -l)
[ "$allowed" != unlimited ] && [ "$allowed" -lt "$locked" ] || ulimit -l "$locked"
exec chroot --userspec="$user" --groups= "$tree" setpriv --no-new-privs python3 -c "$CLOSED" "$@"
"#;

/// Forbids memory that is written and run (`prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN)`), shows that it does, and becomes the program.
const CLOSED: &str = "
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(65, 1, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)
    sys.exit('memory that is written and run is still to be had')
except PermissionError:
    pass
for path in ('/etc', '/usr', '/var'):
    assert os.statvfs(path).f_flag & os.ST_RDONLY, path + ' can be written'
os.execv(sys.argv[1], sys.argv[1:])
";

/// A unit of `packaging/`.
pub(crate) struct Unit {
    text: String,
}

impl Unit {
    /// Reads one.
    pub(crate) fn read(name: &str) -> Result<Self> {
        Ok(Self { text: fs::read_to_string(root().join("packaging").join(name))? })
    }

    /// A program of the tree as this unit runs it.
    pub(crate) fn command(&self, debian: &Debian, user: &str, words: &[&str]) -> Result<Command> {
        let yes = |key| self.value(key) == Some("true");
        for key in ["MemoryDenyWriteExecute", "NoNewPrivileges", "PrivateTmp", "ProtectHome"] {
            ensure!(yes(key), "{key}= is not set");
        }
        ensure!(self.value("ProtectSystem") == Some("strict") && self.value("LimitCORE") == Some("0"));
        let mut written: Vec<String> =
            self.values("ReadWritePaths").map(|path| path.trim_start_matches('-').to_owned()).collect();
        for (key, folder) in [("StateDirectory", "/var/lib"), ("CacheDirectory", "/var/cache")] {
            written.extend(self.values(key).map(|name| format!("{folder}/{name}")));
        }
        let mut proc = vec!["nosuid"];
        proc.extend(self.value("ProtectProc").filter(|how| *how == "invisible").map(|_| "hidepid=invisible"));
        proc.extend(self.value("ProcSubset").filter(|what| *what == "pid").map(|_| "subset=pid"));
        let locked =
            self.value("LimitMEMLOCK").and_then(|limit| limit.strip_suffix('M')?.parse::<u64>().ok());
        let locked = (locked.context("no LimitMEMLOCK= in MiB")? * 1024).to_string();

        let mut sandbox = Command::new("unshare");
        sandbox.args(["--mount", "bash", "-c", SANDBOX, "sandbox"]).arg(debian.at("")).arg(user);
        sandbox.args([&proc.join(","), &written.join(" "), &locked]).args(words);
        sandbox.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").env("CLOSED", CLOSED);
        Ok(sandbox)
    }

    /// What the unit starts.
    pub(crate) fn start(&self) -> Result<Vec<&str>> {
        Ok(self.value("ExecStart").context("it starts nothing")?.split_whitespace().collect())
    }

    /// Whether it would have let the program of this trace do all that it did.
    pub(crate) fn forbids_nothing_of(&self, trace: &str, program: &str) -> Result<Calls> {
        let used = calls(trace, program);
        let allowed = self.allowed()?;
        let forbidden: Vec<&String> = used.difference(&allowed).collect();
        ensure!(forbidden.is_empty(), "{forbidden:?}");
        let families: Vec<&str> = self.values("RestrictAddressFamilies").collect();
        let mut sockets = trace.lines().filter_map(|line| line.split_once(" socket(")?.1.split(',').next());
        ensure!(sockets.all(|family| families.contains(&family)), "another address family");
        Ok(used)
    }

    /// What the unit allows by its `SystemCallFilter=` lines.
    fn allowed(&self) -> Result<Calls> {
        let mut allowed = Calls::new();
        for line in self.text.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
            let (taken, names) = match line.strip_prefix('~') {
                Some(names) => (true, names),
                None => (false, line),
            };
            for name in names.split_whitespace() {
                let calls = expand(name)?;
                if taken {
                    allowed.retain(|call| !calls.contains(call));
                } else {
                    allowed.extend(calls);
                }
            }
        }
        Ok(allowed)
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).next_back()
    }

    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.text
            .lines()
            .filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='))
            .flat_map(str::split_whitespace)
    }
}

/// The same command with everything it asks the kernel written to `trace`; its process stays the one that was started.
pub(crate) fn traced(command: &Command, trace: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-D", "-f", "-qq", "-e", "signal=none", "-o"]).arg(trace).arg("env").arg("-i");
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in variables {
        let mut word = name.to_os_string();
        word.push(OsStr::new("="));
        word.push(value);
        strace.arg(word);
    }
    strace.arg(command.get_program()).args(command.get_args());
    strace
}

/// What was asked for from the start of `program` on.
fn calls(trace: &str, program: &str) -> Calls {
    let start = format!("execve(\"{program}\"");
    let after = trace.lines().skip_while(|line| !line.contains(&start)).skip(1);
    let name = |line: &str| {
        let rest = line.split_once(char::is_whitespace)?.1.trim_start();
        let (name, _) = rest.split_once('(')?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.chars().all(plain).then(|| name.to_owned())
    };
    after.filter_map(name).collect()
}

fn expand(name: &str) -> Result<Calls> {
    if !name.starts_with('@') {
        return Ok(Calls::from([name.to_owned()]));
    }
    let said = run(Command::new("systemd-analyze").args(["syscall-filter", name]))?;
    let names = said.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut calls = Calls::new();
    for name in names {
        calls.extend(expand(name)?);
    }
    Ok(calls)
}
