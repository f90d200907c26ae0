//! A purchased file, its key and all that opens it leave no trace, whichever way the print ends.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sealpost_market::JobState;
use sealpost_tests::person::PASSWORD;
use sealpost_tests::service::Service;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::canary::Secret;
use crate::places::{Find, holders_are_found, search};
use crate::users::{KLIPPER, can_switch, shared_python};
use crate::world::{Wishes, World};

/// Stands in every comment of the file.
const COMMENT: &str = "Quokka-vermilion 7f3aC9 \"sold\"";
/// Stands in its moves.
const MOVE: &str = "X17.4931 Y23.8177";
/// One number of them.
const COORDINATE: &str = "17.4931";
/// What Klipper stumbles over in the file with an error.
const FAILING: &str = "failingWombat5512";

/// At 200 lines a second a quarter of a minute: time to pause, cancel and stop on a busy machine.
const LAYERS: u32 = 1_000;

/// Held by whoever searches: what one of them plants on purpose is no find of the other.
static SEARCHING: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn no_end_of_a_print_leaves_a_trace_of_what_was_sold() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let _alone = SEARCHING.lock().await;
    let world = World::start(Wishes { rate: 200, ..Wishes::default() }).await?;
    let licence = world.sell("whole", &part(LAYERS, None)).await?;
    let mut said = vec![sign_in_at_the_printer(&world).await?];

    let job = world.print(&licence).await?;
    world.pause(&job).await?;
    ask_everything(&world).await?;
    clean(&world, &said, "in mid-print")?;
    world.ask("printer.print.resume", json!({})).await?;
    let job = world.end_of(&job).await?;
    ensure!(job.state == JobState::Success, "{job:?}");
    hear(&world, &mut said, &job).await?;
    clean(&world, &said, "after a print")?;

    let job = world.print(&licence).await?;
    world.ask("printer.print.cancel", json!({})).await?;
    let job = world.end_of(&job).await?;
    ensure!(job.state == JobState::Cancelled, "{job:?}");
    hear(&world, &mut said, &job).await?;
    clean(&world, &said, "after a cancel")?;

    let wrong = world.sell("wrong", &part(60, Some(FAILING))).await?;
    let job = world.print(&wrong).await?;
    let job = world.end_of(&job).await?;
    ensure!(job.state == JobState::Failure, "{job:?}");
    hear(&world, &mut said, &job).await?;
    clean(&world, &said, "after a G-code error")?;
    the_failing_line_alone_is_told_and_only_at_the_printer(&world, &said)?;

    // Sealed once: the key of the job is that of the release, which the store keeps.
    let once = world.sell_once("once", &part(LAYERS, None)).await?;
    let job = world.print(&once).await?;
    world.ask("printer.emergency_stop", json!({})).await?;
    let job = world.end_of(&job).await?;
    ensure!(job.state == JobState::Failure, "{job:?}");
    hear(&world, &mut said, &job).await?;
    clean(&world, &said, "after an emergency stop")?;
    Ok(())
}

/// The search finds what lies about, in each of the places and in each form.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_left_anywhere_is_found() -> Result<()> {
    if !can_switch()? {
        return Ok(());
    }
    let _alone = SEARCHING.lock().await;
    let world = World::start(Wishes::default()).await?;
    let secrets = [Secret::text("comment", COMMENT), Secret::content_key("content key", &[0xc3; 32])];
    told("before", &search(&world, &secrets, &[])?)?;

    let forms: Vec<&[u8]> = secrets.iter().flat_map(Secret::forms).map(|(_, form)| form.as_slice()).collect();
    let folders = ["store", "agent/state", "agent/cache", "printer_data/logs", "printer_data/database"];
    let left =
        |number: usize| world.folder().join(folders[number % folders.len()]).join(format!("left-{number}"));
    fs::create_dir_all(world.folder().join("agent/cache"))?;
    for (number, form) in forms.iter().enumerate() {
        fs::write(left(number), [b"before", *form, b"behind"].concat())?;
    }
    let found = search(&world, &secrets, &[])?;
    for number in 0..forms.len() {
        let place = left(number).display().to_string();
        ensure!(found.iter().any(|find| find.place == place), "form {number} was not found in {place}");
        fs::remove_file(left(number))?;
    }

    let text = String::from_utf8_lossy(forms[1]).into_owned();
    let named = world.folder().join("printer_data/gcodes").join(&text);
    fs::write(&named, "")?;
    let stray = tempfile::Builder::new().prefix("stray").tempfile()?;
    fs::write(stray.path(), &text)?;
    chown(stray.path(), Some(KLIPPER.0), None)?;
    rows(&world.folder().join("printer_data/database/left.sqlite"), &text)?;
    // In its arguments, its environment, and a file that it holds open and that has no name any more.
    let script = "import os, sys, tempfile\nf = tempfile.TemporaryFile()\nf.write(sys.argv[1].encode())\nf.flush()\nprint('holds', flush=True)\nsys.stdin.close()\nimport signal\nsignal.pause()";
    let mut command = KLIPPER.command(world.folder().join("printer_data").as_path(), &shared_python()?);
    command.args(["-c", script, &text]).env("LEFT", &text);
    let holder = Service::start("holder", &command, world.folder())?;
    holder.wait_for("holds")?;
    let client = sealpost_tests::person::client()?;
    for tap in [&world.store_tap, &world.moonraker_tap] {
        client.get(format!("{}/{text}", tap.url)).send().await?;
    }
    let finds = search(&world, &secrets, &[text])?;
    for place in [
        "name of ",
        "/stray",
        "left.sqlite-wal",
        "cmdline of ",
        "environ of ",
        "open in ",
        "said at the store's line",
        "said at Moonraker's line",
        "said to people",
    ] {
        ensure!(finds.iter().any(|find| find.place.contains(place)), "nothing was found: {place}");
    }
    Ok(())
}

/// A database whose newest rows are in its log.
fn rows(path: &Path, text: &str) -> Result<()> {
    let database = rusqlite::Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.execute("CREATE TABLE left (behind TEXT)", [])?;
    database.execute("INSERT INTO left VALUES (?1)", [text])?;
    // Closed, the log would be merged.
    std::mem::forget(database);
    Ok(())
}

/// A part full of canaries: wherever it is torn, one is near.
fn part(layers: u32, failing: Option<&str>) -> Vec<u8> {
    let mut part = format!(
        "; generated by PrusaSlicer 2.8.0\n; {COMMENT}\n;TIME:600\nG28 ; {COMMENT}\nG90\nG1 Z0.4 F600\n"
    );
    let layers = crate::world::layers(layers);
    for layer in 0..layers {
        part += &format!("; {COMMENT}\nG1 {MOVE} F5021 ; {COMMENT}\nG1 X60 Y60\n");
        if let Some(text) = failing.filter(|_| layer == layers / 2) {
            part += &format!("SET_PRINT_STATS_INFO CURRENT_LAYER={text}\n");
        }
    }
    part += &format!("; filament used [mm] = 12.5\n; printer_notes = {COMMENT}\n");
    part.into_bytes()
}

/// By the component of Moonraker, with the right password and with one that is not: what both are told.
async fn sign_in_at_the_printer(world: &World) -> Result<String> {
    let url = format!("{}/machine/lmnt_marketplace/login_user", world.moonraker_tap.url);
    let client = sealpost_tests::person::client()?;
    for (name, password) in [(world.buyer.email.as_str(), PASSWORD), ("nobody@example.org", PASSWORD)] {
        let body = json!({"username": name, "password": password});
        let answer = client.post(&url).json(&body).send().await?;
        let good = answer.status().is_success();
        let text = answer.text().await?;
        ensure!(good == (name == world.buyer.email), "{text}");
        if !good {
            return Ok(text);
        }
    }
    Ok(String::new())
}

fn secrets(world: &World) -> Result<Vec<Secret>> {
    let mut secrets = world.secrets()?;
    secrets.push(Secret::text("comment", COMMENT));
    secrets.push(Secret::text("move", MOVE));
    secrets.push(Secret::text("coordinate", COORDINATE));
    Ok(secrets)
}

fn clean(world: &World, said: &[String], when: &str) -> Result<()> {
    let secrets = secrets(world)?;
    ensure!(secrets.iter().any(|secret| secret.name == "content key"), "no content key passed the tap");
    holders_are_found(world, &secrets)?;
    told(when, &search(world, &secrets, said)?)
}

fn told(when: &str, finds: &[Find]) -> Result<()> {
    let list: Vec<String> = finds.iter().map(Find::to_string).collect();
    ensure!(list.is_empty(), "{when}:\n{}", list.join("\n"));
    Ok(())
}

/// Klipper names the line to whoever stands at the printer; of the rest of the file nobody hears, and of the line nobody else.
fn the_failing_line_alone_is_told_and_only_at_the_printer(world: &World, said: &[String]) -> Result<()> {
    let line = [Secret::text("failing line", FAILING)];
    let finds = search(world, &line, said)?;
    let at_printer =
        |find: &Find| find.place.contains("/printer_data/") || find.place.contains("Moonraker's line");
    let elsewhere: Vec<Find> = finds.iter().filter(|find| !at_printer(find)).cloned().collect();
    told("the failing line went further", &elsewhere)?;
    ensure!(
        finds.iter().any(|find| find.place.contains("klippy.log")),
        "klippy.log does not name the failing line"
    );
    Ok(())
}

/// All that is told of how it ended.
async fn hear(world: &World, said: &mut Vec<String>, job: &sealpost_api::job::Job) -> Result<()> {
    said.push(format!("{job:?}"));
    said.push(world.says(&["status", "--json"])?);
    said.push(world.says(&["queue", "list", "--json"])?);
    said.push(world.says(&["doctor", "--json"])?);
    ask_everything(world).await
}

/// Everything that Moonraker tells, asked for as a panel would; the tap hears it.
async fn ask_everything(world: &World) -> Result<()> {
    let objects = world.ask("printer.objects.list", json!({})).await?;
    let names = objects["result"]["objects"].as_array().context("Klipper has no objects")?;
    let all: serde_json::Map<String, Value> =
        names.iter().filter_map(|name| Some((name.as_str()?.to_owned(), Value::Null))).collect();
    world.ask("printer.objects.query", json!({"objects": all})).await?;
    for (method, params) in [
        ("server.gcode_store", json!({"count": 1000})),
        ("server.history.list", json!({})),
        ("server.files.list", json!({"root": "gcodes"})),
        ("server.job_queue.status", json!({})),
        ("machine.proc_stats", json!({})),
        ("server.info", json!({})),
    ] {
        world.ask(method, params).await?;
    }
    let files = world.ask("server.files.list", json!({"root": "gcodes"})).await?;
    for file in files["result"].as_array().into_iter().flatten() {
        world.ask("server.files.metadata", json!({"filename": file["path"]})).await?;
    }
    for log in ["klippy.log", "moonraker.log"] {
        let url = format!("{}/server/files/logs/{log}", world.moonraker_tap.url);
        sealpost_tests::person::client()?.get(url).send().await?.bytes().await?;
    }
    Ok(())
}
