//! Who is at the other end of the hand-over socket.

use std::{fs, os::fd::BorrowedFd, os::unix::fs::MetadataExt};

use rustix::net::sockopt::socket_peercred;
use sealpost_api::Problem;

/// What is asked of the process that gets the file.
#[derive(Clone, Debug, Default)]
pub struct PeerRules {
    /// Klipper's process id, as Moonraker knows it; not compared where absent.
    pub klipper_pid: Option<u32>,
    /// Hand over although others of Klipper's user could look into its memory.
    pub allow_reduced: bool,
}

/// The process that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Process id.
    pub pid: u32,
    /// User id.
    pub uid: u32,
    /// Others of its user can look into it.
    pub reduced: bool,
}

pub(super) fn check(socket: BorrowedFd<'_>, says_dumpable: bool, rules: &PeerRules) -> Result<Peer, Problem> {
    let credentials = socket_peercred(socket).map_err(|error| {
        Problem::new(502, "peer_unknown", "It cannot be told who listens at the hand-over socket")
            .detail(error.to_string())
            .hint("Restart Klipper's service and the agent; if it stays, report it.")
    })?;
    let pid = credentials.pid.as_raw_nonzero().get().unsigned_abs();
    let uid = credentials.uid.as_raw();
    if rules.klipper_pid.is_some_and(|klipper| klipper != pid) {
        return Err(Problem::new(
            403,
            "peer_not_klipper",
            "Another program than Klipper listens at the hand-over socket",
        )
        .detail(format!(
            "Process {pid} listens; Klipper is process {}.",
            rules.klipper_pid.unwrap_or_default()
        ))
        .hint(
            "Compare `handover_socket` with the `socket` of `[sealpost]`, and find out what that process is.",
        ));
    }
    let peer = Peer { pid, uid, reduced: is_dumpable(pid, uid, says_dumpable) };
    if peer.reduced && !rules.allow_reduced {
        return Err(Problem::new(
            403,
            "peer_dumpable",
            "Klipper's memory can be read by other programs of its user",
        )
        .detail(format!("Process {pid} is dumpable."))
        .hint("Update Klipper's extra; or write `allow_reduced = true` to print with reduced protection."));
    }
    Ok(peer)
}

/// The kernel gives the fd folder of a process that cannot be looked into to root. Of root's own nothing can be told.
fn is_dumpable(pid: u32, uid: u32, says_dumpable: bool) -> bool {
    match fs::metadata(format!("/proc/{pid}/fd")) {
        Ok(metadata) if uid != 0 => metadata.uid() != 0,
        _ => says_dumpable,
    }
}
