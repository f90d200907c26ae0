//! What must hold of every print, whatever went wrong in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use sealpost_market::JobState;

use crate::schedule::{Meanwhile, Schedule};
use crate::stage::{Played, Stage};

const OUTCOMES: [&str; 4] = ["success", "failure", "cancelled", "interrupted"];

/// Checks them all.
pub(crate) async fn check(stage: &Stage, schedule: &Schedule, played: &Played) -> Result<()> {
    printed_once(stage, played)?;
    told_as_it_was(stage, schedule, played)?;
    reported_once(played)?;
    nothing_is_left(stage).await?;
    counted_right(stage).await
}

fn printed_once(stage: &Stage, played: &Played) -> Result<()> {
    let first = stage.file.first().context("an empty file")?;
    let starts = played.executed.iter().filter(|line| line.trim() == first).count();
    ensure!(starts <= 1, "it was started {starts} times");
    Ok(())
}

fn told_as_it_was(stage: &Stage, schedule: &Schedule, played: &Played) -> Result<()> {
    let executed: Vec<&str> = played.executed.iter().map(|line| line.trim()).collect();
    let whole = executed == stage.file;
    let (job, lines) = (&played.job, executed.len());
    let reason = job.message.clone().unwrap_or_default();
    match job.state {
        JobState::Success => ensure!(whole, "a success of {lines} lines"),
        JobState::Failure => {
            ensure!(!whole, "a whole print is called a failure: {reason}");
            ensure!(!reason.is_empty(), "a failure without a reason");
        }
        JobState::Cancelled => ensure!(!whole || lines == 0, "a whole print is called cancelled: {reason}"),
        JobState::Interrupted => {
            ensure!(!reason.is_empty(), "an interruption without a reason");
            let lost = [Meanwhile::KlipperKilled, Meanwhile::KlipperRestarts, Meanwhile::EmergencyStop];
            ensure!(schedule.touches(&lost), "Klipper lived, and nobody can tell: {reason}");
        }
        other => bail!("it rests in {other}"),
    }
    Ok(())
}

fn reported_once(played: &Played) -> Result<()> {
    let outcomes: Vec<_> = played
        .reports
        .iter()
        .filter(|said| said.path.contains(&played.job.id))
        .filter(|said| said.body["status"].as_str().is_some_and(|status| OUTCOMES.contains(&status)))
        .collect();
    let ids: BTreeSet<_> = outcomes.iter().map(|said| said.body["report_id"].to_string()).collect();
    ensure!(ids.len() <= 1, "the outcome was reported under several ids: {outcomes:?}");
    let taken = outcomes.iter().any(|said| said.status == 200);
    let claimed = played.reports.iter().any(|said| said.path.contains(&played.job.id));
    ensure!(taken || !claimed, "no outcome was taken: {:?}", played.reports);
    Ok(())
}

/// No file in anybody's memory, no blob, no half-written state.
async fn nothing_is_left(stage: &Stage) -> Result<()> {
    let extra = stage.extra().await?;
    ensure!(extra["state"] == "idle" && extra["job"].is_null(), "Klipper's extra still has {extra}");
    for entry in fs::read_dir("/proc")?.flatten() {
        let process = entry.path();
        let Ok(command) = fs::read(process.join("cmdline")) else { continue };
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let ours = command.contains(&stage.scene.folder().display().to_string());
        ensure!(
            !(command.contains("sealpost-printer") && command.ends_with(" hold ")),
            "a holder is left: {command}"
        );
        if ours && holds_plaintext(&process) {
            bail!("a file is left open in {command}");
        }
    }
    if stage.scene.agent.cache.exists() {
        let blobs: Vec<_> =
            fs::read_dir(&stage.scene.agent.cache)?.flatten().map(|entry| entry.path()).collect();
        ensure!(blobs.is_empty(), "blobs are left: {blobs:?}");
    }
    for entry in fs::read_dir(&stage.scene.agent.state)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        ensure!(
            ["identity.key", "lock", "state.json", "token.json"].contains(&name.as_str()),
            "{name} is left"
        );
    }
    Ok(())
}

/// Only root can look into programs that hide themselves; for others the extra's own word has to do.
fn holds_plaintext(process: &Path) -> bool {
    let Ok(open) = fs::read_dir(process.join("fd")) else { return false };
    open.flatten().any(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().contains("memfd:sealpost"))
    })
}

async fn counted_right(stage: &Stage) -> Result<()> {
    let licences = stage.scene.buyer.licences().await?;
    let licence = licences.iter().find(|licence| licence.id == stage.licence).context("no licence")?;
    let held = licence.prints_used + licence.prints_reserved;
    ensure!(held <= licence.prints_allowed, "{licence:?}");
    Ok(())
}
