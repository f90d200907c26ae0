//! Programs, power and the line to the store fail in mid-print: what went on is reported, what nobody saw is not guessed.

use anyhow::{Result, ensure};
use sealpost_market::JobState;
use sealpost_tests::proxy::{Line, Loss};
use sealpost_tests::scene::{Scene, Wishes};
use sealpost_tests::store;
use serde_json::json;

use crate::ending::{Costs, PATIENCE, Sent, Shop, eventually, slowly};

/// A store whose leases last two seconds: a week for a print.
fn impatient() -> Wishes {
    let config = "lease_processing_s = 2\nlease_printing_s = 2\nsweep_interval_ms = 100\n".to_owned();
    Wishes { store: store::Options { config, ..store::Options::default() }, ..slowly() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_print_that_goes_on_without_moonraker_agent_or_store_is_a_success() -> Result<()> {
    let mut shop = Shop::open(slowly()).await?;

    let sent = shop.print().await?;
    shop.scene.printer.replace_moonraker()?;
    let job = shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;
    shop.status_tells(&job).await?;

    // Asked to end, and found again by the next one.
    let sent = shop.print().await?;
    if let Some(agent) = shop.scene.agent.service.take() {
        agent.stop()?;
    }
    shop.scene.agent.start()?;
    shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;

    // Killed, and back only after the print has ended.
    let sent = shop.print().await?;
    if let Some(agent) = shop.scene.agent.service.take() {
        agent.kill()?;
    }
    shop.klipper_is_idle().await?;
    shop.scene.agent.start()?;
    let job = shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;
    shop.status_tells(&job).await?;

    // The store is down from the first line to behind the last one.
    let sent = shop.print().await?;
    shop.scene.store.service.put_down()?;
    shop.klipper_is_idle().await?;
    eventually("a report that waits", async || {
        Ok((shop.owner(&["status", "--json"])?["reports_waiting"].as_u64() > Some(0)).then_some(()))
    })
    .await?;
    shop.scene.store.relaunch()?;
    shop.scene.store.service.wait_for("listening on http://")?;
    let job = shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;
    shop.status_tells(&job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_heard_nothing_for_the_whole_lease_believes_the_late_report() -> Result<()> {
    let shop = Shop::open(impatient()).await?;
    let sent = shop.print().await?;
    shop.scene.proxy.line(Line::Dead);
    let job = shop.scene.buyer.follow(&sent.id, PATIENCE, |job| job.state == JobState::Interrupted).await?;
    ensure!(job.message.as_deref().is_some_and(|said| said.starts_with("printer_silent: ")), "{job:?}");
    shop.klipper_is_idle().await?;
    shop.scene.proxy.line(Line::Open);
    shop.ended(&sent, JobState::Success, "", Costs::APrint).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn power_that_fails_before_the_start_costs_nothing_that_was_not_printed() -> Result<()> {
    let mut shop = Shop::open(slowly()).await?;
    // Back at once: the claim is made again and it prints.
    let sent = claimed(&shop).await?;
    power_cut(&mut shop.scene)?;
    power_back(&mut shop.scene)?;
    shop.ended(&sent, JobState::Success, "", Costs::APrint).await?;
    drop(shop);

    // Back after the lease: it is not started then, and that is told.
    let mut shop = Shop::open(impatient()).await?;
    let sent = claimed(&shop).await?;
    power_cut(&mut shop.scene)?;
    let job = shop.scene.buyer.follow(&sent.id, PATIENCE, |job| job.state == JobState::Interrupted).await?;
    ensure!(job.message.as_deref().is_some_and(|said| said.starts_with("printer_silent: ")), "{job:?}");
    power_back(&mut shop.scene)?;
    let job = shop.ended(&sent, JobState::Failure, "not_started", Costs::APrint).await?;
    shop.status_tells(&job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn power_that_fails_in_mid_print_leaves_the_outcome_to_a_person() -> Result<()> {
    let mut shop = Shop::open(impatient()).await?;
    let sent = shop.print().await?;
    power_cut(&mut shop.scene)?;
    let job = shop.scene.buyer.follow(&sent.id, PATIENCE, |job| job.state == JobState::Interrupted).await?;
    ensure!(job.message.as_deref().is_some_and(|said| said.starts_with("printer_silent: ")), "{job:?}");
    let executed = shop.executed()?;

    power_back(&mut shop.scene)?;
    eventually("the printer's own word", async || {
        let said = shop.scene.buyer.job(&sent.id).await?.message.unwrap_or_default();
        Ok(said.starts_with("outcome_unknown: ").then_some(()))
    })
    .await?;
    let job = shop.ended(&sent, JobState::Interrupted, "outcome_unknown", Costs::Undecided).await?;
    shop.status_tells(&job).await?;
    ensure!(shop.executed()? == executed, "it was started again");

    let decision = json!({"outcome": "failure", "message": "seller: half a part"});
    let path = format!("/api/v1/jobs/{}/resolve", sent.id);
    sealpost_tests::person::expect(shop.scene.seller.post(&path, &decision).await?).await?;
    shop.ended(&sent, JobState::Failure, "seller", Costs::APrint).await?;

    // The next print is a print like any other.
    let sent = shop.send().await?;
    shop.ended(&sent, JobState::Success, "", Costs::APrint).await.map(drop)
}

/// A job whose key is out and whose file is half there.
async fn claimed(shop: &Shop) -> Result<Sent> {
    let held = shop.scene.proxy.lose("GET /api/printer-agent/download-gcode", Loss::Half);
    let sent = shop.send().await?;
    held.wait().await?;
    Ok(sent)
}

/// Everything on the printer is gone at once.
fn power_cut(scene: &mut Scene) -> Result<()> {
    scene.agent.end()?;
    if let Some(klipper) = scene.printer.klipper.take() {
        klipper.host.kill()?;
    }
    if let Some(moonraker) = scene.printer.moonraker.take() {
        moonraker.kill()?;
    }
    Ok(())
}

/// It starts again, the agent first: Moonraker and Klipper take longer.
fn power_back(scene: &mut Scene) -> Result<()> {
    scene.agent.start()?;
    scene.printer.replace_klipper()?;
    scene.printer.replace_moonraker()
}
