//! Sees which points are passed how often, for schedules to be drawn from: `cargo xtask test faults --record`.

use std::env;
use std::fs;

use anyhow::Result;
use sealpost_tests::agent::Agent;
use sealpost_tests::programs::root;

use crate::draw::Passings;
use crate::stage::Stage;

/// Circumstances, and what is played in them.
const PRINTS: [(&str, &str); 12] = [
    ("-", ""),
    ("-", "agent.start.answered@1=stop:keys.rotate"),
    ("cancel", "+cancel"),
    ("hasty", "+hasty agent.claim.asked@1=slow:4000"),
    ("no-keys", "+no-keys"),
    ("no-token", "+no-token"),
    ("old-token", "+old-token"),
    ("postgres", "+postgres"),
    ("strict", "+strict agent.start.answered@1=slow:4000"),
    ("trade", "+trade"),
    ("again", "agent.handover.answered@1=kill store.sealing.commit@1=kill"),
    ("again", "agent.start.answered@1=kill store.claim.committed@1=kill"),
];

#[tokio::test(flavor = "multi_thread")]
async fn passings_are_written_down() -> Result<()> {
    if env::var_os("SEALPOST_FAULTS_RECORD").is_none() {
        return Ok(());
    }
    let mut passings = Passings::default();
    let mut stage = Stage::set().await?;
    let mut shared = Stage::set_on_postgres().await?;
    for (circumstance, schedule) in PRINTS {
        let schedule: crate::schedule::Schedule = schedule.parse()?;
        let stage = if schedule.needs_postgres() { &mut shared } else { &mut stage };
        for line in stage.play(&schedule).await?.passed {
            passings.see(circumstance, &line);
        }
    }
    for line in pair(&mut stage).await?.lines() {
        passings.see("pair", line);
    }
    Ok(fs::write(root().join("tests/faults/passings.txt"), passings.to_text())?)
}

/// The log of a pairing.
async fn pair(stage: &mut Stage) -> Result<String> {
    stage.scene.agent.end()?;
    fs::write(&stage.log, "")?;
    let folder = stage.scene.folder().join("another");
    fs::create_dir_all(&folder)?;
    let mut agent = Agent::prepare(&folder, &stage.scene.printer, "")?;
    agent.armed = true;
    agent.environment = vec![("SEALPOST_FAULTS_LOG".to_owned(), stage.log.display().to_string())];
    agent.pair(&stage.scene.proxy.url, &stage.scene.buyer).await?;
    Ok(fs::read_to_string(&stage.log)?)
}
