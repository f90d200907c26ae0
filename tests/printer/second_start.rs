//! A job prints once: by hand, by console, by another copy of its file or after a restart it is refused in words that help.

use std::io::Write;
use std::os::fd::AsRawFd;

use anyhow::{Result, ensure};
use sealpost_market::JobState;
use sealpost_printer::memfd::Draft;
use sealpost_tests::person;
use serde_json::{Value, json};

use crate::ending::{Costs, Shop, compatible};

/// What every refusal says.
const AGAIN: &str = "send the print again from where it was bought";
const STARTED: &str = "started";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_of_a_job_is_refused_by_everybody() -> Result<()> {
    let mut shop = Shop::open(compatible()).await?;

    // While it prints.
    let sent = shop.print().await?;
    let name = format!("sealpost/{}.gcode", sent.id);
    refused(&shop, "printer.print.start", json!({"filename": name}), "").await?;
    let job = shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;
    let executed = shop.executed()?;

    for after in ["its end", "RESTART", "FIRMWARE_RESTART"] {
        if after != "its end" {
            let _ = shop.scene.printer.ask("printer.gcode.script", json!({"script": after})).await;
            shop.klipper_is_back().await?;
        }
        by_name(&shop, &job.id).await?;
        // Whoever kept a copy of the file hands it in again.
        let mut draft = Draft::new()?;
        draft.write_all(b"G28\n")?;
        let copy = draft.seal()?.into_fd();
        let (pid, number) = (std::process::id(), copy.as_raw_fd());
        for command in ["REGISTER_ENCRYPTED_FILE", "LOAD_ENCRYPTED_FILE"] {
            let script = format!("{command} FILENAME=virtual_{}.gcode PID={pid} FD={number}", job.id);
            refused(&shop, "printer.gcode.script", json!({"script": script}), STARTED).await?;
        }
    }
    shop.scene.printer.replace_klipper()?;
    shop.klipper_is_back().await?;
    by_name(&shop, &job.id).await?;
    ensure!(shop.executed()? == executed, "something was executed");
    let extra = shop.scene.printer.object("sealpost").await?;
    ensure!(extra["state"] == "idle" && extra["job"].is_null(), "{extra}");
    shop.lets_go().await
}

/// Moonraker's start and "reprint", the documented macro's command, and the alias.
async fn by_name(shop: &Shop, job: &str) -> Result<()> {
    for name in [format!("sealpost/{job}.gcode"), format!("virtual_{job}.gcode")] {
        refused(shop, "printer.print.start", json!({"filename": name}), AGAIN).await?;
        for command in ["SDCARD_PRINT_FILE", "SET_GCODE_FD"] {
            let script = format!("{command} FILENAME={name}");
            refused(shop, "printer.gcode.script", json!({"script": script}), AGAIN).await?;
        }
    }
    Ok(())
}

async fn refused(shop: &Shop, method: &str, params: Value, because: &str) -> Result<()> {
    let request = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": 1});
    let url = format!("{}/server/jsonrpc", shop.scene.printer.moonraker_url);
    let answer: Value = person::client()?.post(url).json(&request).send().await?.json().await?;
    let said = answer["error"]["message"].as_str().unwrap_or_default();
    ensure!(answer["error"].is_object() && said.contains(because), "{params}: {answer}");
    Ok(())
}
