//! The agent dies at every one of its points in turn, and starts again.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use sealpost_market::JobState;
use sealpost_printer::points;
use sealpost_tests::agent::{Agent, find_code};
use sealpost_tests::service::Service;

use crate::rules;
use crate::schedule::{PAIRING, Schedule};
use crate::stage::Stage;

/// What has to happen so that a point is passed at all.
fn schedule_for(point: &str) -> Result<Schedule> {
    let kill = format!("{point}@1=kill");
    let text = match point.rsplit_once('.').map_or(point, |(request, _)| request) {
        "agent.keys" => format!("+no-keys {kill}"),
        "agent.reissue" => format!("+no-token {kill}"),
        "agent.cancel" => format!("+cancel {kill}"),
        // An earlier run handed it over: it is taken back before it is claimed again.
        "agent.drop" | "agent.query" => format!("agent.handover.answered@1=kill {kill}"),
        "agent.refresh" | "agent.token" => format!("+old-token {kill}"),
        _ if point == "agent.token" => format!("+old-token {kill}"),
        _ => kill,
    };
    text.parse()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_it_prints_once_and_tells_so_once() -> Result<()> {
    let mut stage = Stage::set().await?;
    let mut missed = BTreeSet::new();
    for point in points::all().filter(|point| !PAIRING.contains(point)) {
        let schedule = schedule_for(point)?;
        let played = stage.play(&schedule).await.with_context(|| format!("{schedule}"))?;
        rules::check(&stage, &schedule, &played).await.with_context(|| format!("{schedule}"))?;
        let met = played
            .passed
            .iter()
            .any(|line| line.starts_with(&format!("{point} ")) && line.ends_with(" kill"));
        if !met {
            missed.insert(point);
        }
        let expected = match point {
            "agent.cancel.asked" | "agent.cancel.answered" => JobState::Cancelled,
            // `starting` is durable and the command never left: it is not begun again, and nothing was printed.
            "agent.start.asked" => JobState::Failure,
            _ => JobState::Success,
        };
        ensure!(played.job.state == expected, "{schedule}: {:?} {:?}", played.job.state, played.job.message);
    }
    ensure!(missed.is_empty(), "never passed: {missed:?}");
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
        if point != "agent.identity" {
            let code = pairing.wait_with(find_code)?;
            scene.buyer.approve(&code).await?;
        }
        pairing.wait_for("keeper: ended with 137")?;
        ensure!(fs::read_to_string(&log)?.ends_with(" kill\n"), "{point} was not passed");
        let key = fs::read_to_string(agent.state.join("identity.key")).ok();
        ensure!(point == "agent.identity" || key.is_some(), "{point}: no key");

        agent.environment.clear();
        let id = agent.pair(&scene.proxy.url, &scene.buyer).await.context(point)?;
        ensure!(!id.is_empty());
        let now = fs::read_to_string(agent.state.join("identity.key"))?;
        ensure!(key.is_none_or(|key| key == now), "{point}: another key");
    }
    Ok(())
}
