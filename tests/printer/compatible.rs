//! The hand-over by command: whoever dies in the middle of it, no copy outlives its use and nothing prints twice.

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sealpost_market::JobState;
use sealpost_tests::programs::real_klipper;
use sealpost_tests::proxy::{Line, Loss};
use serde_json::json;

use crate::ending::{Costs, Sent, Shop, compatible, eventually};
use crate::open_files;

#[tokio::test(flavor = "multi_thread")]
async fn no_copy_is_left_whichever_way_it_ends() -> Result<()> {
    let shop = Shop::open(compatible()).await?;
    let sent = shop.send().await?;
    shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;
    ensure!(shop.owner(&["status", "--json"])?["reduced"] == true, "it was not handed over by command");

    let sent = shop.print().await?;
    ensure!(!open_files::all(shop.scene.folder())?.is_empty(), "what prints is seen nowhere");
    shop.scene.printer.ask("printer.print.cancel", json!({})).await?;
    shop.ended(&sent, JobState::Cancelled, "cancelled_at_printer", Costs::APrint).await?;

    let sent = shop.print().await?;
    shop.scene.printer.ask("printer.emergency_stop", json!({})).await?;
    shop.ended(&sent, JobState::Failure, "klipper_shutdown", Costs::APrint).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_killed_before_klipper_came_is_a_job_that_did_not_start() -> Result<()> {
    let shop = Shop::open(compatible()).await?;
    let Some((sent, holder)) = held(&shop).await? else { return Ok(()) };
    kill_process(holder, Signal::KILL)?;
    // A signal is sent before it is heeded.
    gone(holder).await?;
    wake(&shop)?;
    let job = shop.ended(&sent, JobState::Failure, "register_failed", Costs::APrint).await?;
    shop.status_tells(&job).await?;
    let sent = shop.send().await?;
    shop.ended(&sent, JobState::Success, "", Costs::APrint).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_does_not_outlive_its_agent_and_the_job_is_handed_over_again() -> Result<()> {
    let mut shop = Shop::open(compatible()).await?;
    let Some((sent, holder)) = held(&shop).await? else { return Ok(()) };
    shop.scene.agent.end()?;
    gone(holder).await?;
    wake(&shop)?;
    shop.scene.agent.start()?;
    let job = shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;
    shop.status_tells(&job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_klipper_that_is_killed_before_it_took_its_copy_prints_nothing() -> Result<()> {
    let mut shop = Shop::open(compatible()).await?;
    let Some((sent, _)) = held(&shop).await? else { return Ok(()) };
    shop.scene.printer.replace_klipper()?;
    // Somebody may have started it between its arrival and the end: only Klipper could tell.
    let job = shop.ended(&sent, JobState::Interrupted, "outcome_unknown", Costs::Undecided).await?;
    shop.status_tells(&job).await?;
    ensure!(shop.executed()?.is_empty(), "it printed");
    Ok(())
}

/// A job whose holder waits for a Klipper that stands still; none with a real one, whose firmware minds that.
async fn held(shop: &Shop) -> Result<Option<(Sent, Pid)>> {
    if real_klipper().is_some() {
        return Ok(None);
    }
    let half = shop.scene.proxy.lose("GET /api/printer-agent/download-gcode", Loss::Half);
    let sent = shop.send().await?;
    half.wait().await?;
    klipper(shop, Signal::STOP)?;
    shop.scene.proxy.line(Line::Open);
    let holder = eventually("the holder", async || open_files::holder(shop.scene.folder())).await?;
    Ok(Some((sent, holder)))
}

async fn gone(holder: Pid) -> Result<()> {
    eventually("the end of the holder", async || Ok((!open_files::is_holder(holder)).then_some(()))).await
}

fn wake(shop: &Shop) -> Result<()> {
    klipper(shop, Signal::CONT)
}

fn klipper(shop: &Shop, signal: Signal) -> Result<()> {
    shop.scene.printer.klipper.as_ref().context("no Klipper")?.host.signal(signal)
}
