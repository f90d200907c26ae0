//! Who is at the other end of the hand-over socket.

use std::{
    fs,
    os::{fd::BorrowedFd, unix::fs::MetadataExt},
    path::Path,
};

use rustix::net::sockopt::socket_peercred;
use sealpost_api::Problem;

/// The folder that the installer gives to Klipper's user.
const INSTALLED: &str = "/run/sealpost-handover";

/// What is asked of the process that gets the file.
#[derive(Clone, Debug, Default)]
pub struct PeerRules {
    /// Klipper's process, as Moonraker knows it.
    pub klipper: Option<Process>,
    /// Go by the user alone where Moonraker does not know Klipper's process: Klippers before 0.12.
    pub allow_unknown_pid: bool,
    /// Klipper's user, where that is known.
    pub klipper_user: Option<u32>,
    /// Hand over although others of Klipper's user could look into its memory.
    pub allow_reduced: bool,
}

/// A process that cannot be taken for a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// When it began, in clock ticks since the machine did; `None` where that cannot be seen.
    started: Option<u64>,
}

/// The process that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process.
    pub process: Process,
    /// User id.
    pub uid: u32,
    /// Others of its user can look into it.
    pub reduced: bool,
}

impl Process {
    /// The one that has this number now.
    pub fn with(pid: u32) -> Self {
        Self { pid, started: started(pid) }
    }

    /// Whether the number still belongs to it.
    pub fn is_still_there(&self) -> bool {
        self.started == started(self.pid)
    }
}

/// Klipper's user: the owner of the folder of a socket that was configured, else of the folder that the installer made.
pub fn klipper_user(configured: Option<&Path>) -> Option<u32> {
    let folder = configured.and_then(Path::parent).unwrap_or(Path::new(INSTALLED));
    // Root's folder says nothing of who listens in it.
    fs::metadata(folder).ok().map(|data| data.uid()).filter(|uid| *uid != 0)
}

/// Checks who listens at `socket`, which was found at `path`.
pub(super) fn check(
    socket: BorrowedFd<'_>,
    path: Option<&Path>,
    says_dumpable: bool,
    rules: &PeerRules,
) -> Result<Peer, Problem> {
    let credentials = socket_peercred(socket).map_err(|error| unknown(&error.to_string()))?;
    let process = Process::with(credentials.pid.as_raw_nonzero().get().unsigned_abs());
    let uid = credentials.uid.as_raw();
    is_klipper(&process, rules)?;
    is_klippers_user(uid, path, rules)?;
    let reduced = is_dumpable(process.pid, uid, says_dumpable);
    if reduced && !rules.allow_reduced {
        return Err(Problem::new(
            403,
            "peer_dumpable",
            "Klipper's memory can be read by other programs of its user",
        )
        .detail(format!("Process {} is dumpable, or `/proc` does not show it.", process.pid))
        .hint("Update Klipper's extra; or write `allow_reduced = true` to print with reduced protection."));
    }
    let peer = Peer { process, uid, reduced };
    is_still(&peer)?;
    Ok(peer)
}

/// Whether the process that was looked at is the one that has this number now.
pub(super) fn is_still(peer: &Peer) -> Result<(), Problem> {
    if peer.process.is_still_there() {
        return Ok(());
    }
    Err(stranger(format!("Process {} ended while it was looked at.", peer.process.pid)))
}

fn is_klipper(process: &Process, rules: &PeerRules) -> Result<(), Problem> {
    match &rules.klipper {
        Some(klipper) if klipper.pid != process.pid => {
            Err(stranger(format!("Process {} listens; Klipper is process {}.", process.pid, klipper.pid)))
        }
        Some(klipper) if klipper != process => {
            Err(stranger(format!("Process {} was Klipper, and is another program by now.", process.pid)))
        }
        None if !rules.allow_unknown_pid => Err(unknown("Moonraker does not say which process Klipper is.")),
        Some(_) | None => Ok(()),
    }
}

/// Root may stand in for anybody.
fn is_klippers_user(uid: u32, path: Option<&Path>, rules: &PeerRules) -> Result<(), Problem> {
    if uid == 0 {
        return Ok(());
    }
    if let Some(user) = rules.klipper_user.filter(|user| *user != uid) {
        return Err(stranger(format!("User {uid} listens; Klipper's user is {user}.")));
    }
    let Some(path) = path else { return Ok(()) };
    let owner =
        |path: &Path| fs::metadata(path).map(|data| data.uid()).map_err(|error| unknown(&error.to_string()));
    let (socket, folder) = (owner(path)?, owner(path.parent().unwrap_or(path))?);
    // In a folder of root's, such as /tmp, any user may have been first: then the process has to be known.
    let known = folder == uid || (folder == 0 && rules.klipper.is_some());
    if socket == uid && known {
        return Ok(());
    }
    Err(stranger(format!(
        "User {uid} listens; the socket belongs to user {socket}, its folder to user {folder}."
    )))
}

/// The kernel gives the fd folder of a process that cannot be looked into to root. Of root's own nothing can be told.
fn is_dumpable(pid: u32, uid: u32, says_dumpable: bool) -> bool {
    if uid == 0 {
        return says_dumpable;
    }
    fs::metadata(format!("/proc/{pid}/fd")).map_or(true, |data| data.uid() != 0)
}

/// Field 22 of `/proc/PID/stat` (proc(5)); the second one, in parentheses, may hold anything.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn unknown(detail: &str) -> Problem {
    Problem::new(403, "peer_unknown", "It cannot be told whether Klipper listens at the hand-over socket")
        .detail(detail)
        .hint("Update Klipper and Moonraker; for a Klipper before 0.12 write `allow_unknown_pid = true`.")
}

fn stranger(detail: String) -> Problem {
    Problem::new(403, "peer_not_klipper", "Another program than Klipper listens at the hand-over socket")
        .detail(detail)
        .hint(
            "Compare `handover_socket` with the `socket` of `[sealpost]`, and find out what that process is.",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_process_with_the_same_number_is_another_one() {
        let this = Process::with(std::process::id());
        assert!(this.started.is_some() && this.is_still_there());
        let earlier = Process { started: this.started.map(|ticks| ticks - 1), ..this };
        assert!(!earlier.is_still_there());

        let rules = PeerRules { klipper: Some(earlier), ..PeerRules::default() };
        assert_eq!(is_klipper(&this, &rules).unwrap_err().code, "peer_not_klipper");
        let rules = PeerRules { klipper: Some(this), ..PeerRules::default() };
        is_klipper(&this, &rules).unwrap();
        let peer = Peer { process: earlier, uid: 1, reduced: false };
        assert_eq!(is_still(&peer).unwrap_err().code, "peer_not_klipper");
    }

    #[test]
    fn who_is_unknown_gets_nothing_unless_the_settings_say_so() {
        let this = Process::with(std::process::id());
        assert_eq!(is_klipper(&this, &PeerRules::default()).unwrap_err().code, "peer_unknown");
        let rules = PeerRules { allow_unknown_pid: true, ..PeerRules::default() };
        is_klipper(&this, &rules).unwrap();
    }

    #[test]
    fn another_user_than_klippers_is_refused_whatever_it_owns() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        fs::write(&socket, "").unwrap();
        let owner = fs::metadata(&socket).unwrap().uid();
        let this = Some(Process::with(std::process::id()));
        let rules = PeerRules { klipper: this, ..PeerRules::default() };
        let refused = |uid: u32, rules: &PeerRules| is_klippers_user(uid, Some(&socket), rules).is_err();

        assert!(!refused(0, &rules));
        assert!(owner == 0 || !refused(owner, &rules));
        assert!(refused(owner + 1, &rules));
        let named = PeerRules { klipper_user: Some(owner + 1), ..rules };
        assert!(refused(owner + 2, &named));
    }
}
