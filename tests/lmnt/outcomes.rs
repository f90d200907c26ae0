//! What reports make of jobs and licences.

use anyhow::{Context, Result};
use bytes::Bytes;
use sealpost_market::JobState;
use serde_json::{Value, json};

use crate::world::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn each_word_the_plugin_sends_becomes_the_state_it_means() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    let job = world.claimed(&printer).await?;
    for (word, state) in [
        ("processing", JobState::Processing),
        ("printing", JobState::Printing),
        ("printing", JobState::Printing),
        ("paused", JobState::Paused),
        ("printing", JobState::Printing),
        ("completed", JobState::Success),
    ] {
        world.plugin.report(&job, word)?;
        assert_eq!(world.buyer.job(&job).await?.state, state, "{word}");
    }
    assert_eq!(world.prints().await?, (1, 0));
    for (word, used) in [("failed", 2), ("cancelled", 3)] {
        let job = world.claimed(&printer).await?;
        world.plugin.report(&job, "printing")?;
        assert_eq!(world.prints().await?, (used - 1, 1));
        world.plugin.report(&job, word)?;
        let ended = world.buyer.job(&job).await?;
        assert_eq!((ended.state, ended.message), (JobState::Failure, Some(format!("Print {word}"))));
        assert_eq!(world.prints().await?, (used, 0));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_beside_the_status_are_kept() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    let job = world.claimed(&printer).await?;
    let statistics = json!({"filament_used": 123.4, "print_duration": 60.5, "total_duration": 70.1});
    world.plugin.ask("report", json!({"job": job, "state": "completed", "statistics": statistics}))?;
    let job = world.buyer.job(&job).await?;
    assert_eq!((job.state, job.filament_used_mm_x100), (JobState::Success, Some(12340)));
    assert!(job.print_duration_s.is_some_and(|seconds| (60..=61).contains(&seconds)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn free_retries_pay_for_failures_as_long_as_they_last() -> Result<()> {
    let mut world = World::open(1, "").await?;
    let printer = world.register()?;
    for used in [0, 1] {
        let job = world.claimed(&printer).await?;
        world.plugin.report(&job, "printing")?;
        world.plugin.report(&job, "failed")?;
        assert_eq!(world.prints().await?, (used, 0));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_told_twice_counts_once_and_another_end_changes_nothing() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    let job = world.claimed(&printer).await?;
    world.plugin.report(&job, "completed")?;
    for word in ["completed", "failed", "printing"] {
        world.plugin.ask("report", json!({"job": job, "state": word}))?;
        assert_eq!(world.buyer.job(&job).await?.state, JobState::Success, "{word}");
        assert_eq!(world.prints().await?, (1, 0), "{word}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_handed_out_once_and_the_next_one_after_its_end() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    let first = world.send(&printer).await?;
    let second = world.send(&printer).await?;
    assert_eq!(world.plugin.poll()?.as_ref(), Some(&first));
    // It polls on while it downloads, prints and pauses, and would start again what it is given again.
    for word in ["processing", "printing", "paused"] {
        assert_eq!(world.plugin.poll()?, None, "{word}");
        world.plugin.report(&first, word)?;
        assert_eq!(world.plugin.poll()?, None, "{word}");
    }
    world.plugin.report(&first, "completed")?;
    assert_eq!(world.plugin.poll()?.as_ref(), Some(&second));
    assert_eq!(world.plugin.poll()?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_that_fell_silent_may_still_say_how_it_ended() -> Result<()> {
    let mut world = World::open(0, "lease_printing_s = 1\nlease_processing_s = 1\n").await?;
    let printer = world.register()?;
    let job = world.claimed(&printer).await?;
    world.plugin.report(&job, "printing")?;
    let gone = |job: &sealpost_api::job::Job| job.state == JobState::Interrupted;
    world.buyer.follow(&job, PATIENCE, gone).await?;
    // Silence gives nothing back and starts nothing again.
    assert_eq!(world.prints().await?, (0, 1));
    assert_eq!(world.plugin.poll()?, None);
    world.plugin.report(&job, "completed")?;
    assert_eq!(world.buyer.job(&job).await?.state, JobState::Success);
    assert_eq!(world.prints().await?, (1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_download_is_a_failure_with_its_reason() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    let job = world.claimed(&printer).await?;
    world.plugin.report(&job, "processing")?;
    let fields = json!({"job": job, "state": "failed", "message": "Failed to download G-code"});
    world.plugin.ask("report", fields)?;
    let ended = world.buyer.job(&job).await?;
    assert_eq!(ended.message.as_deref(), Some("Failed to download G-code"));
    assert_eq!((ended.state, world.prints().await?), (JobState::Failure, (1, 0)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_asked_for_at_the_store_alone_and_a_file_at_foreign_storage_is_fetched_through_it()
-> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    let job = world.send(&printer).await?;
    world.plugin.exchanges()?;
    assert_eq!(world.plugin.poll()?.as_ref(), Some(&job));
    let polled = world.plugin.exchanges()?;
    let url =
        polled[0]["answer"]["jobs"][0]["encrypted_gcode_download_url"].as_str().context("no address")?;
    assert!(url.starts_with(&world.proxy.url), "the token would be sent to {url}");
    assert_eq!(world.plugin.fetch("fetch", json!({"job": job}))?, world.part);
    world.plugin.report(&job, "completed")?;

    let job = world.send(&printer).await?;
    world.proxy.meddle(|path, _, body| match path.contains("poll-print-queue") {
        true => elsewhere(&body),
        false => body,
    });
    assert_eq!(world.plugin.poll()?.as_ref(), Some(&job));
    world.proxy.let_be();
    assert_eq!(world.plugin.fetch("fetch", json!({"job": job}))?, world.part);
    Ok(())
}

fn elsewhere(body: &Bytes) -> Bytes {
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else { return body.clone() };
    answer["jobs"][0]["encrypted_gcode_download_url"] = "https://storage.googleapis.com/bucket/blob".into();
    Bytes::from(answer.to_string())
}
