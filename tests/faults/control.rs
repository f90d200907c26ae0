//! People, Klipper, Moonraker, the store and the agent's own end, in the middle of a print: each ends in the right state, with a
//! reason.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sealpost_market::JobState;
use sealpost_tests::scene::{Scene, Wishes};

use crate::rules;
use crate::stage::Stage;

/// Slow enough that what happens after the start happens in mid-print.
const RATE: u32 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_mid_print_ends_in_the_right_state_with_a_reason() -> Result<()> {
    let mut stage = Stage::set_at(RATE, false).await?;
    for (schedule, state, reason) in [
        ("agent.start.answered@1=stop:buyer.cancel", JobState::Cancelled, "asked to stop"),
        ("agent.start.answered@1=stop:printer.cancel", JobState::Cancelled, "cancelled at the printer"),
        ("agent.start.answered@1=stop:klipper.stop", JobState::Failure, "klipper_shutdown"),
        (
            "agent.start.answered@1=stop:klipper.restart",
            JobState::Failure,
            "klipper_shutdown: Klipper was restarted",
        ),
        ("agent.start.answered@1=stop:klipper.kill", JobState::Interrupted, "no longer knows"),
        ("agent.start.answered@1=stop:moonraker.kill", JobState::Success, ""),
        ("agent.start.answered@1=stop:line.cut", JobState::Success, ""),
        ("agent.start.asked@1=kill", JobState::Failure, "not_started"),
        ("agent.start.answered@1=kill", JobState::Success, ""),
        (
            "agent.start.answered@1=kill agent.query.answered@1=kill agent.query.asked@1=kill",
            JobState::Success,
            "",
        ),
    ] {
        let schedule = schedule.parse()?;
        let played = stage.play(&schedule).await.with_context(|| format!("{schedule}"))?;
        rules::check(&stage, &schedule, &played).await.with_context(|| format!("{schedule}"))?;
        let (got, said) = (played.job.state, played.job.message.unwrap_or_default());
        ensure!(got == state && said.contains(reason), "{schedule}: {got}, {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_klipper_refuses_ends_the_print_as_a_failure_with_its_words() -> Result<()> {
    let scene = Scene::start(Wishes::default()).await?;
    let part = scene.folder().join("wrong.gcode");
    fs::write(
        &part,
        "G28\nG1 X10 Y10 F3000\nM117 before\nSET_PRINT_STATS_INFO CURRENT_LAYER=none\nG1 X20\n",
    )?;
    let licence = scene.sell("wrong", &part, 1).await?;
    let job = scene.buyer.print(&licence, &scene.printer_id).await?;
    let job = scene.buyer.follow_to_end(&job.id, Duration::from_secs(60)).await?;
    let said = job.message.context("a reason")?;
    ensure!(job.state == JobState::Failure && said.starts_with("print_error: "), "{:?} {said}", job.state);
    let extra = scene.printer.object("sealpost").await?;
    ensure!(extra["state"] == "idle" && extra["last"]["outcome"] == "error", "{extra}");
    Ok(())
}
