//! Installed, a purchased file printed by the installed parts, each as the user it belongs to, taken back: the tree is as before.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sealpost_api::catalogue::NewListing;
use sealpost_api::purchase::Payment;
use sealpost_market::JobState;
use sealpost_tests::agent::find_code;
use sealpost_tests::parts;
use sealpost_tests::person::Person;
use sealpost_tests::service::{Service, free_port};
use sealpost_tests::store::{self, Store};
use serde_json::Value;

use crate::debian::Debian;
use crate::picture::{difference, picture};
use crate::sandbox::{Unit, traced};

const PATIENCE: Duration = Duration::from_secs(120);
/// What Klipper and Moonraker write while they run, with Sealpost or without.
const OF_KLIPPER: [&str; 9] = [
    "home/pi/printer_data/logs",
    "home/pi/printer_data/comms",
    "home/pi/printer_data/database",
    "home/pi/printer_data/certs",
    "home/pi/printer_data/misc",
    "home/pi/printer_data/backup",
    "home/pi/printer_data/.moonraker.uuid",
    "home/pi/printer_data/gcodes/.thumbs",
    "home/pi/printer_data/config/.moonraker.conf.bkp",
];
const PI: &str = "pi:pi";
const AGENT: &str = "sealpost-printer:sealpost-printer";
const TRACE: &str = "agent.trace";
const UNIT: &str = "sealpost-printer.service";
const PROGRAM: &str = "/usr/local/bin/sealpost-printer";

/// What runs on the printer's computer.
struct Running {
    klipper: Service,
    moonraker: Service,
    agent: Service,
}

impl Running {
    fn start(debian: &Debian, folder: &std::path::Path) -> Result<Self> {
        let data = "/home/pi/printer_data";
        let klippy = debian.below(
            PI,
            &[
                "python3",
                "/home/pi/klipper/klippy/klippy.py",
                "--config",
                &format!("{data}/config/printer.cfg"),
                "-a",
                &format!("{data}/comms/klippy.sock"),
                "-l",
                &format!("{data}/logs/klippy.log"),
                "--extras",
                "/home/pi/klipper/klippy/extras",
                "--record",
                &format!("{data}/logs/executed.log"),
            ],
        );
        let klipper = Service::start("klipper", &klippy, folder)?;
        let mut moonraker = debian.below(PI, &["python3", "-m", "moonraker", "-d", data]);
        moonraker
            .env("PYTHONPATH", "/home/pi/moonraker-env/lib/python3.11/site-packages")
            .env("HOME", "/home/pi");
        let moonraker = Service::start("moonraker", &moonraker, folder)?;
        moonraker.wait_for("Klippy ready")?;
        let unit = Unit::read(UNIT)?.command(debian, AGENT, &[PROGRAM, "run"])?;
        let agent = traced(&unit, &folder.join(TRACE));
        let agent = Service::start("agent", &agent, folder)?;
        agent.wait_for("ready")?;
        Ok(Self { klipper, moonraker, agent })
    }

    fn stop(self) -> Result<()> {
        self.agent.stop()?;
        self.moonraker.stop()?;
        self.klipper.kill()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn installed_used_and_taken_back_the_tree_is_as_before() -> Result<()> {
    let debian = Debian::with_printer(free_port()?)?;
    debian.put_parts()?;
    let before = picture(&debian.at(""), &OF_KLIPPER)?;
    debian.success(&mut debian.installer(&["install", "--yes"])?)?;

    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &store::Options::default())?;
    let seller = store.operator().await?;
    let buyer = store.person("buyer").await?;
    let running = Running::start(&debian, folder.path())?;
    let printer = pair(&debian, folder.path(), &store.url, &buyer).await?;

    sockets_are_for_their_two_ends_alone(&debian)?;
    let file = parts::made(folder.path(), "part.gcode", &["--layers", "2"])?;
    let listing = NewListing {
        id: Some("part".to_owned()),
        title: "Part".to_owned(),
        prints: Some(1),
        ..NewListing::default()
    };
    seller.offer(&listing).await?;
    seller.publish("part", "1.0.0", &file).await?;
    let licence = buyer.buy("part", Payment::Free).await?.id;
    let job = buyer.print(&licence, &printer).await?;
    let job = buyer.follow_to_end(&job.id, PATIENCE).await?;
    assert_eq!(job.state, JobState::Success, "{:?}", job.message);
    let record = fs::read_to_string(debian.at("home/pi/printer_data/logs/executed.log"))?;
    let executed = record.lines().map(|line| Ok(serde_json::from_str::<String>(line)?.trim().to_owned()));
    assert_eq!(executed.collect::<Result<Vec<_>>>()?, parts::lines(&fs::read(&file)?));
    nothing_is_reduced(&debian)?;
    doctor_finds_everything_well(&debian)?;

    running.stop()?;
    the_unit_forbids_nothing_of_it(&fs::read_to_string(folder.path().join(TRACE))?)?;
    let left = debian.success(&mut debian.installer(&["uninstall", "--yes"])?)?;
    assert!(!left.contains("left"), "{left}");
    assert_eq!(difference(&before, &picture(&debian.at(""), &OF_KLIPPER)?), [""; 0]);
    Ok(())
}

fn the_unit_forbids_nothing_of_it(trace: &str) -> Result<()> {
    let used = Unit::read(UNIT)?.forbids_nothing_of(trace, PROGRAM)?;
    for call in ["memfd_create", "sendmsg", "mlock", "statx"] {
        assert!(used.contains(call), "a print without {call}: {used:?}");
    }
    Ok(())
}

/// As the printer's person, who is in no group of ours.
async fn pair(debian: &Debian, folder: &std::path::Path, store: &str, owner: &Person) -> Result<String> {
    let command = debian.below(PI, &[PROGRAM, "pair", "--store", store, "--name", "Workshop"]);
    let pairing = Service::start("pair", &command, folder)?;
    let code = pairing.wait_with(find_code).context("the agent showed no code")?;
    owner.approve(&code).await?;
    pairing.wait_for("keeper: ended with 0")?;
    let printers: Value = owner.get("/api/v1/printers").await?;
    Ok(printers["printers"][0]["id"].as_str().context("the printer has no id")?.to_owned())
}

fn sockets_are_for_their_two_ends_alone(debian: &Debian) -> Result<()> {
    let (handover, agent) = ("/run/sealpost-handover/sealpost.sock", "/run/sealpost-printer/agent.sock");
    let id = |name: &str| -> Result<u32> {
        let said = debian.success(&mut debian.below("0:0", &["id", "-u", name]))?;
        Ok(said.trim().parse()?)
    };
    let (pi, ours) = (id("pi")?, id("sealpost-printer")?);
    for (socket, owner, group) in [(handover, pi, ours), (agent, ours, pi)] {
        let found = fs::metadata(debian.at(socket.trim_start_matches('/')))?;
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (owner, group, 0o660), "{socket}");
    }
    let connect = "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ntry:\n    s.connect(sys.argv[1])\n    print(len(s.recv(1)))\nexcept OSError as e:\n    print(type(e).__name__)\n";
    let as_user = |user: &str, socket: &str| -> Result<String> {
        let said = debian.success(&mut debian.below(user, &["python3", "-c", connect, socket]))?;
        Ok(said.trim().to_owned())
    };
    for socket in [handover, agent] {
        assert_eq!(as_user("nobody:nogroup", socket)?, "PermissionError", "{socket}");
    }
    // Klipper's own user may reach its socket, and is turned away there by the kernel's word.
    assert!(matches!(as_user(PI, handover)?.as_str(), "0" | "ConnectionResetError"));
    assert_eq!(as_user(AGENT, handover)?, "1");
    Ok(())
}

fn nothing_is_reduced(debian: &Debian) -> Result<()> {
    let said = debian.success(&mut debian.below(PI, &[PROGRAM, "status", "--json"]))?;
    let status: Value = serde_json::from_str(&said)?;
    assert_eq!(status["reduced"], false, "{status}");
    Ok(())
}

fn doctor_finds_everything_well(debian: &Debian) -> Result<()> {
    let output = Command::output(&mut debian.below("0:0", &[PROGRAM, "doctor", "--json"]))?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let state = |code: &str| {
        let findings = told["findings"].as_array().into_iter().flatten();
        findings.filter(|finding| finding["code"] == code).map(|finding| finding["state"].clone()).next()
    };
    for code in [
        "settings",
        "installed",
        "agent",
        "user",
        "dumpable",
        "core",
        "memlock",
        "key_mode",
        "clock",
        "identity",
        "pairing",
        "login",
        "refresh",
        "decrypt",
        "moonraker",
        "klipper",
        "extra",
        "handover",
        "disk",
    ] {
        assert_eq!(state(code), Some("ok".into()), "{code}: {told:#}");
    }
    assert!(output.status.success(), "{told:#}");
    Ok(())
}
