//! Store and agent die at every one of their points in turn, and start again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use sealpost_market::JobState;
use sealpost_tests::agent::{Agent, find_code};
use sealpost_tests::service::Service;
use tokio::task::JoinSet;

use crate::lanes::{Work, number, say, side_by_side};
use crate::people;
use crate::rules;
use crate::schedule::{Schedule, With, points};
use crate::stage::Stage;

/// How long a pairing may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// No print is begun after so many seconds where nobody asks for all points.
const SECONDS: u64 = 120;
/// How often is looked at what happens.
const LOOK: Duration = Duration::from_millis(20);

/// Points that only a pairing passes.
const PAIRING: [&str; 2] = ["agent.identity", "agent.paired"];

/// What has to happen so that a point is passed at all.
fn schedule_for(point: &str) -> Result<Schedule> {
    let kill = format!("{point}@1=kill");
    let text = match point.rsplit_once('.').map_or(point, |(request, _)| request) {
        "agent.keys" => format!("+no-keys {kill}"),
        "agent.reissue" | "store.token.reissue" | "store.challenge" | "store.challenge.used" => {
            format!("+no-token {kill}")
        }
        "agent.cancel" | "store.cancel" => format!("+cancel {kill}"),
        // An earlier run handed it over: it is taken back before it is claimed again.
        "agent.drop" | "agent.query" => format!("agent.handover.answered@1=kill {kill}"),
        "agent.refresh" | "agent.token" | "store.token.refresh" | "store.token.activate" => {
            format!("+old-token {kill}")
        }
        "store.keys" | "store.keys.sign" => format!("agent.start.answered@1=stop:keys.rotate {kill}"),
        "store.listing" | "store.purchase" | "store.release" | "store.upload" => format!("+trade {kill}"),
        "store.silence" => format!("+strict agent.start.answered@1=slow:4000 {kill}"),
        _ if point == "agent.token" => format!("+old-token {kill}"),
        _ if point == "store.uploaded" => format!("+trade {kill}"),
        _ => kill,
    };
    text.parse()
}

/// Every point in turn, on as many stages as there are lanes: `cargo xtask test faults --points`. Without that option no print is
/// begun after a while; which points are left out then depends on the day, and is said.
#[test]
fn whoever_is_killed_at_any_point_it_prints_once_and_is_told_once() -> Result<()> {
    let mut all: Vec<_> =
        points().filter(|point| !PAIRING.contains(point) && !point.starts_with("store.pair.")).collect();
    let (count, every) = (all.len(), number("SEALPOST_FAULTS_POINTS")?.is_some());
    let seconds = if every { None } else { Some(SECONDS) };
    if !every {
        let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400;
        // Far enough that what is left out today comes first tomorrow.
        all.rotate_left((days * 37 % count as u64) as usize);
    }
    let work = Work::new(all, seconds);
    let broken = Mutex::new(Vec::new());
    side_by_side(|| lane(&work, &broken))?;
    let left = work.left();
    say(&format!("killed at {} of {count} points", count - left.len()));
    if !left.is_empty() {
        say(&format!(
            "left out after {SECONDS} s: {left:?}; `cargo xtask test faults --points` kills at all of them"
        ));
    }
    let broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(broken.is_empty(), "{} points:\n{}", broken.len(), broken.join("\n"));
    Ok(())
}

async fn lane(work: &Work<&'static str>, broken: &Mutex<Vec<String>>) -> Result<()> {
    let mut stage = None;
    while let Some(point) = work.next() {
        if let Err(error) = kill_at(&mut stage, point).await {
            // What is left of this one is not the next one's.
            stage = None;
            say(&format!("{point}: BROKEN: {error:#}"));
            broken.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{point}: {error:#}"));
        }
    }
    Ok(())
}

async fn kill_at(stage: &mut Option<Stage>, point: &str) -> Result<()> {
    let stage = match stage {
        Some(stage) => stage,
        none => none.insert(Stage::set().await?),
    };
    let schedule = schedule_for(point)?;
    stage.awaited = Some(format!("{point} 1 kill"));
    let played = stage.play(&schedule).await.with_context(|| format!("{schedule}"))?;
    rules::check(stage, &schedule, &played).await.with_context(|| format!("{schedule}"))?;
    let expected = match point {
        // The print may be over before the store, or the agent, is back.
        "store.cancel.commit" | "store.cancel.committed" | "agent.cancel.asked" => return Ok(()),
        _ if schedule.with.contains(&With::Cancel) => JobState::Cancelled,
        // `starting` is durable and the command never left: it is not begun again, and nothing was printed.
        "agent.start.asked" => JobState::Failure,
        _ => JobState::Success,
    };
    ensure!(played.job.state == expected, "{schedule}: {:?} {:?}", played.job.state, played.job.message);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_pairs_it_pairs_again_with_the_same_key() -> Result<()> {
    let mut stage = Stage::set().await?;
    // Two agents would share a socket.
    stage.scene.agent.end()?;
    let scene = &stage.scene;
    for point in [
        "agent.identity",
        "agent.paired",
        "agent.token",
        "agent.token.done",
        "agent.save",
        "agent.save.written",
        "agent.save.done",
    ] {
        let folder = scene.folder().join(point);
        fs::create_dir_all(&folder)?;
        let mut agent = Agent::prepare(&folder, &scene.printer, "")?;
        agent.armed = true;
        let log = folder.join("points.log");
        agent.environment = vec![
            ("SEALPOST_FAULTS".to_owned(), format!("{point}=kill")),
            ("SEALPOST_FAULTS_LOG".to_owned(), log.display().to_string()),
        ];
        let mut command = agent.command()?;
        command.args(["pair", "--store", &scene.proxy.url, "--name", "Test printer"]);
        let pairing = Service::start("pair", &command, &folder)?;
        // Some points are passed before it has a code.
        let ended = |line: &str| line.contains("keeper: ended").then(String::new);
        let code = pairing.wait_with(|line| find_code(line).or_else(|| ended(line)))?;
        if !code.is_empty() {
            scene.buyer.approve(&code).await?;
        }
        pairing.wait_for("keeper: ended with 137")?;
        ensure!(fs::read_to_string(&log)?.ends_with(" kill\n"), "{point} was not passed");
        let key = fs::read_to_string(agent.state.join("identity.key")).ok();
        ensure!(code.is_empty() || key.is_some(), "{point}: no key");

        agent.environment.clear();
        let id = agent.pair(&scene.proxy.url, &scene.buyer).await.context(point)?;
        ensure!(!id.is_empty());
        let now = fs::read_to_string(agent.state.join("identity.key"))?;
        ensure!(key.is_none_or(|key| key == now), "{point}: another key");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_killed_while_a_printer_pairs_has_it_once() -> Result<()> {
    let mut stage = Stage::set().await?;
    stage.scene.agent.end()?;
    let living = "SELECT id FROM printers WHERE removed_at IS NULL";
    for point in points().filter(|point| point.starts_with("store.pair.")) {
        let before = stage.books().column(living).await?.len();
        let folder = stage.scene.folder().join(point);
        fs::create_dir_all(&folder)?;
        let agent = Agent::prepare(&folder, &stage.scene.printer, "")?;
        let log = folder.join("points.log");
        stage.scene.store.options.environment = vec![
            ("SEALPOST_FAULTS".to_owned(), format!("{point}=kill")),
            ("SEALPOST_FAULTS_LOG".to_owned(), log.display().to_string()),
        ];
        stage.scene.store.relaunch()?;
        stage.scene.store.options.environment.clear();
        let paired = tokio::time::timeout(PATIENCE, pair(&mut stage, &agent, &folder)).await;
        paired.with_context(|| format!("{point}: it is not paired"))??;
        ensure!(fs::read_to_string(&log)?.contains(&format!("{point} 1 kill")), "{point} was not passed");
        let after = stage.books().column(living).await?.len();
        ensure!(after == before + 1, "{point}: {before} printers, then {after}");
    }
    Ok(())
}

/// Pairs, again where that failed, while the store is started again whenever it is gone.
async fn pair(stage: &mut Stage, agent: &Agent, folder: &Path) -> Result<()> {
    let mut approving = JoinSet::new();
    let mut command = agent.command()?;
    command.args(["pair", "--store", &stage.scene.proxy.url, "--name", "Test printer"]);
    let mut pairing = Service::start("pair", &command, folder)?;
    let mut approved = BTreeSet::new();
    loop {
        if stage.scene.store.service.has_ended() {
            stage.scene.store.relaunch()?;
        }
        let said = pairing.said();
        if let Some(code) = said.lines().find_map(find_code)
            && approved.insert(code.clone())
        {
            let owner = stage.scene.buyer.clone();
            approving.spawn(async move { people::approve(&owner, &code).await });
        }
        if said.contains("keeper: ended with 0") {
            return Ok(());
        }
        if pairing.has_ended() {
            pairing = Service::start("pair", &command, folder)?;
        }
        tokio::time::sleep(LOOK).await;
    }
}
