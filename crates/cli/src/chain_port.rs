//! The store's port to a chain, over the endpoints of its settings.

use sealpost_chain::{ChainError, Reader, Settings, SettingsError, call_data};
use sealpost_market::chain::{
    Address, BlockRef, BuyerKey, CallData, ChainEvent, ChainHash, ContractCall, TxOutcome,
};
use sealpost_store::chain::{
    ChainBalance, ChainFault, ChainListing, ChainPort, ChainTerms, CoinTerms, Heads, TokenTerms,
};

/// A [`Reader`] as a store asks it.
pub(crate) struct Chain {
    reader: Reader,
    terms: ChainTerms,
}

impl Chain {
    /// Asks nothing yet: a store starts while its endpoints are down.
    pub(crate) fn new(settings: Settings) -> Result<Self, SettingsError> {
        let terms = terms(&settings);
        Ok(Self { reader: Reader::new(settings)?, terms })
    }
}

fn terms(settings: &Settings) -> ChainTerms {
    let tokens = settings.tokens.iter().map(|token| TokenTerms {
        symbol: token.symbol.clone(),
        address: token.address,
        decimals: token.decimals,
    });
    ChainTerms {
        chain_id: settings.chain_id,
        contract: settings.contract,
        coin: CoinTerms { symbol: settings.coin.clone(), decimals: Settings::COIN_DECIMALS },
        tokens: tokens.collect(),
        from_block: settings.from_block,
        finality: settings.finality.to_string(),
        explorer: settings.explorer.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
    }
}

#[async_trait::async_trait]
impl ChainPort for Chain {
    fn terms(&self) -> &ChainTerms {
        &self.terms
    }

    async fn heads(&self) -> Result<Heads, ChainFault> {
        let heads = self.reader.heads().await.map_err(fault)?;
        Ok(Heads { latest: heads.latest, settled: heads.settled })
    }

    async fn block(&self, number: u64) -> Result<Option<ChainHash>, ChainFault> {
        self.reader.block(number).await.map_err(fault)
    }

    async fn events(&self, from: u64, to: u64) -> Result<Vec<ChainEvent>, ChainFault> {
        self.reader.events(from, to).await.map_err(fault)
    }

    async fn transaction(&self, tx: ChainHash) -> Result<TxOutcome, ChainFault> {
        self.reader.transaction(tx).await.map_err(fault)
    }

    async fn verified(&self, item: ChainHash, key: &BuyerKey, at: BlockRef) -> Result<bool, ChainFault> {
        self.reader.verified(item, key, at).await.map_err(fault)
    }

    async fn listing(&self, item: ChainHash) -> Result<Option<ChainListing>, ChainFault> {
        let listed = self.reader.listing(item).await.map_err(fault)?;
        Ok(listed.map(|listed| ChainListing {
            publisher: listed.publisher,
            token: listed.token,
            price: listed.price,
            fee_bps: listed.fee_bps,
            active: listed.active,
        }))
    }

    async fn fee_bps(&self) -> Result<u16, ChainFault> {
        self.reader.fee_bps().await.map_err(fault)
    }

    async fn treasury(&self) -> Result<Address, ChainFault> {
        self.reader.treasury().await.map_err(fault)
    }

    async fn balances(&self, account: Address) -> Result<Vec<ChainBalance>, ChainFault> {
        let held = self.reader.balances(account).await.map_err(fault)?;
        let balance = |held: sealpost_chain::Balance| ChainBalance {
            token: held.token,
            available: held.available,
            unsettled_fees: held.unsettled_fees,
        };
        Ok(held.into_iter().map(balance).collect())
    }

    fn call(&self, call: &ContractCall) -> CallData {
        call_data(self.terms.contract, call)
    }
}

fn fault(error: ChainError) -> ChainFault {
    match error {
        ChainError::Disagreement { question, groups } => {
            ChainFault::Disagreement(format!("{groups} about {question}"))
        }
        ChainError::NotCanonical(_) => ChainFault::Disagreement(error.to_string()),
        ChainError::NoContract(contract) => ChainFault::NoContract(contract),
        ChainError::NotMarketplace(what) => ChainFault::Nonsense(what.to_owned()),
        ChainError::WrongChain { expected, found } => ChainFault::WrongChain { expected, found },
        other => ChainFault::Unreachable(other.to_string()),
    }
}
