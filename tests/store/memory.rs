//! Memory is bounded by design: a large upload does not grow the store.

use anyhow::{Context, Result};
use reqwest::multipart;
use sealpost_api::catalogue::{NewListing, Release};
use sealpost_tests::parts;
use sealpost_tests::person::expect;
use sealpost_tests::store::Store;
use serde_json::json;

use crate::Backend;

crate::on_both_databases!(a_large_publish_needs_little_memory);

/// Bound on what the store allocates at its peak, MiB. Pages of the executable are not counted: a debug build's are a
/// multiple of a release build's, whose whole memory `bench store` holds against 64 MB.
const BOUND_MIB: u64 = 40;

async fn a_large_publish_needs_little_memory(backend: Backend) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut options = backend.options()?;
    // Debug code is slow; the bound does not depend on the size, and `bench store` publishes a gigabyte.
    let size: u64 = 150_000_000;
    options.config = format!("max_upload_bytes = {}\n", 2 * size);
    let store = Store::start(folder.path(), &options)?;
    let seller = store.operator().await?;
    let listing: NewListing = serde_json::from_value(json!({"id": "big", "title": "Big"}))?;
    seller.offer(&listing).await?;
    let part = parts::made(folder.path(), "big.gcode", &["--layers", "100", "--size", &size.to_string()])?;
    let part = tokio::fs::File::open(part).await?;
    let release = json!({"listing": "big", "version": "1"}).to_string();
    let form = multipart::Form::new()
        .part("release", multipart::Part::text(release).mime_str("application/json")?)
        .part("file", multipart::Part::stream_with_length(part, size).file_name("big.gcode"));
    let answer = seller.request(reqwest::Method::POST, "/api/v1/releases").multipart(form).send().await?;
    let release: Release = expect(answer).await?.json().await?;
    assert_eq!(release.plain_size, size);
    let peak = peak_mib(store.service.pid())?;
    assert!(peak < BOUND_MIB, "the store grew to {peak} MiB");
    Ok(())
}

/// Peak resident memory of a process less what is mapped from files now: its executable and libraries.
fn peak_mib(pid: i32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |name: &str| -> Result<u64> {
        let line =
            status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
    };
    Ok((kib("VmHWM:")? - kib("RssFile:")?) / 1024)
}
