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

/// Bound on what a publish adds to what an idle store allocates, MiB. What a debug build's executable takes, relocated pages among it, is
/// a multiple of a release build's, whose whole memory `bench store` holds against 64 MB.
const BOUND_MIB: u64 = 24;

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
    let idle = allocated_mib(store.service.pid(), "VmRSS:")?;
    let form = multipart::Form::new()
        .part("release", multipart::Part::text(release).mime_str("application/json")?)
        .part("file", multipart::Part::stream_with_length(part, size).file_name("big.gcode"));
    let answer = seller.request(reqwest::Method::POST, "/api/v1/releases").multipart(form).send().await?;
    let release: Release = expect(answer).await?.json().await?;
    assert_eq!(release.plain_size, size);
    let grown = allocated_mib(store.service.pid(), "VmHWM:")?.saturating_sub(idle);
    assert!(grown < BOUND_MIB, "the store grew by {grown} MiB from {idle}");
    Ok(())
}

/// Resident memory of a process, now or at its peak, less what is mapped from files now: its executable and libraries.
fn allocated_mib(pid: i32, what: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |name: &str| -> Result<u64> {
        let line =
            status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
    };
    Ok((kib(what)? - kib("RssFile:")?) / 1024)
}
