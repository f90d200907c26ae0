//! While a purchased file prints, no program of any user but root looks into it, takes it away or changes it; nor the agent.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::programs::{real_klipper, root};
use sealpost_tests::service::Service;
use serde_json::json;

use crate::users::{AGENT, KLIPPER, STRANGER, User, can_switch, shared_python};
use crate::world::{Wishes, World, layers, own};

/// Stands in the file that is printed.
const CANARY: &str = "Quokka-vermilion 7f3aC9";
/// At 150 lines a second a quarter of a minute: time to pause on a busy machine.
const LAYERS: u32 = 1_200;
/// What not every kernel lets a program do to its own kind.
const NOT_EVERYWHERE: [&str; 2] = ["kcmp", "perf"];
/// What a sealed file refuses even to root.
const CHANGES: [&str; 4] =
    ["write a descriptor", "cut a descriptor", "map a descriptor for writing", "seal a descriptor"];

type Attempts = BTreeMap<String, String>;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_root_looks_into_what_prints_and_nobody_changes_it() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let world = World::start(Wishes { rate: 150, recorded: true, ..Wishes::default() }).await?;
    ensure!(!world.reduced().await?, "protection is reduced before anything was handed over");
    let file = part();
    let licence = world.sell("seen", &file).await?;
    let job = world.print(&licence).await?;
    world.pause(&job).await?;

    let (klipper, agent) = (world.klipper_pid()?, world.agent_pid()?);
    for victim in [klipper, agent] {
        for user in [KLIPPER, STRANGER, AGENT] {
            for (way, result) in probe(user, victim)? {
                ensure!(
                    result.starts_with("out: E"),
                    "user {} into process {victim}: {way}: {result}",
                    user.0
                );
            }
        }
    }
    wrong_users_get_no_byte_from_the_sockets(&world)?;

    // Root sees it where it is said to be, and can change nothing either.
    let seen = probe_as_root(klipper, &["read descriptors"])?;
    ensure!(seen["read descriptors"] == "in", "not even root finds the file: {seen:?}");
    for (way, result) in probe_as_root(klipper, &CHANGES)? {
        ensure!(result == "out: EPERM", "{way} as root: {result}");
    }

    world.ask("printer.print.resume", json!({})).await?;
    let job = world.end_of(&job).await?;
    ensure!(job.state == JobState::Success, "{job:?}");
    if real_klipper().is_none() {
        let executed: Vec<String> =
            world.printer.executed()?.iter().map(|line| line.trim().to_owned()).collect();
        ensure!(executed == parts::lines(&file), "something else was printed");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hand_over_by_command_is_called_reduced_before_the_first_file_and_hides_what_prints() -> Result<()>
{
    if !can_switch()? {
        return Ok(());
    }
    let world = World::start(Wishes { rate: 150, compatible: true, ..Wishes::default() }).await?;
    ensure!(world.reduced().await?, "the hand-over by command is not called reduced");
    let doctor = world.says(&["doctor", "--json"])?;
    ensure!(doctor.contains("reduced: files are handed over by command"), "{doctor}");

    let licence = world.sell("reduced", &part()).await?;
    let job = world.print(&licence).await?;
    world.pause(&job).await?;
    // The holder is gone, and Klipper hides itself as ever; agent and Klipper share their user here.
    for victim in [world.klipper_pid()?, world.agent_pid()?] {
        for (way, result) in probe(KLIPPER, victim)? {
            ensure!(result.starts_with("out: E"), "into process {victim}: {way}: {result}");
        }
    }
    let seen = probe_as_root(world.klipper_pid()?, &["read descriptors"])?;
    ensure!(seen["read descriptors"] == "in", "not even root finds the file: {seen:?}");
    world.ask("printer.print.cancel", json!({})).await?;
    let job = world.end_of(&job).await?;
    ensure!(job.state == JobState::Cancelled, "{job:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_klipper_or_agent_leaves_no_core_file() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern")?;
    let to_folder = !pattern.starts_with(['|', '/']);
    for signal in [Signal::ABORT, Signal::QUIT] {
        let world = World::start(Wishes { rate: 150, ..Wishes::default() }).await?;
        let licence = world.sell("dumped", &part()).await?;
        let job = world.print(&licence).await?;
        world.pause(&job).await?;
        if to_folder {
            // What hides nothing leaves one, so that the look below can find one.
            let folder = own(&world.folder().join("victim"), KLIPPER, KLIPPER, 0o700)?;
            let victim = Victim::start(&folder)?;
            victim.end(signal)?;
            ensure!(!cores(&folder)?.is_empty(), "a process that hides nothing left no core file");
            fs::remove_dir_all(folder)?;
        } else {
            eprintln!("core files go to `{}`: only the limits are looked at", pattern.trim());
        }
        for pid in [world.klipper_pid()?, world.agent_pid()?] {
            let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
            let core =
                limits.lines().find(|line| line.starts_with("Max core file size")).context("no limit")?;
            let words: Vec<&str> = core.split_whitespace().skip(4).collect();
            ensure!(
                words.starts_with(&["1", "1"]) || words.starts_with(&["0", "0"]),
                "process {pid}: {core}"
            );
            kill_process(Pid::from_raw(pid).context("no process")?, signal)?;
        }
        for service in [&world.printer.klipper.as_ref().context("no Klipper")?.host, agent_service(&world)?] {
            service.wait_for("keeper: ended with")?;
        }
        let left = cores(world.folder())?;
        ensure!(left.is_empty(), "{left:?}");
    }
    Ok(())
}

/// The prober finds its way into whatever does not hide, so that it would have found one above.
#[test]
fn every_way_leads_into_a_process_of_the_same_user_that_hides_nothing() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let own = own(folder.path(), KLIPPER, KLIPPER, 0o755)?;
    let victim = Victim::start(&own)?;
    let found = run(KLIPPER.command(&own, &shared_python()?), victim.0.pid(), &[])?;
    for (way, result) in &found {
        if result != "in" && NOT_EVERYWHERE.contains(&way.as_str()) {
            eprintln!("{way} is not to be had on this machine: {result}");
            continue;
        }
        ensure!(result == "in", "{way}: {result}");
    }
    ensure!(found.len() > 25, "few ways were tried: {found:?}");
    // Not of another user, though.
    let victim = Victim::start(&own)?;
    for (way, result) in run(STRANGER.command(&own, &shared_python()?), victim.0.pid(), &[])? {
        ensure!(result.starts_with("out: E"), "{way}: {result}");
    }
    Ok(())
}

fn wrong_users_get_no_byte_from_the_sockets(world: &World) -> Result<()> {
    let (handover, agent) = (world.folder().join("handover/sealpost.sock"), world.printer.agent_socket());
    for (user, socket, expected) in [
        (STRANGER, &handover, &["EACCES"][..]),
        (STRANGER, &agent, &["EACCES"]),
        // Klipper's user may knock, and is turned away by the kernel's word on who it is.
        (KLIPPER, &handover, &["0 bytes", "ECONNRESET"]),
    ] {
        let mut command = user.command(Path::new("/"), &shared_python()?);
        let output = command.arg(prober()).arg("connect").arg(socket).output()?;
        let told: BTreeMap<String, String> = serde_json::from_slice(&output.stdout)?;
        let got = told.values().next().context("nothing was tried")?;
        ensure!(expected.contains(&got.as_str()), "user {} at {}: {got}", user.0, socket.display());
    }
    Ok(())
}

fn probe(user: User, pid: i32) -> Result<Attempts> {
    run(user.command(Path::new("/"), &shared_python()?), pid, &[])
}

fn probe_as_root(pid: i32, only: &[&str]) -> Result<Attempts> {
    run(std::process::Command::new(shared_python()?), pid, only)
}

fn run(mut command: std::process::Command, pid: i32, only: &[&str]) -> Result<Attempts> {
    let output = command.arg(prober()).args(["probe", &pid.to_string(), CANARY]).args(only).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let attempts: Attempts = serde_json::from_slice(&output.stdout)?;
    ensure!(!attempts.is_empty(), "nothing was tried");
    Ok(attempts)
}

fn prober() -> PathBuf {
    root().join("tests/secrecy/prober.py")
}

fn agent_service(world: &World) -> Result<&Service> {
    world.agent.service.as_ref().context("no agent")
}

/// A process of Klipper's user with the canary in a descriptor and in its memory.
struct Victim(Service);

impl Victim {
    fn start(folder: &Path) -> Result<Self> {
        let mut command = KLIPPER.command(folder, &shared_python()?);
        command.arg(prober()).args(["victim", CANARY]);
        let victim = Service::start("victim", &command, folder)?;
        victim.wait_for("holds")?;
        Ok(Self(victim))
    }

    fn end(self, signal: Signal) -> Result<()> {
        self.0.signal(signal)?;
        self.0.wait_for("keeper: ended with").map(drop)
    }
}

/// Core files below a folder.
fn cores(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder)?.flatten().map(|entry| entry.path()) {
        let Ok(kind) = fs::symlink_metadata(&path) else { continue };
        if kind.is_dir() {
            found.extend(cores(&path)?);
        } else if kind.is_file() && is_core(&fs::read(&path)?) {
            found.push(path);
        }
    }
    Ok(found)
}

/// An ELF file of type `ET_CORE`.
fn is_core(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF") && bytes.get(16..18).is_some_and(|kind| kind == [4, 0] || kind == [0, 4])
}

fn part() -> Vec<u8> {
    let mut part = format!("; {CANARY}\nG28\nG90\nG1 Z0.4 F600\n");
    for _ in 0..layers(LAYERS) {
        part += &format!("G1 X20.5 Y20.5 F5000 ; {CANARY}\nG1 X60 Y60\n");
    }
    part.into_bytes()
}
