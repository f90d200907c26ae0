//! The shapes of all calls and answers are those of `calls.json`.

use anyhow::{Context, Result, ensure};
use sealpost_tests::programs::root;
use serde_json::{Value, json};

use crate::joining::pair;
use crate::shape;
use crate::world::World;

/// Writes `calls.json` anew; what it then holds is for people to read before it is kept.
const UPDATE: &str = "SEALPOST_TEST_UPDATE";

#[tokio::test(flavor = "multi_thread")]
async fn every_call_and_its_answer_have_the_shapes_that_are_on_record() -> Result<()> {
    let mut world = World::open(0, "").await?;
    world.register()?;
    let printer = pair(&mut world).await?;
    world.plugin.ask("refresh", json!({}))?;
    world.plugin.poll()?;

    let job = world.claimed(&printer).await?;
    for state in ["processing", "printing", "paused"] {
        world.plugin.report(&job, state)?;
    }
    world.plugin.fetch("fetch", json!({"job": job}))?;
    let statistics = json!({"filament_used": 21.7, "print_duration": 8.5, "total_duration": 22.8});
    let ended = json!({"job": job, "state": "completed", "message": "done", "statistics": statistics});
    world.plugin.ask("report", ended)?;
    let current = shapes(&mut world)?;

    world
        .plugin
        .ask("sign_in", json!({"email": world.buyer.email, "password": sealpost_tests::person::PASSWORD}))?;
    world.plugin.ask("poll_flat", json!({}))?;
    let job = world.send(&printer).await?;
    world.plugin.ask("poll_flat", json!({}))?;
    world.plugin.ask("address", json!({"job": job}))?;
    world.plugin.fetch("fetch_flat", json!({"job": job}))?;
    let fields = json!({"job": job, "status": "failure", "error": "clogged", "user_id": world.buyer.id});
    world.plugin.ask("report_print_status", fields)?;
    world.plugin.ask("refresh", json!({"path": "/api/refresh-printer-token"}))?;
    let older = shapes(&mut world)?;

    let shown = json!({"current": current, "older": older});
    let path = root().join("tests/lmnt/calls.json");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&shown)? + "\n")?;
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    for era in ["current", "older"] {
        let (kept, shown) = (calls(&kept, era)?, calls(&shown, era)?);
        for (kept, shown) in kept.iter().zip(shown) {
            ensure!(kept == shown, "{era}: on record is\n{kept:#}\nbut this was said:\n{shown:#}");
        }
        ensure!(
            kept.len() == shown.len(),
            "{era}: {} calls are on record, {} were made",
            kept.len(),
            shown.len()
        );
    }
    Ok(())
}

fn shapes(world: &mut World) -> Result<Vec<Value>> {
    Ok(world.plugin.exchanges()?.iter().map(shape::of_exchange).collect())
}

fn calls<'a>(all: &'a Value, era: &str) -> Result<&'a Vec<Value>> {
    all[era].as_array().with_context(|| format!("there is nothing of `{era}`"))
}
