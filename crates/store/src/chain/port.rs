//! The port to a chain: what a store asks about the contract it sells on.

use sealpost_envelope::ErrorCode;
use sealpost_market::Currency;
use sealpost_market::chain::{
    Address, BlockRef, BuyerKey, CallData, ChainEvent, ChainHash, ContractCall, TxOutcome,
};

/// What a store asks a chain. An answer is one that the adapter vouches for: it checks the chain's id, and that enough of its
/// endpoints say the same.
#[async_trait::async_trait]
pub trait ChainPort: Send + Sync {
    /// Which chain and contract, and what prices may be in. Does not change while a store is open.
    fn terms(&self) -> &ChainTerms;

    /// The newest block, and the newest that counts as settled.
    async fn heads(&self) -> Result<Heads, ChainFault>;

    /// The hash of the canonical block of this number; `None` beyond the newest.
    async fn block(&self, number: u64) -> Result<Option<ChainHash>, ChainFault>;

    /// Purchases and refunds of the contract in the blocks `from..=to`, in the order they happened.
    async fn events(&self, from: u64, to: u64) -> Result<Vec<ChainEvent>, ChainFault>;

    /// What became of a transaction.
    async fn transaction(&self, tx: ChainHash) -> Result<TxOutcome, ChainFault>;

    /// `verifyPurchase` of the contract at exactly this block, named by its hash.
    async fn verified(&self, item: ChainHash, key: &BuyerKey, at: BlockRef) -> Result<bool, ChainFault>;

    /// How the contract sells an item at the newest block; `None` when nobody ever listed it.
    async fn listing(&self, item: ChainHash) -> Result<Option<ChainListing>, ChainFault>;

    /// The platform's share for what is listed now, in hundredths of a percent.
    async fn fee_bps(&self) -> Result<u16, ChainFault>;

    /// The account that the platform's share goes to.
    async fn treasury(&self) -> Result<Address, ChainFault>;

    /// What the contract holds for an account: the coin first, then the tokens of [`ChainPort::terms`].
    async fn balances(&self, account: Address) -> Result<Vec<ChainBalance>, ChainFault>;

    /// The call as a transaction carries it.
    fn call(&self, call: &ContractCall) -> CallData;
}

/// Which chain and contract a store sells on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainTerms {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The marketplace's contract.
    pub contract: Address,
    /// The chain's own coin.
    pub coin: CoinTerms,
    /// Tokens that prices may be in.
    pub tokens: Vec<TokenTerms>,
    /// Block to read from: that of the contract's deployment.
    pub from_block: u64,
    /// `finalized`, `safe`, or a number of blocks.
    pub finality: String,
    /// A block explorer, without a trailing slash; transactions are at `/tx/{hash}` there.
    pub explorer: Option<String>,
}

/// The chain's own coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinTerms {
    /// Symbol, as prices name it.
    pub symbol: Currency,
    /// Decimals of its amounts: those of [`Currency::decimals`].
    pub decimals: u8,
}

/// A token (ERC-20).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTerms {
    /// Symbol, as prices name it.
    pub symbol: Currency,
    /// Its contract.
    pub address: Address,
    /// Decimals of its amounts: those of [`Currency::decimals`].
    pub decimals: u8,
}

/// How far the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Newest block.
    pub latest: BlockRef,
    /// Newest block that counts as settled; never above `latest`.
    pub settled: BlockRef,
}

/// How the contract sells an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainListing {
    /// Who listed it, and is paid.
    pub publisher: Address,
    /// The token of its price; the coin where absent.
    pub token: Option<Address>,
    /// Price in minor units.
    pub price: u128,
    /// The platform's share that was agreed when it was listed, in hundredths of a percent.
    pub fee_bps: u16,
    /// Whether it is sold.
    pub active: bool,
}

/// What the contract holds for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBalance {
    /// Of which token; the coin where absent.
    pub token: Option<Address>,
    /// What it can withdraw, in minor units.
    pub available: u128,
    /// The part of it that is fees which have not yet moved to its balance: the treasury's alone.
    pub unsettled_fees: u128,
}

/// Why a chain cannot be asked. The texts hold names of hosts at most: addresses of endpoints often carry keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// Too few endpoints answer.
    #[error("the chain cannot be reached: {0}")]
    Unreachable(String),
    /// Too few endpoints say the same.
    #[error("the endpoints of the chain contradict each other: {0}")]
    Disagreement(String),
    /// The endpoints belong to another chain.
    #[error("the endpoints belong to chain {found}, not to {expected}")]
    WrongChain {
        /// The chain of the settings.
        expected: u64,
        /// What the endpoints say.
        found: u64,
    },
    /// There is no contract at the address, or another one.
    #[error("there is no marketplace contract at {0}")]
    NoContract(Address),
    /// An answer that makes no sense.
    #[error("an answer of the chain makes no sense: {0}")]
    Nonsense(String),
}

impl ErrorCode for ChainFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Disagreement(_) => "chain_disagreement",
            Self::WrongChain { .. } => "chain_wrong",
            Self::Unreachable(_) | Self::NoContract(_) | Self::Nonsense(_) => "chain_unreachable",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Nonsense(_) => {
                "Try again in a little while; what was paid is not lost, the store goes on from where it was."
            }
            Self::Disagreement(_) => {
                "Try again in a little while; the store counts nothing that its endpoints do not agree on."
            }
            Self::WrongChain { .. } | Self::NoContract(_) => {
                "The store's operator has to correct the `[chain]` settings; what was paid is not lost."
            }
        }
    }
}
