//! What the client opens is what a printer prints.

use anyhow::Result;
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::printer::{Options, Printer};
use sealpost_tests::programs::real_klipper;
use serde_json::json;

use crate::joining::pair;
use crate::world::{PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_opened_file_prints_line_by_line_and_the_report_counts_it() -> Result<()> {
    // A plain file with bytes that are no UTF-8 is more than Klipper itself takes.
    let mut world = World::selling(&["--layers", "3"], 0, "").await?;
    let printer = Printer::start(world.folder.path(), Options::default())?;
    let id = pair(&mut world).await?;
    let job = world.claimed(&id).await?;
    world.plugin.report(&job, "processing")?;
    let plain = world.plugin.fetch("fetch", json!({"job": job}))?;
    std::fs::write(printer.data.join("gcodes/virtual.gcode"), &plain)?;
    printer.ask("printer.print.start", json!({"filename": "virtual.gcode"})).await?;
    world.plugin.report(&job, "printing")?;

    let ended = tokio::time::timeout(PATIENCE, async {
        loop {
            let stats = printer.object("print_stats").await?;
            if stats["state"] != "printing" {
                return anyhow::Ok(stats);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    let stats = ended.await??;
    assert_eq!(stats["state"], "complete");
    if real_klipper().is_none() {
        assert_eq!(printer.executed()?, parts::lines(&world.part));
    }
    world.plugin.ask("report", json!({"job": job, "state": "completed", "statistics": stats}))?;
    assert_eq!(world.buyer.job(&job).await?.state, JobState::Success);
    assert_eq!(world.prints().await?, (1, 0));
    Ok(())
}
