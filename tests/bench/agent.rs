//! What an agent costs on a printer's board.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sealpost_envelope::content::age_identity;
use sealpost_envelope::{ContentCipher, Dek, Digest, JobManifest, Sealer, Sha256Reader, Sha256Writer};
use sealpost_gcode::Limits;
use sealpost_printer::opening::open_blob;
use sealpost_tests::programs::{python, root};
use sealpost_tests::scene::{Scene, Wishes};
use serde_json::{Value, json};

use crate::measure::{self, CHILD, cpu_seconds, median};
use crate::row::{Better, Row};

const SIZE: u64 = 100_000_000;
const RUNS: usize = 5;

/// Every row of `agent`.
pub(crate) async fn run() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let plain = sealpost_tests::parts::made(
        folder.path(),
        "part.gcode",
        &["--layers", "200", "--size", &SIZE.to_string()],
    )?;
    let mut rows = cbc(folder.path(), &plain)?;
    rows.extend(age(folder.path(), &plain)?);
    rows.push(idle().await?);
    Ok(rows)
}

fn cbc(folder: &Path, plain: &Path) -> Result<Vec<Row>> {
    let work = seal(folder, plain, ContentCipher::Aes256Cbc)?;
    let (mut ours, mut floors, mut memory, mut scans) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let figures = measure::child(&["open"], &work)?;
        ours.push(number(&figures, "open_cpu")?);
        memory.push(number(&figures, "memory_mb")?);
        scans.push(SIZE as f64 / 1e6 / number(&figures, "scan_cpu")?);
        let floor =
            measure::figures(Command::new(python()?).arg(root().join("tests/bench/floor.py")), &work)?;
        ensure!(floor["size"] == SIZE, "the floor opened {} bytes", floor["size"]);
        floors.push(number(&floor, "cpu")?);
    }
    Ok(vec![
        Row {
            row: "100 MB aes-256-cbc, package in, sealed memfd out",
            ours: median(ours),
            reference: median(floors),
            unit: "s CPU",
            target: 1.3,
            better: Better::Less,
        },
        Row {
            row: "memory beside the memfd, aes-256-cbc",
            ours: median(memory),
            reference: 16.0,
            unit: "MB",
            target: 1.0,
            better: Better::Less,
        },
        Row {
            row: "limit check of G-code",
            ours: median(scans),
            reference: 300.0,
            unit: "MB/s",
            target: 1.0,
            better: Better::More,
        },
    ])
}

fn age(folder: &Path, plain: &Path) -> Result<Vec<Row>> {
    let work = seal(folder, plain, ContentCipher::Age)?;
    let (mut ours, mut library, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let figures = measure::child(&["open"], &work)?;
        ours.push(SIZE as f64 / 1e6 / number(&figures, "open_cpu")?);
        memory.push(number(&figures, "memory_mb")?);
        library.push(SIZE as f64 / 1e6 / number(&measure::child(&["age"], &work)?, "cpu")?);
    }
    Ok(vec![
        Row {
            row: "100 MB age, package in, sealed memfd out",
            ours: median(ours),
            reference: median(library),
            unit: "MB/s",
            // The same library does the work: what is below one is noise.
            target: 0.95,
            better: Better::More,
        },
        Row {
            row: "memory beside the memfd, age",
            ours: median(memory),
            reference: 16.0,
            unit: "MB",
            target: 1.0,
            better: Better::Less,
        },
    ])
}

async fn idle() -> Result<Row> {
    let scene = Scene::start(Wishes::default()).await?;
    let service = scene.agent.service.as_ref().context("the agent does not run")?;
    let ours = measure::own_memory_mb(service.pid())?;
    Ok(Row {
        row: "agent idle, paired and listening",
        ours,
        reference: 15.0,
        unit: "MB",
        target: 1.0,
        better: Better::Less,
    })
}

/// One piece of work in a process of its own.
pub(crate) fn child(arguments: &[String]) -> Result<()> {
    let work: Value = serde_json::from_reader(io::stdin())?;
    let text = |name: &str| work[name].as_str().with_context(|| format!("no {name} after {CHILD}"));
    let dek = Dek::try_from(hex::decode(text("key")?)?.as_slice())?;
    let blob = PathBuf::from(text("blob")?);
    let figures = match arguments.first().map(String::as_str) {
        Some("open") => {
            let manifest: JobManifest = serde_json::from_value(work["manifest"].clone())?;
            let digest = Digest { sha256: manifest.blob_sha256, size: manifest.blob_size };
            let before = cpu_seconds();
            let opened = open_blob(File::open(blob)?, &digest, &manifest, &dek, &Limits::default())?;
            let cpu = cpu_seconds() - before;
            let (open, hash, scan) = (opened.times.open, opened.times.hash, opened.times.scan);
            let all = (open + hash + scan).as_secs_f64();
            ensure!(opened.file.size() == SIZE, "opened {} bytes", opened.file.size());
            json!({
                "open_cpu": cpu * open.as_secs_f64() / all,
                "hash_cpu": cpu * hash.as_secs_f64() / all,
                "scan_cpu": cpu * scan.as_secs_f64() / all,
                "memory_mb": measure::peak_memory_mb(i32::try_from(std::process::id())?)?,
            })
        }
        _ => {
            let before = cpu_seconds();
            library(&dek, &blob)?;
            json!({"cpu": cpu_seconds() - before})
        }
    };
    io::stdout().write_all(figures.to_string().as_bytes())?;
    Ok(())
}

/// The age crate alone, into a memfd.
fn library(dek: &Dek, blob: &Path) -> Result<()> {
    let identity: age::x25519::Identity = age_identity(dek)?.parse().map_err(anyhow::Error::msg)?;
    let decryptor = age::Decryptor::new(File::open(blob)?)?;
    let mut plain = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))?;
    let mut memfd = File::from(rustix::fs::memfd_create("library", rustix::fs::MemfdFlags::CLOEXEC)?);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = plain.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        memfd.write_all(&buffer[..read])?;
    }
}

/// Seals a file and gives what is needed to open it.
fn seal(folder: &Path, plain: &Path, cipher: ContentCipher) -> Result<Value> {
    let mut rng = sealpost_tests::random();
    let dek = Dek::generate(&mut rng);
    let blob = folder.join(format!("part.{cipher}"));
    let mut sealer = Sealer::new(cipher, &dek, &mut rng, Sha256Writer::new(File::create(&blob)?))?;
    let iv = sealer.iv();
    let mut reader = Sha256Reader::new(File::open(plain)?);
    io::copy(&mut reader, &mut sealer)?;
    let (_, plain) = reader.finish();
    let (_, sealed) = sealer.finish()?.finish();
    let manifest = JobManifest {
        iss: "https://store.example".to_owned(),
        aud: "p_1".to_owned(),
        job: "j_1".to_owned(),
        listing: "l_1".to_owned(),
        release: "r_1".to_owned(),
        nonce: "n".to_owned(),
        cipher,
        iv,
        blob_sha256: sealed.sha256,
        blob_size: sealed.size,
        key_sha256: [0; 32],
        plain_sha256: plain.sha256,
        plain_size: plain.size,
        iat: 0,
        exp: u64::MAX,
    };
    // Read once, so that every run finds it in the page cache.
    fs::read(&blob)?;
    Ok(
        json!({"blob": blob, "key": hex::encode(dek.expose()), "iv": iv.map(hex::encode), "manifest": manifest}),
    )
}

fn number(figures: &Value, name: &str) -> Result<f64> {
    figures[name].as_f64().with_context(|| format!("no {name} in {figures}"))
}
