//! An EVM node of the test's own (anvil), whose blocks are made when the test says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use alloy::primitives::{Address, B256, Bytes, U256};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::abi;
use super::rpc::{Rpc, hash};
use crate::programs::{anvil, root};
use crate::service::Service;

/// Not any chain's that people use.
pub const CHAIN_ID: u64 = 31_999;

/// Blocks on top of a block after which the node calls it finalised.
pub const FINAL_AFTER: u64 = 2;

/// A running node, or one that was stopped.
#[derive(Debug)]
pub struct Node {
    /// Its own endpoint; another one after each start.
    pub rpc: Rpc,
    /// Chain id.
    pub chain_id: u64,
    /// Accounts that it signs for, with much coin.
    pub accounts: Vec<Address>,
    keys: Vec<String>,
    service: Option<Service>,
    folder: PathBuf,
    starts: u32,
}

/// A point to which a chain can be taken back.
#[derive(Debug)]
pub struct Fork {
    snapshot: Value,
    /// Signed transactions that were mined since, by hash.
    since: BTreeMap<B256, Value>,
}

#[derive(Deserialize)]
struct Config {
    available_accounts: Vec<Address>,
    private_keys: Vec<String>,
}

impl Node {
    /// Starts one that keeps what it needs in `folder`.
    pub fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, CHAIN_ID)
    }

    /// The same for another chain.
    pub fn start_with(folder: &Path, chain_id: u64) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut node = Self {
            rpc: Rpc::new("")?,
            chain_id,
            accounts: Vec::new(),
            keys: Vec::new(),
            service: None,
            folder: folder.to_path_buf(),
            starts: 0,
        };
        node.run()?;
        Ok(node)
    }

    /// The key of account number `index`, in a file as `sealpost chain` reads them.
    pub fn key_file(&self, index: usize) -> Result<PathBuf> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.folder.join(format!("account-{index}.key"));
        let key = self.keys.get(index).context("the node has no such account")?;
        let _ = fs::remove_file(&path);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        std::io::Write::write_all(&mut file, key.trim_start_matches("0x").as_bytes())?;
        Ok(path)
    }

    /// The keys of all its accounts, to look for where they must not be.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Sends a transaction and makes the block that holds it; it may have failed.
    pub async fn mined(
        &self,
        from: Address,
        to: Option<Address>,
        data: &Bytes,
        value: U256,
    ) -> Result<(B256, Value)> {
        let tx = self.rpc.send(from, to, data, value).await?;
        self.mine(1).await?;
        let receipt = self.rpc.receipt(tx).await?.with_context(|| format!("{tx} was not mined"))?;
        Ok((tx, receipt))
    }

    /// The same for a call that must work.
    pub async fn call(
        &self,
        from: Address,
        to: Address,
        call: &impl alloy::sol_types::SolCall,
    ) -> Result<B256> {
        self.pay(from, to, call, U256::ZERO).await
    }

    /// The same with coin.
    pub async fn pay(
        &self,
        from: Address,
        to: Address,
        call: &impl alloy::sol_types::SolCall,
        value: U256,
    ) -> Result<B256> {
        let (tx, receipt) = self.mined(from, Some(to), &abi::data(call), value).await?;
        ensure!(receipt["status"] == "0x1", "{tx} failed: {receipt}");
        Ok(tx)
    }

    /// Puts a contract on the chain.
    pub async fn deploy(&self, from: Address, code: &Bytes) -> Result<Address> {
        let (tx, receipt) = self.mined(from, None, code, U256::ZERO).await?;
        ensure!(receipt["status"] == "0x1", "{tx} failed: {receipt}");
        Ok(serde_json::from_value(receipt["contractAddress"].clone())?)
    }

    /// Makes blocks.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        for _ in 0..blocks {
            self.rpc.ask("evm_mine", json!([])).await?;
        }
        Ok(())
    }

    /// Makes as many blocks as it takes for what is mined to be final.
    pub async fn settle(&self) -> Result<()> {
        self.mine(FINAL_AFTER).await
    }

    /// Has the node make a block every second by itself, for programs that wait.
    pub async fn mine_by_itself(&self) -> Result<()> {
        self.rpc.ask("evm_setIntervalMining", json!([1])).await.map(drop)
    }

    /// Has it make blocks only when asked to.
    pub async fn mine_by_hand(&self) -> Result<()> {
        self.rpc.ask("evm_setIntervalMining", json!([0])).await.map(drop)
    }

    /// A point to come back to.
    pub async fn fork(&self) -> Result<Fork> {
        Ok(Fork { snapshot: self.rpc.ask("evm_snapshot", json!([])).await?, since: BTreeMap::new() })
    }

    /// Takes the chain back and makes `blocks` other blocks, without the transactions that were mined since. What `fork` has seen
    /// can be sent again.
    pub async fn reorganise(&self, fork: Fork, txs: &[B256], blocks: u64) -> Result<Fork> {
        let mut since = fork.since;
        for tx in txs {
            since.insert(*tx, self.rpc.raw(*tx).await?);
        }
        let back = self.rpc.ask("evm_revert", json!([fork.snapshot])).await?;
        ensure!(back == true, "the node did not go back");
        // Other blocks, even those that are made in the same second.
        let miner: [u8; 20] = crate::chain::buyer::random_bytes();
        self.rpc.ask("anvil_setCoinbase", json!([Address::from(miner)])).await?;
        let snapshot = self.rpc.ask("evm_snapshot", json!([])).await?;
        self.mine(blocks).await?;
        Ok(Fork { snapshot, since })
    }

    /// Sends what a reorganisation took out once more, and makes a block.
    pub async fn mine_again(&self, fork: &Fork) -> Result<()> {
        for (tx, raw) in &fork.since {
            let sent = hash(&self.rpc.ask("eth_sendRawTransaction", json!([raw])).await?)?;
            ensure!(sent == *tx, "the same bytes have another hash");
        }
        self.mine(1).await
    }

    /// Ends it; what is on the chain is kept.
    pub fn stop(&mut self) -> Result<()> {
        let service = self.service.take().context("the node does not run")?;
        // It writes its state when it is interrupted.
        service.interrupt()
    }

    /// Starts it again with the same chain.
    pub fn restart(&mut self) -> Result<()> {
        if self.service.is_some() {
            bail!("the node runs");
        }
        self.run()
    }

    fn run(&mut self) -> Result<()> {
        self.starts += 1;
        let config = self.folder.join("node.json");
        let mut command = Command::new(anvil()?);
        command.args([
            "--port",
            "0",
            "--accounts",
            "20",
            "--no-mining",
            "--chain-id",
            &self.chain_id.to_string(),
        ]);
        // Finalised is what is two epochs old.
        command.args(["--slots-in-an-epoch", &(FINAL_AFTER / 2).to_string(), "--preserve-historical-states"]);
        command.arg("--state").arg(self.folder.join("state.json")).arg("--config-out").arg(&config);
        command.arg("--cache-path").arg(&self.folder).env("HOME", &self.folder).current_dir(root());
        let service = Service::start(&format!("node-{}", self.starts), &command, &self.folder)?;
        let line = service.wait_for("Listening on ")?;
        let address = line.split_whitespace().next_back().context("the node named no address")?;
        self.rpc = Rpc::new(&format!("http://{address}"))?;
        let config: Config = serde_json::from_slice(&fs::read(config)?)?;
        (self.accounts, self.keys) = (config.available_accounts, config.private_keys);
        self.service = Some(service);
        Ok(())
    }
}
