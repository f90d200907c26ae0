//! Whoever and whatever ends a print: buyer, owner, panel, Klipper. It ends in the right state, and everybody can read why.

use std::fs;

use anyhow::{Result, ensure};
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::proxy::Loss;
use serde_json::json;

use crate::ending::{Costs, Shop, eventually, slowly};

#[tokio::test(flavor = "multi_thread")]
async fn people_who_end_a_print_are_named_as_its_reason() -> Result<()> {
    let shop = Shop::open(slowly()).await?;
    let scene = &shop.scene;

    // Its buyer, who owns the printer too, in mid-print.
    let sent = shop.print().await?;
    cancel(&shop, &sent.id).await?;
    let job = shop.ended(&sent, JobState::Cancelled, "stop_asked", Costs::APrint).await?;
    shop.status_tells(&job).await?;

    // Somebody at the printer's panel.
    let sent = shop.print().await?;
    scene.printer.ask("printer.print.cancel", json!({})).await?;
    let job = shop.ended(&sent, JobState::Cancelled, "cancelled_at_printer", Costs::APrint).await?;
    shop.status_tells(&job).await?;

    // A macro or a console.
    let sent = shop.print().await?;
    scene.printer.ask("printer.gcode.script", json!({"script": "CANCEL_PRINT"})).await?;
    shop.ended(&sent, JobState::Cancelled, "cancelled_at_printer", Costs::APrint).await?;

    // The owner, while the file is fetched: the key was out.
    let held = scene.proxy.lose("GET /api/printer-agent/download-gcode", Loss::Half);
    let sent = shop.send().await?;
    held.wait().await?;
    shop.owner(&["queue", "remove", &sent.id])?;
    let job = shop.ended(&sent, JobState::Cancelled, "removed_at_printer", Costs::APrint).await?;
    shop.status_tells(&job).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_busy_printer_is_taken_back_without_a_trace() -> Result<()> {
    let shop = Shop::open(slowly()).await?;
    let scene = &shop.scene;
    parts::made(&scene.printer.data.join("gcodes"), "plain.gcode", &["--layers", "20"])?;
    scene.printer.ask("printer.print.start", json!({"filename": "plain.gcode"})).await?;
    eventually("the plain print", async || {
        Ok((scene.printer.object("print_stats").await?["state"] == "printing").then_some(()))
    })
    .await?;

    let part = parts::made(scene.folder(), "waits.gcode", &["--layers", "2"])?;
    let licence = scene.sell("waits", &part, 5).await?;
    for code in ["removed_at_printer", "cancelled_by_buyer"] {
        let sent = shop.send_from(&licence).await?;
        eventually("the job in the printer's queue", async || {
            Ok(waiting(&shop)?.contains(&sent.id).then_some(()))
        })
        .await?;
        match code {
            "removed_at_printer" => shop.owner(&["queue", "remove", &sent.id]).map(drop)?,
            _ => cancel(&shop, &sent.id).await?,
        }
        shop.ended(&sent, JobState::Cancelled, code, Costs::Nothing).await?;
        eventually("the end of its entry", async || Ok(waiting(&shop)?.is_empty().then_some(()))).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn klippers_own_ends_are_failures_with_its_words_and_without_the_files() -> Result<()> {
    let shop = Shop::open(slowly()).await?;
    let scene = &shop.scene;

    let wrong = scene.folder().join("wrong.gcode");
    fs::write(&wrong, "G28\nG1 X10 Y10 F3000\nSET_PRINT_STATS_INFO CURRENT_LAYER=canary7431\nG1 X20\n")?;
    let licence = scene.sell("wrong", &wrong, 5).await?;
    let sent = shop.send_from(&licence).await?;
    let job = shop.ended(&sent, JobState::Failure, "print_error", Costs::APrint).await?;
    shop.status_tells(&job).await?;
    let said = job.message.unwrap_or_default();
    ensure!(said.contains("SET_PRINT_STATS_INFO") && !said.contains("canary"), "{said}");
    let kept = fs::read_to_string(scene.agent.state.join("state.json"))?;
    ensure!(!kept.contains("canary"), "the state document quotes the file");

    for (call, code) in [
        ("printer.emergency_stop", "klipper_shutdown"),
        ("printer.restart", "klipper_shutdown"),
        ("printer.firmware_restart", "klipper_shutdown"),
    ] {
        let sent = shop.print().await?;
        // Klipper hangs up on who asks for a restart.
        let _ = scene.printer.ask(call, json!({})).await;
        let job = shop.ended(&sent, JobState::Failure, code, Costs::APrint).await?;
        shop.status_tells(&job).await?;
        if call == "printer.emergency_stop" {
            let _ = scene.printer.ask("printer.firmware_restart", json!({})).await;
        }
        shop.klipper_is_back().await?;
    }

    // After all of that it prints.
    let sent = shop.send().await?;
    let job = shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;
    shop.status_tells(&job).await
}

/// What the printer's queue lists.
fn waiting(shop: &Shop) -> Result<Vec<String>> {
    let queue = shop.owner(&["queue", "list", "--json"])?;
    let jobs = queue["jobs"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(jobs.iter().filter_map(|job| job["id"].as_str()).map(str::to_owned).collect())
}

async fn cancel(shop: &Shop, job: &str) -> Result<()> {
    let path = format!("/api/v1/jobs/{job}/cancel");
    sealpost_tests::person::expect(shop.scene.buyer.post(&path, &json!({})).await?).await.map(drop)
}
