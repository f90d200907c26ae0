//! Registering, pairing, tokens.

use anyhow::{Context, Result, ensure};
use sealpost_market::JobState;
use sealpost_tests::person::expect;
use serde_json::{Value, json};

use crate::world::World;

/// Pairs as the plugin's page does; gives the printer's id.
pub(crate) async fn pair(world: &mut World) -> Result<String> {
    let started = world.plugin.ask("pair_start", json!({"name": "Workshop", "toolheads": 2}))?;
    let code = started["pairing_code"].as_str().context("no code")?;
    let session = json!({"session_id": started["session_id"]});
    let status = world.plugin.ask("pair_status", session.clone())?;
    ensure!(status == json!({"done": false, "status": "pending"}), "{status}");
    world.buyer.approve(code).await?;
    let status = world.plugin.ask("pair_status", session.clone())?;
    ensure!(status["done"] == true, "{status}");
    let kept = world.plugin.ask("pair_complete", session)?;
    ensure!(kept["token_expires"].is_string(), "the plugin does not read when the token ends: {kept}");
    Ok(kept["printer_id"].as_str().context("no printer")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_that_registered_prints_and_one_that_pairs_afterwards_stays_the_same() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let registered = world.register()?;
    let job = world.claimed(&registered).await?;
    assert_eq!(world.plugin.fetch("fetch", json!({"job": job}))?, world.part);
    world.plugin.report(&job, "completed")?;

    // Pairing keeps the key, so the store knows the printer.
    let paired = pair(&mut world).await?;
    assert_eq!(paired, registered);
    let job = world.claimed(&paired).await?;
    assert_eq!(world.plugin.fetch("fetch", json!({"job": job}))?, world.part);
    world.plugin.report(&job, "completed")?;
    assert_eq!(world.prints().await?, (2, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_anew_makes_another_printer_and_what_was_sealed_for_the_old_key_stays_closed()
-> Result<()> {
    let mut world = World::open(0, "").await?;
    let before = world.register()?;
    let job = world.claimed(&before).await?;
    let after = world.register()?;
    assert_ne!(after, before);
    assert_eq!(world.plugin.poll()?, None);
    let refused = world.plugin.fetch("fetch", json!({"job": job})).unwrap_err().to_string();
    assert!(refused.contains("download: 404"), "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_open_is_as_good_as_a_sealed_one() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    let kept = world.plugin.ask("kept", json!({}))?;
    let answer = json!({
        "token": kept["printer_token"], "printer_id": printer, "expires_at": "2099-01-01T00:00:00.000Z",
    });
    let kept = world.plugin.ask("open_plain_grant", json!({"answer": answer}))?;
    assert_eq!(kept["token_expires"], "2099-01-01T00:00:00+00:00");
    let job = world.claimed(&printer).await?;
    assert_eq!(world.plugin.fetch("fetch", json!({"job": job}))?, world.part);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_under_both_names_and_the_old_one_lives_until_the_new_one_was_used() -> Result<()>
{
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;
    for path in ["/api/printer-agent/refresh-token", "/api/refresh-printer-token"] {
        let before = world.plugin.ask("kept", json!({}))?;
        let after = world.plugin.ask("refresh", json!({"path": path}))?;
        assert!(after["token_expires"].is_string(), "{path}: {after}");
        let after = world.plugin.ask("kept", json!({}))?;
        assert_ne!(before["printer_token"], after["printer_token"]);
        // An answer that was lost on its way: the plugin goes on with what it had, and asks again.
        world.plugin.ask("take_token", json!({"token": before["printer_token"]}))?;
        assert_eq!(world.plugin.poll()?, None);
        world.plugin.ask("refresh", json!({"path": path}))?;
        assert_eq!(world.plugin.poll()?, None);
    }
    let job = world.claimed(&printer).await?;
    assert_eq!(world.plugin.fetch("fetch", json!({"job": job}))?, world.part);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_printer_that_its_owner_removed_is_told_401() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let printer = world.register()?;

    // A key of the store's that is replaced, and a restart, cost no printer its registration.
    expect(world.seller.post("/api/v1/keys/rotate", &json!({"key": "tokens"})).await?).await?;
    assert_eq!(world.plugin.poll()?, None);
    world.store.relaunch()?;
    world.store.service.wait_for("listening on http")?;
    assert_eq!(world.plugin.poll()?, None);
    // Nor does a report about nothing, or a store that is down.
    let answer = world.plugin.ask("report", json!({"job": "j_00000000000000000000", "state": "printing"}))?;
    assert_eq!(answer["status"], 404);
    world.proxy.meddle(|_, _, _| bytes::Bytes::from_static(b"{\"jobs\": []}"));
    assert_eq!(world.plugin.poll()?, None);
    world.proxy.let_be();

    let job = world.send(&printer).await?;
    let path = format!("/api/v1/printers/{printer}");
    expect(world.buyer.request(reqwest::Method::DELETE, &path).send().await?).await?;
    assert_eq!(world.plugin.ask("poll", json!({}))?, json!({"wiped": true}));
    assert_eq!(world.plugin.ask("kept", json!({}))?, json!({}));
    assert_eq!(world.buyer.job(&job).await?.state, JobState::Cancelled);
    assert_eq!(world.prints().await?, (0, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_too_often_is_put_off_and_still_gets_its_answer() -> Result<()> {
    let mut world = World::open(0, "").await?;
    let started = world.plugin.ask("pair_start", json!({"name": "Impatient"}))?;
    let session = json!({"session_id": started["session_id"]});
    let mut seen = Vec::new();
    // Far more often than the page's two seconds.
    for _ in 0..10 {
        seen.push(world.plugin.ask("pair_status", session.clone())?["status"].clone());
    }
    assert!(seen.contains(&json!("slow_down")), "{seen:?}");
    world.buyer.approve(started["pairing_code"].as_str().context("no code")?).await?;
    let status = world.plugin.ask("pair_status", session.clone())?;
    assert_eq!(status, json!({"done": true, "status": "approved"}));
    let kept: Value = world.plugin.ask("pair_complete", session)?;
    assert!(kept["printer_id"].is_string());
    Ok(())
}
