//! A print is not ended by installing or taking back: a stand-in for Klipper says what it does, one for systemd what it was told.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::debian::Debian;
use crate::package::{packages, put};

const SOCKET: &str = "home/pi/printer_data/comms/klippy.sock";
const CFG: &str = "home/pi/printer_data/config/printer.cfg";
const TOLD: &str = "root/told";
const PROGRAM: &str = "/usr/bin/sealpost-printer";

/// Answers every question about objects with what it is told to be.
fn klipper(debian: &Debian) -> Result<Arc<Mutex<Value>>> {
    let listener = UnixListener::bind(debian.at(SOCKET))?;
    let status = Arc::new(Mutex::new(json!({})));
    let said = status.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut byte = [0];
            while stream.read_exact(&mut byte).is_ok() && byte[0] != 3 {}
            let mut status = said.lock().map(|status| status.clone()).unwrap_or_default();
            status["heaters"] = json!({"available_heaters": ["extruder"]});
            let answer = json!({"id": 1, "result": {"status": status}});
            let _ = stream.write_all(format!("{answer}\u{3}").as_bytes());
        }
    });
    Ok(status)
}

/// A systemd that does nothing and writes down what it was told.
fn systemd(debian: &Debian) -> Result<()> {
    fs::create_dir_all(debian.at("run/systemd/system"))?;
    let program = debian.at("usr/local/sbin/systemctl");
    fs::write(&program, format!("#!/bin/sh\necho \"$@\" >>/{TOLD}\n[ \"$1\" != is-active ]\n"))?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn told(debian: &Debian) -> String {
    fs::read_to_string(debian.at(TOLD)).unwrap_or_default()
}

/// Ends without having done it; gives what it said.
fn refused(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{said}");
    Ok(said)
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn no_print_is_ended_by_installing_or_taking_back() -> Result<()> {
    let debian = Debian::with_printer(7125)?;
    put(&debian, &packages()?[0])?;
    systemd(&debian)?;
    let below = |words: &[&str]| debian.below("0:0", words);
    let link = debian.at("home/pi/klipper/klippy/extras/sealpost");
    let install = || -> Result<String> {
        // Something is to be done each time.
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link)?;
        }
        let _ = fs::remove_file(debian.at(TOLD));
        debian.success(&mut below(&[PROGRAM, "install", "--yes"]))
    };
    install()?;
    assert!(
        told(&debian).contains("restart klipper\nrestart moonraker\n"),
        "no Klipper runs: {}",
        told(&debian)
    );

    let status = klipper(&debian)?;
    let now = |says: Value| -> Result<()> {
        *status.lock().ok().context("it ended")? = says;
        Ok(())
    };
    for (says, why) in [
        (json!({"print_stats": {"state": "printing"}}), "a print is under way"),
        (json!({"print_stats": {"state": "paused"}}), "a print is under way"),
        (json!({"extruder": {"target": 200.0}}), "Klipper is at work, or heats"),
        (json!({"idle_timeout": {"state": "Printing"}}), "Klipper is at work, or heats"),
        // It is none of that service: another printer's can be in its print.
        (json!({}), "it is not known which service"),
    ] {
        now(says)?;
        let said = install()?;
        assert!(said.contains(why), "{why}: {said}");
        let told = told(&debian);
        assert!(told.contains("sealpost-printer") && !told.contains("restart klipper"), "{why}: {told}");
    }

    now(json!({"sealpost": {"state": "printing"}}))?;
    let _ = fs::remove_file(debian.at(TOLD));
    let uninstall = [PROGRAM, "uninstall", "--yes", "--keep-keys"];
    for words in [&uninstall[..], &["dpkg", "--remove", "sealpost-printer"]] {
        let said = refused(&mut below(words))?;
        assert!(said.contains("print_under_way"), "{said}");
    }
    assert!(!told(&debian).contains("stop sealpost-printer"), "{}", told(&debian));
    assert!(fs::read_to_string(debian.at(CFG))?.contains("[include sealpost.cfg]"));
    assert!(link.symlink_metadata()?.is_symlink());

    // It runs, and is asked where it does not listen; the agent is down.
    fs::remove_file(debian.at(SOCKET))?;
    let _running = Running(below(&["bash", "-c", "exec -a klippy.py sleep 600"]).spawn()?);
    let proc = |name: &str| format!("/proc/{}/{name}", _running.0.id());
    while !fs::read(proc("cmdline"))?.starts_with(b"klippy.py") {
        std::thread::yield_now();
    }
    let said = refused(&mut below(&uninstall))?;
    assert!(said.contains("print_unknown"), "{said}");
    assert!(fs::read_to_string(debian.at(CFG))?.contains("[include sealpost.cfg]"));

    // Given up by a person.
    debian.success(&mut below(&[&uninstall[..], &["--even-so"]].concat()))?;
    assert!(told(&debian).contains("stop sealpost-printer"));
    assert!(!told(&debian).contains("restart klipper"), "{}", told(&debian));
    assert!(!fs::read_to_string(debian.at(CFG))?.contains("sealpost"));
    Ok(())
}
