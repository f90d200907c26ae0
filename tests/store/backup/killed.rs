//! A restore that is killed leaves no store that opens, and can be begun again.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;
use rand_core::Rng as _;
use sealpost_tests::backup::Shelf;
use sealpost_tests::parts;
use sealpost_tests::programs::built;
use sealpost_tests::scene::{Scene, Wishes};
use sealpost_tests::store::{Options, Store};

use crate::Backend;

crate::on_both_databases!(a_restore_that_is_killed_leaves_no_store_and_can_be_begun_again);

const KILLS: u32 = 12;

async fn a_restore_that_is_killed_leaves_no_store_and_can_be_begun_again(backend: Backend) -> Result<()> {
    let scene = Scene::start(Wishes::default()).await?;
    let shelf = Shelf::new(scene.folder())?;
    let file = parts::made(scene.folder(), "ring.gcode", &["--layers", "3", "--size", "3000000"])?;
    let licence = scene.sell("ring", &file, 3).await?;
    shelf.back_up(scene.folder(), "evening")?;
    let options = Options { config: format!("public_url = {:?}\n", scene.proxy.url), ..backend.options()? };

    let place = scene.folder().join("again");
    let begun = Instant::now();
    shelf.restore("evening", &scene.folder().join("rehearsal"), &Options::default())?;
    let whole = begun.elapsed();
    let mut refused = 0;
    for kill in 1..=KILLS {
        let mut restoring = shelf.restoring("evening", &place, &options)?;
        let mut restoring = restoring.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let spread = f64::from(sealpost_tests::random().next_u32()) / f64::from(u32::MAX);
        let after = whole.mul_f64((f64::from(kill) - spread) / f64::from(KILLS));
        tokio::time::sleep(after).await;
        if restoring.try_wait()?.is_some() {
            break;
        }
        restoring.kill()?;
        restoring.wait()?;
        // Before the first byte was written a store would be a new one.
        if has_begun(&shelf, &place)? {
            let said = serve(&place)?;
            assert!(said.contains("(restore_unfinished)") && said.contains("hint:"), "{said}");
            refused += 1;
        }
    }
    assert!(refused > 0, "no kill came while it restored");
    if let Err(error) = shelf.restore("evening", &place, &options) {
        // The last one had ended before it was killed.
        assert_eq!(error.to_string(), "store_not_empty");
    }
    let new = Store::start(&place, &options)?;
    scene.proxy.lead_to(&new.url);
    let buyer = scene.buyer.sign_in_again(&scene.proxy.url).await?;
    let job = buyer.print(&licence, &scene.printer_id).await?;
    let job = buyer.follow_to_end(&job.id, Duration::from_secs(120)).await?;
    assert_eq!(job.state, sealpost_market::JobState::Success);
    Ok(())
}

/// Whether a backup of this place says that a restore was begun there.
fn has_begun(shelf: &Shelf, place: &Path) -> Result<bool> {
    match shelf.back_up(place, "nothing") {
        Err(error) if error.to_string() == "restore_unfinished" => Ok(true),
        Err(_) => Ok(false),
        Ok(_) => Ok(false),
    }
}

/// What `serve` says when it is to open this place.
fn serve(place: &Path) -> Result<String> {
    let mut command = Command::new(built("sealpost")?);
    command.arg("serve").arg("--config").arg(place.join("store.toml")).arg("--data").arg(place.join("store"));
    let output = command.args(["--listen", "127.0.0.1:0"]).output()?;
    assert!(!output.status.success());
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}
