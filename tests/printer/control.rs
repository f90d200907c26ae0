//! Pause and resume from the printer's own panel, and what the store hears of it.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use sealpost_api::job::Job;
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::printer;
use sealpost_tests::programs::real_klipper;
use sealpost_tests::scene::{Scene, Wishes};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(120);

async fn printing(scene: &Scene, prints: u32) -> Result<(Job, Vec<u8>)> {
    let file = parts::made(scene.folder(), "slow.gcode", &["--layers", "8"])?;
    let licence = scene.sell("slow", &file, prints).await?;
    let job = scene.buyer.print(&licence, &scene.printer_id).await?;
    let job = scene.buyer.follow(&job.id, PATIENCE, |job| job.state == JobState::Printing).await?;
    Ok((job, fs::read(file)?))
}

fn slowly() -> Wishes {
    Wishes { printer: printer::Options { rate: 150, ..printer::Options::default() }, ..Wishes::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_and_resume_lose_and_repeat_no_line() -> Result<()> {
    let scene = Scene::start(slowly()).await?;
    let (job, file) = printing(&scene, 1).await?;
    for _ in 0..3 {
        scene.printer.ask("printer.print.pause", json!({})).await?;
        scene.buyer.follow(&job.id, PATIENCE, |job| job.state == JobState::Paused).await?;
        scene.printer.ask("printer.print.resume", json!({})).await?;
        scene.buyer.follow(&job.id, PATIENCE, |job| job.state == JobState::Printing).await?;
    }
    let mut highest_before_the_end = 0;
    let job = scene.buyer.follow(&job.id, PATIENCE, |job| {
        if !job.state.is_final() {
            highest_before_the_end = highest_before_the_end.max(job.progress_permille);
        }
        job.state.is_final()
    });
    assert_eq!(job.await?.state, JobState::Success);
    assert!(highest_before_the_end < 1000, "100 % was shown before the end");
    if real_klipper().is_none() {
        let executed: Vec<String> =
            scene.printer.executed()?.iter().map(|line| line.trim().to_owned()).collect();
        assert_eq!(executed, parts::lines(&file));
    }
    Ok(())
}
