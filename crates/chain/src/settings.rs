//! The table `[chain]` of a store's settings, and what makes sense in it.

use std::{collections::HashSet, fmt, time::Duration};

use sealpost_envelope::ErrorCode;
use sealpost_market::{
    Currency,
    chain::{Address, network, network_text},
};
use serde::Deserialize;
use url::Url;

use crate::{
    endpoint,
    endpoints::{Endpoints, MOST_ENDPOINTS, web},
};

/// Chains that exist on one developer's machine: what Anvil, Hardhat and Ganache call themselves.
const PLAYGROUNDS: [u64; 2] = [31337, 1337];
/// Fewer blocks than these are worth a word, by chain: an epoch on Ethereum, elsewhere what is cautious.
const DEPTHS: [(u64, u64); 5] = [(1, 32), (56, 15), (100, 20), (137, 128), (8453, 64)];
/// The same where a chain is not among these.
const USUAL_DEPTH: u64 = 12;

/// A chain, the contract on it, and who is asked about it. Always sensible: it is checked when it is read.
///
/// ```
/// let settings: sealpost_chain::Settings = toml::from_str(r#"
///     id = 1
///     contract = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
///     rpc = ["https://a.example/v2/KEY", "https://b.example", "https://c.example"]
///     from_block = 21000000
///     [[tokens]]
///     symbol = "USDC"
///     address = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
///     decimals = 6
/// "#)?;
/// assert_eq!((settings.agree, settings.finality.to_string().as_str()), (2, "finalized"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(try_from = "Raw")]
#[non_exhaustive]
pub struct Settings {
    /// EIP-155 chain id, such as 1 for Ethereum.
    pub chain_id: u64,
    /// The marketplace contract.
    pub contract: Address,
    /// The endpoints that are asked.
    pub rpc: Vec<Url>,
    /// How many endpoints must give the same answer; more than half of them.
    pub agree: usize,
    /// When a payment counts.
    pub finality: Finality,
    /// The block the contract was deployed in; nothing before it is read.
    pub from_block: u64,
    /// The chain's coin.
    pub coin: Currency,
    /// Tokens that are taken.
    pub tokens: Vec<Token>,
    /// A site that shows transactions to people, such as `https://etherscan.io`.
    pub explorer: Option<Url>,
    /// How often the watcher looks, where that is set.
    pub poll: Option<Duration>,
    /// How long one endpoint may take for one answer.
    pub timeout: Duration,
    /// The largest answer that is read, in bytes.
    pub max_answer: usize,
    /// Whether the settings say where to read from, be it the first block.
    starts_somewhere: bool,
}

/// When a block counts as settled. Written as `"finalized"`, `"safe"`, or the number of blocks after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finality {
    /// The chain's consensus finalised it.
    #[default]
    Finalized,
    /// The chain's consensus finds it unlikely to go away.
    Safe,
    /// So many blocks follow it.
    Blocks(u64),
}

/// A token that is taken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Token {
    /// Its currency code.
    pub symbol: Currency,
    /// Its contract.
    pub address: Address,
    /// Its decimals.
    pub decimals: u8,
}

/// What makes no sense in the settings. Quotes no address of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Fewer than a majority, or more than there are.
    #[error("`agree` is {agree}, and of {endpoints} endpoints {least} to {endpoints} can agree")]
    Agree {
        /// What was set.
        agree: usize,
        /// How many endpoints there are.
        endpoints: usize,
        /// The smallest majority.
        least: usize,
    },
    /// The code of the coin stands for another number of decimals than a coin has.
    #[error("`coin` is {0}, which has {decimals} decimals here; a chain's coin has 18", decimals = .0.decimals())]
    Coin(Currency),
    /// The coin of that chain is known by another name.
    #[error("`coin` is {found}, and the coin of chain {chain} is {known}")]
    CoinName {
        /// By the settings.
        found: Currency,
        /// The chain, with its name.
        chain: String,
        /// What it is known by.
        known: &'static str,
    },
    /// The zero address.
    #[error("`{0}` is the zero address, where nothing is")]
    ZeroAddress(String),
    /// A token's decimals are others than its code stands for.
    #[error("token {symbol} has {found} decimals by the settings, and {expected} by its code")]
    Decimals {
        /// The token.
        symbol: Currency,
        /// By the settings.
        found: u8,
        /// By the code.
        expected: usize,
    },
    /// `http://` to a host that may be far away.
    #[error("`rpc` number {number} ({host}) is http://, so that anybody on the way can change its answers")]
    ClearText {
        /// Counted from one.
        number: usize,
        /// The host.
        host: String,
    },
    /// Not an address of an endpoint.
    #[error("`rpc` number {0} is not an http:// or https:// address")]
    Url(usize),
    /// Two of one host.
    #[error("`rpc` names {0} twice; one that lies would be two that agree")]
    SameHost(String),
    /// None, or too many.
    #[error("`rpc` names {0} endpoints; it takes one to {MOST_ENDPOINTS}")]
    Endpoints(usize),
    /// Neither a text nor a list of texts.
    #[error("`rpc` is a list of addresses, such as [\"https://rpc.example/KEY\"]")]
    Rpc,
    /// No finality that is known.
    #[error("`finality` is \"finalized\", \"safe\", or a number of blocks")]
    Finality,
    /// A payment would count before any block follows it.
    #[error("`finality` is 0 blocks: every payment could be taken back")]
    NoFinality,
    /// Not an address of web pages.
    #[error("`explorer` is not an http:// or https:// address")]
    Explorer,
    /// A number out of range.
    #[error("`{name}` is {found}; it is {least} to {most}")]
    Range {
        /// The setting.
        name: &'static str,
        /// What was set.
        found: u64,
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// Two tokens of one code or address, or one with the code of the coin.
    #[error("token {0} is there twice, by its code or by its address")]
    SameToken(Currency),
    /// The HTTP client does not start.
    #[error("the HTTP client does not start: {0}")]
    Client(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: u64,
    contract: Address,
    rpc: Endpoints,
    agree: Option<usize>,
    #[serde(default)]
    finality: Finality,
    from_block: Option<u64>,
    coin: Option<Currency>,
    #[serde(default)]
    tokens: Vec<Token>,
    explorer: Option<String>,
    poll_ms: Option<u64>,
    timeout_ms: Option<u64>,
    max_answer_bytes: Option<u64>,
}

impl Settings {
    /// Decimals of the coin of every EVM chain: prices of gas, balances and what is sent with a call are in wei.
    pub const COIN_DECIMALS: u8 = 18;

    /// One endpoint for one contract, with everything else as it is by default.
    ///
    /// # Errors
    /// When the address is no endpoint's.
    pub fn of_one(chain_id: u64, contract: Address, rpc: &str) -> Result<Self, SettingsError> {
        Self::of(chain_id, contract, Endpoints::new([rpc])?)
    }

    /// Some endpoints for one contract, with everything else as it is by default.
    ///
    /// # Errors
    /// When the chain's number or the contract's address is none.
    pub fn of(chain_id: u64, contract: Address, rpc: Endpoints) -> Result<Self, SettingsError> {
        Raw {
            id: chain_id,
            contract,
            rpc,
            agree: None,
            finality: Finality::default(),
            from_block: None,
            coin: None,
            tokens: Vec::new(),
            explorer: None,
            poll_ms: None,
            timeout_ms: None,
            max_answer_bytes: None,
        }
        .try_into()
    }

    /// One endpoint of a chain where the contract is yet to be made.
    ///
    /// # Errors
    /// When the address is no endpoint's.
    pub fn without_contract(chain_id: u64, rpc: &str) -> Result<Self, SettingsError> {
        let none = Address::new([0; 20]);
        Ok(Self { contract: none, ..Self::of_one(chain_id, Address::new([1; 20]), rpc)? })
    }

    /// The token with that address.
    #[must_use]
    pub fn token(&self, address: Address) -> Option<&Token> {
        self.tokens.iter().find(|token| token.address == address)
    }

    /// What is worth telling an operator, though it works.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.is_playground() {
            return warnings;
        }
        if self.rpc.len() < 3 {
            warnings.push(format!(
                "[chain] has {} of the three endpoints that it takes to outvote one that lies or fails",
                self.rpc.len()
            ));
        }
        if let Finality::Blocks(blocks) = self.finality
            && blocks < self.depth()
        {
            warnings.push(format!(
                "[chain] `finality` is {blocks}: payments count while the chain may still take them back; chain {} wants \
                 {} blocks or \"finalized\"",
                self.chain_id,
                self.depth()
            ));
        }
        if !self.starts_somewhere {
            warnings
                .push("[chain] has no `from_block`: the whole chain is searched for purchases".to_owned());
        }
        warnings
    }

    /// After how many blocks a payment is as good as settled.
    fn depth(&self) -> u64 {
        let known = DEPTHS.iter().find(|(chain, _)| *chain == self.chain_id);
        known.map_or(USUAL_DEPTH, |(_, depth)| *depth)
    }

    fn is_playground(&self) -> bool {
        PLAYGROUNDS.contains(&self.chain_id)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let (endpoints, least) = (self.rpc.len(), majority(self.rpc.len()));
        if !(least..=endpoints).contains(&self.agree) {
            return Err(SettingsError::Agree { agree: self.agree, endpoints, least });
        }
        if self.contract.is_zero() {
            return Err(SettingsError::ZeroAddress("contract".to_owned()));
        }
        if self.finality == Finality::Blocks(0) && !self.is_playground() {
            return Err(SettingsError::NoFinality);
        }
        if self.coin.decimals() != usize::from(Self::COIN_DECIMALS) {
            return Err(SettingsError::Coin(self.coin.clone()));
        }
        if let Some(known) = network(self.chain_id).filter(|network| !network.is_coin(self.coin.as_str())) {
            let (found, chain) = (self.coin.clone(), network_text(self.chain_id));
            return Err(SettingsError::CoinName { found, chain, known: known.coin });
        }
        self.check_tokens()
    }

    fn check_tokens(&self) -> Result<(), SettingsError> {
        let mut symbols = HashSet::from([&self.coin]);
        let mut addresses = HashSet::new();
        for Token { symbol, address, decimals } in &self.tokens {
            if address.is_zero() {
                return Err(SettingsError::ZeroAddress(format!("tokens.{symbol}.address")));
            }
            if !symbols.insert(symbol) || !addresses.insert(address) {
                return Err(SettingsError::SameToken(symbol.clone()));
            }
            let expected = symbol.decimals();
            if usize::from(*decimals) != expected {
                return Err(SettingsError::Decimals { symbol: symbol.clone(), found: *decimals, expected });
            }
        }
        Ok(())
    }
}

impl TryFrom<Raw> for Settings {
    type Error = SettingsError;

    fn try_from(raw: Raw) -> Result<Self, SettingsError> {
        let rpc = raw.rpc.as_urls().to_vec();
        let explorer = raw.explorer.map(|text| web(&text).ok_or(SettingsError::Explorer)).transpose()?;
        let coin = match raw.coin {
            Some(coin) => coin,
            None => network(raw.id)
                .map_or("ETH", |network| network.coin)
                .parse()
                .map_err(|_| SettingsError::Finality)?,
        };
        let poll = raw.poll_ms.map(|ms| within("poll_ms", ms, 50, 3_600_000)).transpose()?;
        let timeout = within("timeout_ms", raw.timeout_ms.unwrap_or(10_000), 50, 120_000)?;
        let max = within("max_answer_bytes", raw.max_answer_bytes.unwrap_or(16 << 20), 64 << 10, 256 << 20)?;
        let settings = Self {
            chain_id: within("id", raw.id, 1, u64::from(u32::MAX) << 20)?,
            contract: raw.contract,
            agree: raw.agree.unwrap_or(majority(rpc.len())),
            rpc,
            finality: raw.finality,
            from_block: raw.from_block.unwrap_or(0),
            starts_somewhere: raw.from_block.is_some(),
            coin,
            tokens: raw.tokens,
            explorer,
            poll: poll.map(Duration::from_millis),
            timeout: Duration::from_millis(timeout),
            max_answer: usize::try_from(max).unwrap_or(usize::MAX),
        };
        settings.check()?;
        Ok(settings)
    }
}

fn majority(endpoints: usize) -> usize {
    endpoints / 2 + 1
}

fn within(name: &'static str, found: u64, least: u64, most: u64) -> Result<u64, SettingsError> {
    if (least..=most).contains(&found) {
        Ok(found)
    } else {
        Err(SettingsError::Range { name, found, least, most })
    }
}

impl ErrorCode for SettingsError {
    fn code(&self) -> &'static str {
        "chain_settings"
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Agree { .. } => "leave `agree` out for a majority",
            Self::Client(_) => "check the machine's certificates and limits",
            Self::Coin(_) | Self::CoinName { .. } => "name the chain's coin by its code, such as ETH or POL",
            Self::ClearText { .. } => "use https://; http:// is for this machine and private addresses",
            Self::Decimals { .. } => {
                "set what the token's contract says; a code has one number of decimals in a store"
            }
            Self::Endpoints(_) => "name three endpoints of three providers",
            Self::Explorer => "set an address such as https://etherscan.io, or leave it out",
            Self::Finality | Self::NoFinality => {
                "set \"finalized\", \"safe\", or how many blocks must follow; 0 is for chains 1337 and 31337 alone"
            }
            Self::Range { .. } => "set a number within the range, or leave it out",
            Self::SameHost(_) => "name endpoints of different providers",
            Self::SameToken(_) => "name every token once; the coin is no token",
            Self::Rpc | Self::Url(_) => "write the whole address, such as https://rpc.example/KEY",
            Self::ZeroAddress(_) => "set the address that `sealpost chain deploy` or the token's maker names",
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.rpc.iter().map(endpoint::host).collect();
        f.debug_struct("Settings")
            .field("chain_id", &self.chain_id)
            .field("contract", &self.contract)
            .field("rpc", &hosts)
            .field("agree", &self.agree)
            .field("finality", &self.finality)
            .field("from_block", &self.from_block)
            .field("coin", &self.coin)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Finality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finalized => f.write_str("finalized"),
            Self::Safe => f.write_str("safe"),
            Self::Blocks(blocks) => write!(f, "{blocks}"),
        }
    }
}

impl<'de> Deserialize<'de> for Finality {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Blocks(u64),
            Tag(String),
        }
        let wrong = || serde::de::Error::custom(SettingsError::Finality);
        match Written::deserialize(deserializer).map_err(|_| wrong())? {
            Written::Blocks(blocks) => Ok(Self::Blocks(blocks)),
            Written::Tag(tag) if tag == "finalized" => Ok(Self::Finalized),
            Written::Tag(tag) if tag == "safe" => Ok(Self::Safe),
            Written::Tag(_) => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests;
