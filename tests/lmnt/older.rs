//! The names of before: polls of one flat job, its outcome in one report, buying and printing by the documented calls.

use anyhow::{Context, Result};
use sealpost_market::JobState;
use sealpost_tests::person::{PASSWORD, expect, problem};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_flat_job_is_fetched_under_every_name_and_reported() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    for (at, poll) in ["/api/poll-print-queue", "/api/get-print-job"].into_iter().enumerate() {
        assert_eq!(world.plugin.ask("poll_flat", json!({"path": poll}))?["job"], Value::Null);
        let job = world.send(&printer).await?;
        assert_eq!(world.plugin.ask("poll_flat", json!({"path": poll}))?["job"], json!(job));
        assert_eq!(world.plugin.ask("poll_flat", json!({"path": poll}))?["job"], Value::Null);
        let address = world.plugin.ask("address", json!({"job": job}))?;
        assert!(address["gcode_file_url"].as_str().is_some_and(|url| url.contains(&job)), "{address}");
        for path in ["/api/print/download-gcode", "/api/printer-agent/download-gcode"] {
            let fields = json!({"job": job, "path": path});
            assert_eq!(world.plugin.fetch("fetch_flat", fields)?, world.part, "{path}");
        }
        let fields = json!({"job": job, "status": "success", "user_id": world.buyer.id});
        let reported = world.plugin.ask("report_print_status", fields)?;
        assert_eq!(reported["answer"]["status"], "Reported");
        for name in ["outcome", "print_outcome"] {
            assert_eq!(reported["answer"][name], "success");
        }
        assert_eq!(world.buyer.job(&job).await?.state, JobState::Success);
        assert_eq!(world.prints().await?, (u32::try_from(at)? + 1, 0));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_not_counted_while_retries_last_and_its_reason_is_read_at_the_store() -> Result<()> {
    let mut world = World::open(1, "").await?;
    let printer = world.register()?;
    let job = world.send(&printer).await?;
    world.plugin.ask("poll_flat", json!({}))?;
    let fields = json!({"job": job, "status": "failure", "error": "nozzle clogged"});
    let reported = world.plugin.ask("report_print_status", fields)?;
    assert_eq!(reported["answer"]["outcome"], "failure");
    let ended = world.buyer.job(&job).await?;
    assert_eq!((ended.state, ended.message.as_deref()), (JobState::Failure, Some("nozzle clogged")));
    assert_eq!(world.prints().await?, (0, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_that_such_a_client_does_not_know_read_as_failures_with_a_reason() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    for (word, state, reason) in [
        ("cancelled", JobState::Cancelled, Some("The print was cancelled.")),
        ("interrupted", JobState::Interrupted, Some("The printer fell silent; the outcome is not known.")),
        ("failure", JobState::Failure, None),
    ] {
        let job = world.send(&printer).await?;
        assert_eq!(world.plugin.ask("poll_flat", json!({}))?["job"], json!(job));
        let fields = json!({"job": job, "status": word});
        let answer = world.plugin.ask("report_print_status", fields)?["answer"].take();
        assert_eq!(answer["outcome"], "failure", "{word}: {answer}");
        assert_eq!(answer["error"].as_str(), reason, "{word}: {answer}");
        assert_eq!(world.buyer.job(&job).await?.state, state);
        if state == JobState::Interrupted {
            world.plugin.ask("report_print_status", json!({"job": job, "status": "failure"}))?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_bought_prepared_and_printed_until_nothing_is_left() -> Result<()> {
    let mut world = World::open(0, "").await?;
    world.register()?;
    let signed_in = world.plugin.ask("sign_in", json!({"email": world.buyer.email, "password": PASSWORD}))?;
    assert!(signed_in["token"].is_string());
    let bought = json!({
        "user_id": world.buyer.id, "model_id": "ring", "license_type": "pay-per-print", "storage_currency": "HBAR",
    });
    let bought: Value = expect(world.buyer.post("/api/purchase-model", &bought).await?).await?.json().await?;
    let purchase = bought["purchase_id"].as_str().context("no purchase")?.to_owned();
    assert_eq!((&bought["status"], &bought["model_id"]), (&json!("purchased"), &json!("ring")));
    assert_eq!((&bought["prints_allowed"], &bought["prints_used"]), (&json!(5), &json!(0)));

    let mut prepare = json!({
        "user_id": world.buyer.id, "purchase_id": purchase, "print_profile_id": "p1", "storage_currency": "HBAR",
        "print_immediately": false,
    });
    let prepared: Value = expect(world.buyer.post("/api/prepare", &prepare).await?).await?.json().await?;
    assert_eq!((&prepared["status"], &prepared["print_profile_id"]), (&json!("completed"), &json!("p1")));
    for at in 0..5 {
        let job = if at == 0 {
            prepare["print_immediately"] = true.into();
            let prepared: Value =
                expect(world.buyer.post("/api/prepare", &prepare).await?).await?.json().await?;
            assert_eq!(prepared["status"], "printing");
            prepared["print_job_id"].clone()
        } else {
            let print = json!({"purchase_id": purchase});
            let printed: Value = expect(world.buyer.post("/api/print", &print).await?).await?.json().await?;
            assert_eq!(printed["purchase_id"], json!(purchase));
            printed["print_job_id"].clone()
        };
        let job = job.as_str().context("no job")?.to_owned();
        let ready = |job: &sealpost_api::job::Job| job.state == JobState::ReadyToPrint;
        world.buyer.follow(&job, crate::world::PATIENCE, ready).await?;
        assert_eq!(world.plugin.ask("poll_flat", json!({}))?["job"], json!(job));
        let fields = json!({"job": job, "status": "success"});
        assert_eq!(world.plugin.ask("report_print_status", fields)?["status"], 200);
    }
    let refused = problem(world.buyer.post("/api/print", &json!({"purchase_id": purchase})).await?).await?;
    assert_eq!((refused.status, refused.code.as_str()), (402, "licence_exhausted"));
    Ok(())
}
