//! What must hold of every print, whatever went wrong in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sealpost_api::job::Job;
use sealpost_market::JobState;
use sealpost_tests::person;
use serde_json::Value;

use crate::books::Books;
use crate::meanwhile::Meanwhile;
use crate::schedule::{Schedule, With};
use crate::stage::{Played, Stage};

/// How long the store may take until nothing is left that nobody needs.
pub(crate) const CLEAN: Duration = Duration::from_secs(10);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(20);

const OUTCOMES: [&str; 4] = ["success", "failure", "cancelled", "interrupted"];

/// Checks them all.
pub(crate) async fn check(stage: &Stage, schedule: &Schedule, played: &Played) -> Result<()> {
    printed_once(stage, played)?;
    told_as_it_was(stage, schedule, played)?;
    reported_once(played)?;
    nothing_is_left(stage).await?;
    let books = stage.books();
    counted_right(&books).await?;
    written_down(&books, &played.job).await?;
    traded_once(&books, schedule, &played.job).await?;
    cleaned_up(&books).await?;
    answers(stage).await
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
            // The store gave the agent up before that got its key.
            let never = lines == 0 && schedule.is_late();
            ensure!(never || schedule.touches(&lost), "Klipper lived, and nobody can tell: {reason}");
        }
        JobState::Expired => {
            ensure!(lines == 0 && schedule.with.contains(&With::Hasty), "it expired after {lines} lines");
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
    // What the store ended by itself before anything began needs no word, and it says so: also where its time is over and the
    // sweep has yet to come.
    let by_itself = matches!(played.job.state, JobState::Expired | JobState::Cancelled);
    let taken =
        outcomes.iter().any(|said| said.status == 200 || (by_itself && [409, 410].contains(&said.status)));
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
            !(command.contains("armed/sealpost-printer") && command.ends_with(" hold ")),
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

/// What each licence says follows from its jobs.
async fn counted_right(books: &Books) -> Result<()> {
    let wrong = books.rows(
        "SELECT l.id, 'allowed ' || l.allowed || ', used ' || l.used || ', reserved ' || l.reserved || ', jobs: ' || j.used
            || ' used, ' || j.reserved || ' reserved'
         FROM licences l JOIN (
            SELECT licence,
                SUM(CASE WHEN state = 'success'
                    OR (state IN ('failure', 'cancelled') AND key_released AND NOT free_retry) THEN 1 ELSE 0 END) AS used,
                SUM(CASE WHEN state IN ('success', 'failure', 'cancelled', 'expired') THEN 0 ELSE 1 END) AS reserved
            FROM jobs GROUP BY licence
         ) j ON j.licence = l.id
         WHERE l.used <> j.used OR l.reserved <> j.reserved OR l.used + l.reserved > l.allowed",
    )
    .await?;
    ensure!(wrong.is_empty(), "counted wrong: {wrong:?}");
    Ok(())
}

/// The audit log has each thing that happened to a job as often as it happened.
async fn written_down(books: &Books, job: &Job) -> Result<()> {
    let facts = books
        .column(&format!("SELECT details FROM audit_log WHERE subject = 'job:{}' ORDER BY id", job.id))
        .await?;
    let mut count = BTreeMap::new();
    for text in &facts {
        let details: Value = serde_json::from_str(text)?;
        for fact in details["facts"].as_array().into_iter().flatten() {
            *count.entry(fact["fact"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
    }
    let of = |fact: &str| count.get(fact).copied().unwrap_or(0);
    let leases =
        books.column(&format!("SELECT CAST(lease AS TEXT) FROM jobs WHERE id = '{}'", job.id)).await?;
    let leases: i32 = leases.first().context("the job is not in the books")?.parse()?;
    let settled = of("print_used") + of("print_released");
    let rests = job.state == JobState::Interrupted;
    ensure!(
        of("job_created") == 1
            && of("print_reserved") == 1
            && of("job_sealed") <= 1
            && of("key_released") == leases
            && settled == i32::from(!rests),
        "{} leases, written down: {count:?}",
        leases
    );
    Ok(())
}

/// Of what was published and bought for this print there is one of each.
async fn traded_once(books: &Books, schedule: &Schedule, job: &Job) -> Result<()> {
    if !schedule.with.contains(&With::Trade) {
        return Ok(());
    }
    for (what, where_) in [
        ("listings", format!("id = '{}'", job.listing)),
        ("releases", format!("listing = '{}'", job.listing)),
        ("purchases", format!("listing = '{}'", job.listing)),
        ("licences", format!("listing = '{}'", job.listing)),
        ("jobs", format!("listing = '{}'", job.listing)),
    ] {
        let count =
            books.column(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {what} WHERE {where_}")).await?;
        ensure!(count == ["1"], "there are {count:?} {what} where one was asked for");
    }
    Ok(())
}

/// Blobs and keys are there for what needs them, and for nothing else; the store gets a while to clean up.
async fn cleaned_up(books: &Books) -> Result<()> {
    let deadline = Instant::now() + CLEAN;
    loop {
        let left = left_over(books).await?;
        if left.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "blobs and keys do not fit the books: {left:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// What lies there without need, or is missing.
pub(crate) async fn left_over(books: &Books) -> Result<BTreeSet<String>> {
    let open = "state NOT IN ('success', 'failure', 'cancelled', 'expired')";
    let mut needed: BTreeSet<String> = books.column("SELECT blob FROM releases").await?.into_iter().collect();
    needed.extend(books.column(&format!("SELECT blob FROM jobs WHERE blob IS NOT NULL AND {open}")).await?);
    let mut left: BTreeSet<String> = books.blobs()?.symmetric_difference(&needed).cloned().collect();
    let mut keys: BTreeSet<String> = books.column("SELECT id FROM releases").await?.into_iter().collect();
    keys.extend(
        books
            .column(&format!("SELECT id FROM jobs WHERE blob IS NOT NULL AND NOT seal_once AND {open}"))
            .await?,
    );
    let vault: BTreeSet<String> = books.column("SELECT id FROM vault").await?.into_iter().collect();
    left.extend(vault.symmetric_difference(&keys).map(|id| format!("key of {id}")));
    let writing = books.column("SELECT id FROM pending_blobs WHERE NOT doomed").await?;
    let doomed = books.column("SELECT id FROM pending_blobs WHERE doomed").await?;
    left.extend(doomed.iter().map(|name| format!("note about {name}, which is given up")));
    if books.are_shared() {
        // Another process may be writing them: they are left alone for a quarter of an hour.
        writing.iter().for_each(|name| left.retain(|blob| !blob.starts_with(name.as_str())));
    } else {
        left.extend(writing.iter().map(|name| format!("note about {name}")));
    }
    left.extend(books.column("SELECT 'still sealing: ' || id FROM jobs WHERE state = 'sealing'").await?);
    Ok(left)
}

/// It may just have been started.
async fn answers(stage: &Stage) -> Result<()> {
    let url = format!("{}/health", stage.scene.store.url);
    let http = person::client()?;
    let deadline = Instant::now() + CLEAN;
    loop {
        let answer = http.get(&url).timeout(CLEAN).send().await;
        if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the store is not well: {answer:?}");
        tokio::time::sleep(LOOK).await;
    }
}
