//! Who holds an opened file, as the kernel tells.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use rustix::process::Pid;

/// Every descriptor of a sealed memfd in a program that works in `folder`, and every holder, as `program: what`.
///
/// Programs that hide themselves can only be looked into by root: another user is told so instead of being told nothing.
pub(crate) fn all(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc")?.flatten() {
        let Ok(command) = fs::read(process.path().join("cmdline")) else { continue };
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let mine = command.contains(&folder.display().to_string()) && !command.starts_with("sh ");
        // A holder is told nothing, so it is known by whose child it is.
        let holder = command.trim_end().ends_with("sealpost-printer hold");
        if !mine && !holder {
            continue;
        }
        let Ok(open) = fs::read_dir(process.path().join("fd")) else {
            ensure!(rustix::process::geteuid().is_root() || holder, "only root sees what {command} has open");
            continue;
        };
        let targets = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        let files = targets.filter(|target| target.to_string_lossy().contains("memfd:sealpost")).count();
        if files > 0 && (mine || !anothers(&process.path(), folder)) {
            found.push(format!("{}: {files}", command.trim_end()));
        }
    }
    Ok(found)
}

/// The holder that works for the agent in `folder`, if there is one with a file in it.
pub(crate) fn holder(folder: &Path) -> Result<Option<Pid>> {
    for process in fs::read_dir("/proc")?.flatten() {
        let pid = process.file_name().to_string_lossy().parse().ok().and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|pid| is_holder(*pid)) else { continue };
        let works_here = parent(&process.path()).is_some_and(|(_, command)| works_in(&command, folder));
        let held = fs::read_link(process.path().join("fd/1"));
        if works_here && held.is_ok_and(|target| target.to_string_lossy().contains("memfd:sealpost")) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

/// Whether this is a holder that still lives: one that is dead has no command line.
pub(crate) fn is_holder(pid: Pid) -> bool {
    let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
    command.is_ok_and(|command| command.ends_with(b"sealpost-printer\0hold\0"))
}

/// Whether the program that started this one lives and works elsewhere.
fn anothers(process: &Path, folder: &Path) -> bool {
    parent(process).is_some_and(|(id, command)| id != "1" && !works_in(&command, folder))
}

fn works_in(command: &[u8], folder: &Path) -> bool {
    String::from_utf8_lossy(command).contains(&folder.display().to_string())
}

/// Id and command line of the program that started this one.
fn parent(process: &Path) -> Option<(String, Vec<u8>)> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let id = stat.rsplit(')').next()?.split_whitespace().nth(1)?.to_owned();
    let command = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    Some((id, command))
}
