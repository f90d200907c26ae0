//! A backup is made while a store is used, and what is made of it prints and counts right: on both databases, and from each to the
//! other.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use sealpost_market::JobState;
use sealpost_tests::backup::Shelf;
use sealpost_tests::parts;
use sealpost_tests::person::{client, expect, problem};
use sealpost_tests::scene::{Scene, Wishes};
use sealpost_tests::store::{self, Store};
use serde_json::json;

use crate::Backend;

const PATIENCE: Duration = Duration::from_secs(120);

/// Makes of each `async fn(Backend, Backend)` one test for each way between the databases.
macro_rules! from_each_to_each {
    ($($name:ident),* $(,)?) => {
        mod sqlite_to_sqlite {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> { super::$name(crate::Backend::Sqlite, crate::Backend::Sqlite).await }
        )*}
        mod postgres_to_postgres {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> { super::$name(crate::Backend::Postgres, crate::Backend::Postgres).await }
        )*}
        mod sqlite_to_postgres {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> { super::$name(crate::Backend::Sqlite, crate::Backend::Postgres).await }
        )*}
        mod postgres_to_sqlite {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> { super::$name(crate::Backend::Postgres, crate::Backend::Sqlite).await }
        )*}
    };
}

mod busy;
mod killed;
mod refused;

from_each_to_each!(nothing_is_printed_or_counted_twice_after_a_restore);

async fn nothing_is_printed_or_counted_twice_after_a_restore(from: Backend, to: Backend) -> Result<()> {
    let mut scene = Scene::start(Wishes { store: from.options()?, ..Wishes::default() }).await?;
    let shelf = Shelf::new(scene.folder())?;
    let file = parts::made(scene.folder(), "ring.gcode", &["--layers", "3", "--size", "20000"])?;
    let licence = scene.sell("ring", &file, 6).await?;
    let print = async |scene: &Scene| {
        Ok::<_, anyhow::Error>(scene.buyer.print(&licence, &scene.printer_id).await?.id)
    };

    // Before the backup: one is printed, two wait.
    let printed = print(&scene).await?;
    scene.buyer.follow_to_end(&printed, PATIENCE).await?;
    scene.agent.end()?;
    let printed_since = print(&scene).await?;
    let never_started = print(&scene).await?;
    for job in [&printed_since, &never_started] {
        scene.buyer.follow(job, PATIENCE, |job| job.state == JobState::ReadyToPrint).await?;
    }
    shelf.back_up(scene.folder(), "evening")?;

    // After it: one of them is printed, the other one is taken back, and a new one is printed.
    expect(scene.buyer.post(&format!("/api/v1/jobs/{never_started}/cancel"), &json!({})).await?).await?;
    scene.agent.start()?;
    assert_eq!(scene.buyer.follow_to_end(&printed_since, PATIENCE).await?.state, JobState::Success);
    let made_since = print(&scene).await?;
    assert_eq!(scene.buyer.follow_to_end(&made_since, PATIENCE).await?.state, JobState::Success);
    assert_eq!(scene.printer.executed()?.len(), 3 * parts::lines(&fs::read(&file)?).len());

    // The store burns down, and another one is made of the backup.
    let Scene { store, .. } = &mut scene;
    store.service.put_down()?;
    let again = scene.folder().join("again");
    let options = store::Options { config: format!("public_url = {:?}\n", scene.proxy.url), ..to.options()? };
    let restored = shelf.restore("evening", &again, &options)?;
    assert_eq!(restored["heldJobs"], 2, "{restored}");
    let new = Store::start(&again, &options)?;
    scene.proxy.lead_to(&new.url);

    let with_the_old_token =
        client()?.get(format!("{}/api/v1/licences", new.url)).bearer_auth(&scene.buyer.token);
    assert_eq!(problem(with_the_old_token.send().await?).await?.status, 401);
    let buyer = scene.buyer.sign_in_again(&scene.proxy.url).await?;
    let seller = scene.seller.sign_in_again(&new.url).await?;
    // Its printer says that it never started this one, by claiming it.
    assert_eq!(buyer.follow_to_end(&never_started, PATIENCE).await?.state, JobState::Success);
    // And leaves alone what it printed.
    let held = buyer.job(&printed_since).await?;
    assert_eq!(held.state, JobState::Interrupted, "{held:?}");
    let count = async || -> Result<[u32; 2]> {
        let licence = &buyer.licences().await?[0];
        Ok([licence.prints_used, licence.prints_reserved])
    };
    assert_eq!(count().await?, [2, 1]);
    let body = json!({"outcome": "success", "message": "I have it in my hand."});
    expect(seller.post(&format!("/api/v1/jobs/{printed_since}/resolve"), &body).await?).await?;
    assert_eq!(count().await?, [3, 0]);
    // What was made since is gone with the store: its printer hears so once, and goes on.
    let more = buyer.print(&licence, &scene.printer_id).await?;
    assert_eq!(buyer.follow_to_end(&more.id, PATIENCE).await?.state, JobState::Success);
    assert_eq!(count().await?, [4, 0]);
    assert_eq!(scene.printer.executed()?.len(), 5 * parts::lines(&fs::read(&file)?).len());
    Ok(())
}
