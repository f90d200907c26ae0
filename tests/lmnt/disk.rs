//! Sealed files on the printer's own disk, through Moonraker's documented endpoints, on a printer with the agent.

use std::fs;
use std::io::Write as _;

use anyhow::{Context, Result, ensure};
use sealpost_envelope::{ContentCipher, Dek, PrinterSecret, Sealer, nacl_box};
use sealpost_tests::parts;
use sealpost_tests::person::client;
use sealpost_tests::programs::real_klipper;
use sealpost_tests::random;
use sealpost_tests::scene::{Scene, Wishes};
use serde_json::{Value, json};

use crate::world::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_file_prints_by_name_where_the_agent_reads_the_folder_and_where_moonraker_does() -> Result<()>
{
    let mut scene = Scene::start(Wishes::default()).await?;
    let part = fs::read(parts::made(scene.folder(), "part.gcode", &["--layers", "3", "--latin1"])?)?;
    let dek = Dek::generate(&mut random());
    let mut sealer = Sealer::new(ContentCipher::Age, &dek, &mut random(), Vec::new())?;
    sealer.write_all(&part)?;
    let folder = scene.printer.data.join("gcodes/own files");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("ring.gcode"), sealer.finish()?)?;
    let kept = fs::read_to_string(scene.agent.state.join("identity.key"))?;
    let key: [u8; 32] = hex::decode(kept.trim())?.try_into().ok().context("a key has 32 bytes")?;
    let package = nacl_box::wrap(&dek, &PrinterSecret::from_bytes(key).public(), &mut random())?;
    let body = json!({"filename": "own files/ring.gcode", "gcode_dek_package": package});

    for path in ["/machine/encrypted_print/start_print", "/server/encrypted/print"] {
        let before = executed(&scene)?.len();
        let answer = ask(&scene, path, &body).await?;
        ensure!(answer["result"]["layer_count"] == 3, "{path}: {answer}");
        let shown = ended(&scene).await?;
        let name = shown["filename"].as_str().context("no name")?;
        ensure!(shown["state"] == "complete" && name.starts_with("sealpost/own_"), "{path}: {shown}");
        if real_klipper().is_none() {
            ensure!(executed(&scene)?[before..] == parts::lines(&part), "{path}: other lines");
        }
        let sealed = json!({"filename": "own files/ring.gcode"});
        ensure!(ask(&scene, path, &sealed).await?["code"] == "key_missing", "{path}");
        // The second time the agent cannot look into the folder.
        let settings = fs::read_to_string(&scene.agent.config)?;
        let rest: String = settings
            .lines()
            .filter(|line| !line.starts_with("gcodes_dir"))
            .map(|line| format!("{line}\n"))
            .collect();
        fs::write(&scene.agent.config, rest)?;
        scene.agent.start()?;
    }
    ensure!(fs::read_dir(&scene.agent.cache)?.next().is_none(), "something is left in the cache");
    Ok(())
}

/// Moonraker's component and the agent find each other again by themselves.
async fn ask(scene: &Scene, path: &str, body: &Value) -> Result<Value> {
    let url = format!("{}{path}", scene.printer.moonraker_url);
    let early =
        ["agent_unreachable", "moonraker_unreachable", "klipper_not_ready", "extra_missing", "printer_busy"];
    let asked = async {
        loop {
            let answer: Value = client()?.post(&url).json(body).send().await?.json().await?;
            if !early.iter().any(|code| answer["code"] == *code) {
                return anyhow::Ok(answer);
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await?
}

async fn ended(scene: &Scene) -> Result<Value> {
    let ended = async {
        loop {
            let stats = scene.printer.object("print_stats").await?;
            if stats["state"] != "printing" {
                return anyhow::Ok(stats);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await?
}

fn executed(scene: &Scene) -> Result<Vec<String>> {
    if real_klipper().is_some() { Ok(Vec::new()) } else { scene.printer.executed() }
}
