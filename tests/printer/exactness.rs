//! What is printed is the file: every command, once, to the last one.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::programs::real_klipper;
use sealpost_tests::scene::{Scene, Wishes};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(120);

/// Prints made files one after the other and compares what was executed with what was published.
async fn executes_all(shapes: &[(&str, &[&str])], seal_once: bool) -> Result<()> {
    let scene = Scene::start(Wishes::default()).await?;
    let mut before = 0;
    for (name, options) in shapes {
        let file = parts::made(scene.folder(), &format!("{name}.gcode"), options)?;
        let licence = scene.sell_as(name, &file, 1, seal_once).await?;
        let job = scene.buyer.print(&licence, &scene.printer_id).await?;
        let job = scene.buyer.follow_to_end(&job.id, PATIENCE).await?;
        assert_eq!(job.state, JobState::Success, "{name}: {:?}", job.message);
        if real_klipper().is_none() {
            let executed = scene.printer.executed()?;
            let executed: Vec<String> =
                executed[before..].iter().map(|line| line.trim().to_owned()).collect();
            before += executed.len();
            assert_eq!(executed, parts::lines(&fs::read(&file)?), "{name}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_file_runs_to_its_last_command() -> Result<()> {
    let shapes: [(&str, &[&str]); 4] = [
        ("crlf", &["--layers", "3", "--crlf"]),
        ("latin1", &["--layers", "3", "--latin1"]),
        ("no_final_newline", &["--layers", "3", "--no-final-newline"]),
        ("all_of_it", &["--layers", "3", "--crlf", "--latin1", "--no-final-newline"]),
    ];
    executes_all(&shapes, false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_sealed_once_prints_as_it_is() -> Result<()> {
    executes_all(&[("once", &["--layers", "5"])], true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_file_prints_as_ever() -> Result<()> {
    let scene = Scene::start(Wishes::default()).await?;
    let gcodes = scene.printer.data.join("gcodes");
    let file = parts::made(&gcodes, "plain.gcode", &["--layers", "3"])?;
    scene.printer.ask("printer.print.start", json!({"filename": "plain.gcode"})).await?;
    let klipper = scene.printer.klipper.as_ref();
    assert!(klipper.is_some());
    let state = tokio::time::timeout(PATIENCE, async {
        loop {
            let stats = scene.printer.object("print_stats").await?;
            if stats["state"] == "complete" || stats["state"] == "error" {
                return anyhow::Ok(stats["state"].clone());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(state.await??, "complete");
    if real_klipper().is_none() {
        assert_eq!(scene.printer.executed()?, parts::lines(&fs::read(file)?));
    }
    Ok(())
}
