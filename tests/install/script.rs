//! Without systemd: the start script runs the agent, starts it again when it ends, and stops it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::debian::Debian;
use crate::picture::{difference, picture};

const SCRIPT: &str = "/etc/init.d/sealpost-printer";
const SOCKET: &str = "run/sealpost-printer/agent.sock";

/// Whatever becomes of the test, nothing of it runs on.
struct Stopped<'a>(&'a Debian);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        let _ = self.0.below("0:0", &["sh", SCRIPT, "stop"]).output();
    }
}

/// Which file a socket is: its number, which the next file may get again, and when it was made.
type SocketFile = (u64, i64, i64);

/// Waits until the agent listens at another socket file than `last`; gives which one it is.
async fn listens(debian: &Debian, last: Option<SocketFile>) -> Result<SocketFile> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let file = fs::metadata(debian.at(SOCKET))
            .ok()
            .map(|socket| (socket.ino(), socket.mtime(), socket.mtime_nsec()));
        match file {
            Some(file) if Some(file) != last => return Ok(file),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    bail!("the agent does not listen")
}

/// A file of `/proc` about the agent that runs in the tree.
fn of_agent(debian: &Debian, name: &str) -> Result<String> {
    let program = debian.at("usr/local/bin/sealpost-printer");
    for process in fs::read_dir("/proc")?.flatten() {
        if fs::read_link(process.path().join("exe")).is_ok_and(|exe| exe == program) {
            return Ok(fs::read_to_string(process.path().join(name))?);
        }
    }
    bail!("no agent runs")
}

/// The number that the script wrote down can be another program's by now.
fn foreign_numbers_are_not_killed(debian: &Debian) -> Result<()> {
    let mut other = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    let file = debian.at("run/sealpost-printer.pid");
    let ours = fs::read_to_string(&file)?;
    fs::write(&file, other.id().to_string())?;
    debian.success(&mut debian.below("0:0", &["sh", SCRIPT, "stop"]))?;
    assert!(other.try_wait()?.is_none(), "another program was killed");
    other.kill()?;
    other.wait()?;
    fs::write(&file, ours)?;
    Ok(())
}

/// Nor do they count as started, where the other program is a shell too.
async fn foreign_numbers_hinder_no_start(debian: &Debian, last: SocketFile) -> Result<()> {
    debian.success(&mut debian.below("0:0", &["sh", SCRIPT, "stop"]))?;
    let mut other = debian.below("0:0", &["sh", "-c", "read line"]).stdin(Stdio::piped()).spawn()?;
    fs::write(debian.at("run/sealpost-printer.pid"), other.id().to_string())?;
    debian.success(&mut debian.below("0:0", &["sh", SCRIPT, "start"]))?;
    listens(debian, Some(last)).await?;
    other.kill()?;
    other.wait()?;
    Ok(())
}

#[tokio::test]
async fn without_systemd_a_script_runs_the_agent_until_it_is_taken_back() -> Result<()> {
    let debian = Debian::with_printer(7125)?;
    debian.put_parts()?;
    fs::remove_dir_all(debian.at("usr/lib/systemd"))?;
    fs::remove_file(debian.at("usr/sbin/init"))?;
    fs::copy(sealpost_tests::programs::built("sealpost-printer")?, debian.at("root/sealpost-printer"))?;
    let before = picture(&debian.at(""), &[])?;

    let _stopped = Stopped(&debian);
    let program = "/root/sealpost-printer";
    debian.success(&mut debian.below("0:0", &[program, "install", "--yes", "--no-restart"]))?;
    let first = listens(&debian, None).await?;
    debian.success(&mut debian.below("0:0", &["sh", SCRIPT, "status"]))?;
    debian.success(&mut debian.below("pi:pi", &["/usr/local/bin/sealpost-printer", "status"]))?;

    let limits = of_agent(&debian, "limits")?;
    let locked = |limits: &str| -> Option<u64> {
        let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let possible = locked(&fs::read_to_string("/proc/self/limits")?).unwrap_or(u64::MAX);
    assert_eq!(locked(&limits), Some(possible.min(16 << 20)), "{limits}");
    assert!(limits.lines().any(|line| line.starts_with("Max core file size        0")), "{limits}");
    let status = of_agent(&debian, "status")?;
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t0000000000000000"), "{status}");

    debian.success(&mut debian.below("0:0", &["sh", SCRIPT, "restart"]))?;
    let second = listens(&debian, Some(first)).await?;
    foreign_numbers_are_not_killed(&debian)?;
    foreign_numbers_hinder_no_start(&debian, second).await?;
    debian.success(&mut debian.below("0:0", &[program, "uninstall", "--yes", "--no-restart"]))?;
    assert_eq!(difference(&before, &picture(&debian.at(""), &[])?), [""; 0]);
    Ok(())
}
