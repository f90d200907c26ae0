//! A small disk under one folder of a real program: it gets full, and it can be made read-only.
//!
//! The disk is a tmpfs in a mount namespace of its own, which nobody else sees and which goes away with the test. Programs are
//! started in it by [`Disk::prefix`]. Root only needs to be allowed to mount; others need user namespaces. Where neither is allowed
//! [`Disk::over`] is an error that says what to change.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use rustix::fs::statvfs;

use crate::service::Service;

/// Lies in the way; no program of ours uses such a name.
const BALLAST: &str = "ballast";

/// How often a read-only mount is laid over a disk that is in use.
const COVERS: u32 = 20;

/// Mounts over a folder and puts what was in it onto the new disk.
const MOUNT: &str = r#"
exec 9<"$1" && mount -t tmpfs -o "size=$2,mode=0700" tmpfs "$1" && cp -a /proc/self/fd/9/. "$1/" && exec 9<&- || exit 1
echo "disk: mounted"
exec sleep infinity
"#;

const MISSING: &str = "small disks are mounted in a namespace, which is not allowed here: be root with CAP_SYS_ADMIN, or allow user \
                       namespaces (user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1, \
                       kernel.apparmor_restrict_unprivileged_userns=0, whichever there are)";

/// A mounted disk; ends when it is dropped and no program is left on it.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    own_users: bool,
    frozen: Option<Frozen>,
    // Keeps the namespace.
    holder: Service,
}

/// How far a disk is read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frozen {
    /// Nothing can be written any more.
    Whole,
    /// Somebody has a file open for writing, and can go on with that one; everything else is refused.
    ButOpenFiles,
}

impl Disk {
    /// Mounts a disk of so many bytes over `folder`, with what is in it. Outside of the disk's programs the folder stays as it was.
    pub fn over(folder: &Path, bytes: u64) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let name = folder.file_name().context("a disk has a name")?.to_string_lossy().into_owned();
        let beside = folder.parent().context("the root is no folder for a disk")?;
        // Root stays who it is, so that its programs can still become others.
        let mut failure = None;
        for own_users in [!rustix::process::geteuid().is_root(), true] {
            let mut command = Command::new("unshare");
            if own_users {
                command.args(["--user", "--map-root-user"]);
            }
            command.args(["--mount", "sh", "-c", MOUNT, "disk"]).arg(&folder).arg(bytes.to_string());
            let holder = Service::start(&format!("disk-{name}"), &command, beside)?;
            match holder.wait_for("disk: mounted") {
                Ok(_) => return Ok(Self { folder, own_users, frozen: None, holder }),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.map_or_else(|| anyhow::anyhow!(MISSING), |error| error.context(MISSING)))
    }

    /// What to put before a program and its arguments for it to see the disk. The process is the program's.
    pub fn prefix(&self) -> Vec<String> {
        let mut words = vec!["nsenter".to_owned(), "--target".to_owned(), self.holder.pid().to_string()];
        if self.own_users {
            words.extend(["--user", "--preserve-credentials"].map(str::to_owned));
        }
        words.extend(["--mount", "--"].map(str::to_owned));
        words
    }

    /// Where everybody else finds what is on the disk.
    pub fn path(&self) -> PathBuf {
        let inside = self.folder.strip_prefix("/").unwrap_or(&self.folder);
        Path::new(&format!("/proc/{}/root", self.holder.pid())).join(inside)
    }

    /// Bytes that can be written.
    pub fn free(&self) -> Result<u64> {
        let disk = statvfs(self.path())?;
        Ok(disk.f_bavail * disk.f_frsize)
    }

    /// Fills it until so many bytes are left.
    pub fn fill_but(&self, left: u64) -> Result<()> {
        self.clear()?;
        let mut ballast = File::create(self.path().join(BALLAST))?;
        let chunk = [0; 4096];
        let mut remaining = self.free()?.saturating_sub(left);
        while remaining > 0 {
            let now = remaining.min(chunk.len() as u64) as usize;
            match ballast.write_all(&chunk[..now]) {
                Ok(()) => remaining -= now as u64,
                // Somebody else was writing, too.
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Fills it to the last byte.
    pub fn fill(&self) -> Result<()> {
        self.fill_but(0)
    }

    /// Makes room again.
    pub fn clear(&self) -> Result<()> {
        match fs::remove_file(self.path().join(BALLAST)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Makes it read-only while programs use it, as far as that can be.
    pub fn freeze(&mut self) -> Result<Frozen> {
        let frozen = match self.frozen {
            Some(frozen) => frozen,
            None if self.inside(&remount("remount,ro"))?.status.success() => Frozen::Whole,
            None => {
                self.cover()?;
                Frozen::ButOpenFiles
            }
        };
        self.frozen = Some(frozen);
        Ok(frozen)
    }

    /// Lets it be written again.
    pub fn thaw(&mut self) -> Result<()> {
        match self.frozen.take() {
            None => Ok(()),
            Some(Frozen::Whole) => self.demand(&remount("remount,rw")),
            Some(Frozen::ButOpenFiles) => self.demand(&["umount", "--lazy"]),
        }
    }

    /// Busy: another mount of the same disk goes over it, so that every path leads to a read-only one.
    fn cover(&self) -> Result<()> {
        let mut attempt = 1;
        loop {
            self.demand(&["mount", "--bind", &self.name()])?;
            match self.demand(&remount("remount,bind,ro")) {
                // A program was writing on the new one already, before it was read-only.
                Err(_) if attempt < COVERS => self.demand(&["umount", "--lazy"])?,
                done => return done,
            }
            attempt += 1;
        }
    }

    fn demand(&self, words: &[&str]) -> Result<()> {
        let output = self.inside(words)?;
        if !output.status.success() {
            bail!("`{}` failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn inside(&self, words: &[&str]) -> Result<Output> {
        let prefix = self.prefix();
        let (program, rest) = prefix.split_first().context("a prefix has a program")?;
        Ok(Command::new(program).args(rest).args(words).arg(&self.folder).output()?)
    }

    fn name(&self) -> String {
        self.folder.display().to_string()
    }
}

/// `mount` by itself would repeat the options it finds, among them users that the namespace has no name for.
fn remount(options: &str) -> [&str; 5] {
    ["mount", "--options-mode", "ignore", "-o", options]
}
