//! What commands around the contract take: endpoints of the chain, and the key that signs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use sealpost_chain::{Sender, Signer};
use sealpost_market::{Money, chain::Address};
use url::Url;

use super::key;
use crate::failure::{Failure, Result};

/// How the chain is reached.
#[derive(Args, Debug)]
pub(super) struct Node {
    /// JSON-RPC endpoint of the chain; of several, parted by commas, more than half must agree
    #[arg(
        long,
        value_name = "URL",
        env = "SEALPOST_RPC",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = endpoint,
        help_heading = "Chain"
    )]
    pub(super) rpc: Vec<Url>,
    /// Contract that must be the one [default: the store's]
    #[arg(long, value_name = "ADDRESS", help_heading = "Chain")]
    pub(super) contract: Option<Address>,
}

/// What signs, and how long its transaction is waited for.
#[derive(Args, Debug)]
pub(super) struct Signing {
    #[command(flatten)]
    pub(super) key: KeyFile,
    /// Seconds to wait until a transaction is in a block
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Signing")]
    timeout: u64,
    /// Most that the network may take for a transaction, in the chain's coin, such as 0.01 [default: 0.2]
    #[arg(long, value_name = "AMOUNT", value_parser = coin, help_heading = "Signing")]
    max_fee: Option<u128>,
    /// Go on without asking
    #[arg(long, short, help_heading = "Signing")]
    pub(super) yes: bool,
}

/// The key of an address.
#[derive(Args, Debug)]
pub(super) struct KeyFile {
    /// Key that signs: an Ethereum keystore, or a file of mode 0600 with the key as hex [default:
    /// chain-key.json beside the saved sign-ins]
    #[arg(long, value_name = "FILE", help_heading = "Signing")]
    key: Option<PathBuf>,
    /// File whose first line is the passphrase of that keystore (`-`: standard input) instead of asking
    #[arg(long, value_name = "FILE", help_heading = "Signing")]
    key_passphrase_file: Option<PathBuf>,
}

impl Node {
    /// The endpoints; at least one. `what` says which chain they must be of.
    pub(super) fn endpoints(&self, what: &str) -> Result<&[Url]> {
        if self.rpc.is_empty() {
            return Err(no_rpc(what));
        }
        Ok(&self.rpc)
    }
}

impl Signing {
    /// Puts the limits on whatever is sent.
    pub(super) fn limits(&self, sender: Sender) -> Sender {
        let sender = sender.patience(Duration::from_secs(self.timeout));
        match self.max_fee {
            Some(wei) => sender.max_fee(wei),
            None => sender,
        }
    }

    /// The files it reads, as readers of standard input.
    pub(super) fn readers(&self) -> [(&'static str, Option<&Path>); 2] {
        self.key.readers()
    }
}

impl KeyFile {
    /// The files it reads, as readers of standard input.
    pub(super) fn readers(&self) -> [(&'static str, Option<&Path>); 2] {
        [("--key", self.key.as_deref()), ("--key-passphrase-file", self.key_passphrase_file.as_deref())]
    }

    /// The key, opened.
    pub(super) fn signer(&self) -> Result<Signer> {
        key::open(self.key.as_deref(), self.key_passphrase_file.as_deref())
    }

    /// Its address alone, which a keystore may tell without its passphrase.
    pub(super) fn address(&self) -> Result<Address> {
        key::address(self.key.as_deref(), self.key_passphrase_file.as_deref())
    }
}

/// No endpoint was named; `what` is whose it should be.
pub(super) fn no_rpc(what: &str) -> Failure {
    Failure::usage("no_rpc", "which endpoint of the chain?").hint(format!(
        "name a JSON-RPC address of {what} with --rpc URL, or in SEALPOST_RPC; wallets and providers list them"
    ))
}

/// Reads an amount of a chain's coin, for options: wei.
fn coin(text: &str) -> Result<u128, &'static str> {
    // Every chain's coin has as many decimals as this one.
    let money = format!("{} ETH", text.trim()).parse::<Money>();
    money.map(|money| money.amount).map_err(|_| "an amount of the chain's coin is written such as 0.01")
}

/// Reads the address of an endpoint, for options.
pub(super) fn endpoint(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text.trim()).map_err(|_| "an endpoint is an address such as https://rpc.example")?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        true => Ok(url),
        false => Err("an endpoint's address begins with https:// or http://"),
    }
}
