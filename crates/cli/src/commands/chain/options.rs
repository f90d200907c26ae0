//! What commands around the contract take: endpoints of the chain, and the key that signs.

use std::{
    convert::Infallible,
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use sealpost_chain::{MOST_FEE, Sender, Signer};
use sealpost_market::{Money, chain::Address};
use url::Url;
use zeroize::Zeroizing;

use super::key;
use crate::{
    connection::Connection,
    failure::{Doing as _, Failure, Result},
};

/// Most that deploying may cost where nothing else is said: a coin, in wei.
const DEPLOY_FEE: u128 = 1_000_000_000_000_000_000;

/// How the chain is reached.
#[derive(Args, Debug)]
pub(super) struct Node {
    #[command(flatten)]
    pub(super) rpc: Rpc,
    /// Contract that must be the one [default: the store's]
    #[arg(long, value_name = "ADDRESS", help_heading = "Chain")]
    pub(super) contract: Option<Address>,
}

/// Endpoints of a chain, as they were given.
#[derive(Args, Debug)]
pub(super) struct Rpc {
    /// JSON-RPC endpoint of the chain; of several, parted by commas, more than half must agree
    #[arg(
        long,
        value_name = "URL",
        env = "SEALPOST_RPC",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = unread,
        help_heading = "Chain"
    )]
    rpc: Vec<Unread>,
    /// File with the endpoints instead, one in a line: addresses may hold keys, and command lines are seen by others
    #[arg(long, value_name = "FILE", help_heading = "Chain")]
    rpc_file: Option<PathBuf>,
}

/// The address of an endpoint before it is looked at. It may hold somebody's key, and what is wrong with an option is
/// told with all of its text: so nothing is wrong with it until the command runs.
#[derive(Clone)]
struct Unread(Zeroizing<String>);

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What signs, and how long its transaction is waited for.
#[derive(Args, Debug)]
pub(super) struct Signing {
    #[command(flatten)]
    pub(super) key: KeyFile,
    /// Seconds to wait until a transaction is in a block
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Signing")]
    timeout: u64,
    /// Most that the network may take for a transaction, in the chain's coin, such as 0.01 [default: 0.2;
    /// for `chain deploy` 1]
    #[arg(long, value_name = "AMOUNT", value_parser = coin, help_heading = "Signing")]
    max_fee: Option<u128>,
    /// Go on without asking
    #[arg(long, short, help_heading = "Signing")]
    pub(super) yes: bool,
}

/// What a command takes that sends a transaction for a store's market.
#[derive(Args, Debug)]
pub(super) struct Sending {
    #[command(flatten)]
    pub(super) node: Node,
    #[command(flatten)]
    pub(super) signing: Signing,
    #[command(flatten)]
    pub(super) connection: Connection,
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

impl Rpc {
    /// Whether any were named.
    pub(super) fn is_given(&self) -> bool {
        self.rpc_file.is_some() || !self.rpc.is_empty()
    }

    /// The endpoints; at least one. `what` says which chain they must be of.
    pub(super) fn endpoints(&self, what: &str) -> Result<Vec<Url>> {
        let read = match &self.rpc_file {
            Some(path) => in_file(path)?,
            None => self.rpc.clone(),
        };
        let urls: Vec<Url> = read
            .iter()
            .enumerate()
            .map(|(index, Unread(text))| endpoint(text, index + 1))
            .collect::<Result<_>>()?;
        match urls.is_empty() {
            true => Err(no_rpc(what)),
            false => Ok(urls),
        }
    }
}

impl Signing {
    /// Puts the limits on whatever is sent.
    pub(super) fn limits(&self, sender: Sender) -> Sender {
        sender.patience(Duration::from_secs(self.timeout)).max_fee(self.most_fee())
    }

    /// The same for a whole contract, which costs about twenty times as much as another transaction.
    pub(super) fn deploying(&self, sender: Sender) -> Sender {
        self.limits(sender).max_fee(self.max_fee.unwrap_or(DEPLOY_FEE))
    }

    /// Most that the network may take for a transaction, in wei.
    pub(super) fn most_fee(&self) -> u128 {
        self.max_fee.unwrap_or(MOST_FEE)
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
        "name a JSON-RPC address of {what} with --rpc URL, --rpc-file FILE, or in SEALPOST_RPC; wallets and providers list them"
    ))
}

/// Reads an amount of a chain's coin, for options: wei.
fn coin(text: &str) -> Result<u128, &'static str> {
    // Every chain's coin has as many decimals as this one.
    let money = format!("{} ETH", text.trim()).parse::<Money>();
    money.map(|money| money.amount).map_err(|_| "an amount of the chain's coin is written such as 0.01")
}

fn unread(text: &str) -> Result<Unread, Infallible> {
    Ok(Unread(Zeroizing::new(text.trim().to_owned())))
}

fn in_file(path: &Path) -> Result<Vec<Unread>> {
    let text = fs::read_to_string(path).doing("file", format_args!("read {}", path.display()))?;
    let text = Zeroizing::new(text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(|line| Unread(Zeroizing::new(line.to_owned()))).collect())
}

/// Reads the address of an endpoint; what is wrong with it is told by its number, counted from one.
fn endpoint(text: &str, number: usize) -> Result<Url> {
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or_else(|| {
        Failure::usage("rpc_address", format!("endpoint number {number} is no address of an endpoint"))
            .hint("an endpoint is an address such as https://rpc.example; several are parted by commas")
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        rpc: Rpc,
    }

    fn read(arguments: &[&str]) -> Rpc {
        Line::try_parse_from([&["x"], arguments].concat()).unwrap().rpc
    }

    #[test]
    fn what_is_wrong_with_an_endpoint_is_told_without_it() {
        for wrong in [
            "hunter2",
            "ftp://a.example/hunter2",
            "https:///hunter2 x",
            "https://a.example,wss://b.example/hunter2",
        ] {
            let rpc = read(&["--rpc", wrong]);
            let failure = rpc.endpoints("the chain").unwrap_err();
            assert_eq!(failure.code(), "rpc_address", "{wrong}");
            assert!(!format!("{failure:?}{rpc:?}").contains("hunter2"), "{failure:?}");
        }
    }

    #[test]
    fn endpoints_come_from_a_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rpc");
        fs::write(&path, "# ours\nhttps://a.example/v2/key\n\n  https://b.example \n").unwrap();
        let rpc = read(&["--rpc-file", &path.display().to_string()]);
        let urls = rpc.endpoints("the chain").unwrap();
        assert_eq!(
            urls.iter().map(Url::as_str).collect::<Vec<_>>(),
            ["https://a.example/v2/key", "https://b.example/"]
        );
        fs::write(&path, "\n").unwrap();
        assert_eq!(rpc.endpoints("the chain").unwrap_err().code(), "no_rpc");
    }
}
