//! Small disks get full and read-only under programs that use them.

use std::fs;
use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use sealpost_tests::disk::{Disk, Frozen};
use sealpost_tests::programs::behind;
use sealpost_tests::service::Service;

const SIZE: u64 = 1 << 20;

fn sh(disk: &Disk, script: &str, folder: &Path) -> Result<Output> {
    let mut command = behind(&disk.prefix(), Path::new("sh"));
    Ok(command.args(["-c", script, "sh"]).arg(folder).output()?)
}

#[test]
fn a_full_disk_takes_nothing_until_there_is_room_again() -> Result<()> {
    let around = tempfile::tempdir()?;
    let folder = around.path().join("state");
    fs::create_dir(&folder)?;
    fs::write(folder.join("kept"), "before")?;
    let disk = Disk::over(&folder, SIZE)?;
    ensure!(fs::read_to_string(disk.path().join("kept"))? == "before", "what lay there is gone");
    let write = r#"echo some >"$1/new""#;
    ensure!(sh(&disk, write, &folder)?.status.success());
    disk.fill()?;
    let refused = sh(&disk, r#"dd if=/dev/zero of="$1/other" bs=1k count=1"#, &folder)?;
    ensure!(String::from_utf8_lossy(&refused.stderr).contains("No space left"), "{refused:?}");
    disk.fill_but(64 << 10)?;
    ensure!(disk.free()? == 64 << 10, "{}", disk.free()?);
    disk.clear()?;
    ensure!(sh(&disk, write, &folder)?.status.success());
    ensure!(!folder.join("new").exists(), "it is not in a namespace of its own");
    Ok(())
}

#[test]
fn a_read_only_disk_refuses_what_is_not_open_yet() -> Result<()> {
    let around = tempfile::tempdir()?;
    let folder = around.path().join("state");
    let mut disk = Disk::over(&folder, SIZE)?;
    let write = r#"echo some >"$1/new""#;
    ensure!(disk.freeze()? == Frozen::Whole);
    let refused = sh(&disk, write, &folder)?;
    ensure!(String::from_utf8_lossy(&refused.stderr).contains("Read-only"), "{refused:?}");
    disk.thaw()?;
    ensure!(sh(&disk, write, &folder)?.status.success());

    let mut command = behind(&disk.prefix(), Path::new("sh"));
    let holds = r#"exec 5>>"$1/open"; echo opened; exec sleep infinity"#;
    command.args(["-c", holds, "sh"]).arg(&folder);
    let program = Service::start("writer", &command, around.path())?;
    program.wait_for("opened")?;
    let name =
        fs::read_to_string(format!("/proc/{}/comm", program.pid())).context("the program's own process")?;
    ensure!(["sh", "sleep"].contains(&name.trim()), "{name}");
    ensure!(disk.freeze()? == Frozen::ButOpenFiles);
    ensure!(!sh(&disk, write, &folder)?.status.success());
    disk.thaw()?;
    ensure!(sh(&disk, write, &folder)?.status.success());
    program.kill()
}
