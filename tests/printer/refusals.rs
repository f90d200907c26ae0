//! Whatever was changed on the way is refused before the first command reaches Klipper, with a code of its own.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use sealpost_market::JobState;
use sealpost_tests::parts;
use sealpost_tests::programs::real_klipper;
use sealpost_tests::scene::{Scene, Wishes};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Lets the agent claim a job whose answers are changed by `change`, and gives the message it failed with.
///
/// Nothing may have reached Klipper.
async fn refused(
    scene: &Scene,
    id: &str,
    change: impl FnMut(&str, Bytes) -> Bytes + Send + 'static,
) -> Result<String> {
    let file = parts::made(scene.folder(), &format!("{id}.gcode"), &["--layers", "3"])?;
    let licence = scene.sell(id, &file, 1).await?;
    let mut change = change;
    let before = traces(scene).await?;
    scene.proxy.meddle(move |path, status, body| if status.is_success() { change(path, body) } else { body });
    let job = scene.buyer.print(&licence, &scene.printer_id).await?;
    let job = scene.buyer.follow_to_end(&job.id, PATIENCE).await?;
    scene.proxy.let_be();
    assert_eq!(job.state, JobState::Failure, "{id}: {:?}", job.message);
    assert_eq!(traces(scene).await?, before, "{id}: a command reached Klipper");
    job.message.context("a refusal has a message")
}

/// What a command or a start would have changed at the printer.
async fn traces(scene: &Scene) -> Result<Value> {
    let stats = scene.printer.object("print_stats").await?;
    let toolhead = scene.printer.object("toolhead").await?;
    let executed = if real_klipper().is_none() { scene.printer.executed()?.len() } else { 0 };
    Ok(json!([stats["filename"], stats["state"], toolhead["homed_axes"], toolhead["position"], executed]))
}

fn in_claim(
    change: impl Fn(&mut Value) + Send + 'static,
) -> impl FnMut(&str, Bytes) -> Bytes + Send + 'static {
    move |path, body| {
        if !path.contains("/claim") {
            return body;
        }
        match serde_json::from_slice::<Value>(&body) {
            Ok(mut job) => {
                change(&mut job);
                Bytes::from(job.to_string())
            }
            Err(_) => body,
        }
    }
}

fn in_blob(
    change: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> impl FnMut(&str, Bytes) -> Bytes + Send + 'static {
    move |path, body| if path.contains("download-gcode") { Bytes::from(change(body.to_vec())) } else { body }
}

/// Replaces one character of a text by another of base64url's alphabet.
fn flip(text: &str, at: usize) -> String {
    let other = |c: char| if c == 'A' { 'B' } else { 'A' };
    text.chars().enumerate().map(|(i, c)| if i == at { other(c) } else { c }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_on_the_way_never_reaches_klipper() -> Result<()> {
    let scene = Scene::start(Wishes::default()).await?;

    let at_start = in_blob(|mut blob| {
        blob[10] ^= 1;
        blob
    });
    assert!(refused(&scene, "blob-start", at_start).await?.contains("blob_mismatch"));
    let at_end = in_blob(|mut blob| {
        let last = blob.len() - 1;
        blob[last] ^= 0x80;
        blob
    });
    assert!(refused(&scene, "blob-end", at_end).await?.contains("blob_mismatch"));
    let cut = in_blob(|blob| blob[..blob.len() - 100].to_vec());
    assert!(refused(&scene, "blob-cut", cut).await?.contains("blob_"));

    let package = in_claim(|job| {
        for name in ["gcode_dek_package", "gcode_dek_encrypted_hex"] {
            job[name] = flip(job[name].as_str().unwrap_or_default(), 60).into();
        }
    });
    assert!(refused(&scene, "package", package).await?.contains("package_mismatch"));

    for (id, part) in [("manifest-header", 0), ("manifest-claims", 1), ("manifest-signature", 2)] {
        let change = in_claim(move |job| {
            let manifest = job["job_manifest"].as_str().unwrap_or_default();
            let mut parts: Vec<String> = manifest.split('.').map(str::to_owned).collect();
            parts[part] = flip(&parts[part], 20);
            job["job_manifest"] = parts.join(".").into();
        });
        let message = refused(&scene, id, change).await?;
        assert!(message.contains("manifest_"), "{id}: {message}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_played_again_is_refused() -> Result<()> {
    let scene = Scene::start(Wishes::default()).await?;
    let mut first = None;
    let file = parts::made(scene.folder(), "good.gcode", &["--layers", "2"])?;
    let licence = scene.sell("good", &file, 2).await?;
    scene.proxy.meddle(move |path, status, body| {
        if !path.contains("/claim") || !status.is_success() {
            return body;
        }
        // The second job's claim is answered with the first job's keys and manifest under the new id.
        match &first {
            None => {
                first = serde_json::from_slice::<Value>(&body).ok();
                body
            }
            Some(old) => {
                let mut answer = old.clone();
                if let Ok(new) = serde_json::from_slice::<Value>(&body) {
                    answer["print_job_id"] = new["print_job_id"].clone();
                    answer["lease"] = new["lease"].clone();
                }
                Bytes::from(answer.to_string())
            }
        }
    });
    let job = scene.buyer.print(&licence, &scene.printer_id).await?;
    assert_eq!(scene.buyer.follow_to_end(&job.id, PATIENCE).await?.state, JobState::Success);
    let before = traces(&scene).await?;
    let job = scene.buyer.print(&licence, &scene.printer_id).await?;
    let job = scene.buyer.follow_to_end(&job.id, PATIENCE).await?;
    assert_eq!(job.state, JobState::Failure);
    assert!(job.message.context("a reason")?.contains("manifest_"));
    assert_eq!(traces(&scene).await?, before, "a command reached Klipper");
    Ok(())
}
