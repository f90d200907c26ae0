//! Sales in the shop: a real Chromium buys the example plugin and runs it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::chain::node::Node;
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

/// What happened in the page of a sale for coin.
#[derive(Debug, Deserialize)]
pub struct CoinSale {
    /// Title of the listing.
    pub title: String,
    /// Version that was sold.
    pub version: String,
    /// Its price, in words.
    pub price: String,
    /// Wei that the wallet sent along, for each transaction.
    pub sent: Vec<String>,
    /// The transaction that pays.
    pub tx: String,
    /// What the store says of it.
    pub state: String,
    /// What the buyer holds.
    pub licence: String,
    /// What the page shows, by name.
    pub figures: BTreeMap<String, String>,
    /// A picture of the receipt.
    pub picture: String,
}

/// Sells, buys and runs the example plugin at a store; `folder` is for the publisher's key.
pub async fn sell_plugin(store: &str, folder: &Path) -> Result<PluginSale> {
    in_browser("demo.mjs", &[store.as_ref(), folder.as_ref()]).await
}

/// Sells the plugin for coin at a store that sells on this node's chain: account number `publisher` gets the money,
/// account number `payer` is the wallet in the page.
pub async fn sell_for_coin(
    store: &str,
    folder: &Path,
    node: &Node,
    publisher: usize,
    payer: usize,
) -> Result<CoinSale> {
    let key = node.key_file(publisher)?;
    let account = node.accounts.get(payer).context("the node has no such account")?.to_string();
    let arguments = [store.as_ref(), folder.as_ref(), node.rpc.url.as_ref(), key.as_ref(), account.as_ref()];
    in_browser("demo-coin.mjs", &arguments).await
}

async fn in_browser<T: DeserializeOwned>(script: &str, arguments: &[&OsStr]) -> Result<T> {
    let mut node = Command::new("node");
    node.arg(script).args(arguments).current_dir(root().join("tests/browser"));
    let output = node.env("SEALPOST_BIN", built("sealpost")?).kill_on_drop(true).output().await;
    let output = output.context("node could not be started")?;
    if !output.status.success() {
        bail!("the browser's half failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("the browser's half said no JSON")
}
