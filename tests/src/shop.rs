//! A sale in the shop: a real Chromium buys the example plugin and runs it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::process::Command;

use crate::programs::{built, root};

/// What happened in the page.
#[derive(Debug, Deserialize)]
pub struct PluginSale {
    /// Title of the listing.
    pub title: String,
    /// Name of the plugin.
    pub plugin_id: String,
    /// Version that was sold.
    pub version: String,
    /// Its size, bytes.
    pub size: u64,
    /// What the buyer holds.
    pub licence: String,
    /// Whether the page found it signed by its publisher's key.
    pub signed: bool,
    /// File that the plugin was given.
    pub file: String,
    /// Its size, bytes.
    pub file_size: u64,
    /// Bytes of the largest request the page made.
    pub sent: u64,
    /// What the page shows, by name.
    pub figures: BTreeMap<String, String>,
    /// A picture of the page.
    pub picture: String,
    /// Who bought.
    pub buyer: String,
}

/// Sells, buys and runs the example plugin at a store; `folder` is for the publisher's key.
pub async fn sell_plugin(store: &str, folder: &Path) -> Result<PluginSale> {
    let mut node = Command::new("node");
    node.arg("demo.mjs").arg(store).arg(folder).current_dir(root().join("tests/browser"));
    let output = node.env("SEALPOST_BIN", built("sealpost")?).kill_on_drop(true).output().await;
    let output = output.context("node could not be started")?;
    if !output.status.success() {
        bail!("the browser's half failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("the browser's half said no JSON")
}
